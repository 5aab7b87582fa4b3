"""Some of the columns of a reference, where not all of them are to be compared."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from assayd_server.core.drift.layout import EMBEDDING, Layout
from assayd_server.core.drift.moments import Moments
from assayd_server.core.drift.window import WindowState


def only(window: WindowState, layout: Layout, names: Collection[str]) -> WindowState:
    """A window as if it had come with these columns alone."""
    counts = [
        counted if column.name in names else np.zeros_like(counted)
        for column, counted in zip(layout.columns, layout.split(window.counts), strict=True)
    ]
    chosen = replace(window, counts=np.concatenate([*counts, np.zeros(0, np.int64)]))
    return chosen if EMBEDDING in names else _without_embeddings(chosen)


def _without_embeddings(window: WindowState) -> WindowState:
    sums, products = np.zeros_like(window.moments.sums), np.zeros_like(window.moments.products)
    features = np.zeros_like(window.features)
    return replace(window, embedding_rows=0, features=features, moments=Moments(0, sums, products))
