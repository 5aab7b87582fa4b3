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

class ColumnKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COLUMN_KIND_UNSPECIFIED: _ClassVar[ColumnKind]
    COLUMN_KIND_NUMERIC: _ClassVar[ColumnKind]
    COLUMN_KIND_CATEGORICAL: _ClassVar[ColumnKind]
    COLUMN_KIND_EMBEDDING: _ClassVar[ColumnKind]

class DriftTest(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DRIFT_TEST_UNSPECIFIED: _ClassVar[DriftTest]
    DRIFT_TEST_PSI: _ClassVar[DriftTest]
    DRIFT_TEST_CHI_SQUARED: _ClassVar[DriftTest]
    DRIFT_TEST_MMD: _ClassVar[DriftTest]
    DRIFT_TEST_KS: _ClassVar[DriftTest]
    DRIFT_TEST_HOTELLING: _ClassVar[DriftTest]

class ChangeDirection(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHANGE_DIRECTION_UNSPECIFIED: _ClassVar[ChangeDirection]
    CHANGE_DIRECTION_UP: _ClassVar[ChangeDirection]
    CHANGE_DIRECTION_DOWN: _ClassVar[ChangeDirection]
COLUMN_KIND_UNSPECIFIED: ColumnKind
COLUMN_KIND_NUMERIC: ColumnKind
COLUMN_KIND_CATEGORICAL: ColumnKind
COLUMN_KIND_EMBEDDING: ColumnKind
DRIFT_TEST_UNSPECIFIED: DriftTest
DRIFT_TEST_PSI: DriftTest
DRIFT_TEST_CHI_SQUARED: DriftTest
DRIFT_TEST_MMD: DriftTest
DRIFT_TEST_KS: DriftTest
DRIFT_TEST_HOTELLING: DriftTest
CHANGE_DIRECTION_UNSPECIFIED: ChangeDirection
CHANGE_DIRECTION_UP: ChangeDirection
CHANGE_DIRECTION_DOWN: ChangeDirection

class TestDriftRequest(_message.Message):
    __slots__ = ("model", "reference_digest", "rows", "embeddings", "alpha", "delta", "columns", "labels")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    EMBEDDINGS_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelSelector
    reference_digest: str
    rows: _rows_pb2.Rows
    embeddings: _tensor_pb2.Tensor
    alpha: float
    delta: float
    columns: _containers.RepeatedScalarFieldContainer[str]
    labels: _tensor_pb2.Tensor
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelSelector, _Mapping]] = ..., reference_digest: _Optional[str] = ..., rows: _Optional[_Union[_rows_pb2.Rows, _Mapping]] = ..., embeddings: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., alpha: _Optional[float] = ..., delta: _Optional[float] = ..., columns: _Optional[_Iterable[str]] = ..., labels: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...

class TestResult(_message.Message):
    __slots__ = ("test", "effect", "p_value")
    TEST_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    P_VALUE_FIELD_NUMBER: _ClassVar[int]
    test: DriftTest
    effect: float
    p_value: float
    def __init__(self, test: _Optional[_Union[DriftTest, str]] = ..., effect: _Optional[float] = ..., p_value: _Optional[float] = ...) -> None: ...

class ColumnDrift(_message.Message):
    __slots__ = ("name", "kind", "deciding", "p_adjusted", "effect_min", "drifted", "informing", "bins", "reference_counts", "window_counts")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DECIDING_FIELD_NUMBER: _ClassVar[int]
    P_ADJUSTED_FIELD_NUMBER: _ClassVar[int]
    EFFECT_MIN_FIELD_NUMBER: _ClassVar[int]
    DRIFTED_FIELD_NUMBER: _ClassVar[int]
    INFORMING_FIELD_NUMBER: _ClassVar[int]
    BINS_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_COUNTS_FIELD_NUMBER: _ClassVar[int]
    WINDOW_COUNTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: ColumnKind
    deciding: TestResult
    p_adjusted: float
    effect_min: float
    drifted: bool
    informing: _containers.RepeatedCompositeFieldContainer[TestResult]
    bins: _containers.RepeatedScalarFieldContainer[str]
    reference_counts: _containers.RepeatedScalarFieldContainer[int]
    window_counts: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[_Union[ColumnKind, str]] = ..., deciding: _Optional[_Union[TestResult, _Mapping]] = ..., p_adjusted: _Optional[float] = ..., effect_min: _Optional[float] = ..., drifted: bool = ..., informing: _Optional[_Iterable[_Union[TestResult, _Mapping]]] = ..., bins: _Optional[_Iterable[str]] = ..., reference_counts: _Optional[_Iterable[int]] = ..., window_counts: _Optional[_Iterable[int]] = ...) -> None: ...

