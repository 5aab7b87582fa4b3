"""What the bins of a column are called, each differently: classes by the names that the model gives them."""

from collections.abc import Sequence

from assayd_server.core.drift import CLASS_COLUMN
from assayd_server.core.drift.layout import Column


def bin_names(column: Column, labels: Sequence[str]) -> list[str]:
    """A name for each bin.

    Args:
        column: of a reference.
        labels: the names of the model's classes; none where they go by their positions.
    """
    names = list(column.bins.labels())
    if column.name != CLASS_COLUMN or not labels:
        return names
    positions = [int(point) for point in column.bins.points.tolist()]
    known = [labels[position] for position in positions]
    names[: len(known)] = known
    while len(set(names)) < len(names):
        common = {name for name in names if names.count(name) > 1}
        names[: len(known)] = [
            f"{name} ({position})" if name in common else name
            for name, position in zip(names, positions, strict=False)
        ]
    return names
