"""Requests of the Open Inference Protocol that the demo's model answers, or that no model does."""

from collections.abc import Iterator, Sequence

import numpy as np
from google.protobuf.message import Message

from assayd_server.rpc.open_inference import open_inference_pb2 as pb
from assayd_server.rpc.open_inference.servicer import SERVICE

NAME, WIDTH = "digits", 64
STATUSES = {f"/{SERVICE.full_name}/RepositoryModel{what}": "UNIMPLEMENTED" for what in ("Load", "Unload")}
"""What valid calls come to where it is not OK."""


def pixels(count: int) -> np.ndarray:
    """Images as the model takes them."""
    return np.random.default_rng(count).integers(0, 17, (count, WIDTH)).astype("<f4")


def request(
    images: np.ndarray, *, typed: bool = False, outputs: Sequence[str] = (), **fields: str
) -> pb.ModelInferRequest:
    """A request of ModelInfer, whose numbers are bytes or typed."""
    asked = pb.ModelInferRequest(model_name=NAME, **fields)
    tensor = asked.inputs.add(name="image", datatype="FP32", shape=images.shape)
    if typed:
        tensor.contents.fp32_contents.extend(images.ravel().tolist())
    else:
        asked.raw_input_contents.append(images.tobytes())
    for name in outputs:
        asked.outputs.add(name=name)
    return asked


def valid_infers() -> Iterator[tuple[str, Message]]:
    """At least one call of each method of the protocol, by its name; the same ones each time."""
    yield "ServerLive", pb.ServerLiveRequest()
    yield "ServerReady", pb.ServerReadyRequest()
    yield "ModelReady", pb.ModelReadyRequest(name=NAME, version="1")
    yield "ServerMetadata", pb.ServerMetadataRequest()
    yield "ModelMetadata", pb.ModelMetadataRequest(name=NAME, version="1")
    yield "RepositoryIndex", pb.RepositoryIndexRequest(ready=True)
    yield "ModelStatistics", pb.ModelStatisticsRequest(name=NAME, version="1")
    load = pb.RepositoryModelLoadRequest(model_name=NAME)
    load.parameters["file:1/model.onnx"].bytes_param = b"onnx"
    yield "RepositoryModelLoad", load
    unload = pb.RepositoryModelUnloadRequest(model_name=NAME)
    unload.parameters["unload_dependents"].bool_param = True
    yield "RepositoryModelUnload", unload
    for asked in _model_infers():
        yield "ModelInfer", asked


def _model_infers() -> Iterator[pb.ModelInferRequest]:
    yield request(pixels(3))
    yield request(pixels(3), id="a call", model_version="1", outputs=["assayd.entropy", "probabilities"])
    yield request(pixels(2), typed=True)
    bulk = request(pixels(5), outputs=["assayd.probabilities", "assayd.novelty"])
    bulk.parameters["priority"].int64_param = 2
    bulk.parameters["timeout"].string_param = "20000000"
    bulk.inputs[0].parameters["binary_data_size"].int64_param = 5 * 4 * WIDTH
    bulk.outputs[0].parameters["binary_data"].bool_param = True
    yield bulk