class ClassShare(_message.Message):
    __slots__ = ("name", "share")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    name: str
    share: float
    def __init__(self, name: _Optional[str] = ..., share: _Optional[float] = ...) -> None: ...

class ClassShift(_message.Message):
    __slots__ = ("name", "effect", "p_adjusted")
    NAME_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    P_ADJUSTED_FIELD_NUMBER: _ClassVar[int]
    name: str
    effect: float
    p_adjusted: float
    def __init__(self, name: _Optional[str] = ..., effect: _Optional[float] = ..., p_adjusted: _Optional[float] = ...) -> None: ...

class TestDriftResponse(_message.Message):
    __slots__ = ("model", "reference_digest", "row_count", "drifted", "columns", "class_shares", "alpha", "delta", "warnings", "class_shifts", "class_shares_observed")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    DRIFTED_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    CLASS_SHARES_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    CLASS_SHIFTS_FIELD_NUMBER: _ClassVar[int]
    CLASS_SHARES_OBSERVED_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelIdentity
    reference_digest: str
    row_count: int
    drifted: bool
    columns: _containers.RepeatedCompositeFieldContainer[ColumnDrift]
    class_shares: _containers.RepeatedCompositeFieldContainer[ClassShare]
    alpha: float
    delta: float
    warnings: _containers.RepeatedScalarFieldContainer[str]
    class_shifts: _containers.RepeatedCompositeFieldContainer[ClassShift]
    class_shares_observed: bool
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelIdentity, _Mapping]] = ..., reference_digest: _Optional[str] = ..., row_count: _Optional[int] = ..., drifted: bool = ..., columns: _Optional[_Iterable[_Union[ColumnDrift, _Mapping]]] = ..., class_shares: _Optional[_Iterable[_Union[ClassShare, _Mapping]]] = ..., alpha: _Optional[float] = ..., delta: _Optional[float] = ..., warnings: _Optional[_Iterable[str]] = ..., class_shifts: _Optional[_Iterable[_Union[ClassShift, _Mapping]]] = ..., class_shares_observed: bool = ...) -> None: ...

class WatchSettings(_message.Message):
    __slots__ = ("model", "reference_digest", "window_rows", "expected_run_rows", "delta", "columns", "state")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    WINDOW_ROWS_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_RUN_ROWS_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelSelector
    reference_digest: str
    window_rows: int
    expected_run_rows: int
    delta: float
    columns: _containers.RepeatedScalarFieldContainer[str]
    state: bytes
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelSelector, _Mapping]] = ..., reference_digest: _Optional[str] = ..., window_rows: _Optional[int] = ..., expected_run_rows: _Optional[int] = ..., delta: _Optional[float] = ..., columns: _Optional[_Iterable[str]] = ..., state: _Optional[bytes] = ...) -> None: ...

