"""How many CPUs the server takes for its own, from control groups written to a folder."""

import os
from pathlib import Path

import pytest

from assayd_server.cpus import usable_cpus

AFFINITY = 8


@pytest.fixture(autouse=True)
def eight_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(AFFINITY)), raising=False)


def v2(root: Path, text: str) -> Path:
    (root / "cpu.max").write_text(text)
    return root


def v1(root: Path, *, quota: str, period: str) -> Path:
    (root / "cpu").mkdir()
    (root / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (root / "cpu" / "cpu.cfs_period_us").write_text(period)
    return root


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),
        ("100001 100000\n", 2),
        ("50000 100000\n", 1),
        ("1000 100000\n", 1),
        ("20000 10000\n", 2),
    ],
)
def test_a_limit_is_rounded_up_to_whole_cpus(tmp_path: Path, text: str, cpus: int) -> None:
    assert usable_cpus(v2(tmp_path, text)) == cpus


def test_a_limit_above_what_the_process_may_run_on_does_not_count(tmp_path: Path) -> None:
    assert usable_cpus(v2(tmp_path, "6400000 100000\n")) == AFFINITY


def test_max_is_no_limit(tmp_path: Path) -> None:
    assert usable_cpus(v2(tmp_path, "max 100000\n")) == AFFINITY


@pytest.mark.parametrize("text", ["", "\n", "max\n"])
def test_a_file_that_says_nothing_is_no_limit(tmp_path: Path, text: str) -> None:
    assert usable_cpus(v2(tmp_path, text)) == AFFINITY


@pytest.mark.parametrize(("quota", "cpus"), [("300000", 3), ("250000", 3), ("10000", 1)])
def test_the_older_control_groups_have_a_limit_too(tmp_path: Path, quota: str, cpus: int) -> None:
    assert usable_cpus(v1(tmp_path, quota=quota + "\n", period="100000\n")) == cpus


def test_minus_one_is_no_limit_in_the_older_control_groups(tmp_path: Path) -> None:
    assert usable_cpus(v1(tmp_path, quota="-1\n", period="100000\n")) == AFFINITY


def test_a_quota_without_a_period_is_no_limit(tmp_path: Path) -> None:
    root = v1(tmp_path, quota="300000\n", period="100000\n")
    (root / "cpu" / "cpu.cfs_period_us").unlink()
    assert usable_cpus(root) == AFFINITY


def test_the_newer_control_groups_come_first(tmp_path: Path) -> None:
    assert usable_cpus(v2(v1(tmp_path, quota="300000", period="100000"), "200000 100000\n")) == 2


def test_without_control_groups_the_process_has_all_cpus_that_it_may_run_on(tmp_path: Path) -> None:
    assert usable_cpus(tmp_path) == AFFINITY


def test_where_there_is_no_affinity_all_cpus_of_the_machine_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert usable_cpus(tmp_path) == 3


def test_there_is_always_one_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cpus(tmp_path) == 1


def test_on_this_machine_there_is_at_least_one() -> None:
    assert usable_cpus() >= 1
