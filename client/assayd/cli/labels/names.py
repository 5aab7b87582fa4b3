"""What classes are called, in files and by people."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assayd.cli.exits import CommandError

NONE = -1
_COUNT_MAX = 2**31


class ClassNames:
    """The names of classes by their positions; there may be none."""

    def __init__(self, names: Sequence[str], *, count: int = 0) -> None:
        """Of two classes of one name the first is meant.

        Args:
            names: of all classes, or none.
            count: how many classes there are, where there are no names; 0 where nobody knows.
        """
        self.names = tuple(names)
        self.count = len(self.names) or count
        self._positions = {name: place for place, name in reversed([*enumerate(self.names)])}

    def of(self, position: int) -> str:
        """The name of a class, or its position where it has none."""
        return self.names[position] if position < len(self.names) else str(position)

    def positions(self, labels: pa.Array | NDArray[Any], where: str) -> NDArray[np.int64]:
        """Labels as positions of classes, -1 where there is none.

        Args:
            labels: (n,) names, or whole numbers: positions, or -1. A null, a NaN and an empty text are no label.
            where: they come from.

        Raises:
            CommandError: one is neither.
        """
        try:
            given = pa.array(labels) if isinstance(labels, np.ndarray) else labels
            encoded = given if pa.types.is_dictionary(given.type) else given.dictionary_encode()
        except pa.ArrowNotImplementedError:  # lists, structures, complex numbers
            kind = labels.dtype if isinstance(labels, np.ndarray) else labels.type
            raise CommandError(
                f"{where}: values of type {kind} are neither names of classes nor positions"
            ) from None
        known = [self._position(label, where) for label in encoded.dictionary.to_pylist()]
        codes = encoded.indices.cast(pa.int64()).fill_null(len(known))
        return np.array([*known, NONE], np.int64)[codes.to_numpy()]

    def column(self, positions: NDArray[np.integer[Any]]) -> pa.Array:
        """(n,) names as text, or positions where there are no names; null where there is no label."""
        missing = positions < 0
        if not self.names:
            return pa.array(positions.astype(np.int64), mask=missing)
        codes = pa.array(positions.astype(np.int64), mask=missing)
        return pa.DictionaryArray.from_arrays(codes, pa.array(self.names)).dictionary_decode()

    def _position(self, label: Any, where: str) -> int:
        if label is None or label == "" or (isinstance(label, float) and math.isnan(label)):
            return NONE
        if isinstance(label, str) and label in self._positions:
            return self._positions[label]
        position = _whole(label)
        if position is None or not NONE <= position < (self.count or _COUNT_MAX):
            known = f", which are {', '.join(self.names[:10])}" if self.names else ""
            more = " and others" if len(self.names) > 10 else ""
            raise CommandError(f"{where}: {label!r} is neither a class{known}{more}, nor the position of one")
        return position


def _whole(label: Any) -> int | None:
    """What a label is as a whole number; None where it is none."""
    try:
        return int(label) if isinstance(label, str) or int(label) == label else None
    except (TypeError, ValueError, OverflowError):
        return None
