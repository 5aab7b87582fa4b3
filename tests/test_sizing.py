"""The rows a second that servers are sized by are those that `make bench` found."""

import json
from pathlib import Path

from benchmarks.serving import sizes

ROOT = Path(__file__).resolve().parents[1]


def test_the_table_of_sizes_is_what_was_measured() -> None:
    results = json.loads((ROOT / "benchmarks" / "results" / "serving.json").read_text())["results"]
    assert sizes.table(results) in sizes.PAGE.read_text()


def test_a_table_takes_the_place_of_the_one_before_it() -> None:
    before, after = (
        f"Sizes\n\n| calls | rows a second |\n|---|---|\n| 1 row | {size} |\n" for size in ("4,000", "5,600")
    )
    assert sizes.with_table(f"{before}\nSo calls\n", after.removeprefix("Sizes\n\n")) == f"{after}\nSo calls\n"
