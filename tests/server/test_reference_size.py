"""How large a reference is: as docs/drift.md says."""

from pathlib import Path

import numpy as np
import pytest

import onnx_models
import references


def of_novelty(d: int, c: int, m: int, n: int, measures: int = 10) -> int:
    """The terms of the page, for embeddings narrower than 768."""
    p = d // 2
    return 4 * m * d + 4 * d * d + 4 * c * min(c - 1, d) + 4 * d * (d - p) + 8 * n * measures


@pytest.mark.parametrize(("hidden", "classes", "labels"), [(32, 10, False), (64, 200, True), (128, 3, False)])
def test_the_arrays_of_a_reference_take_what_is_said_and_the_file_no_more(
    tmp_path: Path, hidden: int, classes: int, labels: bool
) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2000, 64)).astype(np.float32)
    given = {"labels": rng.integers(0, classes, 2000)} if labels else {}
    model = onnx_models.network(hidden=hidden, class_count=classes)
    path = references.write_reference(tmp_path, model, rows, **given)
    with np.load(path) as arrays:
        sizes = {name: array.nbytes for name, array in arrays.items()}
        known_classes, column_count = len(arrays["novelty.gaussians.means"]), len(arrays["drift.columns"])
    novelty, total = sum(size for name, size in sizes.items() if name.startswith("novelty.")), sum(sizes.values())
    said = of_novelty(hidden, known_classes, 1000, 1000)
    assert said < novelty <= said + 20 * hidden + 24  # two centres, precisions and three numbers
    assert total <= said + 156 * hidden + 300 * column_count + 25_000
    assert path.stat().st_size < total


def test_a_reference_counts_ten_thousand_of_the_rows_that_fit_at_most(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(20_500, 4)).astype(np.float32)
    with np.load(references.write_reference(tmp_path, onnx_models.identity(), rows)) as arrays:
        assert arrays["novelty.neighbors.directions"].shape == (10_000, 4)
        assert arrays["novelty.calibration.knn.scores"].shape == (10_250,)
