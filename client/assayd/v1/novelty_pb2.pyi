from assayd.v1 import tensor_pb2 as _tensor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NoveltyMeasure(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NOVELTY_MEASURE_UNSPECIFIED: _ClassVar[NoveltyMeasure]
    NOVELTY_MEASURE_COMBINED: _ClassVar[NoveltyMeasure]
    NOVELTY_MEASURE_MSP: _ClassVar[NoveltyMeasure]
    NOVELTY_MEASURE_MAX_LOGIT: _ClassVar[NoveltyMeasure]
    NOVELTY_MEASURE_ENERGY: _ClassVar[NoveltyMeasure]
    NOVELTY_MEASURE_GEN: _ClassVar[NoveltyMeasure]
    NOVELTY_MEASURE_MAHALANOBIS: _ClassVar[NoveltyMeasure]
    NOVELTY_MEASURE_RELATIVE_MAHALANOBIS: _ClassVar[NoveltyMeasure]
    NOVELTY_MEASURE_KNN: _ClassVar[NoveltyMeasure]
    NOVELTY_MEASURE_VIM: _ClassVar[NoveltyMeasure]
    NOVELTY_MEASURE_DOMAIN: _ClassVar[NoveltyMeasure]

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_KNOWN: _ClassVar[Verdict]
    VERDICT_NOVEL: _ClassVar[Verdict]
    VERDICT_ANOMALY: _ClassVar[Verdict]
NOVELTY_MEASURE_UNSPECIFIED: NoveltyMeasure
NOVELTY_MEASURE_COMBINED: NoveltyMeasure
NOVELTY_MEASURE_MSP: NoveltyMeasure
NOVELTY_MEASURE_MAX_LOGIT: NoveltyMeasure
NOVELTY_MEASURE_ENERGY: NoveltyMeasure
NOVELTY_MEASURE_GEN: NoveltyMeasure
NOVELTY_MEASURE_MAHALANOBIS: NoveltyMeasure
NOVELTY_MEASURE_RELATIVE_MAHALANOBIS: NoveltyMeasure
NOVELTY_MEASURE_KNN: NoveltyMeasure
NOVELTY_MEASURE_VIM: NoveltyMeasure
NOVELTY_MEASURE_DOMAIN: NoveltyMeasure
VERDICT_UNSPECIFIED: Verdict
VERDICT_KNOWN: Verdict
VERDICT_NOVEL: Verdict
VERDICT_ANOMALY: Verdict

class NoveltyScores(_message.Message):
    __slots__ = ("measure", "values", "p_values")
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    P_VALUES_FIELD_NUMBER: _ClassVar[int]
    measure: NoveltyMeasure
    values: _tensor_pb2.Tensor
    p_values: _tensor_pb2.Tensor
    def __init__(self, measure: _Optional[_Union[NoveltyMeasure, str]] = ..., values: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., p_values: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ...) -> None: ...

class Novelty(_message.Message):
    __slots__ = ("reference_digest", "scores", "verdicts", "p_class", "p_domain", "discoveries", "alpha")
    REFERENCE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    P_CLASS_FIELD_NUMBER: _ClassVar[int]
    P_DOMAIN_FIELD_NUMBER: _ClassVar[int]
    DISCOVERIES_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    reference_digest: str
    scores: _containers.RepeatedCompositeFieldContainer[NoveltyScores]
    verdicts: _tensor_pb2.Tensor
    p_class: _tensor_pb2.Tensor
    p_domain: _tensor_pb2.Tensor
    discoveries: _tensor_pb2.Tensor
    alpha: float
    def __init__(self, reference_digest: _Optional[str] = ..., scores: _Optional[_Iterable[_Union[NoveltyScores, _Mapping]]] = ..., verdicts: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., p_class: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., p_domain: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., discoveries: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., alpha: _Optional[float] = ...) -> None: ...
