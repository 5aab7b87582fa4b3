"""The chart renders what the server needs: its settings, its models, its limits and no privilege."""

import tomllib
from base64 import b64decode
from pathlib import Path
from typing import Any

import helm_python
import pytest

from assayd_server.access import Role, parsed
from assayd_server.config import Settings
from assayd_server.configuring import load
from entries import token_for
from helm.rendering import (
    ALL,
    BUCKET,
    CLAIM,
    NOTHING,
    PATH,
    ROOT,
    TLS,
    config,
    container,
    only,
    pod,
    render,
)


def settings(chart: helm_python.Chart, values: dict[str, Any]) -> dict[str, Any]:
    return tomllib.loads(config(chart, values))


def test_the_chart_releases_the_version_of_the_package(chart: helm_python.Chart) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert chart.metadata["appVersion"] == project["version"]


def test_the_image_has_the_charts_app_version_unless_a_tag_is_given(chart: helm_python.Chart) -> None:
    assert container(chart, CLAIM)["image"] == f"assayd:{chart.metadata['appVersion']}"
    assert container(chart, ALL)["image"] == "registry.example:5000/assayd:1.2.3"


def test_a_release_named_for_the_chart_does_not_repeat_the_name(chart: helm_python.Chart) -> None:
    assert ("Service", "assayd") in render(chart, CLAIM, name="assayd")
    assert ("Service", "digits-assayd") in render(chart, CLAIM, name="digits")


def mounts_of(chart: helm_python.Chart, values: dict[str, Any]) -> dict[str, Any]:
    return {mount["name"]: mount for mount in container(chart, values)["volumeMounts"]}


def volumes_of(chart: helm_python.Chart, values: dict[str, Any]) -> dict[str, Any]:
    return {volume["name"]: volume for volume in pod(chart, values)["volumes"]}


def test_a_claim_is_mounted_read_only_where_the_server_looks(chart: helm_python.Chart) -> None:
    claim = volumes_of(chart, CLAIM)["models"]["persistentVolumeClaim"]
    assert claim == {"claimName": "models", "readOnly": True}
    assert mounts_of(chart, CLAIM)["models"] == {"name": "models", "mountPath": "/models", "readOnly": True}
    assert settings(chart, CLAIM)["repository"] == "/models"


def test_a_path_in_the_image_needs_no_volume(chart: helm_python.Chart) -> None:
    assert list(volumes_of(chart, PATH)) == list(mounts_of(chart, PATH)) == ["tmp", "config"]
    assert settings(chart, PATH)["repository"] == "/opt/models"


def test_a_bucket_is_copied_into_a_cache_with_room_to_spare(chart: helm_python.Chart) -> None:
    found = settings(chart, BUCKET)
    room = volumes_of(chart, BUCKET)["cache"]["emptyDir"]["sizeLimit"]

    assert found["repository"] == "s3://bucket/models"
    assert found["repository_cache"] == mounts_of(chart, BUCKET)["cache"]["mountPath"]
    assert int(room.removesuffix("Gi")) * 2**30 > found["repository_cache_bytes_max"] == 16 * 2**30
    assert container(chart, BUCKET)["envFrom"] == [{"secretRef": {"name": "bucket"}}]


def test_kubernetes_sets_no_variable_that_would_stop_the_server(chart: helm_python.Chart) -> None:
    # With service links, a Service called assayd puts ASSAYD_PORT=tcp://... into every pod of its namespace.
    assert pod(chart, CLAIM)["enableServiceLinks"] is False


def test_the_server_gets_only_what_the_chart_decides_unless_settings_are_given(chart: helm_python.Chart) -> None:
    assert settings(chart, CLAIM) == {
        "host": "0.0.0.0",
        "port": 50051,
        "metrics_port": 9090,
        "insecure": True,
        "repository": "/models",
        "drain_delay_seconds": 5,
        "drain_grace_seconds": 20,
    }


