"""The calls that a server answers, by name."""

from collections.abc import Mapping
from typing import Any

from assayd.v1 import (
    labeling_pb2_grpc,
    monitoring_pb2,
    monitoring_pb2_grpc,
    retrieval_pb2_grpc,
    scoring_pb2_grpc,
    selection_pb2,
    selection_pb2_grpc,
)

_SELECT_STREAM = f"/{selection_pb2.DESCRIPTOR.services_by_name['SelectionService'].full_name}/SelectStream"
_WATCH_DRIFT = f"/{monitoring_pb2.DESCRIPTOR.services_by_name['MonitoringService'].full_name}/WatchDrift"


def methods_of(channel: Any) -> Mapping[str, Any]:
    """What begins each call.

    Args:
        channel: of grpc or grpc.aio.
    """
    scoring = scoring_pb2_grpc.ScoringServiceStub(channel)
    selection = selection_pb2_grpc.SelectionServiceStub(channel)
    retrieval = retrieval_pb2_grpc.RetrievalServiceStub(channel)
    monitoring = monitoring_pb2_grpc.MonitoringServiceStub(channel)
    labeling = labeling_pb2_grpc.LabelingServiceStub(channel)
    return {
        "Score": scoring.Score,
        "GetModel": scoring.GetModel,
        "ListModels": scoring.ListModels,
        "Rank": selection.Rank,
        "SelectStream": channel.unary_unary(  # a stream of one message and one answer is the same on the wire
            _SELECT_STREAM,
            request_serializer=selection_pb2.SelectStreamRequest.SerializeToString,
            response_deserializer=selection_pb2.SelectStreamResponse.FromString,
        ),
        "Search": retrieval.Search,
        "ExpandCandidates": retrieval.ExpandCandidates,
        "SelectCandidates": retrieval.SelectCandidates,
        "SearchBoundary": retrieval.SearchBoundary,
        "GetVectors": retrieval.GetVectors,
        "GetPool": retrieval.GetPool,
        "TestDrift": monitoring.TestDrift,
        "WatchDrift": channel.unary_unary(  # as above
            _WATCH_DRIFT,
            request_serializer=monitoring_pb2.WatchDriftRequest.SerializeToString,
            response_deserializer=monitoring_pb2.WatchDriftResponse.FromString,
        ),
        "GetReference": monitoring.GetReference,
        "AssessLabels": labeling.AssessLabels,
        "Evaluate": labeling.Evaluate,
        "ProposeLabels": labeling.ProposeLabels,
    }
