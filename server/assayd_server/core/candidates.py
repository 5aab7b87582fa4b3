"""The candidates of SEALS: unlabelled rows that are like labelled ones, each with the one it is most like.

A round searches for the neighbours of the newly labelled rows alone, so its cost does not grow with the pool.

Source: Coleman et al. 2022, Similarity Search for Efficient Active Learning and Search of Rare Concepts.
"""

from dataclasses import dataclass

import numpy as np

from assayd_server.core.arrays import Booleans, Floats, Integers


@dataclass(frozen=True, slots=True)
class Candidates:
    """Rows of a pool, each once, ascending."""

    rows: Integers
    """(m,)"""
    sources: Integers
    """(m,) the labelled row that each was reached from."""
    similarities: Floats
    """(m,) float32: how similar the two are."""

    def __len__(self) -> int:
        """m."""
        return len(self.rows)

    def where(self, chosen: Booleans | Integers) -> "Candidates":
        """Some of them."""
        return Candidates(self.rows[chosen], self.sources[chosen], self.similarities[chosen])

    def without(self, rows: Integers) -> "Candidates":
        """Those that are not among these rows, which ascend."""
        _, places, _ = _among(self.rows, rows)
        kept = np.ones(len(self), np.bool_)
        kept[places] = False
        return self.where(kept)

    def most_similar_first(self) -> "Candidates":
        """The same in another order, ties by row."""
        return self.where(np.lexsort((self.rows, -self.similarities)))


NONE = Candidates(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))


def neighbors_of(sources: Integers, neighbors: Integers, similarities: Floats) -> Candidates:
    """The union of the neighbours of some rows.

    Args:
        sources: (b,), rows in any order.
        neighbors: (b, k), the nearest rows of each.
        similarities: (b, k); NaN where there is no neighbour.
    """
    found = ~np.isnan(similarities)
    reached_from = np.broadcast_to(sources[:, None], neighbors.shape)
    return each_once(neighbors[found], reached_from[found], similarities[found])


def each_once(rows: Integers, sources: Integers, similarities: Floats) -> Candidates:
    """Of a row that was reached more than once, the most similar source is kept, and of those the lowest.

    Args:
        rows: (m,), in any order.
        sources: (m,)
        similarities: (m,), no NaN.
    """
    if not len(rows):
        return Candidates(rows, sources, similarities)
    order = np.argsort(rows, kind="stable")  # takes hardly longer than a look where the rows ascend in parts
    rows, sources, similarities = rows[order], sources[order], similarities[order]
    first = np.flatnonzero(np.concatenate([[True], rows[1:] != rows[:-1]]))
    best = np.maximum.reduceat(similarities, first)
    of_best = similarities == np.repeat(best, np.diff(first, append=len(rows)))
    lowest = np.minimum.reduceat(np.where(of_best, sources, np.iinfo(sources.dtype).max), first)
    return Candidates(rows[first], lowest, best)


def merged(known: Candidates, found: Candidates) -> tuple[Candidates, Candidates]:
    """The candidates of all rounds, and what this round changes.

    Args:
        known: of the rounds before.
        found: by this one.

    Returns:
        The union, and those of it that were not known or have a more similar source by now.
    """
    same, places, missing = _among(known.rows, found.rows)
    nearer = found.similarities[same] > known.similarities[places]
    lower = found.sources[same] < known.sources[places]
    better = nearer | (found.similarities[same] == known.similarities[places]) & lower
    same, places = same[better], places[better]
    sources, similarities = known.sources.copy(), known.similarities.copy()
    sources[places], similarities[places] = found.sources[same], found.similarities[same]
    changed = missing.copy()
    changed[same] = True
    new = found.where(missing)
    at = np.searchsorted(known.rows, new.rows)
    union = Candidates(
        np.insert(known.rows, at, new.rows),
        np.insert(sources, at, new.sources),
        np.insert(similarities, at, new.similarities),
    )
    return union, found.where(changed)


def _among(rows: Integers, wanted: Integers) -> tuple[Integers, Integers, Booleans]:
    """Which of some rows are among others.

    Args:
        rows: (m,) ascending, each once.
        wanted: (w,) ascending: far fewer, so that they are looked up, and not the others.

    Returns:
        Positions in wanted of those that are, their positions in rows, and (w,) which are not.
    """
    places = np.searchsorted(rows, wanted)
    there = places < len(rows)
    there[there] = rows[places[there]] == wanted[there]
    return np.flatnonzero(there), places[there], ~there
