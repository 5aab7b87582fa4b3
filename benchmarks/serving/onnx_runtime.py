"""ONNX Runtime in process, one thread: what any server that runs the model can reach at most."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.serving.exchanges import TOLERANCE

NAME = "ONNX Runtime"


def network(
    path: Path, rows: np.ndarray, expected: np.ndarray, threads: int = 1, gives_probabilities: bool = False
) -> tuple[Callable[[], Any], Callable[[Any], bool]]:
    """A pass over the rows again and again, for the first output alone.

    Args:
        path: the model.
        rows: (n, ...) float32.
        expected: (n, c), the probabilities.
        threads: of a pass.
        gives_probabilities: as its first output; else these are the softmax of it.

    Returns:
        What to call, and what tells whether its result is right.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    fed, wanted = {session.get_inputs()[0].name: rows}, [session.get_outputs()[0].name]

    def is_right(found: list[np.ndarray]) -> bool:
        if gives_probabilities:
            return np.allclose(found[0], expected, rtol=0, atol=TOLERANCE)
        exponentials = np.exp(found[0] - found[0].max(axis=1, keepdims=True))
        probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
        return np.allclose(probabilities, expected, rtol=0, atol=TOLERANCE)

    return lambda: session.run(wanted, fed), is_right
