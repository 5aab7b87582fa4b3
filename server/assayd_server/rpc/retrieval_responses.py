"""What was found in a pool, as messages."""

import numpy as np

from assayd.arrays import encode
from assayd.v1 import retrieval_pb2, tensor_pb2
from assayd_server.boundary_search import BoundaryRows, NoBoundary
from assayd_server.core.arrays import Floats
from assayd_server.core.candidates import Candidates
from assayd_server.core.similarity import Metric
from assayd_server.loaded_pool import LoadedPool
from assayd_server.retrieval import Expanded, Found, Selected
from assayd_server.rpc.neighbor_responses import names_where, neighbors
from assayd_server.rpc.responses import identity
from assayd_server.servable import Servable

_METRICS = {
    Metric.COSINE: retrieval_pb2.SIMILARITY_METRIC_COSINE,
    Metric.INNER_PRODUCT: retrieval_pb2.SIMILARITY_METRIC_INNER_PRODUCT,
    Metric.L2: retrieval_pb2.SIMILARITY_METRIC_L2,
}
_REASONS = {
    NoBoundary.SAME_CLASS: retrieval_pb2.NO_BOUNDARY_REASON_SAME_CLASS,
    NoBoundary.NOT_FINITE: retrieval_pb2.NO_BOUNDARY_REASON_NOT_FINITE,
    NoBoundary.NO_DIRECTION: retrieval_pb2.NO_BOUNDARY_REASON_NO_DIRECTION,
}


def found(found: Found) -> retrieval_pb2.SearchResponse:
    """The neighbours of each row."""
    return retrieval_pb2.SearchResponse(
        model=identity(found.model.identity),
        neighbors=neighbors(found.neighbors),
        invalid_rows=found.neighbors.unsearchable.tolist(),
    )


def expanded(expanded: Expanded) -> retrieval_pb2.ExpandCandidatesResponse:
    """The candidates that were added."""
    plan = expanded.plan
    return retrieval_pb2.ExpandCandidatesResponse(
        model=identity(plan.model.identity),
        pool_digest=plan.pool.digest,
        candidates=_candidates(plan.pool, expanded.candidates),
    )


def selected(selected: Selected) -> retrieval_pb2.SelectCandidatesResponse:
    """The rows of a round."""
    choice, expand = selected.choice, selected.plan.expand
    pool = expand.pool
    return retrieval_pb2.SelectCandidatesResponse(
        model=identity(expand.model.identity),
        pool_digest=pool.digest,
        ids=encode(pool.names_of(choice.rows)),
        scores=encode(choice.scores),
        sources=names_where(~choice.random, pool, choice.sources),
        similarities=encode(choice.similarities),
        random=encode(choice.random),
        added=_candidates(pool, choice.added),
        candidate_count=choice.candidate_count,
        mean_cosine=choice.repetition.mean_cosine,
        effective_size=choice.repetition.effective_size,
        warnings=choice.warnings,
    )


def boundaries(rows: BoundaryRows) -> retrieval_pb2.SearchBoundaryResponse:
    """Where classes meet, and what is beside it."""
    found = rows.boundaries
    return retrieval_pb2.SearchBoundaryResponse(
        model=identity(rows.plan.model.identity),
        positions=encode(found.positions),
        first_classes=encode(found.first_classes.astype(np.int32)),
        second_classes=encode(found.second_classes.astype(np.int32)),
        next_classes=encode(found.next_classes.astype(np.int32)),
        probabilities=encode(found.probabilities),
        neighbors=neighbors(rows.neighbors),
        uncertainties=encode(rows.uncertainties),
        without_boundary=[
            retrieval_pb2.PairWithoutBoundary(pair=pair, reason=_REASONS[why])
            for pair, why in rows.without.items()
        ],
    )


def vectors(model: Servable, pool: LoadedPool, values: Floats) -> retrieval_pb2.GetVectorsResponse:
    """Rows of the pool."""
    return retrieval_pb2.GetVectorsResponse(
        model=identity(model.identity), pool_digest=pool.digest, vectors=encode(values)
    )


def described(model: Servable, pool: LoadedPool) -> retrieval_pb2.GetPoolResponse:
    """What a pool holds."""
    manifest, ids = pool.folder.manifest, pool.folder.ids
    return retrieval_pb2.GetPoolResponse(
        model=identity(model.identity),
        pool=retrieval_pb2.Pool(
            digest=pool.digest,
            row_count=len(pool),
            dimension=pool.stored.dimension,
            metric=_METRICS[pool.stored.metric],
            index_kind=manifest.kind,
            index_parameters=manifest.parameters,
            id_type=tensor_pb2.DATA_TYPE_STRING if ids.is_text else tensor_pb2.DATA_TYPE_INT64,
            recall=manifest.recall,
            recall_k=manifest.recall_k,
            queries_per_second=manifest.queries_per_second,
            exact_queries_per_second=manifest.exact_queries_per_second,
            model_digest=manifest.model_digest or "",
            embedding=manifest.embedding or "",
        ),
    )


def _candidates(pool: LoadedPool, candidates: Candidates) -> retrieval_pb2.Candidates:
    return retrieval_pb2.Candidates(
        ids=encode(pool.names_of(candidates.rows)),
        sources=encode(pool.names_of(candidates.sources)),
        similarities=encode(candidates.similarities),
    )
