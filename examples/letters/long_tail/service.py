"""What the service does: it judges networks, weighs classes, and gives labels to rows without them."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from assayd import Client
from assayd.testing import serving
from examples.letters.long_tail.tails import Task
from examples.letters.long_tail.training import Network
from examples.letters.torch_export import to_onnx


@contextmanager
def served(network: Network, healthy: np.ndarray | None = None) -> Iterator[Client]:
    """A client of a server of the network, with a reference of healthy rows where there are any.

    The same by hand, for a server that goes on:
        assayd reference build --model model.onnx --input rows.npy --output reference.npz
        assayd serve --model model.onnx --reference reference.npz
    """
    with TemporaryDirectory(prefix="letters-") as name:
        model, rows, reference = (Path(name, file) for file in ("model.onnx", "rows.npy", "reference.npz"))
        model.write_bytes(to_onnx(network, {"rows": 16}, ("logits", "embedding")))
        if healthy is not None:
            np.save(rows, healthy)
            words = ["--model", model, "--input", rows, "--output", reference]
            command = [sys.executable, "-m", "assayd_server", "reference", "build", *map(str, words)]
            subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # our own program
        settings = {} if healthy is None else {"reference": reference}
        with serving(model, **settings) as server:
            yield server.client()


def balanced_accuracy(network: Network, task: Task) -> float:
    """The mean over classes of the share of its test rows that are recognised, by Evaluate."""
    with served(network) as client:
        return float(client.evaluate(task.test_rows, labels=task.test_classes).recall.mean())


def with_pseudo_labels(
    network: Network, task: Task, *, novelty_alpha: float | None = None, **rule: object
) -> tuple[np.ndarray, np.ndarray]:
    """The labelled rows, and those of the others that the network may label, by ProposeLabels.

    Args:
        network: that gives labels.
        task: both kinds of rows.
        novelty_alpha: leave out what is as novel as this share of healthy rows; None: nothing.
        **rule: thresholds or quotas.
    """
    with served(network, None if novelty_alpha is None else task.healthy) as client:
        given = client.propose_labels(task.unlabelled, novelty_alpha=novelty_alpha, **rule)
    accepted = given.accepted
    rows = np.concatenate([task.rows, task.unlabelled[accepted]])
    return rows, np.concatenate([task.classes, given.labels[accepted].astype(np.int64)])


def class_weights(network: Network, counts: np.ndarray, *, effective_number: float | None = None) -> np.ndarray:
    """What each class should weigh in the loss, by its rows: n / (c n_c), or by its effective number of them."""
    rows = np.zeros((1, 16), np.uint8)  # weights go with proposals, of any rows
    with served(network) as client:
        given = client.propose_labels(rows, thresholds=1, class_counts=counts, effective_number=effective_number)
    assert given.class_weights is not None  # they were asked for
    return given.class_weights / np.average(given.class_weights, weights=counts)  # the loss keeps its size


def novel_shares(network: Network, task: Task, *, alpha: float, related: int) -> tuple[float, float]:
    """The shares of rows without labels that are too novel for one: of the first ones, and of the rest."""
    with served(network, task.healthy) as client:
        given = client.propose_labels(task.unlabelled, thresholds=0, novelty_alpha=alpha)
    novel = given.reasons == "novel"
    return float(novel[:related].mean()), float(novel[related:].mean())
