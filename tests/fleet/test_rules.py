"""The rules for Prometheus: promtool accepts them and runs their unit tests, and the alerts say what to do."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from programs import program

ROOT = Path(__file__).resolve().parents[2]
RULES = sorted((ROOT / "helm" / "assayd" / "rules").glob("*.yaml"))
UNIT_TESTS = sorted((Path(__file__).parent / "rules").glob("*.yaml"))


def promtool(*arguments: str | Path) -> None:
    result = subprocess.run([program("promtool"), *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def rules() -> list[dict[str, Any]]:
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def test_prometheus_accepts_the_rules() -> None:
    promtool("check", "rules", *RULES)


@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.stem)
def test_the_rules_do_what_their_unit_tests_say(path: Path) -> None:
    promtool("test", "rules", path)


def test_every_alert_is_raised_in_some_unit_test() -> None:
    cases = [case for path in UNIT_TESTS for case in yaml.safe_load(path.read_text())["tests"]]
    checks = [check for case in cases for check in case.get("alert_rule_test", [])]
    assert {check["alertname"] for check in checks if check["exp_alerts"]} == {rule["alert"] for rule in alerts()}


def test_every_alert_waits_and_links_to_a_paragraph_of_the_runbook() -> None:
    for rule in alerts():
        path, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        headings = re.findall(r"^## (\w+)$", (ROOT / path).read_text(), re.MULTILINE)
        assert anchor in [heading.lower() for heading in headings]
        assert rule["for"] in ("5m", "10m", "15m")
        assert rule["labels"] in ({"severity": "warning"}, {"severity": "critical"})


def test_each_paragraph_of_the_runbooks_is_about_an_alert() -> None:
    pages = {rule["annotations"]["runbook_url"].partition("#")[0] for rule in alerts()}
    assert pages == {f"docs/runbooks/{path.name}" for path in (ROOT / "docs" / "runbooks").glob("*.md")}
    headings = [
        found for page in pages for found in re.findall(r"^## (\w+)$", (ROOT / page).read_text(), re.MULTILINE)
    ]
    assert sorted(headings) == sorted(rule["alert"] for rule in alerts())


def test_no_rule_goes_by_a_series_that_nobody_records() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    assert {name for rule in rules() for name in re.findall(r"assayd:\w+:?\w*", rule["expr"])} == recorded
