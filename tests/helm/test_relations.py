"""What one object says of another is true: selectors, ports, names, and times that have to fit each other."""

import itertools
import tomllib
from collections.abc import Iterator
from typing import Any

import helm_python
import pytest

from helm.rendering import ALL, BUCKET, CLAIM, GIVEN, config, of_kind, only, pod, render
from helm.test_matrix import MATRIX

every_value = pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX)
Objects = dict[tuple[str, str], Any]


def selects(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return selector.items() <= labels.items()


def pods_labels(objects: Objects) -> dict[str, str]:
    (deployment,) = of_kind(objects, "Deployment")
    return dict(deployment["spec"]["template"]["metadata"]["labels"])


def selectors_of_pods(objects: Objects) -> Iterator[tuple[str, dict[str, str]]]:
    for (kind, name), found in objects.items():
        spec = found.get("spec", {})
        if kind == "Service":
            yield name, spec["selector"]
        elif kind in ("Deployment", "PodDisruptionBudget"):
            yield f"{kind} {name}", spec["selector"]["matchLabels"]
        elif kind == "NetworkPolicy":
            yield f"{kind} {name}", spec["podSelector"]["matchLabels"]
    for constraint in deployment_pod(objects).get("topologySpreadConstraints", []):
        yield constraint["topologyKey"], constraint["labelSelector"]["matchLabels"]


def deployment_pod(objects: Objects) -> dict[str, Any]:
    (deployment,) = of_kind(objects, "Deployment")
    return dict(deployment["spec"]["template"]["spec"])


@every_value
def test_every_selector_finds_the_servers_and_not_the_test(
    chart: helm_python.Chart, values: dict[str, Any]
) -> None:
    objects = render(chart, values)
    found = dict(selectors_of_pods(objects))
    tests = [one["metadata"]["labels"] for one in of_kind(objects, "Pod")]

    assert len(found) >= 3
    assert [name for name, selector in found.items() if not selects(selector, pods_labels(objects))] == []
    pairs = itertools.product(found.items(), tests)
    assert [name for (name, selector), labels in pairs if selects(selector, labels)] == []


def test_the_network_policy_lets_the_test_in(chart: helm_python.Chart) -> None:
    objects = render(chart, ALL)
    (policy,), (test,) = of_kind(objects, "NetworkPolicy"), of_kind(objects, "Pod")
    (calls,) = [rule for rule in policy["spec"]["ingress"] if rule["ports"] == [{"port": "grpc"}]]
    peers = [peer["podSelector"]["matchLabels"] for peer in calls["from"] if "podSelector" in peer]
    assert any(selects(peer, test["metadata"]["labels"]) for peer in peers)


def way_out(chart: helm_python.Chart, values: dict[str, Any]) -> list[int]:
    """The ports that the network policy lets the pods reach anywhere."""
    rules = only(chart, {**values, "networkPolicy": {"enabled": True}}, "NetworkPolicy")["spec"]["egress"]
    return [port["port"] for rule in rules if "to" not in rule for port in rule["ports"]]


@pytest.mark.parametrize(
    ("endpoint", "port"), [("http://collector:4317", 4317), ("https://[fd00::1]:443", 443)], ids=["name", "IPv6"]
)
def test_the_network_policy_lets_spans_out(chart: helm_python.Chart, endpoint: str, port: int) -> None:
    assert way_out(chart, CLAIM) == [53, 53]
    assert way_out(chart, {**CLAIM, "traces": {"endpoint": endpoint}}) == [53, 53, port]
    assert way_out(chart, BUCKET) == [53, 53, 443]


@every_value
def test_every_port_that_is_named_is_one_of_the_container(
    chart: helm_python.Chart, values: dict[str, Any]
) -> None:
    objects = render(chart, values)
    (server,) = deployment_pod(objects)["containers"]
    ports = {port["name"]: port["containerPort"] for port in server["ports"]}
    probes = [server[name]["httpGet"]["port"] for name in ("startupProbe", "readinessProbe", "livenessProbe")]
    services = [port for found in of_kind(objects, "Service") for port in found["spec"]["ports"]]
    policies = [
        port["port"]
        for found in of_kind(objects, "NetworkPolicy")
        for rule in found["spec"]["ingress"]
        for port in rule["ports"]
    ]

    assert ports == {"grpc": 50051, "metrics": 9090}
    assert {*probes, *policies} <= set(ports)
    assert [port for port in services if ports[port["targetPort"]] != port["port"]] == []


def test_the_monitor_scrapes_each_replica_once(chart: helm_python.Chart) -> None:
    objects = render(chart, ALL)
    (monitor,) = of_kind(objects, "ServiceMonitor")
    selector, (endpoint,) = monitor["spec"]["selector"]["matchLabels"], monitor["spec"]["endpoints"]
    scraped = [found for found in of_kind(objects, "Service") if selects(selector, found["metadata"]["labels"])]

    assert [found["spec"]["clusterIP"] for found in scraped] == ["None"]
    assert endpoint["port"] in [port["name"] for port in scraped[0]["spec"]["ports"]]


def test_metrics_are_not_behind_the_address_that_the_world_reaches(chart: helm_python.Chart) -> None:
    public = render(chart, ALL)["Service", "release-assayd"]["spec"]
    assert public["type"] == "LoadBalancer"
    assert [port["name"] for port in public["ports"]] == ["grpc"]


def references(spec: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(kind, name) of whatever a pod needs to be there."""
    yield "ServiceAccount", spec.get("serviceAccountName", "default")
    for secret in spec.get("imagePullSecrets", []):
        yield "Secret", secret["name"]
    for volume in spec.get("volumes", []):
        if "secret" in volume:
            yield "Secret", volume["secret"]["secretName"]
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"]
        if "persistentVolumeClaim" in volume:
            yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]
    for one in spec["containers"]:
        for source in one.get("envFrom", []):
            yield "Secret", source["secretRef"]["name"]
        for variable in one["env"]:
            if "secretKeyRef" in variable.get("valueFrom", {}):
                yield "Secret", variable["valueFrom"]["secretKeyRef"]["name"]


@every_value
def test_whatever_a_pod_needs_is_rendered_or_named_in_the_values(
    chart: helm_python.Chart, values: dict[str, Any]
) -> None:
    objects = render(chart, values)
    pods = [deployment_pod(objects), *(found["spec"] for found in of_kind(objects, "Pod"))]
    needed = {reference for spec in pods for reference in references(spec)}

    assert needed
    assert {(kind, name) for kind, name in needed if name not in GIVEN.get(kind, ())} <= set(objects)


@every_value
def test_every_mount_has_a_volume_and_every_volume_a_mount(
    chart: helm_python.Chart, values: dict[str, Any]
) -> None:
    objects = render(chart, values)
    for spec in (deployment_pod(objects), *(found["spec"] for found in of_kind(objects, "Pod"))):
        (one,) = spec["containers"]
        mounts = [mount["name"] for mount in one.get("volumeMounts", [])]
        assert mounts == [volume["name"] for volume in spec.get("volumes", [])]


@every_value
def test_probes_fit_the_drain(chart: helm_python.Chart, values: dict[str, Any]) -> None:
    spec = pod(chart, values)
    (server,) = spec["containers"]
    readiness = server["readinessProbe"]
    settings = tomllib.loads(config(chart, values))
    delay, grace = settings["drain_delay_seconds"], settings["drain_grace_seconds"]

    assert delay == 0 or readiness["periodSeconds"] * readiness["failureThreshold"] <= delay
    # What tests/rpc/test_lifecycle.py finds at 200 for as long as a drain takes: no grace is too long for it.
    assert server["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert spec["terminationGracePeriodSeconds"] == delay + grace + 5


def test_the_autoscaler_scales_the_deployment_which_then_says_no_number(chart: helm_python.Chart) -> None:
    objects = render(chart, ALL)
    (autoscaler,), (deployment,) = of_kind(objects, "HorizontalPodAutoscaler"), of_kind(objects, "Deployment")

    target = autoscaler["spec"]["scaleTargetRef"]
    assert (target["apiVersion"], target["kind"], target["name"]) == (
        deployment["apiVersion"],
        deployment["kind"],
        deployment["metadata"]["name"],
    )
    assert "replicas" not in deployment["spec"]
    assert only(chart, CLAIM, "Deployment")["spec"]["replicas"] == 1


def test_the_autoscaler_goes_by_what_was_asked_for(chart: helm_python.Chart) -> None:
    by_both = only(chart, ALL, "HorizontalPodAutoscaler")["spec"]["metrics"]
    rows_alone = {**CLAIM, "autoscaling": {"enabled": True, "cpuPercent": 0, "pendingRows": 5_000_000}}
    (by_rows,) = only(chart, rows_alone, "HorizontalPodAutoscaler")["spec"]["metrics"]

    assert [metric["type"] for metric in by_both] == ["Resource", "Pods"]
    assert by_rows["pods"]["metric"]["name"] == "assayd_pending_rows"
    assert by_rows["pods"]["target"]["averageValue"] == "5000000"
