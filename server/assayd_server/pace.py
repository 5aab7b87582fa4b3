"""How long the passes of a model take, as the last ones tell."""

_WEIGHT = 1 / 8
"""Of the newest pass."""
_FADING = 1 / 64
"""Of what a smaller pass tells of a larger one: what seems too slow is not tried, and would seem so for good."""
UNKNOWN_SECONDS = float("inf")


class Pace:
    """By the number of rows, up to powers of two."""

    def __init__(self) -> None:
        """Nothing is known."""
        self._seconds: dict[int, float] = {}

    def observe(self, row_count: int, seconds: float) -> None:
        """A pass of so many rows took so long. One of more rows should take no longer than by its rows: where that
        is expected, a stall may have been the cause, and it is forgotten by and by."""
        size = row_count.bit_length()
        before = self._seconds.get(size, seconds)
        own = self._seconds[size] = before + _WEIGHT * (seconds - before)
        for larger, known in list(self._seconds.items()):
            at_most = own * 2 ** (larger - size)
            if larger > size and known > at_most:
                self._seconds[larger] = known + _FADING * (at_most - known)

    def expected(self, row_count: int) -> float:
        """How long a pass of so many rows may take: as one of about so many or fewer did; infinite if unknown."""
        size = row_count.bit_length()
        known = self._seconds.get(size)
        if known is not None:
            return known
        fewer = max((one for one in list(self._seconds) if one < size), default=None)
        return UNKNOWN_SECONDS if fewer is None else self._seconds[fewer] * 2 ** (size - fewer)
