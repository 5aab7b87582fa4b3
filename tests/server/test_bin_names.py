"""What bins are called: as the model calls its classes, and never two of them the same."""

import numpy as np
import pytest

from assayd_server.bin_names import bin_names
from assayd_server.core.drift import CLASS_COLUMN
from assayd_server.core.drift.bins import category_bins, interval_bins
from assayd_server.core.drift.layout import Column

CLASSES = Column(CLASS_COLUMN, category_bins(np.array([0.0, 1, 1, 2]), 3))


def test_classes_go_by_their_names_or_by_their_positions() -> None:
    assert bin_names(CLASSES, ("ant", "bee", "cat")) == ["ant", "bee", "cat", "other", "missing"]
    assert bin_names(CLASSES, ()) == ["0", "1", "2", "other", "missing"]


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (("ant", "ant", "cat"), ["ant (0)", "ant (1)", "cat"]),
        (("other", "bee", "missing"), ["other (0)", "bee", "missing (2)"]),
        (("other", "other (0)", "cat"), ["other (0) (0)", "other (0) (1)", "cat"]),
    ],
)
def test_names_that_are_not_of_one_bin_alone_come_with_the_position(
    labels: tuple[str, ...], names: list[str]
) -> None:
    assert bin_names(CLASSES, labels) == [*names, "other", "missing"]


def test_other_columns_have_nothing_to_do_with_classes() -> None:
    column = Column("x", interval_bins(np.arange(20.0), 2))
    assert bin_names(column, ("ant",)) == list(column.bins.labels())
