from assayd.v1 import novelty_pb2 as _novelty_pb2
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

class ProposalReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PROPOSAL_REASON_UNSPECIFIED: _ClassVar[ProposalReason]
    PROPOSAL_REASON_ACCEPTED: _ClassVar[ProposalReason]
    PROPOSAL_REASON_QUOTA_FULL: _ClassVar[ProposalReason]
    PROPOSAL_REASON_BELOW_THRESHOLD: _ClassVar[ProposalReason]
    PROPOSAL_REASON_NOVEL: _ClassVar[ProposalReason]
    PROPOSAL_REASON_INVALID: _ClassVar[ProposalReason]
LABEL_QUALITY_UNSPECIFIED: LabelQuality
LABEL_QUALITY_SELF_CONFIDENCE: LabelQuality
LABEL_QUALITY_NORMALIZED_MARGIN: LabelQuality
LABEL_QUALITY_CONFIDENCE_WEIGHTED_ENTROPY: LabelQuality
PROPOSAL_REASON_UNSPECIFIED: ProposalReason
PROPOSAL_REASON_ACCEPTED: ProposalReason
PROPOSAL_REASON_QUOTA_FULL: ProposalReason
PROPOSAL_REASON_BELOW_THRESHOLD: ProposalReason
PROPOSAL_REASON_NOVEL: ProposalReason
PROPOSAL_REASON_INVALID: ProposalReason

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

class PriorQuotas(_message.Message):
    __slots__ = ("count", "prior")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    PRIOR_FIELD_NUMBER: _ClassVar[int]
    count: int
    prior: _tensor_pb2.Tensor
    def __init__(self, count: _Optional[int] = ..., prior: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...

class LabelQuotas(_message.Message):
    __slots__ = ("counts", "by_prior", "confidence_min")
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    BY_PRIOR_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_MIN_FIELD_NUMBER: _ClassVar[int]
    counts: _tensor_pb2.Tensor
    by_prior: PriorQuotas
    confidence_min: _tensor_pb2.Tensor
    def __init__(self, counts: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., by_prior: _Optional[_Union[PriorQuotas, _Mapping]] = ..., confidence_min: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...

class NoveltyLimit(_message.Message):
    __slots__ = ("measure", "alpha")
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    measure: _novelty_pb2.NoveltyMeasure
    alpha: float
    def __init__(self, measure: _Optional[_Union[_novelty_pb2.NoveltyMeasure, str]] = ..., alpha: _Optional[float] = ...) -> None: ...

class ClassWeighting(_message.Message):
    __slots__ = ("counts", "effective_number")
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    counts: _tensor_pb2.Tensor
    effective_number: float
    def __init__(self, counts: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., effective_number: _Optional[float] = ...) -> None: ...

class ProposeLabelsRequest(_message.Message):
    __slots__ = ("model", "rows", "head", "task", "temperature", "thresholds", "quotas", "novelty", "class_weighting", "lane")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    QUOTAS_FIELD_NUMBER: _ClassVar[int]
    NOVELTY_FIELD_NUMBER: _ClassVar[int]
    CLASS_WEIGHTING_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelSelector
    rows: _rows_pb2.Rows
    head: _rows_pb2.LinearHead
    task: _scoring_pb2.Task
    temperature: float
    thresholds: _tensor_pb2.Tensor
    quotas: LabelQuotas
    novelty: NoveltyLimit
    class_weighting: ClassWeighting
    lane: _scoring_pb2.Lane
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelSelector, _Mapping]] = ..., rows: _Optional[_Union[_rows_pb2.Rows, _Mapping]] = ..., head: _Optional[_Union[_rows_pb2.LinearHead, _Mapping]] = ..., task: _Optional[_Union[_scoring_pb2.Task, str]] = ..., temperature: _Optional[float] = ..., thresholds: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., quotas: _Optional[_Union[LabelQuotas, _Mapping]] = ..., novelty: _Optional[_Union[NoveltyLimit, _Mapping]] = ..., class_weighting: _Optional[_Union[ClassWeighting, _Mapping]] = ..., lane: _Optional[_Union[_scoring_pb2.Lane, str]] = ...) -> None: ...

class ProposeLabelsResponse(_message.Message):
    __slots__ = ("model", "labels", "confidence", "reasons", "counts", "quotas", "shortfall", "class_weights", "reference_digest")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    QUOTAS_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_FIELD_NUMBER: _ClassVar[int]
    CLASS_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelIdentity
    labels: _tensor_pb2.Tensor
    confidence: _tensor_pb2.Tensor
    reasons: _tensor_pb2.Tensor
    counts: _tensor_pb2.Tensor
    quotas: _tensor_pb2.Tensor
    shortfall: _tensor_pb2.Tensor
    class_weights: _tensor_pb2.Tensor
    reference_digest: str
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelIdentity, _Mapping]] = ..., labels: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., confidence: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., reasons: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., counts: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., quotas: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., shortfall: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., class_weights: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., reference_digest: _Optional[str] = ...) -> None: ...
