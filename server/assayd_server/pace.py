"""How long passes take, as the last ones tell."""

from collections.abc import MutableMapping
from weakref import WeakKeyDictionary

from assayd_server.servable import Servable

_WEIGHT = 1 / 8
"""Of the newest pass."""
UNKNOWN_SECONDS = float("inf")


class Pace:
    """Of each model, by the number of rows up to powers of two."""

    def __init__(self) -> None:
        """Nothing is known."""
        self._seconds: MutableMapping[Servable, dict[int, float]] = WeakKeyDictionary()

    def observe(self, model: Servable, row_count: int, seconds: float) -> None:
        """A pass of so many rows took so long."""
        known, size = self._seconds.setdefault(model, {}), row_count.bit_length()
        before = known.get(size, seconds)
        known[size] = before + _WEIGHT * (seconds - before)

    def expected(self, model: Servable, row_count: int) -> float:
        """How long a pass of so many rows may take: as one of about so many or fewer did; infinite if unknown."""
        known, size = self._seconds.get(model, {}), row_count.bit_length()
        if size in known:
            return known[size]
        fewer = max((one for one in known if one < size), default=None)
        return UNKNOWN_SECONDS if fewer is None else known[fewer] * 2 ** (size - fewer)
