"""Rows of a pool that are like labelled ones (SEALS), and those of them that were chosen to be labelled."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assayd.arrays import Array, decode, encode
from assayd.errors import InvalidArgumentError
from assayd.identity import ModelIdentity, identity_of
from assayd.ids import check_alike, id_array, id_tensor
from assayd.v1 import retrieval_pb2


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Neighbours of labelled rows that have no label yet, each once."""

    ids: Array
    """(m,) int64 or text."""
    sources: Array
    """(m,): the labelled row that each was reached from; of several, the most similar one."""
    similarities: NDArray[np.float32]
    """(m,): how similar the two are."""
    pool_digest: str = ""
    """Of the pool that they are rows of; empty where nobody said."""
    model: ModelIdentity | None = None
    """The model whose pool it is."""

    def __len__(self) -> int:
        """How many there are."""
        return len(self.ids)

    def columns(self) -> dict[str, Array]:
        """(m,) arrays by name: id, source, similarity."""
        return {"id": self.ids, "source": self.sources, "similarity": self.similarities}

    def updated(self, added: "Candidates") -> "Candidates":
        """These and the added ones; of one that is in both the more similar source stands, or the added one.

        Raises:
            InvalidArgumentError: they are from different pools.
        """
        if "" not in (self.pool_digest, added.pool_digest) and self.pool_digest != added.pool_digest:
            raise InvalidArgumentError(
                f"added: are of the pool {added.pool_digest}, these of {self.pool_digest}", field="added"
            )
        if not len(added):  # what is empty has no type of ids
            return self
        if not len(self):
            return added
        check_alike("added", added.ids, "these", self.ids)
        order = np.argsort(self.ids, kind="stable")
        found = np.searchsorted(self.ids[order], added.ids).clip(max=len(self) - 1)
        places = order[found]
        known = self.ids[places] == added.ids
        better = known & (added.similarities >= self.similarities[places])
        sources, similarities = self.sources.copy(), self.similarities.copy()
        sources[places[better]] = added.sources[better]
        similarities[places[better]] = added.similarities[better]
        return replace(
            _concatenated([replace(self, sources=sources, similarities=similarities), _taken(added, ~known)]),
            pool_digest=added.pool_digest or self.pool_digest,
            model=added.model or self.model,
        )

    def without(self, ids: object) -> "Candidates":
        """These but for some rows, such as those that were labelled.

        Raises:
            InvalidArgumentError: these are no ids.
        """
        removed = set(id_array(ids, "ids").tolist())
        return _taken(self, np.array([each not in removed for each in self.ids.tolist()], np.bool_))


@dataclass(frozen=True, slots=True, eq=False)
class CandidateSelection:
    """The rows to label next: those chosen from the candidates, best first, then those drawn by chance."""

    ids: Array
    """(c,) int64 or text."""
    scores: Array
    """(c,) float32 or float64: the measure of each."""
    sources: Array
    """(c,): the labelled row that each was reached from; -1 or empty for one that was drawn by chance."""
    similarities: NDArray[np.float32]
    """(c,): how similar the two are; NaN for one that was drawn by chance."""
    random: NDArray[np.bool_]
    """(c,): whether it was drawn by chance."""
    added: Candidates
    """What the round adds to the candidates: candidates.updated(added) are those of the next round."""
    candidate_count: int
    """How many candidates were scored."""
    mean_cosine: float | None
    """Of all pairs of chosen rows; None where fewer than two are not zero."""
    effective_size: float | None
    """How many different rows the chosen ones amount to."""
    warnings: tuple[str, ...]
    """Sentences for people."""
    pool_digest: str
    """Of the pool."""
    model: ModelIdentity
    """The model whose pool it is, and that scored where no head was given."""

    def __len__(self) -> int:
        """The number of chosen rows."""
        return len(self.ids)

    def columns(self) -> dict[str, Array]:
        """(c,) arrays by name: id, score, source, similarity, random."""
        return {
            "id": self.ids,
            "score": self.scores,
            "source": self.sources,
            "similarity": self.similarities,
            "random": self.random,
        }


