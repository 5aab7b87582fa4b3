"""Every object that the chart renders, of a matrix of values, is one that three releases of Kubernetes accept."""

import re
from typing import Any

import helm_python
import kubernetes_validate
import pytest
import yaml

from helm.rendering import ALL, BUCKET, CHART_DIR, CLAIM, NOTHING, PATH, ROOT, TLS, of_kind, render

LIMITED = {**CLAIM, **TLS, "access": {"existingSecret": "limited"}}
MATRIX: dict[str, dict[str, Any]] = {
    "defaults": CLAIM,
    "models in the image": PATH,
    "models in a bucket": BUCKET,
    "TLS": {**CLAIM, **TLS},
    "tokens in a Secret that is there": LIMITED,
    "everything on": ALL,
    "everything off": NOTHING,
    "a long drain": {**CLAIM, "drain": {"delaySeconds": 4, "graceSeconds": 600}},
    "no delay": {**CLAIM, "drain": {"delaySeconds": 0, "graceSeconds": 0}},
    "rules for the operator": {**CLAIM, "rules": {"kind": "PrometheusRule"}},
}
# The oldest that Chart.yaml admits, one that many run, and the newest with a schema.
KUBERNETES_VERSIONS = ("1.29", "1.31", kubernetes_validate.latest_version().rsplit(".", 1)[0])
OF_THE_OPERATOR = {"ServiceMonitor", "PrometheusRule"}
"""Custom resources, for which Kubernetes has no schema of its own."""
ALWAYS = {"ConfigMap", "Deployment", "Service"}
SEVERITY_WARNING = 2


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX)
def test_helm_lint_has_no_warning(values: dict[str, Any]) -> None:
    report = helm_python.lint(CHART_DIR, values, strict=True)

    assert report["total_charts_linted"] == 1
    assert not report["errors"]
    assert not [message for message in report["messages"] if message["severity"] >= SEVERITY_WARNING]


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX)
def test_kubernetes_accepts_every_rendered_object(
    chart: helm_python.Chart, values: dict[str, Any], version: str
) -> None:
    judged = [found for (kind, _), found in render(chart, values).items() if kind not in OF_THE_OPERATOR]

    assert judged
    for found in judged:
        # A kind without a schema raises; a release without schemas would be judged by an older one's.
        assert kubernetes_validate.validate(found, version, strict=True) == version


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_kubernetes_accepts_the_service_over_both_releases_of_a_canary(version: str) -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    (service,) = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]

    assert service["metadata"]["name"] == "assayd-both"
    assert kubernetes_validate.validate(service, version, strict=True) == version


def test_everything_on_is_every_kind_there_is_and_everything_off_the_least(chart: helm_python.Chart) -> None:
    assert {kind for kind, _ in render(chart, NOTHING)} == ALWAYS
    assert {kind for kind, _ in render(chart, CLAIM)} == {*ALWAYS, "PodDisruptionBudget", "ServiceAccount", "Pod"}
    assert {kind for kind, _ in render(chart, ALL)} == {
        *ALWAYS,
        "HorizontalPodAutoscaler",
        "NetworkPolicy",
        "Pod",
        "PodDisruptionBudget",
        "Secret",
        "ServiceAccount",
        "ServiceMonitor",
    }


def test_a_service_monitor_has_what_the_operator_knows_and_no_more(chart: helm_python.Chart) -> None:
    (found,) = of_kind(render(chart, ALL), "ServiceMonitor")

    assert found["apiVersion"] == "monitoring.coreos.com/v1"
    assert found["metadata"]["labels"].items() >= {"release": "prometheus"}.items()
    assert set(found["spec"]) == {"selector", "endpoints"}
    assert found["spec"]["endpoints"] == [{"port": "metrics", "interval": "30s"}]


@pytest.mark.parametrize("name", ["assayd", "a" * 53, "a-very-long-name-of-a-release-with-assayd-in-it"])
def test_names_are_as_short_as_kubernetes_wants_them(chart: helm_python.Chart, name: str) -> None:
    names = [found for _, found in render(chart, ALL, name=name)]
    assert max(map(len, names)) <= 63
    assert not [found for found in names if found.endswith("-")]
    assert f"{name[:30]}" in names[0]
