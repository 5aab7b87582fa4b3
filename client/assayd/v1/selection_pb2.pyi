from assayd.v1 import rows_pb2 as _rows_pb2
from assayd.v1 import scoring_pb2 as _scoring_pb2
from assayd.v1 import tensor_pb2 as _tensor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Order(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORDER_UNSPECIFIED: _ClassVar[Order]
    ORDER_DESCENDING: _ClassVar[Order]
    ORDER_ASCENDING: _ClassVar[Order]

class SelectionPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SELECTION_POLICY_UNSPECIFIED: _ClassVar[SelectionPolicy]
    SELECTION_POLICY_FIXED: _ClassVar[SelectionPolicy]
    SELECTION_POLICY_VARIABLE: _ClassVar[SelectionPolicy]
    SELECTION_POLICY_RANDOMIZED_VARIABLE: _ClassVar[SelectionPolicy]
    SELECTION_POLICY_SPLIT: _ClassVar[SelectionPolicy]
    SELECTION_POLICY_QUANTILE: _ClassVar[SelectionPolicy]
ORDER_UNSPECIFIED: Order
ORDER_DESCENDING: Order
ORDER_ASCENDING: Order
SELECTION_POLICY_UNSPECIFIED: SelectionPolicy
SELECTION_POLICY_FIXED: SelectionPolicy
SELECTION_POLICY_VARIABLE: SelectionPolicy
SELECTION_POLICY_RANDOMIZED_VARIABLE: SelectionPolicy
SELECTION_POLICY_SPLIT: SelectionPolicy
SELECTION_POLICY_QUANTILE: SelectionPolicy

class CommitteeSource(_message.Message):
    __slots__ = ("models", "dropout")
    MODELS_FIELD_NUMBER: _ClassVar[int]
    DROPOUT_FIELD_NUMBER: _ClassVar[int]
    models: CommitteeModels
    dropout: Dropout
    def __init__(self, models: _Optional[_Union[CommitteeModels, _Mapping]] = ..., dropout: _Optional[_Union[Dropout, _Mapping]] = ...) -> None: ...

class CommitteeModels(_message.Message):
    __slots__ = ("models",)
    MODELS_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[_scoring_pb2.ModelSelector]
    def __init__(self, models: _Optional[_Iterable[_Union[_scoring_pb2.ModelSelector, _Mapping]]] = ...) -> None: ...

class Dropout(_message.Message):
    __slots__ = ("samples", "rate")
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    samples: int
    rate: float
    def __init__(self, samples: _Optional[int] = ..., rate: _Optional[float] = ...) -> None: ...

class Density(_message.Message):
    __slots__ = ("direction", "beta", "base")
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    BETA_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    direction: _tensor_pb2.Tensor
    beta: float
    base: _scoring_pb2.UncertaintyMeasure
    def __init__(self, direction: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., beta: _Optional[float] = ..., base: _Optional[_Union[_scoring_pb2.UncertaintyMeasure, str]] = ...) -> None: ...

class Stochastic(_message.Message):
    __slots__ = ("beta",)
    BETA_FIELD_NUMBER: _ClassVar[int]
    beta: float
    def __init__(self, beta: _Optional[float] = ...) -> None: ...

class KCenter(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Badge(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ClusterMargin(_message.Message):
    __slots__ = ("bits",)
    BITS_FIELD_NUMBER: _ClassVar[int]
    bits: int
    def __init__(self, bits: _Optional[int] = ...) -> None: ...

class BatchBald(_message.Message):
    __slots__ = ("samples",)
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    samples: int
    def __init__(self, samples: _Optional[int] = ...) -> None: ...

class RankRequest(_message.Message):
    __slots__ = ("model", "rows", "head", "task", "temperature", "committee", "measure", "density", "count", "order", "stochastic", "k_center", "badge", "cluster_margin", "batch_bald", "candidates", "ids", "embeddings", "offset", "seed", "part", "lane")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    COMMITTEE_FIELD_NUMBER: _ClassVar[int]
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    DENSITY_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    STOCHASTIC_FIELD_NUMBER: _ClassVar[int]
    K_CENTER_FIELD_NUMBER: _ClassVar[int]
    BADGE_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_MARGIN_FIELD_NUMBER: _ClassVar[int]
    BATCH_BALD_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    EMBEDDINGS_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelSelector
    rows: _rows_pb2.Rows
    head: _rows_pb2.LinearHead
    task: _scoring_pb2.Task
    temperature: float
    committee: CommitteeSource
    measure: _scoring_pb2.UncertaintyMeasure
    density: Density
    count: int
    order: Order
    stochastic: Stochastic
    k_center: KCenter
    badge: Badge
    cluster_margin: ClusterMargin
    batch_bald: BatchBald
    candidates: int
    ids: _tensor_pb2.Tensor
    embeddings: _tensor_pb2.Tensor
    offset: int
    seed: int
    part: bool
    lane: _scoring_pb2.Lane
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelSelector, _Mapping]] = ..., rows: _Optional[_Union[_rows_pb2.Rows, _Mapping]] = ..., head: _Optional[_Union[_rows_pb2.LinearHead, _Mapping]] = ..., task: _Optional[_Union[_scoring_pb2.Task, str]] = ..., temperature: _Optional[float] = ..., committee: _Optional[_Union[CommitteeSource, _Mapping]] = ..., measure: _Optional[_Union[_scoring_pb2.UncertaintyMeasure, str]] = ..., density: _Optional[_Union[Density, _Mapping]] = ..., count: _Optional[int] = ..., order: _Optional[_Union[Order, str]] = ..., stochastic: _Optional[_Union[Stochastic, _Mapping]] = ..., k_center: _Optional[_Union[KCenter, _Mapping]] = ..., badge: _Optional[_Union[Badge, _Mapping]] = ..., cluster_margin: _Optional[_Union[ClusterMargin, _Mapping]] = ..., batch_bald: _Optional[_Union[BatchBald, _Mapping]] = ..., candidates: _Optional[int] = ..., ids: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., embeddings: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., offset: _Optional[int] = ..., seed: _Optional[int] = ..., part: bool = ..., lane: _Optional[_Union[_scoring_pb2.Lane, str]] = ...) -> None: ...

