"""References for tests: made as `assayd reference build` makes them."""

from pathlib import Path
from typing import Any

import numpy as np

from assayd_server.reference_building import build
from assayd_server.reference_wanted import ReferenceWanted


def write_reference(folder: Path, model: bytes, rows: np.ndarray, **wanted: Any) -> Path:
    """folder/reference.npz, of a model and rows for it; labels and training rows as arrays."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model)
    np.save(folder / "rows.npy", rows)
    for name in {"labels", "train"} & wanted.keys():
        np.save(folder / f"{name}.npy", wanted[name])
        wanted[name] = folder / f"{name}.npy"
    output = folder / "reference.npz"
    output.unlink(missing_ok=True)
    build(ReferenceWanted(rows=folder / "rows.npy", model=folder / "model.onnx", output=output, **wanted))
    return output
