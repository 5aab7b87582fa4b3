"""Networks with one hidden layer, whose hidden layer is an embedding; for rare_concepts.py."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

EPOCHS, BATCH_ROWS, LEARNING_RATE = 20, 64, 0.003


def trained(rows: np.ndarray, labels: np.ndarray, *, width: int, seed: int) -> MLPClassifier:
    """A network of these rows."""
    network = MLPClassifier(
        (width,),
        batch_size=BATCH_ROWS,
        learning_rate_init=LEARNING_RATE,
        max_iter=EPOCHS,
        n_iter_no_change=EPOCHS,
        tol=0,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is meant to end there
        return network.fit(rows, labels)


def hidden_layer(network: MLPClassifier, rows: np.ndarray) -> np.ndarray:
    """(n, width) float32."""
    return np.maximum(0, rows @ network.coefs_[0] + network.intercepts_[0]).astype(np.float32)
