"""The example for KServe is one that Kubernetes and assayd take, and both of its files go together."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from typer.testing import CliRunner

from assayd_server.cli import app
from assayd_server.config import Settings

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "kserve"
PROTOCOLS = {"v1", "v2", "grpc-v1", "grpc-v2"}
"""That KServe knows."""


def loaded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return found


@pytest.fixture
def runtime() -> dict[str, Any]:
    return loaded("serving-runtime.yaml")


@pytest.fixture
def container(runtime: dict[str, Any]) -> dict[str, Any]:
    (only,) = runtime["spec"]["containers"]
    found: dict[str, Any] = only
    return found


@pytest.mark.parametrize("version", ["1.29", kubernetes_validate.latest_version().rpartition(".")[0]])
def test_the_container_is_one_that_kubernetes_runs(container: dict[str, Any], version: str) -> None:
    """What is KServe's own aside, a runtime is the part of a pod that names its containers."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [container]}}
    assert kubernetes_validate.validate(pod, version, strict=True) == version


def test_kserve_finds_the_container_by_its_name(container: dict[str, Any]) -> None:
    assert container["name"] == "kserve-container"


def test_the_server_takes_the_arguments(container: dict[str, Any]) -> None:
    command, *flags = container["args"]
    assert command == "serve"
    names = {flag.partition("=")[0].removeprefix("--").replace("-", "_") for flag in flags}
    assert names <= set(Settings.model_fields)
    refused = CliRunner().invoke(app, [command, *flags[1:]])  # all but the repository, so that nothing is served
    assert refused.exit_code == 1
    assert "give either model or repository, not neither" in refused.output


def test_ports_and_probes_are_those_that_the_server_listens_on(
    runtime: dict[str, Any], container: dict[str, Any]
) -> None:
    given = dict(argument.removeprefix("--").split("=") for argument in container["args"] if "=" in argument)
    (port,) = container["ports"]
    assert (port["name"], port["containerPort"]) == ("h2c", int(given["port"]))
    probed = {container[probe]["httpGet"]["port"] for probe in ("readinessProbe", "livenessProbe")}
    assert probed == {int(given["metrics-port"])}
    assert runtime["spec"]["annotations"]["prometheus.kserve.io/port"] == given["metrics-port"]
    assert {container[probe]["httpGet"]["path"] for probe in ("readinessProbe", "livenessProbe")} == {
        "/readyz",
        "/healthz",
    }


def test_the_service_asks_for_what_the_runtime_offers(runtime: dict[str, Any]) -> None:
    model = loaded("inference-service.yaml")["spec"]["predictor"]["model"]
    assert model["runtime"] == runtime["metadata"]["name"]
    assert model["modelFormat"] in [
        {key: offered[key] for key in ("name", "version")} for offered in runtime["spec"]["supportedModelFormats"]
    ]
    assert model["protocolVersion"] in runtime["spec"]["protocolVersions"]
    assert set(runtime["spec"]["protocolVersions"]) <= PROTOCOLS
