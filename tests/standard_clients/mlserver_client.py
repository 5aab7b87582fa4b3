"""MLServer's own stubs and converters against assayd: python mlserver_client.py ADDRESS EXPECTED."""

import sys

import grpc
import numpy as np
from checks import Checks, agree, expected
from mlserver.codecs import NumpyCodec
from mlserver.grpc import dataplane_pb2 as pb
from mlserver.grpc.converters import ModelInferRequestConverter, ModelInferResponseConverter
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from mlserver.types import InferenceRequest, RequestOutput

MODEL = "digits"
check = Checks()


def asked(stub, rows, wanted, *, use_raw):
    (spec,) = stub.ModelMetadata(pb.ModelMetadataRequest(name=MODEL)).inputs
    request = InferenceRequest(
        id="an id",
        inputs=[NumpyCodec.encode_input(spec.name, rows)],
        outputs=[RequestOutput(name=name) for name in wanted],
    )
    message = ModelInferRequestConverter.from_types(request, model_name=MODEL, use_raw=use_raw)
    return stub.ModelInfer(message, timeout=20)


@check
def it_lives_and_is_ready(stub, rows, wanted):
    assert stub.ServerLive(pb.ServerLiveRequest()).live
    assert stub.ServerReady(pb.ServerReadyRequest()).ready
    assert stub.ModelReady(pb.ModelReadyRequest(name=MODEL)).ready
    assert stub.ServerMetadata(pb.ServerMetadataRequest()).name == "assayd"


@check
def raw_tensors_are_scored_as_by_the_sdk(stub, rows, wanted):
    response = asked(stub, rows, wanted, use_raw=True)
    compare(response, wanted)


@check
def typed_tensors_are_scored_as_by_the_sdk(stub, rows, wanted):
    response = asked(stub, rows, wanted, use_raw=False)
    compare(response, wanted)


@check
def an_unknown_model_is_not_found(stub, rows, wanted):
    try:
        stub.ModelInfer(pb.ModelInferRequest(model_name="other"), timeout=20)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND, error
    else:
        raise AssertionError("it was answered")


def compare(response, wanted):
    """By MLServer's types, which hold elements one by one."""
    found = ModelInferResponseConverter.to_types(response)
    assert found.id == "an id"
    for output in found.outputs:
        agree(np.asarray(NumpyCodec.decode_output(output)).reshape(wanted[output.name].shape), wanted[output.name])
    assert {output.name for output in found.outputs} == {*wanted}


if __name__ == "__main__":
    with grpc.insecure_channel(sys.argv[1]) as channel:
        check.run(GRPCInferenceServiceStub(channel), *expected(sys.argv[2]))
