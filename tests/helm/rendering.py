"""The chart as Helm renders it, and values that have it render all there is."""

from pathlib import Path
from typing import Any

import helm_python
import yaml

from entries import certificate_entry, entries

ROOT = Path(__file__).resolve().parents[2]
CHART_DIR = ROOT / "helm" / "assayd"
NAMESPACE = "scoring"
CLAIM: dict[str, Any] = {"repository": {"existingClaim": "models"}}
PATH: dict[str, Any] = {"repository": {"path": "/opt/models"}}
BUCKET: dict[str, Any] = {"repository": {"url": "s3://bucket/models", "credentialsSecret": "bucket"}}
TLS: dict[str, Any] = {"tls": {"enabled": True, "existingSecret": "certificate"}}
PEER = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}
ALL: dict[str, Any] = {
    **BUCKET,
    "image": {
        "repository": "registry.example:5000/assayd",
        "tag": "1.2.3",
        "pullPolicy": "Always",
        "pullSecrets": ["registry"],
    },
    "autoscaling": {"enabled": True, "minReplicas": 3, "maxReplicas": 30, "pendingRows": 4096},
    "disruptionBudget": {"maxUnavailable": "25%"},
    "topologySpread": {"whenUnsatisfiable": "DoNotSchedule"},
    "settings": {"log_level": "debug"},
    "traces": {"endpoint": "http://collector.telemetry.svc:4317"},
    "tls": {"enabled": True, "existingSecret": "certificate", "clientCa": True},
    "access": {"file": entries("score") + certificate_entry("shop", "monitor")},
    "service": {"type": "LoadBalancer", "annotations": {"example.com/internal": "true"}},
    "networkPolicy": {
        "enabled": True,
        "clients": [PEER],
        "scrapers": [PEER],
        "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 9000}]}],
    },
    "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/models"}},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "rules": {
        "kind": "ConfigMap",
        "labels": {"release": "prometheus"},
        "runbooksUrl": "https://wiki.example/assayd/",
        "latencySeconds": 0.05,
    },
    "dashboard": {"enabled": True, "annotations": {"grafana_folder": "scoring"}},
    "test": {"model": "digits", "tokenSecret": "token", "clientSecret": "client"},
    "podAnnotations": {"example.com/team": "scoring"},
    "priorityClassName": "serving",
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
"""Every value that adds something to the rendered objects."""
NOTHING: dict[str, Any] = {
    **PATH,
    "disruptionBudget": {"enabled": False},
    "topologySpread": {"enabled": False},
    "serviceAccount": {"create": False},
    "resources": {"limits": {"cpu": None}},
    "test": {"enabled": False},
}
"""Everything off that can be."""
GIVEN = {
    "Secret": {"bucket", "registry", "certificate", "token", "client", "limited"},
    "PersistentVolumeClaim": {"models"},
    "ServiceAccount": {"default"},
}
"""What these values take to be in the namespace already, by kind."""


def render(chart: helm_python.Chart, values: dict[str, Any], name: str = "release") -> dict[tuple[str, str], Any]:
    """The rendered objects by kind and name."""
    files = chart.render(values, name=name, namespace=NAMESPACE)
    texts = [text for path, text in files.items() if path.endswith(".yaml")]
    objects = [found for text in texts for found in yaml.safe_load_all(text) if found]
    named = {(found["kind"], found["metadata"]["name"]): found for found in objects}
    assert len(named) == len(objects), "two objects have one name"
    return named


def of_kind(objects: dict[tuple[str, str], Any], kind: str) -> list[Any]:
    """All of one kind."""
    return [found for (found_kind, _), found in objects.items() if found_kind == kind]


def only(chart: helm_python.Chart, values: dict[str, Any], kind: str) -> Any:
    """The only object of that kind."""
    (found,) = of_kind(render(chart, values), kind)
    return found


def pod(chart: helm_python.Chart, values: dict[str, Any]) -> dict[str, Any]:
    """What the Deployment runs."""
    found: dict[str, Any] = only(chart, values, "Deployment")["spec"]["template"]["spec"]
    return found


def container(chart: helm_python.Chart, values: dict[str, Any]) -> dict[str, Any]:
    """The only container of it."""
    (found,) = pod(chart, values)["containers"]
    return dict(found)


def config(chart: helm_python.Chart, values: dict[str, Any]) -> str:
    """The server's settings, a TOML file."""
    objects = render(chart, values)
    return str(objects["ConfigMap", "release-assayd-config"]["data"]["assayd.toml"])
