from assayd.v1 import neighbors_pb2 as _neighbors_pb2
from assayd.v1 import rows_pb2 as _rows_pb2
from assayd.v1 import scoring_pb2 as _scoring_pb2
from assayd.v1 import selection_pb2 as _selection_pb2
from assayd.v1 import tensor_pb2 as _tensor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SimilarityMetric(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIMILARITY_METRIC_UNSPECIFIED: _ClassVar[SimilarityMetric]
    SIMILARITY_METRIC_COSINE: _ClassVar[SimilarityMetric]
    SIMILARITY_METRIC_INNER_PRODUCT: _ClassVar[SimilarityMetric]
    SIMILARITY_METRIC_L2: _ClassVar[SimilarityMetric]

class NoBoundaryReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NO_BOUNDARY_REASON_UNSPECIFIED: _ClassVar[NoBoundaryReason]
    NO_BOUNDARY_REASON_SAME_CLASS: _ClassVar[NoBoundaryReason]
    NO_BOUNDARY_REASON_NOT_FINITE: _ClassVar[NoBoundaryReason]
    NO_BOUNDARY_REASON_NO_DIRECTION: _ClassVar[NoBoundaryReason]
SIMILARITY_METRIC_UNSPECIFIED: SimilarityMetric
SIMILARITY_METRIC_COSINE: SimilarityMetric
SIMILARITY_METRIC_INNER_PRODUCT: SimilarityMetric
SIMILARITY_METRIC_L2: SimilarityMetric
NO_BOUNDARY_REASON_UNSPECIFIED: NoBoundaryReason
NO_BOUNDARY_REASON_SAME_CLASS: NoBoundaryReason
NO_BOUNDARY_REASON_NOT_FINITE: NoBoundaryReason
NO_BOUNDARY_REASON_NO_DIRECTION: NoBoundaryReason

class SearchRequest(_message.Message):
    __slots__ = ("model", "pool_digest", "rows", "k", "exclude_ids", "similarity_min")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    POOL_DIGEST_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_IDS_FIELD_NUMBER: _ClassVar[int]
    SIMILARITY_MIN_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelSelector
    pool_digest: str
    rows: _rows_pb2.Rows
    k: int
    exclude_ids: _tensor_pb2.Tensor
    similarity_min: float
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelSelector, _Mapping]] = ..., pool_digest: _Optional[str] = ..., rows: _Optional[_Union[_rows_pb2.Rows, _Mapping]] = ..., k: _Optional[int] = ..., exclude_ids: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., similarity_min: _Optional[float] = ...) -> None: ...

class SearchResponse(_message.Message):
    __slots__ = ("model", "neighbors", "invalid_rows")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    NEIGHBORS_FIELD_NUMBER: _ClassVar[int]
    INVALID_ROWS_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelIdentity
    neighbors: _neighbors_pb2.Neighbors
    invalid_rows: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelIdentity, _Mapping]] = ..., neighbors: _Optional[_Union[_neighbors_pb2.Neighbors, _Mapping]] = ..., invalid_rows: _Optional[_Iterable[int]] = ...) -> None: ...

class Candidates(_message.Message):
    __slots__ = ("ids", "sources", "similarities")
    IDS_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    SIMILARITIES_FIELD_NUMBER: _ClassVar[int]
    ids: _tensor_pb2.Tensor
    sources: _tensor_pb2.Tensor
    similarities: _tensor_pb2.Tensor
    def __init__(self, ids: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., sources: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., similarities: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...

class ExpandCandidatesRequest(_message.Message):
    __slots__ = ("model", "pool_digest", "new_ids", "labeled_ids", "k")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    POOL_DIGEST_FIELD_NUMBER: _ClassVar[int]
    NEW_IDS_FIELD_NUMBER: _ClassVar[int]
    LABELED_IDS_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelSelector
    pool_digest: str
    new_ids: _tensor_pb2.Tensor
    labeled_ids: _tensor_pb2.Tensor
    k: int
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelSelector, _Mapping]] = ..., pool_digest: _Optional[str] = ..., new_ids: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., labeled_ids: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., k: _Optional[int] = ...) -> None: ...

class ExpandCandidatesResponse(_message.Message):
    __slots__ = ("model", "pool_digest", "candidates")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    POOL_DIGEST_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelIdentity
    pool_digest: str
    candidates: Candidates
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelIdentity, _Mapping]] = ..., pool_digest: _Optional[str] = ..., candidates: _Optional[_Union[Candidates, _Mapping]] = ...) -> None: ...

