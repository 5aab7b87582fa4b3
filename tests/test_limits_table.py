"""The table of limits says what is so: its settings are there with these defaults, and its tests too."""

import ast
import re
from pathlib import Path

import pytest

from assayd.arrays import AXES_MAX, TEXTS_MAX
from assayd_server import archives, bundle, graph_size
from assayd_server.config import Settings
from assayd_server.core.stream import WINDOW_ROWS_MAX
from assayd_server.rpc.labeling_requests import CALIBRATION_BINS_MAX
from assayd_server.rpc.monitoring_requests import COLUMNS_MAX
from assayd_server.threads import no_thread

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
LIMITS = PAGE.partition("## Limits")[2].partition("\n## ")[0]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in LIMITS.splitlines()
    if line.startswith("| ") and "| setting |" not in line
]
FULL = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").partition("## When it is full")[2]
FULL = FULL.partition("\n## ")[0]
SETTINGS = {row[1].strip("`"): row[2] for row in ROWS if row[1].startswith("`")}
NOT_OF_CALLERS = {
    "recall_check_share",
    "batch_rows_max",
    "batch_delay_max_ms",
    "repository_cache_bytes_max",
    "versions_max",
}
"""Bounds of other kinds than what one caller can ask for."""
CONNECTIONS = {"connection_age_max_seconds"}
"""Asks a client to connect anew."""


@pytest.mark.parametrize("name", SETTINGS)
def test_a_limit_has_the_default_that_the_table_says(name: str) -> None:
    assert str(Settings.model_fields[name].default) == SETTINGS[name]


def test_every_setting_that_bounds_what_callers_ask_for_is_in_the_table() -> None:
    bounds = {name for name in Settings.model_fields if re.search(r"_max(_|$)", name)}
    assert bounds - NOT_OF_CALLERS - CONNECTIONS - SETTINGS.keys() == set()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_limit_is_shown_by_a_test_that_there_is(row: list[str]) -> None:
    path, _, name = row[4].strip("`").partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_limits_that_are_no_settings_are_those_of_the_code() -> None:
    fixed = {row[0]: row[1] for row in ROWS if not row[1].startswith("`")}
    assert fixed["texts in a tensor"] == f"{TEXTS_MAX:,}"
    assert fixed["bins of calibration"] == f"{CALIBRATION_BINS_MAX:,}"
    assert fixed["names of columns to compare"] == f"{COLUMNS_MAX:,}"
    assert fixed["rows over which a stream keeps its budget (`window`)"] == f"{WINDOW_ROWS_MAX:,}"
    assert fixed["axes of a tensor, tensors of a request"].startswith(f"{AXES_MAX},")
    assert fixed["bytes of a bundle.json or pool.json"] == f"{bundle.MANIFEST_BYTES_MAX // 2**20} MiB"
    assert fixed["bytes of another file of a bundle"].startswith(f"{(bundle.FILE_BYTES_MAX + 1) // 2**30} GiB")
    assert fixed["nodes of a graph, functions taken in"] == f"{graph_size.NODES_MAX:,}"
    unpacked = f"{archives.BYTES_MAX // 2**30} GiB, {archives.ARRAYS_MAX:,} arrays"
    assert fixed["what a reference unpacks to"] == unpacked


def test_what_can_be_full_is_a_setting_that_there_is_or_has_the_reason_that_callers_get() -> None:
    settings = set(re.findall(r"`(\w+_max\w*|\w+_threads)`", FULL))
    assert settings - Settings.model_fields.keys() == set()
    assert {"rows_pending_max", "call_threads", "streams_max"} <= settings
    assert f"the reason `{no_thread().reason}`" in FULL
