"""Reads the rows of a file, or a random sample of them, in memory that is bounded by the sample."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assayd.arrays import Array
from assayd.channel import ChannelSettings
from assayd.cli.exits import CommandError
from assayd.cli.progress import Progress
from assayd.cli.sources.reading import Batch, Reading, Source
from assayd.drift_options import Sample

Rows: TypeAlias = pa.Table | Array

SAMPLE_ROWS_MIN, SAMPLE_ROWS_MAX = 1_000, 10_000
"""By default: with fewer, effects that matter go unseen, and more would find trifles only."""
REFERENCE_SHARE = 20
"""Of a window that is larger than one in so many rows of the reference, the rate of false alarms is uncertain."""
_HELD_FACTOR = 4
"""How many samples are held before the smallest keys are looked for, which costs a copy of the rows."""


@dataclass(frozen=True, slots=True)
class Window:
    """Rows of a file, in its order."""

    rows: Rows
    row_count: int
    """Of the whole file."""


def default_sample_rows(reference_rows: int, row_bytes: int) -> int:
    """How many rows are tested where nobody says: as many as the reference bears and one call takes.

    Args:
        reference_rows: that the window is compared with.
        row_bytes: about what a row takes; above 0.
    """
    borne = min(max(reference_rows // REFERENCE_SHARE, SAMPLE_ROWS_MIN), SAMPLE_ROWS_MAX)
    return max(1, min(borne, ChannelSettings().message_bytes_max // row_bytes))


def read_window(source: Source, reading: Reading, sample: Sample, progress: Progress) -> Window:
    """What the sample has of the whole file, as Sample.of takes it.

    Raises:
        CommandError: the file cannot be read, or has no rows.
    """
    held = _Held(sample)
    for batch in source.batches(reading):
        held.add(batch)
        progress.advance(len(batch))
    if not held.row_count:
        raise CommandError(f"{source.path}: holds no rows")
    return Window(held.taken(), held.row_count)


class _Held:
    """The rows with the smallest random keys of those that came by."""

    def __init__(self, sample: Sample) -> None:
        """None came by yet."""
        self.row_count = 0
        self._sample = sample
        self._random = sample.random()
        self._parts: list[Rows] = []
        self._keys = np.empty(0)

    def add(self, batch: Batch) -> None:
        """The next rows."""
        self.row_count += len(batch)
        self._parts.append(pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch)
        self._keys = np.concatenate([self._keys, self._random.random(len(batch))])
        if len(self._keys) > _HELD_FACTOR * self._sample.row_count:
            self._drop()

    def taken(self) -> Rows:
        """All rows where there are no more than the sample has, else the sample."""
        if len(self._keys) > self._sample.row_count:
            self._drop()
        return _joined(self._parts)

    def _drop(self) -> None:
        chosen = self._sample.smallest(self._keys)
        self._parts, self._keys = [_taken(_joined(self._parts), chosen)], self._keys[chosen]


def _joined(parts: Sequence[Rows]) -> Rows:
    return pa.concat_tables(parts) if isinstance(parts[0], pa.Table) else np.concatenate(parts)


def _taken(rows: Rows, positions: NDArray[np.int64]) -> Rows:
    return rows.take(pa.array(positions)) if isinstance(rows, pa.Table) else rows[positions]
