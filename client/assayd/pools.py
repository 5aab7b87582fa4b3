"""What a server knows about a pool of unlabelled data."""

from dataclasses import dataclass

from assayd.arrays import name_of
from assayd.identity import ModelIdentity, identity_of
from assayd.v1 import retrieval_pb2

_METRICS: dict[int, str] = {
    retrieval_pb2.SIMILARITY_METRIC_COSINE: "cosine",
    retrieval_pb2.SIMILARITY_METRIC_INNER_PRODUCT: "inner_product",
    retrieval_pb2.SIMILARITY_METRIC_L2: "l2",
}


@dataclass(frozen=True, slots=True)
class PoolInfo:
    """What the server knows about the pool of one model."""

    digest: str
    """"sha256:" and 64 hexadecimal digits."""
    row_count: int
    dimension: int
    """How wide its vectors are."""
    metric: str
    """What similarity is: cosine, inner_product, or l2 (the distance, negated); larger is more alike."""
    index_kind: str
    """flat (exact search), lsh, hnsw, ivf or ivfpq."""
    index_parameters: dict[str, str]
    id_type: str
    """int64 or string."""
    recall: float
    """The share of the recall_k nearest rows that the index finds, measured when the pool was built."""
    recall_k: int
    queries_per_second: float
    """Rows searched for per second, in batches, when the pool was built."""
    exact_queries_per_second: float
    """The same of exact search."""
    model_digest: str
    """Of the ONNX file that made the vectors; empty where they were given."""
    embedding: str
    """The tensor of that file that is the embedding; empty where the vectors were given."""
    model: ModelIdentity
    """The model whose pool it is."""


def pool_info(response: retrieval_pb2.GetPoolResponse) -> PoolInfo:
    """What a response holds."""
    pool = response.pool
    return PoolInfo(
        digest=pool.digest,
        row_count=pool.row_count,
        dimension=pool.dimension,
        metric=_METRICS.get(pool.metric, "unknown"),  # of a server that is newer
        index_kind=pool.index_kind,
        index_parameters=dict(pool.index_parameters),
        id_type=name_of(pool.id_type),
        recall=pool.recall,
        recall_k=pool.recall_k,
        queries_per_second=pool.queries_per_second,
        exact_queries_per_second=pool.exact_queries_per_second,
        model_digest=pool.model_digest,
        embedding=pool.embedding,
        model=identity_of(response.model),
    )