@pytest.mark.parametrize("values", [CLAIM, PATH, BUCKET], ids=["claim", "path", "bucket"])
def test_the_server_takes_the_file_that_the_chart_writes(
    chart: helm_python.Chart, values: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "assayd.toml"
    file.write_text(config(chart, {**values, "settings": {"log_level": "debug", "rows_max": 67108864}}))
    loaded = load({}, {"ASSAYD_CONFIG": str(file), "ASSAYD_INFERENCE_THREADS": "2"})

    assert str(loaded.repository) == settings(chart, values)["repository"]
    assert (loaded.log_level, loaded.rows_max, loaded.inference_threads) == ("debug", 67108864, 2)


def test_with_tls_the_server_is_told_where_the_secret_is_mounted_and_not_that_it_is_insecure(
    chart: helm_python.Chart,
) -> None:
    found, folder = settings(chart, ALL), mounts_of(chart, ALL)["tls"]["mountPath"]

    assert "insecure" not in found
    assert settings(chart, {**CLAIM, **TLS})["insecure"] is True  # because nobody is asked who calls
    assert found["tls_certificate"] == f"{folder}/tls.crt"
    assert found["tls_key"] == f"{folder}/tls.key"
    assert found["tls_client_ca"] == f"{folder}/ca.crt"
    assert "tls_client_ca" not in settings(chart, {**CLAIM, **TLS})
    assert set(found) <= set(Settings.model_fields)


def test_who_may_do_what_comes_from_a_secret_of_the_chart_or_from_one_that_is_there(
    chart: helm_python.Chart,
) -> None:
    given = {**CLAIM, **TLS, "access": {"existingSecret": "limited"}}

    assert settings(chart, ALL)["access"] == f"{mounts_of(chart, ALL)['access']['mountPath']}/access.toml"
    assert set(only(chart, ALL, "Secret")["data"]) == {"access.toml"}
    assert volumes_of(chart, given)["access"]["secret"]["secretName"] == "limited"


def test_the_server_takes_the_access_file_that_the_chart_writes(chart: helm_python.Chart) -> None:
    text = b64decode(only(chart, ALL, "Secret")["data"]["access.toml"])
    found = parsed(text, with_certificates=ALL["tls"]["clientCa"])

    assert found.of_token(token_for("score")) == {Role.SCORE}
    assert found.of_certificate(["shop"]) == {Role.MONITOR}


def test_keys_and_tokens_can_be_read_by_the_servers_group_alone(chart: helm_python.Chart) -> None:
    modes = {
        name: volume["secret"]["defaultMode"]
        for name, volume in volumes_of(chart, ALL).items()
        if "secret" in volume
    }
    assert modes == {"tls": 0o440, "access": 0o440}
    assert pod(chart, ALL)["securityContext"]["fsGroup"] == 10001


@pytest.mark.parametrize(
    ("name", "value"),
    [("log_level", "debug"), ("log_calls", True), ("recall_check_share", 0.5), ("rows_max", 67108864)],
)
def test_a_setting_reaches_the_server_as_it_was_written(
    chart: helm_python.Chart, name: str, value: object
) -> None:
    found = settings(chart, {**CLAIM, "settings": {name: value}})[name]
    assert (type(found), found) == (type(value), value)


def variables(chart: helm_python.Chart, values: dict[str, Any]) -> dict[str, Any]:
    return {variable["name"]: variable.get("value") for variable in container(chart, values)["env"]}


def test_spans_go_where_the_endpoint_is_and_nowhere_without_one(chart: helm_python.Chart) -> None:
    place = ALL["traces"]["endpoint"]

    assert variables(chart, ALL)["OTEL_EXPORTER_OTLP_ENDPOINT"] == place
    assert settings(chart, ALL)["traces"] == "otlp"
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" not in variables(chart, CLAIM)
    assert "traces" not in settings(chart, CLAIM)


def checksums(chart: helm_python.Chart, values: dict[str, Any]) -> dict[str, str]:
    annotations = only(chart, values, "Deployment")["spec"]["template"]["metadata"]["annotations"]
    return {name: value for name, value in annotations.items() if name.startswith("checksum/")}


def test_a_change_of_settings_rolls_the_pods_and_one_of_replicas_or_tokens_does_not(
    chart: helm_python.Chart,
) -> None:
    limited = {**CLAIM, **TLS, "access": {"file": "a"}}
    before = checksums(chart, limited)

    assert checksums(chart, {**limited, "replicas": 5}) == before
    assert (
        checksums(chart, {**limited, "settings": {"rows_max": 1}})["checksum/config"] != before["checksum/config"]
    )
    assert checksums(chart, {**limited, "access": {"file": "b"}}) == before


def threads(chart: helm_python.Chart, **values: Any) -> Any:
    found = {variable["name"]: variable for variable in container(chart, {**CLAIM, **values})["env"]}
    return found.get("ASSAYD_INFERENCE_THREADS", {}).get("valueFrom")


def test_threads_are_the_cpu_limit_rounded_up(chart: helm_python.Chart) -> None:
    limit = {"containerName": "assayd", "resource": "limits.cpu", "divisor": "1"}
    assert threads(chart) == {"resourceFieldRef": limit}


@pytest.mark.parametrize(
    "values",
    [
        {"settings": {"inference_threads": 3}},
        {"settings": {"workers": 2}},
        {"resources": {"limits": {"cpu": None}}},
    ],
    ids=["said otherwise", "shared by workers", "no limit"],
)
def test_threads_are_left_to_the_server_where_they_are(chart: helm_python.Chart, values: dict[str, Any]) -> None:
    assert threads(chart, **values) is None


@pytest.mark.parametrize(("delay_seconds", "grace_seconds"), [(5, 30), (0, 0), (20, 600)])
def test_a_pod_is_killed_only_after_the_servers_own_drain(
    chart: helm_python.Chart, delay_seconds: int, grace_seconds: int
) -> None:
    values = {**CLAIM, "drain": {"delaySeconds": delay_seconds, "graceSeconds": grace_seconds}}
    found = settings(chart, values)

    assert (found["drain_delay_seconds"], found["drain_grace_seconds"]) == (delay_seconds, grace_seconds)
    assert pod(chart, values)["terminationGracePeriodSeconds"] == delay_seconds + grace_seconds + 5


@pytest.mark.parametrize(
    ("probe", "path"),
    [("startupProbe", "/readyz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")],
)
def test_probes_ask_the_metrics_port(chart: helm_python.Chart, probe: str, path: str) -> None:
    assert container(chart, CLAIM)[probe]["httpGet"] == {"path": path, "port": "metrics"}


def test_models_may_take_as_long_to_load_as_was_said(chart: helm_python.Chart) -> None:
    probe = container(chart, {**CLAIM, "startSecondsMax": 601})["startupProbe"]
    assert 601 <= probe["periodSeconds"] * probe["failureThreshold"] <= 603


def test_the_pod_runs_without_any_privilege(chart: helm_python.Chart) -> None:
    test = only(chart, ALL, "Pod")["spec"]
    for spec in (pod(chart, ALL), test):
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"].items() >= {
            "runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}
        }.items()  # fmt: skip
        assert [one["securityContext"] for one in spec["containers"]] == [
            {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        ]


def test_nothing_has_credentials_for_the_cluster(chart: helm_python.Chart) -> None:
    assert only(chart, CLAIM, "ServiceAccount")["automountServiceAccountToken"] is False
    assert pod(chart, NOTHING)["serviceAccountName"] == "default"
    assert pod(chart, NOTHING)["automountServiceAccountToken"] is False


@pytest.mark.parametrize(("values", "writable"), [(ALL, ["/tmp", "/cache"]), (CLAIM, ["/tmp"])])  # noqa: S108 paths in the pod
def test_only_tmp_and_the_cache_of_a_bucket_are_writable(
    chart: helm_python.Chart, values: dict[str, Any], writable: list[str]
) -> None:
    found = [mount["mountPath"] for mount in container(chart, values)["volumeMounts"] if not mount.get("readOnly")]
    assert found == writable


def test_the_server_has_requests_and_limits_which_null_takes_away(chart: helm_python.Chart) -> None:
    resources = container(chart, CLAIM)["resources"]
    without = container(chart, {**CLAIM, "resources": {"limits": {"cpu": None}}})["resources"]

    assert set(resources["requests"]) == set(resources["limits"]) == {"cpu", "memory"}
    assert set(without["limits"]) == {"memory"}


def test_placement_and_annotations_reach_the_pod(chart: helm_python.Chart) -> None:
    template = only(chart, ALL, "Deployment")["spec"]["template"]

    assert template["metadata"]["annotations"].items() >= ALL["podAnnotations"].items()
    for key in ("nodeSelector", "tolerations", "affinity", "priorityClassName"):
        assert template["spec"][key] == ALL[key]
