"""What comes with a release besides the servers: its notes, its test, its rules and its dashboard."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from assayd.testing import serving
from certificates import HERE, Authority
from entries import entries, token_for, write_access
from helm.rendering import ALL, CHART_DIR, CLAIM, NAMESPACE, ROOT, TLS, only, render

DEMO_MODELS = ROOT / "server" / "assayd_server" / "demo" / "models"


def notes(chart: helm_python.Chart, values: dict[str, Any]) -> str:
    return chart.render(values, name="digits", namespace=NAMESPACE)["assayd/templates/NOTES.txt"]


def test_the_notes_say_where_it_is_and_what_is_not_there(chart: helm_python.Chart) -> None:
    assert re.search(r"without TLS on digits-assayd\.scoring\.svc:50051", notes(chart, CLAIM))
    assert "Whoever reaches it in the cluster may call" in notes(chart, CLAIM)
    assert "helm test digits" in notes(chart, CLAIM)
    assert re.search(r"with TLS on digits-assayd\.scoring\.svc:50051", notes(chart, ALL))
    without_token = {**CLAIM, **TLS, "access": {"existingSecret": "limited"}}
    assert "There is no helm test: it needs test.tokenSecret." in notes(chart, without_token)


def test_a_deployment_of_one_is_told_that_it_is(chart: helm_python.Chart) -> None:
    assert "With one replica" in notes(chart, CLAIM)
    assert "With one replica" not in notes(chart, {**CLAIM, "replicas": 2})


def test_the_notes_say_that_alerts_have_no_link_unless_they_have_one(chart: helm_python.Chart) -> None:
    assert "rules.runbooksUrl makes it one" in notes(chart, {**CLAIM, "rules": {"kind": "PrometheusRule"}})
    assert "rules.runbooksUrl" not in notes(chart, ALL)
    assert "No alerts are installed" in notes(chart, CLAIM)


@pytest.mark.parametrize("path", sorted((CHART_DIR / "rules").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_rules_reach_a_config_map_as_they_are_but_for_two_values(chart: helm_python.Chart, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    rules = ("ConfigMap", "release-assayd-rules")
    found = render(chart, {**CLAIM, "rules": {"kind": "ConfigMap"}})[rules]
    elsewhere = render(chart, ALL)[rules]

    assert found["data"][path.name] == text
    told = text.replace("_url: docs/runbooks/", "_url: https://wiki.example/assayd/").replace(
        "vector(0.25)", "vector(0.05)"
    )
    assert elsewhere["data"][path.name] == told != text
    assert elsewhere["metadata"]["labels"].items() >= {"release": "prometheus"}.items()


def test_the_rules_become_a_prometheus_rule(chart: helm_python.Chart) -> None:
    found = only(chart, {**CLAIM, "rules": {"kind": "PrometheusRule"}}, "PrometheusRule")
    files = sorted((CHART_DIR / "rules").glob("*.yaml"))

    assert found["apiVersion"] == "monitoring.coreos.com/v1"
    groups = [group for path in files for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]
    assert found["spec"] == {"groups": groups}


def test_a_dashboard_comes_as_grafanas_sidecar_looks_for_it(chart: helm_python.Chart) -> None:
    found = render(chart, ALL)["ConfigMap", "release-assayd-dashboard"]

    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert found["metadata"]["annotations"] == {"grafana_folder": "scoring"}
    assert found["data"]["assayd.json"] == (CHART_DIR / "dashboards" / "assayd.json").read_text(encoding="utf-8")


def test_the_test_of_the_chart_scores_a_row_of_a_server(chart: helm_python.Chart) -> None:
    (test,) = only(chart, CLAIM, "Pod")["spec"]["containers"]
    assert test["args"] == [(CHART_DIR / "files" / "score_a_row.py").read_text(encoding="utf-8")]
    assert test["env"] == [{"name": "SCORE_ADDRESS", "value": "release-assayd.scoring.svc:50051"}]
    with serving(repository=DEMO_MODELS) as server:
        command = [sys.executable, "-c", *test["args"]]
        environment = os.environ | {"SCORE_ADDRESS": server.address}
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("digits version 1 scored a row: ")


@pytest.mark.parametrize(
    ("limited", "mutual"), [(False, False), (True, False), (True, True)], ids=["TLS", "token", "mutual TLS"]
)
def test_the_test_of_the_chart_scores_over_tls(tmp_path: Path, limited: bool, mutual: bool) -> None:
    authority = Authority("all")
    ca = authority.write(tmp_path / "ca.crt")
    issued = authority.issue("server", *HERE).write(tmp_path, "tls")
    given = {"tls_certificate": issued["certificate"], "tls_key": issued["key"]}
    given |= {"tls_client_ca": ca} if mutual else {}
    given |= {"access": write_access(tmp_path / "access.toml", entries("score", "monitor"))} if limited else {}
    environment = os.environ | {"SCORE_TLS": str(tmp_path)}
    environment |= {"SCORE_CLIENT": str(tmp_path)} if mutual else {}
    environment |= {"SCORE_TOKEN": token_for("score")} if limited else {}
    with serving(repository=DEMO_MODELS, **given) as server:
        command = [sys.executable, str(CHART_DIR / "files" / "score_a_row.py")]
        environment |= {"SCORE_ADDRESS": server.address}
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("digits version 1 scored a row: ")


def test_the_test_of_the_chart_fails_where_nobody_answers(chart: helm_python.Chart) -> None:
    (test,) = only(chart, CLAIM, "Pod")["spec"]["containers"]
    command = [sys.executable, "-c", *test["args"]]
    environment = os.environ | {"SCORE_ADDRESS": "127.0.0.1:1"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 1
    assert "UnavailableError" in run.stderr
