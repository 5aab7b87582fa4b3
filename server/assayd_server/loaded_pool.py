"""A pool that is ready to be searched: its folder, its ids and its index."""

from collections.abc import Sequence

import numpy as np

from assayd_server import pool
from assayd_server.core.arrays import Floats, Hashes, Integers
from assayd_server.core.density import mean_direction_of_rest
from assayd_server.errors import InvalidArgumentError, NotFoundError
from assayd_server.nearest import NearestSearch
from assayd_server.pool_folder import PoolFolder
from assayd_server.ranking_wanted import named
from assayd_server.retrieval_wanted import PoolNames

_BLOCK_ROWS = 4096


class LoadedPool:
    """One pool, beside one model."""

    def __init__(self, folder: PoolFolder, *, threads: int) -> None:
        """Open its index.

        Args:
            folder: as read from disk.
            threads: how many one search may use.

        Raises:
            ArtefactError: the index is not what the folder says.
        """
        self.folder = folder
        self.stored = folder.stored
        index = None
        if folder.index_path is not None:
            kind = pool.Kind(folder.manifest.kind)
            index = pool.read(
                folder.index_path, kind=kind, parameters=folder.manifest.parameters, stored=folder.stored
            )
        self.search = NearestSearch(folder.stored, index, threads=threads)

    @property
    def digest(self) -> str:
        """Of pool.json."""
        return self.folder.digest

    @property
    def exact(self) -> bool:
        """Whether every search looks at all rows."""
        return self.folder.index_path is None

    def __len__(self) -> int:
        """N."""
        return len(self.stored)

    @property
    def id_bytes_max(self) -> int:
        """What an id takes in a message at most."""
        return self.folder.ids.bytes_max

    def rows_of(self, names: PoolNames, field: str) -> Integers:
        """The rows of some ids.

        Args:
            names: (m,) as they came.
            field: where they came from.

        Returns:
            (m,) int64.

        Raises:
            InvalidArgumentError: they are of the other type.
            NotFoundError: the pool does not have one.
        """
        ids = self.folder.ids
        if not len(names):  # what is empty has no type
            return np.empty(0, np.int64)
        if ids.is_text != (names.dtype.kind == "O"):
            came, has = ("string", "int64")[:: 1 if names.dtype.kind == "O" else -1]
            raise InvalidArgumentError(
                f"is {came}, the pool's ids are {has}", reason="BAD_TYPE", field=f"{field}.data_type"
            )
        rows = ids.rows_of(names)
        for position in np.flatnonzero(rows < 0)[:1]:
            raise NotFoundError(
                f"{names[[position]].tolist()[0]!r} is not an id of the pool, which has {len(self)} rows",
                reason="UNKNOWN_ID",
                field=f"{field}[{position}]",
                details={"pool_digest": self.digest},
            )
        return rows

    def row_set(self, names: Sequence[tuple[PoolNames | None, str]]) -> Integers:
        """All rows that are named, ascending, each once.

        Args:
            names: ids, and the field that each lot came from; None where none came.

        Raises:
            ServiceError: as of rows_of.
        """
        rows = [self.rows_of(lot, field) for lot, field in names if lot is not None]
        return np.unique(np.concatenate([np.empty(0, np.int64), *rows]))

    def names_of(self, rows: Integers) -> PoolNames:
        """The ids of some rows: (m,) int64, or text."""
        return self.folder.ids.of_rows(rows)

    def hashes_of(self, rows: Integers) -> Hashes:
        """(m,) what the randomness of each row depends on: its id."""
        return named(self.names_of(rows)).hashes

    def cells(self, rows: Integers) -> Integers | None:
        """(m,) the cell of the index that each row lies in; None where it has no cells."""
        cells = self.folder.cells
        return None if cells is None else np.asarray(cells[rows], np.int64)

    def direction_without(self, labeled: Integers) -> Floats:
        """(d,) the mean of the unit vectors of all rows but these."""
        total, directed = np.zeros(self.stored.dimension), 0
        for start in range(0, len(labeled), _BLOCK_ROWS):
            directions = self._directions(labeled[start : start + _BLOCK_ROWS])
            total += directions.sum(axis=0)
            directed += int(directions.any(axis=1).sum())
        return mean_direction_of_rest(self.folder.mean, self.folder.manifest.directed_count, total, directed)

    def _directions(self, rows: Integers) -> Floats:
        """(m, d) unit vectors, or zeros where a row is zero."""
        vectors = np.asarray(self.stored.searched[rows], np.float64)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
