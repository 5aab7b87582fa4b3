"""Fixtures: `assayctl` in this process against a real server, and files of rows."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet
from typer.testing import CliRunner, Result

import onnx_models
from assayd.cli.app import app as commands
from assayd.testing import Server, serving

COLUMNS = ("a", "b", "c", "d")


class Assayctl:
    """The command line: calling it runs a command whose server is the one of the test."""

    def __init__(self, address: str) -> None:
        self.address = address

    def __call__(self, *words: object) -> Result:
        variables = {"ASSAYD_ADDRESS": self.address, "COLUMNS": "200", "TERM": "dumb"}
        return CliRunner().invoke(commands, [*map(str, words)], env=variables)

    def done(self, *words: object) -> str:
        """What a command that succeeds writes to stdout."""
        result = self(*words)
        assert (result.exit_code, result.exception) == (0, None), result.output
        return result.stdout

    def document(self, *words: object) -> Any:
        """The JSON that a command that succeeds writes to stdout."""
        return json.loads(self.done(*words, "--json"))

    def refusal(self, *words: object, code: int = 1) -> str:
        """The one sentence of a command that fails."""
        result = self(*words)
        assert (result.exit_code, result.stdout) == (code, ""), result.output
        (line,) = [line for line in result.stderr.splitlines() if "going on after" not in line]
        return re.sub(r"^assayctl: ", "", line)


@pytest.fixture
def assayctl(server: Server) -> Assayctl:
    """The command line of a server whose logits are the input itself, with 4 classes."""
    return Assayctl(server.address)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server itself, one for all tests that do not need one of their own."""
    model = tmp_path_factory.mktemp("model") / "m.onnx"
    model.write_bytes(onnx_models.identity())
    with serving(model) as server:
        yield server


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that commands run in."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


@pytest.fixture
def x() -> np.ndarray:
    """1,000 rows of 4 numbers."""
    return np.random.default_rng(0).integers(0, 200, (1000, 4)).astype(np.float32)


@pytest.fixture
def pool(folder: Path, x: np.ndarray) -> pa.Table:
    """The same rows as pool.parquet, pool.csv (both with a text `id`) and pool.npy; as a table."""
    columns = dict(zip(COLUMNS, x.T, strict=True))
    table = pa.table({"id": [f"{row:04d}" for row in range(len(x))], **columns})
    parquet.write_table(table, folder / "pool.parquet", row_group_size=300)
    csv.write_csv(table, folder / "pool.csv")
    np.save(folder / "pool.npy", x)
    return table
