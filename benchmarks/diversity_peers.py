"""Committees and diverse batches as scikit-activeml 1.0.1, small-text 1.4.1 and baal 2.1.0 do them.

Each function takes the arrays that assayd's takes. What is not installed is left out of PEERS.
"""

import importlib.util
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

DRAWS = 500


def baal_bald(members: np.ndarray) -> Any:
    from baal.active.heuristics import BALD

    return BALD().compute_score(np.moveaxis(members, 0, -1))


def skactiveml_bald(members: np.ndarray) -> Any:
    from skactiveml.pool._query_by_committee import average_kl_divergence

    return average_kl_divergence(members)


def baal_batch_bald(members: np.ndarray, count: int) -> Any:
    from baal.active.heuristics import BatchBALD

    return BatchBALD(num_samples=count, num_draw=DRAWS).compute_score(np.moveaxis(members, 0, -1))


def skactiveml_batch_bald(members: np.ndarray, count: int) -> Any:
    from skactiveml.pool._bald import batch_bald

    return batch_bald(members.copy(), count, n_MC_samples=DRAWS, random_state=0)  # it clips what it is given


def skactiveml_badge(probabilities: np.ndarray, embeddings: np.ndarray, count: int) -> Any:
    """Its classifier takes in the embeddings, so it is one that knows its answers already."""
    from skactiveml.base import SkactivemlClassifier
    from skactiveml.pool import Badge

    class Fixed(SkactivemlClassifier):
        def fit(self, X: object, y: object, sample_weight: object = None) -> Any:  # noqa: N803, ARG002
            return self

        def predict_proba(self, X: object) -> np.ndarray:  # noqa: N803, ARG002
            return probabilities

    classifier = Fixed(classes=list(range(probabilities.shape[1])))
    unlabelled = np.full(len(embeddings), np.nan)
    return Badge(random_state=0).query(X=embeddings, y=unlabelled, clf=classifier, fit_clf=False, batch_size=count)


def small_text_badge(probabilities: np.ndarray, embeddings: np.ndarray, count: int) -> Any:
    """Of other gradients: it takes -p (x) h for (p - e) (x) h."""
    from small_text.integrations.pytorch.query_strategies.strategies import BADGE

    rows = np.arange(len(embeddings))
    strategy = BADGE(probabilities.shape[1])
    return strategy.sample(None, None, rows, [], [], count, embeddings, embeddings_proba=probabilities)


def skactiveml_k_center(embeddings: np.ndarray, count: int, chosen: np.ndarray) -> Any:
    from skactiveml.pool import CoreSet

    labels = np.concatenate([np.full(len(embeddings), np.nan), np.zeros(len(chosen))])
    both = np.concatenate([embeddings, chosen])
    return CoreSet(random_state=0).query(X=both, y=labels, batch_size=count)


def small_text_k_center(embeddings: np.ndarray, count: int, chosen: np.ndarray) -> Any:
    from small_text.query_strategies.coresets import greedy_coreset

    both = np.concatenate([embeddings, chosen])
    rows = np.arange(len(both))
    return greedy_coreset(
        both, rows[: len(embeddings)], rows[len(embeddings) :], count, distance_metric="euclidean"
    )


_ALL: Mapping[str, Mapping[str, tuple[str, Callable[..., Any]]]] = {
    "BALD": {"baal": ("baal", baal_bald), "scikit-activeml": ("skactiveml", skactiveml_bald)},
    "BADGE": {
        "scikit-activeml": ("skactiveml", skactiveml_badge),
        "small-text": ("small_text", small_text_badge),
    },
    "k-centre": {
        "scikit-activeml": ("skactiveml", skactiveml_k_center),
        "small-text": ("small_text", small_text_k_center),
    },
    "BatchBALD": {
        "scikit-activeml": ("skactiveml", skactiveml_batch_bald),
        "baal": ("baal", baal_batch_bald),
    },
}
PEERS: dict[str, dict[str, Callable[..., Any]]] = {
    case: {name: work for name, (module, work) in peers.items() if importlib.util.find_spec(module)}
    for case, peers in _ALL.items()
}
"""By case and by library."""
