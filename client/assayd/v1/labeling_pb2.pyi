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

class LabelQuality(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LABEL_QUALITY_UNSPECIFIED: _ClassVar[LabelQuality]
    LABEL_QUALITY_SELF_CONFIDENCE: _ClassVar[LabelQuality]
    LABEL_QUALITY_NORMALIZED_MARGIN: _ClassVar[LabelQuality]
    LABEL_QUALITY_CONFIDENCE_WEIGHTED_ENTROPY: _ClassVar[LabelQuality]
LABEL_QUALITY_UNSPECIFIED: LabelQuality
LABEL_QUALITY_SELF_CONFIDENCE: LabelQuality
LABEL_QUALITY_NORMALIZED_MARGIN: LabelQuality
LABEL_QUALITY_CONFIDENCE_WEIGHTED_ENTROPY: LabelQuality

class GivenLabels(_message.Message):
    __slots__ = ("counts", "sums")
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    SUMS_FIELD_NUMBER: _ClassVar[int]
    counts: _tensor_pb2.Tensor
    sums: _tensor_pb2.Tensor
    def __init__(self, counts: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., sums: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...

class AssessLabelsRequest(_message.Message):
    __slots__ = ("model", "rows", "labels", "head", "task", "temperature", "quality", "sums_only", "given")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    SUMS_ONLY_FIELD_NUMBER: _ClassVar[int]
    GIVEN_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelSelector
    rows: _rows_pb2.Rows
    labels: _tensor_pb2.Tensor
    head: _rows_pb2.LinearHead
    task: _scoring_pb2.Task
    temperature: float
    quality: LabelQuality
    sums_only: bool
    given: GivenLabels
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelSelector, _Mapping]] = ..., rows: _Optional[_Union[_rows_pb2.Rows, _Mapping]] = ..., labels: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., head: _Optional[_Union[_rows_pb2.LinearHead, _Mapping]] = ..., task: _Optional[_Union[_scoring_pb2.Task, str]] = ..., temperature: _Optional[float] = ..., quality: _Optional[_Union[LabelQuality, str]] = ..., sums_only: bool = ..., given: _Optional[_Union[GivenLabels, _Mapping]] = ...) -> None: ...

class AssessLabelsResponse(_message.Message):
    __slots__ = ("model", "given", "quality", "suspected", "joint", "noise_matrix", "noise_share", "invalid_rows")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    GIVEN_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    SUSPECTED_FIELD_NUMBER: _ClassVar[int]
    JOINT_FIELD_NUMBER: _ClassVar[int]
    NOISE_MATRIX_FIELD_NUMBER: _ClassVar[int]
    NOISE_SHARE_FIELD_NUMBER: _ClassVar[int]
    INVALID_ROWS_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelIdentity
    given: GivenLabels
    quality: _tensor_pb2.Tensor
    suspected: _tensor_pb2.Tensor
    joint: _tensor_pb2.Tensor
    noise_matrix: _tensor_pb2.Tensor
    noise_share: _tensor_pb2.Tensor
    invalid_rows: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelIdentity, _Mapping]] = ..., given: _Optional[_Union[GivenLabels, _Mapping]] = ..., quality: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., suspected: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., joint: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., noise_matrix: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., noise_share: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., invalid_rows: _Optional[_Iterable[int]] = ...) -> None: ...

class EvaluateRequest(_message.Message):
    __slots__ = ("model", "rows", "labels", "head", "task", "temperature", "calibration_bins", "part")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_BINS_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelSelector
    rows: _rows_pb2.Rows
    labels: _tensor_pb2.Tensor
    head: _rows_pb2.LinearHead
    task: _scoring_pb2.Task
    temperature: float
    calibration_bins: int
    part: bool
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelSelector, _Mapping]] = ..., rows: _Optional[_Union[_rows_pb2.Rows, _Mapping]] = ..., labels: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., head: _Optional[_Union[_rows_pb2.LinearHead, _Mapping]] = ..., task: _Optional[_Union[_scoring_pb2.Task, str]] = ..., temperature: _Optional[float] = ..., calibration_bins: _Optional[int] = ..., part: bool = ...) -> None: ...

class EvaluateResponse(_message.Message):
    __slots__ = ("model", "confusion", "accuracy", "precision", "recall", "f1", "average_precision", "mean_average_precision", "pooled_average_precision", "calibration_error", "calibration", "invalid_rows")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    CONFUSION_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    RECALL_FIELD_NUMBER: _ClassVar[int]
    F1_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_PRECISION_FIELD_NUMBER: _ClassVar[int]
    MEAN_AVERAGE_PRECISION_FIELD_NUMBER: _ClassVar[int]
    POOLED_AVERAGE_PRECISION_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_ERROR_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_FIELD_NUMBER: _ClassVar[int]
    INVALID_ROWS_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelIdentity
    confusion: _tensor_pb2.Tensor
    accuracy: float
    precision: _tensor_pb2.Tensor
    recall: _tensor_pb2.Tensor
    f1: _tensor_pb2.Tensor
    average_precision: _tensor_pb2.Tensor
    mean_average_precision: float
    pooled_average_precision: float
    calibration_error: float
    calibration: _tensor_pb2.Tensor
    invalid_rows: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelIdentity, _Mapping]] = ..., confusion: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., accuracy: _Optional[float] = ..., precision: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., recall: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., f1: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., average_precision: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., mean_average_precision: _Optional[float] = ..., pooled_average_precision: _Optional[float] = ..., calibration_error: _Optional[float] = ..., calibration: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., invalid_rows: _Optional[_Iterable[int]] = ...) -> None: ...
