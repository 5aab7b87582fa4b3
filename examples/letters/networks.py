"""Networks of letters, by scikit-learn, and servers of them."""

import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from skl2onnx import to_onnx
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from assayd import Client
from assayd.testing import serving


def trained(rows: np.ndarray, classes: np.ndarray, *, width: int, epochs: int, seed: int) -> Pipeline:
    """A network with one hidden layer, which is an embedding of so many numbers."""
    network = MLPClassifier((width,), max_iter=epochs, learning_rate_init=0.003, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is meant to end there
        return make_pipeline(StandardScaler(), network).fit(rows.astype(np.float32), classes)


def exported(network: Pipeline) -> onnx.ModelProto:
    """As ONNX: 16 numbers in; labels and probabilities out."""
    return to_onnx(network, np.zeros((1, 16), np.float32), target_opset=17, options={"zipmap": False})


@contextmanager
def served(network: Pipeline, *, pool_rows: np.ndarray | None = None) -> Iterator[Client]:
    """A client of a server of the network, and of a pool of rows where there are any; their ids are 0 to n - 1.

    The same by hand, for a server that goes on:
        assayd index build --model model.onnx --embedding-tensor TENSOR --input rows.npy --kind flat --output pool
        assayd serve --model model.onnx --embedding-tensor TENSOR --pool pool
    """
    with TemporaryDirectory(prefix="letters-") as name:
        model, pool, content = Path(name, "model.onnx"), Path(name, "pool"), exported(network)
        model.write_bytes(content.SerializeToString())
        tensor = next(node.output[0] for node in content.graph.node if node.op_type == "Relu")  # the hidden layer
        if pool_rows is not None:
            rows = Path(name, "rows.npy")
            np.save(rows, pool_rows)
            flags = {"model": model, "embedding-tensor": tensor, "input": rows, "kind": "flat", "output": pool}
            words = [f"--{flag}={value}" for flag, value in flags.items()]
            command = [sys.executable, "-m", "assayd_server", "index", "build", *words]
            subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # our own program
        settings = {} if pool_rows is None else {"pool": pool}
        with serving(model, embedding_tensor=tensor, **settings) as server:
            yield server.client(deadline_seconds=300)
