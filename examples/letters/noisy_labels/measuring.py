"""What the service says of trained networks, which are served one after another."""

import numpy as np

from assayd import Client
from assayd.testing import serving
from examples.letters.noisy_labels.figures import GROUPS, Figures
from examples.letters.noisy_labels.noise import UNVERIFIED
from examples.letters.noisy_labels.training import Trained
from examples.letters.torch_export import to_onnx


def measured(trained: Trained, words: np.ndarray, noisy: np.ndarray, verified: np.ndarray) -> dict[str, Figures]:
    """The figures of each classifier, of the noisy labels, and of what the cleaning network makes of them.

    Args:
        trained: the networks.
        words: (n, 48) that nothing was trained on.
        noisy: (n, 26) the labels that were given to them.
        verified: (n, 26) what is known of them.
    """
    found = {}
    for way, classifier in trained.classifiers.items():
        with serving(to_onnx(classifier, {"words": words.shape[1]})) as server:
            found[way] = _figures(server.client(), verified, {"x": words})
    inputs = {"words": words, "noisy_labels": noisy.astype(np.uint8)}
    content = to_onnx(trained.cleaner, {name: rows.shape[1] for name, rows in inputs.items()})
    with serving(content, activation="sigmoid") as server:  # what clip gives could be anything
        client = server.client()
        cleaned = client.score(inputs).probabilities
        for name, labels in {"labels as given": noisy.astype(np.float32), "labels cleaned": cleaned}.items():
            found[name] = _figures(client, verified, {"probabilities": labels, "task": "multilabel"})
    return found


def _figures(client: Client, verified: np.ndarray, asked: dict[str, object]) -> Figures:
    """Of what Evaluate says, for all letters, and for those of each group as if nothing else was verified."""
    groups = {"": np.arange(verified.shape[1])} | {f" {name}": letters for name, letters in GROUPS.items()}
    figures = {}
    for group, letters in groups.items():
        labels = np.full_like(verified, UNVERIFIED)
        labels[:, letters] = verified[:, letters]
        evaluation = client.evaluate(**asked, labels=labels)
        figures[f"mAP{group}"] = evaluation.mean_average_precision
        figures[f"AP_all{group}"] = evaluation.pooled_average_precision
    return figures