class WatchDriftRequest(_message.Message):
    __slots__ = ("settings", "rows", "embeddings")
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    EMBEDDINGS_FIELD_NUMBER: _ClassVar[int]
    settings: WatchSettings
    rows: _rows_pb2.Rows
    embeddings: _tensor_pb2.Tensor
    def __init__(self, settings: _Optional[_Union[WatchSettings, _Mapping]] = ..., rows: _Optional[_Union[_rows_pb2.Rows, _Mapping]] = ..., embeddings: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...

class Change(_message.Message):
    __slots__ = ("column", "direction", "row", "since_row", "statistic", "limit")
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    ROW_FIELD_NUMBER: _ClassVar[int]
    SINCE_ROW_FIELD_NUMBER: _ClassVar[int]
    STATISTIC_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    column: str
    direction: ChangeDirection
    row: int
    since_row: int
    statistic: float
    limit: float
    def __init__(self, column: _Optional[str] = ..., direction: _Optional[_Union[ChangeDirection, str]] = ..., row: _Optional[int] = ..., since_row: _Optional[int] = ..., statistic: _Optional[float] = ..., limit: _Optional[float] = ...) -> None: ...

class WindowDrift(_message.Message):
    __slots__ = ("number", "first_row", "row_count", "drifted", "columns", "class_shares", "class_shifts", "alpha", "delta", "warnings")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    FIRST_ROW_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    DRIFTED_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    CLASS_SHARES_FIELD_NUMBER: _ClassVar[int]
    CLASS_SHIFTS_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    number: int
    first_row: int
    row_count: int
    drifted: bool
    columns: _containers.RepeatedCompositeFieldContainer[ColumnDrift]
    class_shares: _containers.RepeatedCompositeFieldContainer[ClassShare]
    class_shifts: _containers.RepeatedCompositeFieldContainer[ClassShift]
    alpha: float
    delta: float
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, number: _Optional[int] = ..., first_row: _Optional[int] = ..., row_count: _Optional[int] = ..., drifted: bool = ..., columns: _Optional[_Iterable[_Union[ColumnDrift, _Mapping]]] = ..., class_shares: _Optional[_Iterable[_Union[ClassShare, _Mapping]]] = ..., class_shifts: _Optional[_Iterable[_Union[ClassShift, _Mapping]]] = ..., alpha: _Optional[float] = ..., delta: _Optional[float] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class WatchReport(_message.Message):
    __slots__ = ("rows_seen", "alert", "window", "changes", "state")
    ROWS_SEEN_FIELD_NUMBER: _ClassVar[int]
    ALERT_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    rows_seen: int
    alert: bool
    window: WindowDrift
    changes: _containers.RepeatedCompositeFieldContainer[Change]
    state: bytes
    def __init__(self, rows_seen: _Optional[int] = ..., alert: bool = ..., window: _Optional[_Union[WindowDrift, _Mapping]] = ..., changes: _Optional[_Iterable[_Union[Change, _Mapping]]] = ..., state: _Optional[bytes] = ...) -> None: ...

class WatchDriftResponse(_message.Message):
    __slots__ = ("model", "reference_digest", "reports", "rows_seen", "state", "window_rows", "expected_run_rows", "warnings")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    ROWS_SEEN_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    WINDOW_ROWS_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_RUN_ROWS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelIdentity
    reference_digest: str
    reports: _containers.RepeatedCompositeFieldContainer[WatchReport]
    rows_seen: int
    state: bytes
    window_rows: int
    expected_run_rows: int
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelIdentity, _Mapping]] = ..., reference_digest: _Optional[str] = ..., reports: _Optional[_Iterable[_Union[WatchReport, _Mapping]]] = ..., rows_seen: _Optional[int] = ..., state: _Optional[bytes] = ..., window_rows: _Optional[int] = ..., expected_run_rows: _Optional[int] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class GetReferenceRequest(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelSelector
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelSelector, _Mapping]] = ...) -> None: ...

class ReferenceColumn(_message.Message):
    __slots__ = ("name", "kind", "bins", "counts")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    BINS_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: ColumnKind
    bins: _containers.RepeatedScalarFieldContainer[str]
    counts: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[_Union[ColumnKind, str]] = ..., bins: _Optional[_Iterable[str]] = ..., counts: _Optional[_Iterable[int]] = ...) -> None: ...

class Reference(_message.Message):
    __slots__ = ("digest", "row_count", "fitted_rows", "calibration_rows", "columns", "novelty_measures", "model_digest", "warnings")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    FITTED_ROWS_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_ROWS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    NOVELTY_MEASURES_FIELD_NUMBER: _ClassVar[int]
    MODEL_DIGEST_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    digest: str
    row_count: int
    fitted_rows: int
    calibration_rows: int
    columns: _containers.RepeatedCompositeFieldContainer[ReferenceColumn]
    novelty_measures: _containers.RepeatedScalarFieldContainer[str]
    model_digest: str
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, digest: _Optional[str] = ..., row_count: _Optional[int] = ..., fitted_rows: _Optional[int] = ..., calibration_rows: _Optional[int] = ..., columns: _Optional[_Iterable[_Union[ReferenceColumn, _Mapping]]] = ..., novelty_measures: _Optional[_Iterable[str]] = ..., model_digest: _Optional[str] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class GetReferenceResponse(_message.Message):
    __slots__ = ("model", "reference")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    model: _scoring_pb2.ModelIdentity
    reference: Reference
    def __init__(self, model: _Optional[_Union[_scoring_pb2.ModelIdentity, _Mapping]] = ..., reference: _Optional[_Union[Reference, _Mapping]] = ...) -> None: ...
