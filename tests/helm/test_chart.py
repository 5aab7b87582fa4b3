"""The chart renders what Kubernetes accepts and the server needs, and refuses values that would do neither."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python
import kubernetes_validate
import pytest
import yaml

from assayd_server.config import Settings
from assayd_server.configuring import load

ROOT = Path(__file__).resolve().parents[2]
CHART_DIR = ROOT / "helm" / "assayd"
CLAIM = {"repository": {"existingClaim": "models"}}
PATH = {"repository": {"path": "/opt/models"}}
# Every value that adds something to the rendered objects.
ALL = {
    **CLAIM,
    "image": {"repository": "registry.example:5000/assayd", "tag": "1.2.3", "pullPolicy": "Always"},
    "replicas": 3,
    "settings": {"log_level": "debug"},
    "rules": {
        "kind": "ConfigMap",
        "labels": {"release": "prometheus"},
        "runbooksUrl": "https://wiki.example/assayd/",
    },
    "podAnnotations": {"example.com/team": "scoring"},
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "scoring", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname"}}
            ]
        }
    },
}
# They agree with the probes, the Service, the volume and the time a pod is given to stop.
KEPT_SETTINGS = (
    "host",
    "port",
    "metrics_host",
    "metrics_port",
    "insecure",
    "repository",
    "model",
    "drain_delay_seconds",
    "drain_grace_seconds",
)
# The oldest that Chart.yaml admits, one that many run, and the newest with a schema.
KUBERNETES_VERSIONS = ("1.29", "1.31", kubernetes_validate.latest_version().rsplit(".", 1)[0])
SEVERITY_WARNING = 2


@pytest.fixture(scope="module")
def chart() -> Iterator[helm_python.Chart]:
    with helm_python.Chart.load(CHART_DIR) as loaded:
        yield loaded


def render(chart: helm_python.Chart, values: dict[str, Any], name: str = "release") -> dict[str, Any]:
    """The rendered objects by kind; the Service without an address of its own is the HeadlessService."""
    files = chart.render(values, name=name, namespace="scoring")
    texts = [text for path, text in files.items() if path.endswith(".yaml")]
    objects = [found for text in texts for found in yaml.safe_load_all(text) if found]
    return {_kind(found): found for found in objects}


def _kind(found: dict[str, Any]) -> str:
    headless = found["kind"] == "Service" and found["spec"].get("clusterIP") == "None"
    return "HeadlessService" if headless else str(found["kind"])


def pod(chart: helm_python.Chart, values: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = render(chart, values)["Deployment"]["spec"]["template"]["spec"]
    return found


def container(chart: helm_python.Chart, values: dict[str, Any]) -> dict[str, Any]:
    found: list[dict[str, Any]] = pod(chart, values)["containers"]
    assert len(found) == 1
    return found[0]


def environment(chart: helm_python.Chart, values: dict[str, Any]) -> dict[str, str]:
    variables = container(chart, values)["env"]
    found = {variable["name"]: variable["value"] for variable in variables}
    assert len(found) == len(variables), "a variable is set twice"
    return found


@pytest.mark.parametrize("values", [CLAIM, ALL], ids=["defaults", "every value"])
def test_helm_lint_has_no_warning(values: dict[str, Any]) -> None:
    report = helm_python.lint(CHART_DIR, values, strict=True)

    assert report["total_charts_linted"] == 1
    assert not report["errors"]
    assert not [message for message in report["messages"] if message["severity"] >= SEVERITY_WARNING]


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
@pytest.mark.parametrize("values", [CLAIM, PATH, ALL], ids=["claim", "path", "every value"])
def test_kubernetes_accepts_every_rendered_object(
    chart: helm_python.Chart, values: dict[str, Any], version: str
) -> None:
    objects = render(chart, values)

    assert set(objects) == {"Deployment", "Service", "HeadlessService"} | (
        {"ConfigMap"} if values is ALL else set()
    )
    for found in objects.values():
        # A kind without a schema raises; a release without schemas would be judged by an older one's.
        assert kubernetes_validate.validate(found, version, strict=True) == version


def test_the_chart_releases_the_version_of_the_package(chart: helm_python.Chart) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert chart.metadata["appVersion"] == project["version"]


def test_the_image_has_the_charts_app_version_unless_a_tag_is_given(chart: helm_python.Chart) -> None:
    assert container(chart, CLAIM)["image"] == f"assayd:{chart.metadata['appVersion']}"
    assert container(chart, ALL)["image"] == "registry.example:5000/assayd:1.2.3"


def test_a_release_named_for_the_chart_does_not_repeat_the_name(chart: helm_python.Chart) -> None:
    assert render(chart, CLAIM, name="assayd")["Service"]["metadata"]["name"] == "assayd"
    assert render(chart, CLAIM, name="digits")["Service"]["metadata"]["name"] == "digits-assayd"


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"replica": 2}, "additional properties 'replica' not allowed"),
        ({"repository": {"existingClam": "models"}}, "additional properties 'existingClam' not allowed"),
        ({"image": {"pullpolicy": "Always"}}, "additional properties 'pullpolicy' not allowed"),
        ({"resources": {"limit": {}}}, "additional properties 'limit' not allowed"),
    ],
)
def test_a_misspelt_value_is_refused(chart: helm_python.Chart, values: dict[str, Any], refusal: str) -> None:
    with pytest.raises(helm_python.HelmValuesError, match=refusal):
        render(chart, {**CLAIM, **values})


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"replicas": "2"}, "at '/replicas'"),
        ({"drain": {"graceSeconds": 1.5}}, "at '/drain/graceSeconds'"),
        ({"repository": {"path": "models"}}, "at '/repository/path'"),
        ({"podAnnotations": {"example.com/team": 1}}, "at '/podAnnotations/example.com~1team'"),
        ({"settings": {"log_level": ["debug"]}}, "at '/settings/log_level'"),
        ({"rules": {"kind": "Secret"}}, "at '/rules/kind'"),
        ({"rules": {"runbooksUrl": "wiki"}}, "at '/rules/runbooksUrl'"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(
    chart: helm_python.Chart, values: dict[str, Any], refusal: str
) -> None:
    with pytest.raises(helm_python.HelmValuesError, match=refusal):
        render(chart, {**CLAIM, **values})


def test_the_chart_can_be_a_dependency_which_is_handed_global_values(chart: helm_python.Chart) -> None:
    chart.validate_schema({"global": {"team": "scoring"}})


def test_without_a_model_source_nothing_is_rendered(chart: helm_python.Chart) -> None:
    with pytest.raises(
        helm_python.HelmRenderError,
        match=r"Set repository\.existingClaim .* or repository\.path .*inside the image",
    ):
        render(chart, {})


def test_with_two_model_sources_nothing_is_rendered(chart: helm_python.Chart) -> None:
    with pytest.raises(
        helm_python.HelmRenderError, match=r"Set only one of repository\.existingClaim and repository\.path"
    ):
        render(chart, {"repository": {"existingClaim": "models", "path": "/opt/models"}})


def test_a_claim_is_mounted_read_only_where_the_server_looks(chart: helm_python.Chart) -> None:
    volumes = {volume["name"]: volume for volume in pod(chart, CLAIM)["volumes"]}
    mounts = {mount["name"]: mount for mount in container(chart, CLAIM)["volumeMounts"]}

    assert volumes["models"]["persistentVolumeClaim"] == {"claimName": "models", "readOnly": True}
    assert mounts["models"] == {"name": "models", "mountPath": "/models", "readOnly": True}
    assert environment(chart, CLAIM)["ASSAYD_REPOSITORY"] == "/models"


def test_a_path_in_the_image_needs_no_volume(chart: helm_python.Chart) -> None:
    assert [volume["name"] for volume in pod(chart, PATH)["volumes"]] == ["tmp"]
    assert [mount["name"] for mount in container(chart, PATH)["volumeMounts"]] == ["tmp"]
    assert environment(chart, PATH)["ASSAYD_REPOSITORY"] == "/opt/models"


def test_kubernetes_sets_no_variable_that_would_stop_the_server(chart: helm_python.Chart) -> None:
    # With service links, a Service called assayd puts ASSAYD_PORT=tcp://... into every pod of its namespace.
    assert pod(chart, CLAIM)["enableServiceLinks"] is False


def test_the_server_gets_only_what_the_chart_decides_unless_settings_are_given(chart: helm_python.Chart) -> None:
    assert environment(chart, CLAIM) == {
        "ASSAYD_HOST": "0.0.0.0",
        "ASSAYD_PORT": "50051",
        "ASSAYD_METRICS_PORT": "9090",
        "ASSAYD_INSECURE": "true",
        "ASSAYD_REPOSITORY": "/models",
        "ASSAYD_DRAIN_DELAY_SECONDS": "5",
        "ASSAYD_DRAIN_GRACE_SECONDS": "20",
    }


def test_the_server_knows_every_setting_that_the_chart_makes(chart: helm_python.Chart) -> None:
    settings = load({}, environment(chart, ALL))

    assert settings.repository == Path("/models")
    assert settings.log_level == "debug"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("debug", "debug"), (True, "true"), (0.5, "0.5"), (67108864, "67108864"), ("007", "007")],
)
def test_a_setting_reaches_the_server_as_it_was_written(
    chart: helm_python.Chart, value: object, expected: str
) -> None:
    assert environment(chart, {**CLAIM, "settings": {"some_setting": value}})["ASSAYD_SOME_SETTING"] == expected


def test_every_setting_that_the_chart_keeps_to_itself_is_one_of_the_server() -> None:
    assert set(KEPT_SETTINGS) <= set(Settings.model_fields)


@pytest.mark.parametrize("name", [*KEPT_SETTINGS, "logLevel"])
def test_a_setting_that_the_chart_makes_itself_or_no_server_has_is_refused(
    chart: helm_python.Chart, name: str
) -> None:
    with pytest.raises(helm_python.HelmValuesError, match=f"invalid propertyName '{name}'"):
        render(chart, {**CLAIM, "settings": {name: "1"}})


@pytest.mark.parametrize(("delay_seconds", "grace_seconds"), [(5, 30), (0, 0), (20, 600)])
def test_a_pod_is_killed_only_after_the_servers_own_drain(
    chart: helm_python.Chart, delay_seconds: int, grace_seconds: int
) -> None:
    values = {**CLAIM, "drain": {"delaySeconds": delay_seconds, "graceSeconds": grace_seconds}}
    variables = environment(chart, values)

    assert variables["ASSAYD_DRAIN_DELAY_SECONDS"] == str(delay_seconds)
    assert variables["ASSAYD_DRAIN_GRACE_SECONDS"] == str(grace_seconds)
    assert pod(chart, values)["terminationGracePeriodSeconds"] == delay_seconds + grace_seconds + 5


@pytest.mark.parametrize(
    ("probe", "path"),
    [("startupProbe", "/readyz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")],
)
def test_probes_ask_the_metrics_port(chart: helm_python.Chart, probe: str, path: str) -> None:
    found = container(chart, CLAIM)
    ports = {port["name"]: port["containerPort"] for port in found["ports"]}

    assert found[probe]["httpGet"] == {"path": path, "port": "metrics"}
    assert str(ports["metrics"]) == environment(chart, CLAIM)["ASSAYD_METRICS_PORT"]


def test_the_service_reaches_the_ports_the_server_listens_on(chart: helm_python.Chart) -> None:
    ports = {port["name"]: port for port in render(chart, CLAIM)["Service"]["spec"]["ports"]}
    container_ports = {port["name"]: port["containerPort"] for port in container(chart, CLAIM)["ports"]}

    assert ports["grpc"] == {
        "name": "grpc", "port": 50051, "targetPort": "grpc", "appProtocol": "kubernetes.io/h2c"
    }  # fmt: skip
    assert ports["metrics"] == {"name": "metrics", "port": 9090, "targetPort": "metrics"}
    assert container_ports == {"grpc": 50051, "metrics": 9090}


def test_the_service_selects_the_pods_of_its_release(chart: helm_python.Chart) -> None:
    objects = render(chart, CLAIM)
    deployment = objects["Deployment"]["spec"]
    labels = {"app.kubernetes.io/name": "assayd", "app.kubernetes.io/instance": "release"}

    assert objects["Service"]["spec"]["selector"] == labels
    assert deployment["selector"]["matchLabels"] == labels
    assert deployment["template"]["metadata"]["labels"] == labels


def test_the_pod_runs_without_any_privilege(chart: helm_python.Chart) -> None:
    assert pod(chart, CLAIM)["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container(chart, CLAIM)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_pod_has_no_credentials_for_the_cluster(chart: helm_python.Chart) -> None:
    assert pod(chart, CLAIM)["automountServiceAccountToken"] is False


def test_only_tmp_is_writable(chart: helm_python.Chart) -> None:
    volumes = {volume["name"]: volume for volume in pod(chart, CLAIM)["volumes"]}
    writable = [mount for mount in container(chart, CLAIM)["volumeMounts"] if not mount.get("readOnly")]

    assert writable == [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 a path in the pod
    assert volumes["tmp"]["emptyDir"] == {}


def test_the_server_has_requests_and_limits_which_null_takes_away(chart: helm_python.Chart) -> None:
    resources = container(chart, CLAIM)["resources"]
    without = container(chart, {**CLAIM, "resources": {"limits": {"cpu": None}}})["resources"]

    assert set(resources["requests"]) == set(resources["limits"]) == {"cpu", "memory"}
    assert set(without["limits"]) == {"memory"}


def test_placement_and_annotations_reach_the_pod(chart: helm_python.Chart) -> None:
    deployment = render(chart, ALL)["Deployment"]["spec"]

    assert deployment["replicas"] == ALL["replicas"]
    assert deployment["template"]["metadata"]["annotations"] == ALL["podAnnotations"]
    for key in ("nodeSelector", "tolerations", "affinity"):
        assert deployment["template"]["spec"][key] == ALL[key]


def test_the_notes_name_the_service_and_say_that_there_is_no_tls(chart: helm_python.Chart) -> None:
    notes = chart.render(CLAIM, name="digits", namespace="scoring")["assayd/templates/NOTES.txt"]

    assert re.search(r"without TLS on digits-assayd\.scoring\.svc:50051", notes)


def test_clients_find_every_pod_by_the_headless_service(chart: helm_python.Chart) -> None:
    objects = render(chart, CLAIM, name="assayd")
    headless = objects["HeadlessService"]
    assert headless["metadata"]["name"] == "assayd-headless"
    assert headless["spec"]["selector"] == objects["Service"]["spec"]["selector"]
    assert [port["port"] for port in headless["spec"]["ports"]] == [50051]


def test_the_rules_reach_a_config_map_as_they_are_but_for_where_the_runbooks_are(chart: helm_python.Chart) -> None:
    text = (CHART_DIR / "rules" / "drift.yaml").read_text(encoding="utf-8")
    found = render(chart, {**CLAIM, "rules": {"kind": "ConfigMap"}})["ConfigMap"]
    elsewhere = render(chart, ALL)["ConfigMap"]

    assert found["data"]["drift.yaml"] == text
    assert elsewhere["data"]["drift.yaml"] == text.replace(" docs/runbooks/", " https://wiki.example/assayd/")
    assert elsewhere["metadata"]["labels"].items() >= {"release": "prometheus"}.items()


def test_the_rules_become_a_prometheus_rule(chart: helm_python.Chart) -> None:
    found = render(chart, {**CLAIM, "rules": {"kind": "PrometheusRule"}})["PrometheusRule"]

    assert found["apiVersion"] == "monitoring.coreos.com/v1"
    assert found["spec"] == yaml.safe_load((CHART_DIR / "rules" / "drift.yaml").read_text(encoding="utf-8"))