class RankResponse(_message.Message):
    __slots__ = ("model", "positions", "ids", "scores", "keys", "row_count", "invalid_rows", "mean_cosine", "effective_size", "warnings")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    INVALID_ROWS_FIELD_NUMBER: _ClassVar[int]
    MEAN_COSINE_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_SIZE_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelIdentity
    positions: _tensor_pb2.Tensor
    ids: _tensor_pb2.Tensor
    scores: _tensor_pb2.Tensor
    keys: _tensor_pb2.Tensor
    row_count: int
    invalid_rows: _containers.RepeatedScalarFieldContainer[int]
    mean_cosine: float
    effective_size: float
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelIdentity, _Mapping]] = ..., positions: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., ids: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., scores: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., keys: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., row_count: _Optional[int] = ..., invalid_rows: _Optional[_Iterable[int]] = ..., mean_cosine: _Optional[float] = ..., effective_size: _Optional[float] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class SelectionSettings(_message.Message):
    __slots__ = ("model", "head", "task", "temperature", "measure", "policy", "budget", "window", "step", "random_share", "seed", "state", "tolerance_window", "spread")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    RANDOM_SHARE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TOLERANCE_WINDOW_FIELD_NUMBER: _ClassVar[int]
    SPREAD_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelSelector
    head: _rows_pb2.LinearHead
    task: _scoring_pb2.Task
    temperature: float
    measure: _scoring_pb2.UncertaintyMeasure
    policy: SelectionPolicy
    budget: float
    window: int
    step: float
    random_share: float
    seed: int
    state: bytes
    tolerance_window: int
    spread: float
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelSelector, _Mapping]] = ..., head: _Optional[_Union[_rows_pb2.LinearHead, _Mapping]] = ..., task: _Optional[_Union[_scoring_pb2.Task, str]] = ..., temperature: _Optional[float] = ..., measure: _Optional[_Union[_scoring_pb2.UncertaintyMeasure, str]] = ..., policy: _Optional[_Union[SelectionPolicy, str]] = ..., budget: _Optional[float] = ..., window: _Optional[int] = ..., step: _Optional[float] = ..., random_share: _Optional[float] = ..., seed: _Optional[int] = ..., state: _Optional[bytes] = ..., tolerance_window: _Optional[int] = ..., spread: _Optional[float] = ...) -> None: ...

class SelectStreamRequest(_message.Message):
    __slots__ = ("settings", "rows", "ids")
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    settings: SelectionSettings
    rows: _rows_pb2.Rows
    ids: _tensor_pb2.Tensor
    def __init__(self, settings: _Optional[_Union[SelectionSettings, _Mapping]] = ..., rows: _Optional[_Union[_rows_pb2.Rows, _Mapping]] = ..., ids: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...

class SelectStreamResponse(_message.Message):
    __slots__ = ("model", "selected", "scores", "thresholds", "inclusion_probabilities", "invalid_rows", "state")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SELECTED_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    INCLUSION_PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    INVALID_ROWS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelIdentity
    selected: _tensor_pb2.Tensor
    scores: _tensor_pb2.Tensor
    thresholds: _tensor_pb2.Tensor
    inclusion_probabilities: _tensor_pb2.Tensor
    invalid_rows: _containers.RepeatedScalarFieldContainer[int]
    state: bytes
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelIdentity, _Mapping]] = ..., selected: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., scores: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., thresholds: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., inclusion_probabilities: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., invalid_rows: _Optional[_Iterable[int]] = ..., state: _Optional[bytes] = ...) -> None: ...
