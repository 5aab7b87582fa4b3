"""The best rows of what was ranked so far, with all that a last call on them needs."""

from assayd.cutting import Piece
from assayd.rankings import Ranking, merged
from assayd.rows import Rows, joined_rows


class Kept:
    """At most count rows, best first; of each its row, its position, its score and its id."""

    def __init__(self, count: int, *, descending: bool) -> None:
        """Nothing is kept yet."""
        self._count = count
        self._descending = descending
        self.ranking: Ranking | None = None
        self.rows: Rows | None = None

    def add(self, piece: Piece, ranking: Ranking) -> None:
        """Keep what is good enough of the best rows of another piece."""
        rows = piece.rows.taken(ranking.positions - piece.offset)
        rankings = [ranking] if self.ranking is None else [self.ranking, ranking]
        together = rows if self.rows is None else joined_rows([self.rows, rows])
        self.ranking, best = merged(rankings, self._count, descending=self._descending)
        self.rows = together.taken(best)
