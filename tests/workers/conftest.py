"""Fixtures: a model as a file."""

from pathlib import Path

import pytest

import onnx_models
from callers import CLASSES


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its logits are its input."""
    path = tmp_path_factory.mktemp("model") / "m.onnx"
    path.write_bytes(onnx_models.identity(CLASSES))
    return path
