"""The part of the chart's values.schema.json that says what the server's settings may be."""

import json
from pathlib import Path
from typing import Any

from assayd_server.config import Settings

PATH = Path(__file__).parents[1] / "helm" / "assayd" / "values.schema.json"
MADE_BY_THE_CHART = frozenset(
    {
        "host",
        "port",
        "metrics_host",
        "metrics_port",
        "insecure",
        "model",
        "repository",
        "repository_cache",
        "repository_cache_bytes_max",
        "drain_delay_seconds",
        "drain_grace_seconds",
        "tls_certificate",
        "tls_key",
        "tls_client_ca",
        "access",
        "traces",
    }
)
"""They agree with the probes, the Services, the volumes and the time that a pod is given to stop."""
OF_A_BARE_MODEL = frozenset(
    {
        "reference",
        "pool",
        "logits_output",
        "probabilities_output",
        "values_output",
        "embedding_tensor",
        "activation",
        "sample_axis",
    }
)
"""With a repository, which the chart always has, the server does not start with them."""
_TAKEN = ("type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "anyOf")
"""Of what pydantic says of a setting; the rest is about Python, or said elsewhere."""


def written() -> str:
    """The schema as it should be: what is there, with the settings of today."""
    schema = json.loads(PATH.read_text())
    schema["properties"]["settings"]["properties"] = settings()
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def settings() -> dict[str, Any]:
    """A schema for each setting that the chart leaves to people, by name, in the order of the code."""
    fields = Settings.model_json_schema(mode="serialization")["properties"]
    left_out = MADE_BY_THE_CHART | OF_A_BARE_MODEL
    return {name: _of(field) for name, field in fields.items() if name not in left_out}


def _of(field: dict[str, Any]) -> dict[str, Any]:
    known = {key: value for key, value in field.items() if key in _TAKEN}
    variants = [one for one in known.pop("anyOf", []) if one.get("type") != "null"]
    for one in variants:  # a setting that may be left out has one besides null
        known |= {key: value for key, value in one.items() if key in _TAKEN}
    return {"description": " ".join(field["description"].split()), **known}
