"""Which rows are chosen, once it is known how uncertain each is."""

from dataclasses import dataclass

import numpy as np

from assayd_server.core.arrays import Floats, Hashes, Integers
from assayd_server.core.badge import badge
from assayd_server.core.batch_bald import batch_bald
from assayd_server.core.cluster_margin import cluster_margin
from assayd_server.core.clusters import sign_clusters
from assayd_server.core.k_center import k_center
from assayd_server.core.stochastic import gumbel_keys
from assayd_server.core.top_rows import top_rows
from assayd_server.core.validity import finite
from assayd_server.opinions import Opinions
from assayd_server.ranking_wanted import Badge, BatchBald, ClusterMargin, KCenter, RankWanted, Stochastic
from assayd_server.repeating import NOTHING, Repetition, repetition


@dataclass(frozen=True, slots=True)
class Chosen:
    """Rows of a batch, best first."""

    positions: Integers
    """(k,)"""
    scores: Floats
    """(k,)"""
    keys: Floats | None
    """(k,), of random draws."""
    invalid: Integers
    """Positions of the rows that cannot be scored, ascending."""
    repetition: Repetition


@dataclass(frozen=True, slots=True)
class Picked:
    """Which rows of a batch are chosen."""

    positions: Integers
    """(k,) best first."""
    scores: Floats
    """(n,) of all rows."""
    keys: Floats | None
    """(n,) of all rows, where draws are random."""


def choose(opinions: Opinions, wanted: RankWanted, hashes: Hashes) -> Chosen:
    """The rows that are wanted, and what is to be said of them.

    Args:
        opinions: on n rows.
        wanted: checked against them.
        hashes: (n,) what the randomness of each row depends on.
    """
    found, embeddings = picked(opinions, wanted, hashes), opinions.forward.embeddings
    positions = found.positions
    return Chosen(
        positions=positions,
        scores=found.scores[positions],
        keys=None if found.keys is None else found.keys[positions],
        invalid=np.flatnonzero(np.isnan(found.scores)),
        repetition=NOTHING if embeddings is None else repetition(embeddings[positions], part=wanted.part),
    )


def picked(opinions: Opinions, wanted: RankWanted, hashes: Hashes) -> Picked:
    """The rows that are wanted.

    Args:
        opinions: on n rows.
        wanted: checked against them.
        hashes: (n,) what the randomness of each row depends on.
    """
    scores = opinions.uncertainty(wanted.measure, wanted.density)
    embeddings = opinions.forward.embeddings
    if wanted.diverse and embeddings is not None:
        scores = np.where(finite(embeddings), scores, np.nan)
    if isinstance(wanted.diversity, Stochastic):
        keys = gumbel_keys(scores, hashes, seed=wanted.seed, beta=wanted.diversity.beta)
        return Picked(top_rows(keys, wanted.count), scores, keys)
    if not wanted.diverse:
        return Picked(top_rows(scores, wanted.count, descending=wanted.descending), scores, None)
    candidates = top_rows(scores, wanted.candidate_count, descending=wanted.descending)
    if wanted.part:
        return Picked(candidates, scores, None)
    return Picked(candidates[_diverse(opinions, wanted, candidates, scores, hashes)], scores, None)


def _diverse(
    opinions: Opinions, wanted: RankWanted, candidates: Integers, scores: Floats, hashes: Hashes
) -> Integers:
    """Positions among the candidates, which come best first."""
    diversity, count = wanted.diversity, min(wanted.count, len(candidates))
    embeddings = opinions.forward.embeddings
    if isinstance(diversity, KCenter | Badge | ClusterMargin):
        assert embeddings is not None  # the checks saw to it
        embeddings = embeddings[candidates]
        if isinstance(diversity, KCenter):
            return k_center(embeddings, count)
        if isinstance(diversity, ClusterMargin):
            clusters = (
                sign_clusters(embeddings, diversity.bits, wanted.seed)
                if opinions.clusters is None
                else opinions.clusters[candidates]
            )
            ranked_by = scores[candidates] if wanted.descending else -scores[candidates]
            return cluster_margin(ranked_by, clusters, count)
        probabilities = opinions.class_probabilities(candidates)
        return badge(probabilities, embeddings, count, seed=wanted.seed, ids=hashes[candidates])
    assert opinions.members is not None  # the checks saw to it
    assert isinstance(diversity, BatchBald)  # it is left
    return batch_bald(opinions.members[:, candidates], count, seed=wanted.seed, samples_max=diversity.samples)
