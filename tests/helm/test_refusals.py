"""Values that would install and then fail, or do what nobody meant, are refused with one sentence."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python
import pytest

from assayd_server.config import Settings
from assayd_server.configuring import load
from helm.rendering import ALL, CHART_DIR, CLAIM, TLS, config, render

SCHEMA = json.loads((CHART_DIR / "values.schema.json").read_text(encoding="utf-8"))
OF_KUBERNETES = {
    "#/properties/global",
    "#/properties/affinity/properties/nodeAffinity",
    "#/properties/affinity/properties/podAffinity",
    "#/properties/affinity/properties/podAntiAffinity",
}
"""Objects that are Kubernetes' own to judge, besides selectors, address blocks and ports of network policies."""


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"replica": 2}, "additional properties 'replica' not allowed"),
        ({"repository": {"existingClam": "models"}}, "additional properties 'existingClam' not allowed"),
        ({"image": {"pullpolicy": "Always"}}, "additional properties 'pullpolicy' not allowed"),
        ({"resources": {"limit": {}}}, "additional properties 'limit' not allowed"),
        ({"settings": {"log_levle": "debug"}}, "additional properties 'log_levle' not allowed"),
        ({"tls": {"secret": "certificate"}}, "additional properties 'secret' not allowed"),
        ({"networkPolicy": {"clients": [{"podSelektor": {}}]}}, "additional properties 'podSelektor' not allowed"),
        ({"tolerations": [{"efect": "NoSchedule"}]}, "additional properties 'efect' not allowed"),
    ],
)
def test_a_misspelt_value_is_refused(chart: helm_python.Chart, values: dict[str, Any], refusal: str) -> None:
    with pytest.raises(helm_python.HelmValuesError, match=refusal):
        render(chart, {**CLAIM, **values})


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"replicas": -1}, "at '/replicas': minimum: got -1, want 0"),
        ({"replicas": "2"}, "at '/replicas'"),
        ({"drain": {"graceSeconds": 1.5}}, "at '/drain/graceSeconds'"),
        ({"drain": {"delaySeconds": -5}}, "at '/drain/delaySeconds'"),
        ({"repository": {"path": "models"}}, "at '/repository/path'"),
        ({"repository": {"url": "http://bucket"}}, "at '/repository/url'"),
        ({"podAnnotations": {"example.com/team": 1}}, "at '/podAnnotations/example.com~1team'"),
        ({"settings": {"log_level": ["debug"]}}, "at '/settings/log_level'"),
        ({"settings": {"log_level": "verbose"}}, "at '/settings/log_level'"),
        ({"settings": {"rows_max": 0}}, "at '/settings/rows_max'"),
        ({"settings": {"rows_max": "many"}}, "at '/settings/rows_max'"),
        ({"traces": {"endpoint": "collector:4317"}}, "at '/traces/endpoint'"),
        ({"traces": {"endpoint": "http://collector"}}, "at '/traces/endpoint'"),
        ({"rules": {"kind": "Secret"}}, "at '/rules/kind'"),
        ({"rules": {"runbooksUrl": "wiki"}}, "at '/rules/runbooksUrl'"),
        ({"rules": {"latencySeconds": 0}}, "at '/rules/latencySeconds'"),
        ({"autoscaling": {"minReplicas": 0}}, "at '/autoscaling/minReplicas'"),
        ({"disruptionBudget": {"maxUnavailable": "1 pod"}}, "at '/disruptionBudget/maxUnavailable'"),
        ({"service": {"type": "ExternalName"}}, "at '/service/type'"),
        ({"tls": {"existingSecret": "My Secret"}}, "at '/tls/existingSecret'"),
    ],
)
def test_a_value_of_the_wrong_type_or_range_is_refused(
    chart: helm_python.Chart, values: dict[str, Any], refusal: str
) -> None:
    with pytest.raises(helm_python.HelmValuesError, match=refusal):
        render(chart, {**CLAIM, **values})


