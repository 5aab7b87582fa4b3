"""What `helm test` does: scores an empty row, by the contract of the model, and prints what came back."""

import os
from pathlib import Path

import grpc
import numpy as np

from assayd import Client


def read(folder: str, name: str) -> bytes | None:
    """A file of a mounted Secret, where there is one."""
    path = Path(folder, name)
    return path.read_bytes() if folder and path.exists() else None


def empty(data_type: str, shape: tuple[int | None, ...]) -> np.ndarray:
    """One row of zeros, or of empty strings; any length is one."""
    sizes = [1, *(size or 1 for size in shape[1:])]
    return np.full(sizes, "") if data_type == "string" else np.zeros(sizes, data_type)


tls, identity = os.environ.get("SCORE_TLS", ""), os.environ.get("SCORE_CLIENT", "")
token = os.environ.get("SCORE_TOKEN", "").strip()
credentials = None
if tls:  # without an authority of its own, those that the system knows
    credentials = grpc.ssl_channel_credentials(
        read(tls, "ca.crt"), read(identity, "tls.key"), read(identity, "tls.crt")
    )
with Client(
    os.environ["SCORE_ADDRESS"],
    credentials=credentials,
    metadata={"authorization": f"Bearer {token}"} if token else None,
    deadline_seconds=30,
) as client:
    model = client.model(os.environ.get("SCORE_MODEL", ""))
    row = {spec.name: empty(spec.data_type, spec.shape) for spec in model.inputs}
    scores = client.score(row, model=model.name, record=False)
    print(f"{model.name} version {model.version} scored a row: {scores.labels or scores.predictions}")
