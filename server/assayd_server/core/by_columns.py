"""Rows of few numbers, laid out column by column."""

import numpy as np

from assayd_server.core.arrays import Floats
from assayd_server.core.two_largest import NARROW_COLUMNS_MAX


def by_columns(rows: Floats) -> Floats:
    """The same rows, with each column in one piece where there are few: what goes along rows takes a third then.

    Sums of rows can come out different in the last place: they are added up in another order.

    Args:
        rows: (n, c).

    Returns:
        (n, c); the argument itself where nothing changes.
    """
    return np.asarray(rows, order="F") if rows.shape[1] <= NARROW_COLUMNS_MAX else rows
