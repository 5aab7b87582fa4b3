"""The rows a second that servers are sized by are those that `make bench` found."""

import json
import re
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parents[1]
RESULTS = json.loads((ROOT / "benchmarks" / "results" / "serving.json").read_text())["results"]
PAGE = (ROOT / "docs" / "operations.md").read_text()


def rows_a_second(benchmark: str, size: int | None, rows: int) -> float:
    """Of assayd, the median of the rounds."""
    (found,) = [one for one in RESULTS if (one["benchmark"], one["size"]) == (benchmark, size)]
    return rows * median(turn["calls/s"] for turn in found["systems"]["assayd"])


@pytest.mark.parametrize(
    ("line", "benchmark", "size", "rows"),
    [
        ("1 row, 64 at once", "one_row", None, 1),
        ("32 rows, 32 at once", "rows_32", None, 32),
        ("256 rows, 4 at once", "rows_256", None, 256),
        ("256 rows as uint8, 4 at once", "rows_256_uint8", None, 256),
        ("1,024 rows, 4 at once", "by_rows", 1024, 1024),
        ("ResNet-50, 8 images, 8 at once", "resnet50", None, 8),
    ],
)
def test_a_line_of_the_table_of_sizes_is_what_was_measured(
    line: str, benchmark: str, size: int | None, rows: int
) -> None:
    (told,) = re.findall(rf"^\| {re.escape(line)} \| ([\d,]+) \|$", PAGE, re.MULTILINE)
    assert float(told.replace(",", "")) == float(f"{rows_a_second(benchmark, size, rows):.2g}")
