"""Learns to find the nines among the demo's 450 digits. Run it again: it goes on where it was."""

from importlib.resources import files

import numpy as np
from sklearn.linear_model import LogisticRegression

from assayd import Client
from assayd.seals import Loop

IS_NINE = np.load(files("assayd_server") / "demo" / "held_out.npz")["labels"] == 9


def label(ids: np.ndarray) -> list[int]:
    """Your annotators."""
    return IS_NINE[ids].astype(int).tolist()


def train(vectors: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Any linear model of the vectors, on your side: the server scores the candidates with it."""
    head = LogisticRegression(class_weight="balanced", max_iter=1000).fit(vectors, labels)
    return head.coef_, head.intercept_


seeds = np.concatenate([np.flatnonzero(IS_NINE)[:2], np.flatnonzero(~IS_NINE)[:2]])
with Client("localhost:50051") as client:
    loop = Loop(
        client,
        label=label,
        train=train,
        path="nines.json",
        seed_labels=dict(zip(seeds, label(seeds), strict=True)),
        count=10,
        k=20,
    )
    loop.run(rounds=5)

    labeled = np.array(list(loop.labels))
    weights, bias = train(client.pool_vectors(labeled), IS_NINE[labeled])
    found = client.pool_vectors(range(len(IS_NINE))) @ weights[0] + bias[0] > 0

right, wrong = (found & IS_NINE).sum(), (found & ~IS_NINE).sum()
print(f"{len(labeled)} labels, {IS_NINE[labeled].sum()} of them nines: the head trained on them finds")
print(f"{right} of the {IS_NINE.sum()} nines, and takes {wrong} others for one")