TWO_SOURCES = {"repository": {"existingClaim": "models", "path": "/opt/models"}}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"repository": {}}, "Set repository.existingClaim (a volume claim with the models), repository.url"),
        (TWO_SOURCES, "Set only one of repository.existingClaim, repository.url and repository.path"),
        ({"repository": {"path": "/m", "credentialsSecret": "s"}}, "repository.credentialsSecret is for a bucket"),
        ({"tls": {"enabled": True}}, "tls.enabled needs tls.existingSecret"),
        ({"tls": {"existingSecret": "certificate"}}, "do nothing without tls.enabled"),
        ({"tls": {"clientCa": True}}, "do nothing without tls.enabled"),
        ({"service": {"type": "LoadBalancer"}}, "A Service of type LoadBalancer can be reached from outside"),
        ({"service": {"type": "NodePort"}}, "A Service of type NodePort can be reached from outside"),
        ({**TLS, "service": {"type": "LoadBalancer"}}, "nobody is asked who calls: set access or tls.clientCa"),
        ({"access": {"file": "x"}}, "With access, calls carry tokens, which must not go in the clear"),
        ({"access": {"existingSecret": "limited"}}, "With access, calls carry tokens"),
        ({**TLS, "access": {"existingSecret": "limited", "file": "x"}}, "Set only one of access.existingSecret"),
        (
            {"autoscaling": {"enabled": True, "maxReplicas": 1}},
            "minReplicas is larger than autoscaling.maxReplicas",
        ),
        ({"settings": {"workers": 2, "uds": "/tmp/s"}}, "One socket cannot be shared by several workers"),  # noqa: S108 in the pod
        ({"drain": {"delaySeconds": 1}}, "Readiness takes 4 seconds to notice"),
        ({"drain": {"delaySeconds": 3}}, "drain.delaySeconds is 3"),
        ({"autoscaling": {"enabled": True, "cpuPercent": 0}}, "autoscaling has nothing to go by"),
        (
            {"autoscaling": {"enabled": True}, "resources": {"requests": {"cpu": None}}},
            "autoscaling.cpuPercent is a share of resources.requests.cpu",
        ),
    ],
)
def test_values_that_do_not_go_together_are_refused_with_one_sentence(
    chart: helm_python.Chart, values: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(helm_python.HelmRenderError) as caught:
        render(chart, {**CLAIM, **values})
    assert sentence in str(caught.value)
    assert str(caught.value).rstrip().endswith(".")


@pytest.mark.parametrize(
    "values", [{"service": {"type": "LoadBalancer"}}, {"access": {"file": "x"}}], ids=["public address", "tokens"]
)
def test_calls_in_the_clear_are_possible_where_they_are_said_to_be_meant(
    chart: helm_python.Chart, values: dict[str, Any]
) -> None:
    assert render(chart, {**CLAIM, **values, "insecure": True})


def objects_of(schema: Any, place: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every part of a schema that describes an object, by where it stands."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield place, schema
        for key, value in schema.items():
            yield from objects_of(value, f"{place}/{key}")
    if isinstance(schema, list):
        for index, value in enumerate(schema):
            yield from objects_of(value, f"{place}/{index}")


def test_no_object_of_the_schema_takes_what_it_does_not_name() -> None:
    opened = {place for place, found in objects_of(SCHEMA) if "additionalProperties" not in found}
    inside = {place for place in opened if place.startswith("#/properties/networkPolicy/properties/")}

    assert opened - inside == OF_KUBERNETES
    assert {place.rpartition("/")[2] for place in inside} == {
        "podSelector",
        "namespaceSelector",
        "ipBlock",
        "items",
    }


def test_every_value_has_a_place_in_the_schema_and_every_place_a_value(chart: helm_python.Chart) -> None:
    def places(values: dict[str, Any], schema: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, bool]]:
        for name, place in schema.get("properties", {}).items():
            yield f"{prefix}{name}", name in values
            if isinstance(values.get(name), dict):
                yield from places(values[name], place, f"{prefix}{name}.")

    missing = [name for name, there in places(chart.values, SCHEMA) if not there]
    optional = {"global", *(f"affinity.{kind}" for kind in ("nodeAffinity", "podAffinity", "podAntiAffinity"))}
    assert {name for name in missing if not name.startswith("settings.")} == optional


def test_the_schema_names_each_setting_that_the_chart_does_not_make_itself() -> None:
    named = set(SCHEMA["properties"]["settings"]["properties"])
    made = {"host", "port", "metrics_host", "metrics_port", "insecure", "repository", "model", "traces"}

    assert named < set(Settings.model_fields)
    assert made <= set(Settings.model_fields) - named


def sample(schema: dict[str, Any]) -> Any:
    """A value that a setting may have and that says something."""
    if "enum" in schema:
        return schema["enum"][-1]
    numbers = {"integer": int, "number": float}
    if schema["type"] in numbers:
        return numbers[schema["type"]](schema["maximum"])
    return {"boolean": True, "string": "name"}[schema["type"]]


@pytest.mark.parametrize("name", SCHEMA["properties"]["settings"]["properties"])
def test_the_server_starts_with_each_setting_that_the_schema_takes(
    chart: helm_python.Chart, tmp_path: Path, name: str
) -> None:
    value = sample(SCHEMA["properties"]["settings"]["properties"][name])
    file = tmp_path / "assayd.toml"
    file.write_text(config(chart, {**CLAIM, "settings": {name: value}}))

    found = getattr(load({}, {"ASSAYD_CONFIG": str(file)}), name)
    assert (str(found) if isinstance(value, str) else found) == value


def test_the_chart_can_be_a_dependency_which_is_handed_global_values(chart: helm_python.Chart) -> None:
    chart.validate_schema({"global": {"team": "scoring"}})


def test_the_schema_takes_every_value_that_adds_something(chart: helm_python.Chart) -> None:
    chart.validate_schema(ALL)
