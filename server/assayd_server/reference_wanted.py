"""What `assayd reference build` is asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from assayd_server.contract import Choice
from assayd_server.errors import ArtefactError


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceWanted:
    """A reference, as the flags have it."""

    rows: Path
    """That the model was not trained on."""
    labels: Path | None = None
    train: Path | None = None
    """That it was trained on."""
    model: Path | None = None
    chosen: Choice | None = None
    """How the model is read."""
    bundle: Path | None = None
    output: Path | None = None
    """Where the reference goes, or else into the bundle."""
    columns: str | None = None
    features: tuple[str, ...] = ()

    def check(self) -> None:
        """See to it that the flags go together.

        Raises:
            ArtefactError: they do not.
        """
        for problem in self._problems():
            raise ArtefactError(problem)

    def _problems(self) -> Iterator[str]:
        if (self.model is None) == (self.bundle is None):
            yield f"give either --model or --bundle, not {'neither' if self.model is None else 'both'}"
        if (self.output is None) == (self.bundle is None):
            yield f"give either --output or --bundle, not {'neither' if self.output is None else 'both'}"
        if self.chosen is not None and self.model is None:
            yield "flags for how a model is read go with --model; a bundle says how it is read"
        if self.output is not None and self.output.exists():
            yield f"{self.output}: is there already, take another name"
