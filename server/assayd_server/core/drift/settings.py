"""When a window has drifted: how large an effect must be, and how rare a false alarm."""

from dataclasses import dataclass

from assayd_server.core.stream.settings import SettingError


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftSettings:
    """Limits of a verdict.

    Raises:
        SettingError: a value is out of its range.
    """

    alpha: float = 0.05
    """How probable an alarm may be on a window that is like the reference: from 1e-12 to 0.5, for all columns."""

    psi_min: float = 0.1
    """The PSI from which on a column of numbers has drifted: from 0 to 100."""

    cramers_v_min: float = 0.1
    """Cramér's V from which on a column of categories has drifted: from 0 to 1."""

    mmd_min: float = 0.005
    """The squared discrepancy from which on the embedding has drifted, from 0 to 4. By default what comes of a
    shift of the mean by half a standard deviation along one of 16 components."""

    window_rows_min: int = 50
    """How many rows a window must have, from 20 to 1,000,000: below, the laws do not hold."""

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        for field, (low, high) in _ALLOWED.items():
            value = getattr(self, field)
            kind = int if field == "window_rows_min" else (int, float)
            if isinstance(value, bool) or not isinstance(value, kind) or not low <= value <= high:
                numbers = "whole numbers" if kind is int else "numbers"
                raise SettingError(field, f"is {value!r}, allowed are {numbers} from {low} to {high}")


_ALLOWED = {
    "alpha": (1e-12, 0.5),
    "psi_min": (0, 100),
    "cramers_v_min": (0, 1),
    "mmd_min": (0, 4),
    "window_rows_min": (20, 1_000_000),
}