def expanded(response: retrieval_pb2.ExpandCandidatesResponse) -> Candidates:
    """The candidates that newly labelled rows add."""
    return _candidates(response.candidates, response.pool_digest, identity_of(response.model))


def selection_of(response: retrieval_pb2.SelectCandidatesResponse) -> CandidateSelection:
    """What a round chose."""
    model = identity_of(response.model)
    return CandidateSelection(
        ids=decode(response.ids),
        scores=decode(response.scores),
        sources=decode(response.sources),
        similarities=decode(response.similarities),
        random=decode(response.random),
        added=_candidates(response.added, response.pool_digest, model),
        candidate_count=response.candidate_count,
        mean_cosine=response.mean_cosine if response.HasField("mean_cosine") else None,
        effective_size=response.effective_size if response.HasField("effective_size") else None,
        warnings=tuple(response.warnings),
        pool_digest=response.pool_digest,
        model=model,
    )


def no_candidates() -> Candidates:
    """None yet."""
    return Candidates(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))


def checked_candidates(candidates: Candidates) -> Candidates:
    """Candidates that somebody made, with arrays of the types that they should have.

    Raises:
        InvalidArgumentError: their arrays do not fit together.
    """
    ids, sources = id_array(candidates.ids, "candidates.ids"), id_array(candidates.sources, "candidates.sources")
    similarities = np.asarray(candidates.similarities, np.float32)
    if similarities.shape != ids.shape or sources.shape != ids.shape:
        raise InvalidArgumentError(
            f"candidates: have {len(ids)} ids, {len(sources)} sources and similarities of shape "
            f"{list(similarities.shape)}, which must be as many",
            field="candidates",
        )
    check_alike("candidates.sources", sources, "candidates.ids", ids)
    return replace(candidates, ids=ids, sources=sources, similarities=similarities)


def candidates_message(candidates: Candidates) -> retrieval_pb2.Candidates | None:
    """Checked candidates as a message; None where there are none."""
    if not len(candidates):
        return None
    return retrieval_pb2.Candidates(
        ids=id_tensor(candidates.ids, "candidates.ids"),
        sources=id_tensor(candidates.sources, "candidates.sources"),
        similarities=encode(candidates.similarities),
    )


def merged_candidates(parts: Sequence[Candidates]) -> Candidates:
    """What several parts of the same new rows add together.

    Of a candidate that was reached from several rows the most similar one stands, of these the one with the
    smaller id; most similar first, ties by the smaller id. That is the order in the pool where its ids ascend.

    Args:
        parts: one or more, of the same pool, each without what is labelled.
    """
    filled = [part for part in parts if len(part)]
    if len(filled) < 2:
        return filled[0] if filled else parts[0]
    together = _concatenated(filled)
    (_, places), (_, origins) = (
        np.unique(values, return_inverse=True) for values in (together.ids, together.sources)
    )
    order = np.lexsort((origins, places, -together.similarities))
    _, first = np.unique(places[order], return_index=True)
    return _taken(together, order[np.sort(first)])


def _candidates(message: retrieval_pb2.Candidates, pool_digest: str, model: ModelIdentity) -> Candidates:
    return Candidates(
        ids=decode(message.ids),
        sources=decode(message.sources),
        similarities=decode(message.similarities),
        pool_digest=pool_digest,
        model=model,
    )


def _concatenated(parts: Sequence[Candidates]) -> Candidates:
    return replace(
        parts[0],
        ids=np.concatenate([part.ids for part in parts]),
        sources=np.concatenate([part.sources for part in parts]),
        similarities=np.concatenate([part.similarities for part in parts]),
    )


def _taken(candidates: Candidates, rows: Array) -> Candidates:
    return replace(
        candidates,
        ids=candidates.ids[rows],
        sources=candidates.sources[rows],
        similarities=candidates.similarities[rows],
    )
