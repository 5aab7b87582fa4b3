"""What an index is made of: what a manifest says about it, and what its file must hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from assayd_server.index_kind import Kind

ROWS_PER_CELL_MIN = 16
CELLS_MAX = 1 << 16
LINKS = 16
"""Of a row in the graph; twice as many in its lowest layer. 32 find hardly more, in half
as many bytes again.
"""


@dataclass(frozen=True, slots=True)
class Shape:
    """The parts of an index that do not change after it was built."""

    kind: Kind
    dimension: int
    cells: int = 0
    """How many; 0 for a graph, which has none."""

    @property
    def rotated(self) -> int:
        """How wide vectors are after a random rotation; where they are cut into fours, a multiple of four."""
        return self.dimension if self.kind is Kind.LSH else 4 * math.ceil(self.dimension / 4)

    @property
    def recipe(self) -> str:
        """As faiss.index_factory takes it."""
        return {
            Kind.LSH: f"RR{self.rotated},IVF{self.cells},RaBitQ",
            Kind.HNSW: f"HNSW{LINKS}_SQ8",
            Kind.IVF: f"IVF{self.cells},SQ8",
            Kind.IVFPQ: f"RR{self.rotated},IVF{self.cells},PQ{self.rotated // 4}",
        }[self.kind]

    @property
    def parameters(self) -> dict[str, str]:
        """For people: what the manifest has and GetPool answers."""
        codes = {
            Kind.LSH: {"bits": self.rotated},
            Kind.HNSW: {"links": LINKS, "bytes": self.dimension},
            Kind.IVF: {"bytes": self.dimension},
            Kind.IVFPQ: {"bytes": self.rotated // 4},
        }[self.kind]
        cells = {"cells": self.cells} if self.cells else {}
        return {name: str(value) for name, value in {**codes, **cells}.items()}


def shape_for(kind: Kind, *, row_count: int, dimension: int) -> Shape:
    """The shape of an index that is about to be built.

    The nearest cells are found among all of their centres, and then searched: with twice as many cells as the root
    of the rows, the two take about as long.
    """
    cells = max(1, min(CELLS_MAX, round(2 * math.sqrt(row_count)), row_count // ROWS_PER_CELL_MIN))
    return Shape(kind, dimension, 0 if kind is Kind.HNSW else cells)


def shape_of(kind: Kind, parameters: Mapping[str, str], *, dimension: int) -> Shape:
    """The shape that a manifest tells of.

    Raises:
        ValueError: its parameters are not those of the kind.
    """
    shape = Shape(kind, dimension, 0 if kind is Kind.HNSW else int(parameters["cells"]))
    for name, value in shape.parameters.items():
        if parameters.get(name) != value:
            raise ValueError(f"{name} is {parameters.get(name)!r} where {value!r} is due")
    return shape
