"""What `assayd index build` is asked for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assayd_server.bundle import POOL_FILE
from assayd_server.contract import Choice
from assayd_server.core.similarity import Metric
from assayd_server.errors import ArtefactError
from assayd_server.index_kind import Kind
from assayd_server.vector_sources import file_facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A pool, as the flags have it; those that name a source and a place were not checked yet."""

    vectors: Path | None = None
    """Either these, or rows."""
    rows: Path | None = None
    model: Path | None = None
    """Embeds the rows, or else the bundle's."""
    chosen: Choice | None = None
    """How the model is read."""
    bundle: Path | None = None
    output: Path | None = None
    """Where the pool goes, or else into the bundle."""
    ids: Path | None = None
    id_column: str | None = None
    columns: str | None = None
    metric: Metric = Metric.COSINE
    kind: Kind | None = None
    """None to have it chosen."""
    skip_invalid: bool = False
    restart: bool = False

    @property
    def place(self) -> Path:
        """Where the pool goes."""
        place = self.output if self.bundle is None else self.bundle / Path(POOL_FILE).parent
        assert place is not None  # one of the two is given
        return place

    def check(self) -> None:
        """See to it that the flags go together.

        Raises:
            ArtefactError: they do not.
        """
        for problem in self._problems():
            raise ArtefactError(problem)

    def job(self) -> Mapping[str, Any]:
        """What makes this pool of given vectors and no other: JSON values, by what a person would call them."""
        return {
            "--metric": self.metric,
            "--kind": self.kind or "auto",
            "--skip-invalid": self.skip_invalid,
            "--id-column": self.id_column,
            **(file_facts("--ids", self.ids) if self.ids is not None else {}),
        }

    def _problems(self) -> Iterator[str]:
        if (self.vectors is None) == (self.rows is None):
            yield f"give either --vectors or --input, not {'neither' if self.rows is None else 'both'}"
        if (self.output is None) == (self.bundle is None):
            yield f"give either --output or --bundle, not {'neither' if self.output is None else 'both'}"
        if self.model is not None and self.bundle is not None:
            yield "--model: a bundle has its own model, leave it out"
        if self.rows is not None and self.model is None and self.bundle is None:
            yield "--input: needs a model that embeds the rows, give --model or --bundle"
        if self.model is not None and self.rows is None:
            yield "--model: goes with --input; vectors need no model"
        if self.chosen is not None and self.model is None:
            yield "flags for how a model is read go with --model; a bundle says how it is read"
        if self.ids is not None and self.id_column is not None:
            yield "give either --ids or --id-column, not both"
        if self.rows is None and (self.id_column or self.columns) is not None:
            flag = "--columns" if self.id_column is None else "--id-column"
            yield f"{flag}: goes with --input, vectors have no named columns"
