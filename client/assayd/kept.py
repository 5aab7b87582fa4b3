"""The best rows of what was ranked so far, with all that a last call on them needs."""

from dataclasses import replace

from assayd.cutting import Piece
from assayd.errors import InvalidArgumentError
from assayd.rankings import Ranking, merged
from assayd.rows import Rows, joined_rows


class Kept:
    """At most count rows, best first; of each its row, its position, its score and its id."""

    def __init__(self, count: int, *, descending: bool, diverse: bool, offset: int) -> None:
        """Nothing is kept yet.

        Args:
            count: how many rows to keep.
            descending: from which end.
            diverse: whether a last call chooses from them; else it only says how they repeat, and unless all rows
                are alike there is none.
            offset: added to all positions.
        """
        self.wanted = count
        """How many were asked for."""
        self.count = count
        """How many are kept at most."""
        self._descending = descending
        self._offset = offset
        self._diverse = diverse
        self._alike = True
        self.ranking: Ranking | None = None
        self.rows: Rows | None = None
        """None where there is no last call to be made."""
        self.with_embeddings = False
        """Whether the server had embeddings for what was ranked."""

    def add(self, piece: Piece, ranking: Ranking) -> None:
        """Keep what is good enough of the best rows of another piece.

        Raises:
            InvalidArgumentError: its rows are not like those before, and a last call is to choose from both.
        """
        self.with_embeddings |= ranking.mean_cosine is not None
        rankings = [ranking] if self.ranking is None else [self.ranking, ranking]
        self.ranking, best = merged(rankings, self.count, descending=self._descending)
        together = self._together(piece.rows.taken(ranking.positions - self._offset - piece.offset))
        self.rows = None if together is None else together.taken(best)

    @property
    def row_count(self) -> int:
        """How many are kept by now."""
        return 0 if self.ranking is None else len(self.ranking)

    def lower(self, count: int) -> None:
        """Keep at most so many from now on."""
        self.count = count
        assert self.ranking is not None  # only what is there can be too much
        assert self.rows is not None
        self.ranking, best = merged([self.ranking], count, descending=self._descending)
        self.rows = self.rows.taken(best)

    def _together(self, rows: Rows) -> Rows | None:
        """The rows that were kept, and some more."""
        if self.rows is None:
            return rows if self._alike else None
        try:
            return joined_rows([self.rows, rows])
        except InvalidArgumentError:
            if self._diverse:
                raise
            self._alike = False
            return None

    @property
    def named_rows(self) -> Rows:
        """For a last call: named by their positions where they have no ids, because randomness goes by these."""
        assert self.ranking is not None  # there were rows
        assert self.rows is not None
        return replace(self.rows, beside={"ids": self.ranking.positions, **self.rows.beside})

    @property
    def cut_short(self) -> bool:
        """Whether rows were left out that there was no room for."""
        assert self.ranking is not None  # there were rows
        scored = self.ranking.row_count - self.ranking.invalid_count
        return self.count < min(self.wanted, scored)
