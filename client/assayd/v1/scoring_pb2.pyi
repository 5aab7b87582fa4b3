from assayd.v1 import neighbors_pb2 as _neighbors_pb2
from assayd.v1 import novelty_pb2 as _novelty_pb2
from assayd.v1 import rows_pb2 as _rows_pb2
from assayd.v1 import tensor_pb2 as _tensor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Task(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TASK_UNSPECIFIED: _ClassVar[Task]
    TASK_MULTICLASS: _ClassVar[Task]
    TASK_MULTILABEL: _ClassVar[Task]
    TASK_REGRESSION: _ClassVar[Task]

class UncertaintyMeasure(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UNCERTAINTY_MEASURE_UNSPECIFIED: _ClassVar[UncertaintyMeasure]
    UNCERTAINTY_MEASURE_LEAST_CONFIDENCE: _ClassVar[UncertaintyMeasure]
    UNCERTAINTY_MEASURE_MARGIN: _ClassVar[UncertaintyMeasure]
    UNCERTAINTY_MEASURE_RATIO: _ClassVar[UncertaintyMeasure]
    UNCERTAINTY_MEASURE_ENTROPY: _ClassVar[UncertaintyMeasure]
    UNCERTAINTY_MEASURE_MULTILABEL_MAX: _ClassVar[UncertaintyMeasure]
    UNCERTAINTY_MEASURE_MULTILABEL_MEAN: _ClassVar[UncertaintyMeasure]
    UNCERTAINTY_MEASURE_MAX_ENTROPY: _ClassVar[UncertaintyMeasure]
    UNCERTAINTY_MEASURE_INFORMATION_DENSITY: _ClassVar[UncertaintyMeasure]
    UNCERTAINTY_MEASURE_VOTE_ENTROPY: _ClassVar[UncertaintyMeasure]
    UNCERTAINTY_MEASURE_CONSENSUS_ENTROPY: _ClassVar[UncertaintyMeasure]
    UNCERTAINTY_MEASURE_VARIATION_RATIO: _ClassVar[UncertaintyMeasure]
    UNCERTAINTY_MEASURE_MEAN_KL: _ClassVar[UncertaintyMeasure]
    UNCERTAINTY_MEASURE_EXPECTED_ENTROPY: _ClassVar[UncertaintyMeasure]
    UNCERTAINTY_MEASURE_MAX_KL: _ClassVar[UncertaintyMeasure]
    UNCERTAINTY_MEASURE_VARIANCE: _ClassVar[UncertaintyMeasure]

class Output(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTPUT_UNSPECIFIED: _ClassVar[Output]
    OUTPUT_PREDICTIONS: _ClassVar[Output]
    OUTPUT_PROBABILITIES: _ClassVar[Output]
    OUTPUT_LOGITS: _ClassVar[Output]
    OUTPUT_EMBEDDINGS: _ClassVar[Output]
    OUTPUT_VALUES: _ClassVar[Output]

class Lane(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LANE_UNSPECIFIED: _ClassVar[Lane]
    LANE_ONLINE: _ClassVar[Lane]
    LANE_BULK: _ClassVar[Lane]
TASK_UNSPECIFIED: Task
TASK_MULTICLASS: Task
TASK_MULTILABEL: Task
TASK_REGRESSION: Task
UNCERTAINTY_MEASURE_UNSPECIFIED: UncertaintyMeasure
UNCERTAINTY_MEASURE_LEAST_CONFIDENCE: UncertaintyMeasure
UNCERTAINTY_MEASURE_MARGIN: UncertaintyMeasure
UNCERTAINTY_MEASURE_RATIO: UncertaintyMeasure
UNCERTAINTY_MEASURE_ENTROPY: UncertaintyMeasure
UNCERTAINTY_MEASURE_MULTILABEL_MAX: UncertaintyMeasure
UNCERTAINTY_MEASURE_MULTILABEL_MEAN: UncertaintyMeasure
UNCERTAINTY_MEASURE_MAX_ENTROPY: UncertaintyMeasure
UNCERTAINTY_MEASURE_INFORMATION_DENSITY: UncertaintyMeasure
UNCERTAINTY_MEASURE_VOTE_ENTROPY: UncertaintyMeasure
UNCERTAINTY_MEASURE_CONSENSUS_ENTROPY: UncertaintyMeasure
UNCERTAINTY_MEASURE_VARIATION_RATIO: UncertaintyMeasure
UNCERTAINTY_MEASURE_MEAN_KL: UncertaintyMeasure
UNCERTAINTY_MEASURE_EXPECTED_ENTROPY: UncertaintyMeasure
UNCERTAINTY_MEASURE_MAX_KL: UncertaintyMeasure
UNCERTAINTY_MEASURE_VARIANCE: UncertaintyMeasure
OUTPUT_UNSPECIFIED: Output
OUTPUT_PREDICTIONS: Output
OUTPUT_PROBABILITIES: Output
OUTPUT_LOGITS: Output
OUTPUT_EMBEDDINGS: Output
OUTPUT_VALUES: Output
LANE_UNSPECIFIED: Lane
LANE_ONLINE: Lane
LANE_BULK: Lane

class ModelSelector(_message.Message):
    __slots__ = ("name", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class ModelIdentity(_message.Message):
    __slots__ = ("name", "version", "digest")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    digest: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., digest: _Optional[str] = ...) -> None: ...

class ScoreRequest(_message.Message):
    __slots__ = ("model", "rows", "head", "outputs", "top_k", "temperature", "uncertainties", "task", "neighbors", "novelty", "novelty_alpha", "record", "lane")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    TOP_K_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    UNCERTAINTIES_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    NEIGHBORS_FIELD_NUMBER: _ClassVar[int]
    NOVELTY_FIELD_NUMBER: _ClassVar[int]
    NOVELTY_ALPHA_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    model: ModelSelector
    rows: _rows_pb2.Rows
    head: _rows_pb2.LinearHead
    outputs: _containers.RepeatedScalarFieldContainer[Output]
    top_k: int
    temperature: float
    uncertainties: _containers.RepeatedScalarFieldContainer[UncertaintyMeasure]
    task: Task
    neighbors: int
    novelty: _containers.RepeatedScalarFieldContainer[_novelty_pb2.NoveltyMeasure]
    novelty_alpha: float
    record: bool
    lane: Lane
    def __init__(self, model: _Optional[_Union[ModelSelector, _Mapping]] = ..., rows: _Optional[_Union[_rows_pb2.Rows, _Mapping]] = ..., head: _Optional[_Union[_rows_pb2.LinearHead, _Mapping]] = ..., outputs: _Optional[_Iterable[_Union[Output, str]]] = ..., top_k: _Optional[int] = ..., temperature: _Optional[float] = ..., uncertainties: _Optional[_Iterable[_Union[UncertaintyMeasure, str]]] = ..., task: _Optional[_Union[Task, str]] = ..., neighbors: _Optional[int] = ..., novelty: _Optional[_Iterable[_Union[_novelty_pb2.NoveltyMeasure, str]]] = ..., novelty_alpha: _Optional[float] = ..., record: bool = ..., lane: _Optional[_Union[Lane, str]] = ...) -> None: ...

class TopClasses(_message.Message):
    __slots__ = ("classes", "probabilities")
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    classes: _tensor_pb2.Tensor
    probabilities: _tensor_pb2.Tensor
    def __init__(self, classes: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., probabilities: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...

class Uncertainty(_message.Message):
    __slots__ = ("measure", "values")
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    measure: UncertaintyMeasure
    values: _tensor_pb2.Tensor
    def __init__(self, measure: _Optional[_Union[UncertaintyMeasure, str]] = ..., values: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...

class ScoreResponse(_message.Message):
    __slots__ = ("model", "predictions", "probabilities", "logits", "embeddings", "top", "uncertainties", "class_names", "invalid_rows", "values", "neighbors", "novelty")
    class ClassNamesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: str
        def __init__(self, key: _Optional[int] = ..., value: _Optional[str] = ...) -> None: ...
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PREDICTIONS_FIELD_NUMBER: _ClassVar[int]
    PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    LOGITS_FIELD_NUMBER: _ClassVar[int]
    EMBEDDINGS_FIELD_NUMBER: _ClassVar[int]
    TOP_FIELD_NUMBER: _ClassVar[int]
    UNCERTAINTIES_FIELD_NUMBER: _ClassVar[int]
    CLASS_NAMES_FIELD_NUMBER: _ClassVar[int]
    INVALID_ROWS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    NEIGHBORS_FIELD_NUMBER: _ClassVar[int]
    NOVELTY_FIELD_NUMBER: _ClassVar[int]
    model: ModelIdentity
    predictions: _tensor_pb2.Tensor
    probabilities: _tensor_pb2.Tensor
    logits: _tensor_pb2.Tensor
    embeddings: _tensor_pb2.Tensor
    top: TopClasses
    uncertainties: _containers.RepeatedCompositeFieldContainer[Uncertainty]
    class_names: _containers.ScalarMap[int, str]
    invalid_rows: _containers.RepeatedScalarFieldContainer[int]
    values: _tensor_pb2.Tensor
    neighbors: _neighbors_pb2.Neighbors
    novelty: _novelty_pb2.Novelty
    def __init__(self, model: _Optional[_Union[ModelIdentity, _Mapping]] = ..., predictions: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., probabilities: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., logits: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., embeddings: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., top: _Optional[_Union[TopClasses, _Mapping]] = ..., uncertainties: _Optional[_Iterable[_Union[Uncertainty, _Mapping]]] = ..., class_names: _Optional[_Mapping[int, str]] = ..., invalid_rows: _Optional[_Iterable[int]] = ..., values: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., neighbors: _Optional[_Union[_neighbors_pb2.Neighbors, _Mapping]] = ..., novelty: _Optional[_Union[_novelty_pb2.Novelty, _Mapping]] = ...) -> None: ...

class TensorSpec(_message.Message):
    __slots__ = ("name", "data_type", "shape")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DATA_TYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    data_type: _tensor_pb2.DataType
    shape: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, name: _Optional[str] = ..., data_type: _Optional[_Union[_tensor_pb2.DataType, str]] = ..., shape: _Optional[_Iterable[int]] = ...) -> None: ...

class Model(_message.Message):
    __slots__ = ("identity", "inputs", "outputs", "logits_output", "probabilities_output", "embedding_output", "class_count", "embedding_width", "labels", "temperature", "task", "values_output", "value_count")
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    LOGITS_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    PROBABILITIES_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    EMBEDDING_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    CLASS_COUNT_FIELD_NUMBER: _ClassVar[int]
    EMBEDDING_WIDTH_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    VALUES_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    VALUE_COUNT_FIELD_NUMBER: _ClassVar[int]
    identity: ModelIdentity
    inputs: _containers.RepeatedCompositeFieldContainer[TensorSpec]
    outputs: _containers.RepeatedCompositeFieldContainer[TensorSpec]
    logits_output: str
    probabilities_output: str
    embedding_output: str
    class_count: int
    embedding_width: int
    labels: _containers.RepeatedScalarFieldContainer[str]
    temperature: float
    task: Task
    values_output: str
    value_count: int
    def __init__(self, identity: _Optional[_Union[ModelIdentity, _Mapping]] = ..., inputs: _Optional[_Iterable[_Union[TensorSpec, _Mapping]]] = ..., outputs: _Optional[_Iterable[_Union[TensorSpec, _Mapping]]] = ..., logits_output: _Optional[str] = ..., probabilities_output: _Optional[str] = ..., embedding_output: _Optional[str] = ..., class_count: _Optional[int] = ..., embedding_width: _Optional[int] = ..., labels: _Optional[_Iterable[str]] = ..., temperature: _Optional[float] = ..., task: _Optional[_Union[Task, str]] = ..., values_output: _Optional[str] = ..., value_count: _Optional[int] = ...) -> None: ...

class GetModelRequest(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: ModelSelector
    def __init__(self, model: _Optional[_Union[ModelSelector, _Mapping]] = ...) -> None: ...

class GetModelResponse(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: Model
    def __init__(self, model: _Optional[_Union[Model, _Mapping]] = ...) -> None: ...

class ListModelsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FailedModel(_message.Message):
    __slots__ = ("name", "version", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    reason: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class ListModelsResponse(_message.Message):
    __slots__ = ("models", "failed")
    MODELS_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[Model]
    failed: _containers.RepeatedCompositeFieldContainer[FailedModel]
    def __init__(self, models: _Optional[_Iterable[_Union[Model, _Mapping]]] = ..., failed: _Optional[_Iterable[_Union[FailedModel, _Mapping]]] = ...) -> None: ...