class SelectCandidatesRequest(_message.Message):
    __slots__ = ("model", "pool_digest", "new_ids", "labeled_ids", "candidates", "k", "head", "task", "temperature", "measure", "density", "count", "order", "stochastic", "k_center", "badge", "cluster_margin", "diverse_from", "random_share", "seed")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    POOL_DIGEST_FIELD_NUMBER: _ClassVar[int]
    NEW_IDS_FIELD_NUMBER: _ClassVar[int]
    LABELED_IDS_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    DENSITY_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    STOCHASTIC_FIELD_NUMBER: _ClassVar[int]
    K_CENTER_FIELD_NUMBER: _ClassVar[int]
    BADGE_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_MARGIN_FIELD_NUMBER: _ClassVar[int]
    DIVERSE_FROM_FIELD_NUMBER: _ClassVar[int]
    RANDOM_SHARE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelSelector
    pool_digest: str
    new_ids: _tensor_pb2.Tensor
    labeled_ids: _tensor_pb2.Tensor
    candidates: Candidates
    k: int
    head: _rows_pb2.LinearHead
    task: _scoring_pb2.Task
    temperature: float
    measure: _scoring_pb2.UncertaintyMeasure
    density: _selection_pb2.Density
    count: int
    order: _selection_pb2.Order
    stochastic: _selection_pb2.Stochastic
    k_center: _selection_pb2.KCenter
    badge: _selection_pb2.Badge
    cluster_margin: _selection_pb2.ClusterMargin
    diverse_from: int
    random_share: float
    seed: int
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelSelector, _Mapping]] = ..., pool_digest: _Optional[str] = ..., new_ids: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., labeled_ids: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., candidates: _Optional[_Union[Candidates, _Mapping]] = ..., k: _Optional[int] = ..., head: _Optional[_Union[_rows_pb2.LinearHead, _Mapping]] = ..., task: _Optional[_Union[_scoring_pb2.Task, str]] = ..., temperature: _Optional[float] = ..., measure: _Optional[_Union[_scoring_pb2.UncertaintyMeasure, str]] = ..., density: _Optional[_Union[_selection_pb2.Density, _Mapping]] = ..., count: _Optional[int] = ..., order: _Optional[_Union[_selection_pb2.Order, str]] = ..., stochastic: _Optional[_Union[_selection_pb2.Stochastic, _Mapping]] = ..., k_center: _Optional[_Union[_selection_pb2.KCenter, _Mapping]] = ..., badge: _Optional[_Union[_selection_pb2.Badge, _Mapping]] = ..., cluster_margin: _Optional[_Union[_selection_pb2.ClusterMargin, _Mapping]] = ..., diverse_from: _Optional[int] = ..., random_share: _Optional[float] = ..., seed: _Optional[int] = ...) -> None: ...

class SelectCandidatesResponse(_message.Message):
    __slots__ = ("model", "pool_digest", "ids", "scores", "sources", "similarities", "random", "added", "candidate_count", "mean_cosine", "effective_size", "warnings")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    POOL_DIGEST_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    SIMILARITIES_FIELD_NUMBER: _ClassVar[int]
    RANDOM_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    CANDIDATE_COUNT_FIELD_NUMBER: _ClassVar[int]
    MEAN_COSINE_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_SIZE_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelIdentity
    pool_digest: str
    ids: _tensor_pb2.Tensor
    scores: _tensor_pb2.Tensor
    sources: _tensor_pb2.Tensor
    similarities: _tensor_pb2.Tensor
    random: _tensor_pb2.Tensor
    added: Candidates
    candidate_count: int
    mean_cosine: float
    effective_size: float
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelIdentity, _Mapping]] = ..., pool_digest: _Optional[str] = ..., ids: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., scores: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., sources: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., similarities: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., random: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., added: _Optional[_Union[Candidates, _Mapping]] = ..., candidate_count: _Optional[int] = ..., mean_cosine: _Optional[float] = ..., effective_size: _Optional[float] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class SearchBoundaryRequest(_message.Message):
    __slots__ = ("model", "pool_digest", "first_ids", "second_ids", "labeled_ids", "head", "temperature", "k")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    POOL_DIGEST_FIELD_NUMBER: _ClassVar[int]
    FIRST_IDS_FIELD_NUMBER: _ClassVar[int]
    SECOND_IDS_FIELD_NUMBER: _ClassVar[int]
    LABELED_IDS_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelSelector
    pool_digest: str
    first_ids: _tensor_pb2.Tensor
    second_ids: _tensor_pb2.Tensor
    labeled_ids: _tensor_pb2.Tensor
    head: _rows_pb2.LinearHead
    temperature: float
    k: int
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelSelector, _Mapping]] = ..., pool_digest: _Optional[str] = ..., first_ids: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., second_ids: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., labeled_ids: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., head: _Optional[_Union[_rows_pb2.LinearHead, _Mapping]] = ..., temperature: _Optional[float] = ..., k: _Optional[int] = ...) -> None: ...

