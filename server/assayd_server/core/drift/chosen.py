"""Some of the columns of a reference, where not all of them are to be compared."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from assayd_server.core.drift.layout import EMBEDDING, Layout
from assayd_server.core.drift.window import WindowState


def only(window: WindowState, layout: Layout, names: Collection[str]) -> WindowState:
    """A window as if it had come with these columns alone."""
    counts = [
        counted if column.name in names else np.zeros_like(counted)
        for column, counted in zip(layout.columns, layout.split(window.counts), strict=True)
    ]
    embedding_rows = window.embedding_rows if EMBEDDING in names else 0
    return replace(window, counts=np.concatenate([*counts, np.zeros(0, np.int64)]), embedding_rows=embedding_rows)
