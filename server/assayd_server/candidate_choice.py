"""Which candidates are worth a label: all are scored from the pool's own vectors, some at a time."""

from dataclasses import dataclass, replace

import numpy as np

from assayd_server.candidate_plan import CandidatePlan
from assayd_server.candidate_size import row_elements
from assayd_server.choosing import picked
from assayd_server.committees import opinions_given
from assayd_server.core.arrays import Booleans, Floats, Integers
from assayd_server.core.candidates import Candidates
from assayd_server.core.exploration import drawn_rows
from assayd_server.core.stochastic import gumbel_keys
from assayd_server.core.top_rows import top_rows
from assayd_server.opinions import Opinions
from assayd_server.ranking import repeats_itself
from assayd_server.ranking_wanted import ClusterMargin, Stochastic
from assayd_server.repeating import Repetition, repetition

_BLOCK_ELEMENTS = 1 << 20
"""Of vectors, or of scores, at a time: four megabytes."""


@dataclass(frozen=True, slots=True)
class CandidateChoice:
    """(c,) rows of the pool: those chosen from the candidates, best first, then those drawn by chance."""

    rows: Integers
    scores: Floats
    sources: Integers
    """What is drawn by chance has none, and any row here."""
    similarities: Floats
    """NaN for what is drawn by chance."""
    random: Booleans
    candidate_count: int
    added: Candidates
    repetition: Repetition
    warnings: tuple[str, ...]


def choose_candidates(plan: CandidatePlan, candidates: Candidates, added: Candidates) -> CandidateChoice:
    """Choose the rows of a round.

    Args:
        plan: what was asked for.
        candidates: of all rounds, without labels.
        added: those of them that this round found.
    """
    uncertainty = _uncertainty(plan, candidates.rows)
    places = _best(plan, candidates, uncertainty) if len(candidates) else np.empty(0, np.int64)
    chosen = candidates.where(places)
    taken = np.union1d(plan.expand.labeled, chosen.rows)
    drawn = drawn_rows(len(plan.expand.pool), plan.random_count, taken=taken, seed=plan.ranking.seed)
    rows = np.concatenate([chosen.rows, drawn])
    repeating = repetition(plan.expand.pool.stored.original(rows), part=False)
    return CandidateChoice(
        rows=rows,
        scores=np.concatenate([uncertainty[places], _uncertainty(plan, drawn)]),
        sources=np.concatenate([chosen.sources, np.zeros(len(drawn), np.int64)]),
        similarities=np.concatenate([chosen.similarities, np.full(len(drawn), np.nan, np.float32)]),
        random=np.arange(len(rows)) >= len(chosen),
        candidate_count=len(candidates),
        added=added,
        repetition=repeating,
        warnings=tuple(_warnings(plan, len(rows), repeating)),
    )


def _best(plan: CandidatePlan, candidates: Candidates, uncertainty: Floats) -> Integers:
    """Places among the candidates, (m,) as uncertain as is said; best first."""
    wanted = replace(plan.ranking, count=plan.ranking.count - plan.random_count)
    if not wanted.count:
        return np.empty(0, np.int64)
    pool = plan.expand.pool
    if isinstance(wanted.diversity, Stochastic):
        keys = gumbel_keys(
            uncertainty, pool.hashes_of(candidates.rows), seed=wanted.seed, beta=wanted.diversity.beta
        )
        return top_rows(keys, wanted.count)
    if not wanted.diverse:
        return top_rows(uncertainty, wanted.count, descending=wanted.descending)
    first = top_rows(uncertainty, plan.ranking.candidate_count, descending=wanted.descending)
    rows = candidates.rows[first]
    opinions = _opinions(plan, rows)
    return first[picked(opinions, wanted, pool.hashes_of(rows)).positions]


def _uncertainty(plan: CandidatePlan, rows: Integers) -> Floats:
    """(m,), NaN for a row that cannot be scored."""
    size = max(1, _BLOCK_ELEMENTS // row_elements(plan.rank_plan(rows)))
    wanted = plan.ranking
    found = [
        _opinions(plan, rows[start : start + size]).uncertainty(wanted.measure, wanted.density)
        for start in range(0, len(rows), size)
    ]
    return np.concatenate([np.empty(0, np.float32), *found])


def _opinions(plan: CandidatePlan, rows: Integers) -> Opinions:
    """On some rows of the pool, with the cells of its index."""
    opinions = opinions_given(plan.rank_plan(rows))
    cells = plan.expand.pool.cells(rows) if isinstance(plan.ranking.diversity, ClusterMargin) else None
    return opinions if cells is None else opinions.clustered(cells)


def _warnings(plan: CandidatePlan, found: int, repeating: Repetition) -> list[str]:
    wanted = plan.ranking
    warnings = repeats_itself(repeating, found, advise=wanted.diversity is None)
    if found < wanted.count:
        warnings.insert(
            0,
            f"{found} rows were chosen of {wanted.count}: no more could be, a larger k finds more candidates, and "
            "a random_share draws rows beside them",
        )
    return warnings