class PairWithoutBoundary(_message.Message):
    __slots__ = ("pair", "reason")
    PAIR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    pair: int
    reason: NoBoundaryReason
    def __init__(self, pair: _Optional[int] = ..., reason: _Optional[_Union[NoBoundaryReason, str]] = ...) -> None: ...

class SearchBoundaryResponse(_message.Message):
    __slots__ = ("model", "positions", "first_classes", "second_classes", "next_classes", "probabilities", "neighbors", "uncertainties", "without_boundary")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    FIRST_CLASSES_FIELD_NUMBER: _ClassVar[int]
    SECOND_CLASSES_FIELD_NUMBER: _ClassVar[int]
    NEXT_CLASSES_FIELD_NUMBER: _ClassVar[int]
    PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    NEIGHBORS_FIELD_NUMBER: _ClassVar[int]
    UNCERTAINTIES_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_BOUNDARY_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelIdentity
    positions: _tensor_pb2.Tensor
    first_classes: _tensor_pb2.Tensor
    second_classes: _tensor_pb2.Tensor
    next_classes: _tensor_pb2.Tensor
    probabilities: _tensor_pb2.Tensor
    neighbors: _neighbors_pb2.Neighbors
    uncertainties: _tensor_pb2.Tensor
    without_boundary: _containers.RepeatedCompositeFieldContainer[PairWithoutBoundary]
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelIdentity, _Mapping]] = ..., positions: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., first_classes: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., second_classes: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., next_classes: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., probabilities: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., neighbors: _Optional[_Union[_neighbors_pb2.Neighbors, _Mapping]] = ..., uncertainties: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., without_boundary: _Optional[_Iterable[_Union[PairWithoutBoundary, _Mapping]]] = ...) -> None: ...

class GetVectorsRequest(_message.Message):
    __slots__ = ("model", "pool_digest", "ids")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    POOL_DIGEST_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelSelector
    pool_digest: str
    ids: _tensor_pb2.Tensor
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelSelector, _Mapping]] = ..., pool_digest: _Optional[str] = ..., ids: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...

class GetVectorsResponse(_message.Message):
    __slots__ = ("model", "pool_digest", "vectors")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    POOL_DIGEST_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelIdentity
    pool_digest: str
    vectors: _tensor_pb2.Tensor
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelIdentity, _Mapping]] = ..., pool_digest: _Optional[str] = ..., vectors: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...

class GetPoolRequest(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelSelector
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelSelector, _Mapping]] = ...) -> None: ...

class Pool(_message.Message):
    __slots__ = ("digest", "row_count", "dimension", "metric", "index_kind", "index_parameters", "id_type", "recall", "recall_k", "queries_per_second", "exact_queries_per_second", "model_digest", "embedding")
    class IndexParametersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    DIMENSION_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    INDEX_KIND_FIELD_NUMBER: _ClassVar[int]
    INDEX_PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    ID_TYPE_FIELD_NUMBER: _ClassVar[int]
    RECALL_FIELD_NUMBER: _ClassVar[int]
    RECALL_K_FIELD_NUMBER: _ClassVar[int]
    QUERIES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    EXACT_QUERIES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    MODEL_DIGEST_FIELD_NUMBER: _ClassVar[int]
    EMBEDDING_FIELD_NUMBER: _ClassVar[int]
    digest: str
    row_count: int
    dimension: int
    metric: SimilarityMetric
    index_kind: str
    index_parameters: _containers.ScalarMap[str, str]
    id_type: _tensor_pb2.DataType
    recall: float
    recall_k: int
    queries_per_second: float
    exact_queries_per_second: float
    model_digest: str
    embedding: str
    def __init__(self, digest: _Optional[str] = ..., row_count: _Optional[int] = ..., dimension: _Optional[int] = ..., metric: _Optional[_Union[SimilarityMetric, str]] = ..., index_kind: _Optional[str] = ..., index_parameters: _Optional[_Mapping[str, str]] = ..., id_type: _Optional[_Union[_tensor_pb2.DataType, str]] = ..., recall: _Optional[float] = ..., recall_k: _Optional[int] = ..., queries_per_second: _Optional[float] = ..., exact_queries_per_second: _Optional[float] = ..., model_digest: _Optional[str] = ..., embedding: _Optional[str] = ...) -> None: ...

class GetPoolResponse(_message.Message):
    __slots__ = ("model", "pool")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelIdentity
    pool: Pool
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelIdentity, _Mapping]] = ..., pool: _Optional[_Union[Pool, _Mapping]] = ...) -> None: ...
