"""What a reference holds for novelty, as arrays in one file."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from assayd_server.core.novelty.conformal import Calibration
from assayd_server.core.novelty.gaussians import Gaussians
from assayd_server.core.novelty.knn_distance import Neighbors
from assayd_server.core.novelty.measures import NEEDS, Need, NoveltyMeasure, combined_measures
from assayd_server.core.novelty.scoring import Fitted
from assayd_server.core.novelty.vim import Vim

_FITTED: Mapping[str, type[Gaussians] | type[Neighbors] | type[Vim]] = {
    "gaussians": Gaussians,
    "neighbors": Neighbors,
    "vim": Vim,
}
_CALIBRATION = "calibration"


@dataclass(frozen=True)
class NoveltyReference:
    """The parameters of every measure that the reference has, and what its scores are compared with."""

    fitted: Fitted
    calibrations: Mapping[NoveltyMeasure, Calibration]
    """Of the same rows all of them, the combined measure among them where there is one."""

    @classmethod
    def empty(cls) -> "NoveltyReference":
        """Without any measure."""
        return cls(Fitted(), {})

    @property
    def measures(self) -> tuple[NoveltyMeasure, ...]:
        """What can be measured, in the order of declaration."""
        return tuple(measure for measure in NoveltyMeasure if measure in self.calibrations)

    @cached_property
    def combined(self) -> tuple[NoveltyMeasure, ...]:
        """What the combined measure is made of."""
        return combined_measures(self.calibrations)

    def looks_at_embedding(self, measures: Collection[NoveltyMeasure]) -> bool:
        """Whether any of these measures, or the verdict that comes with the combined one, needs the embedding."""
        combines = NoveltyMeasure.COMBINED in measures
        parts = {*measures, *(self.combined if combines else ())} - {NoveltyMeasure.COMBINED}
        judges = combines and NoveltyMeasure.DOMAIN in self.calibrations
        return judges or any(Need.EMBEDDING in NEEDS[part] for part in parts)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """By name, for a file: "gaussians.center", "calibration.gen.scores" and so on."""
        parts: dict[str, Any] = {name: getattr(self.fitted, name) for name in _FITTED}
        parts |= {f"{_CALIBRATION}.{measure}": one for measure, one in self.calibrations.items()}
        return {
            f"{name}.{field}": array
            for name, part in parts.items()
            if part is not None
            for field, array in part.arrays().items()
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "NoveltyReference":
        """What arrays() gave; arrays of other names are not looked at.

        Raises:
            KeyError: an array is missing.
            ValueError: a measure has a name that is not known.
        """
        parts: dict[str, dict[str, NDArray[Any]]] = {}
        for name, array in arrays.items():
            part, _, field = name.rpartition(".")
            parts.setdefault(part, {})[field] = array
        fitted: dict[str, Any] = {
            name: kind.from_arrays(parts[name]) for name, kind in _FITTED.items() if name in parts
        }
        calibrations = {
            NoveltyMeasure(name.partition(".")[2]): Calibration.from_arrays(fields)
            for name, fields in parts.items()
            if name.startswith(f"{_CALIBRATION}.")
        }
        return cls(Fitted(**fitted), calibrations)
