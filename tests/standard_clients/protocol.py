"""What any server of the protocol does, asked by tritonclient: python protocol.py ADDRESS RESULT PREFIX.

The model is "network": x, (n, 784) FP32, to PREFIXprobabilities and PREFIXentropy. What was found is written to
RESULT as JSON: "ok", or what happened instead. Whether that is right is for who has started the server to say.
"""

import json
import sys
from pathlib import Path
from queue import Queue

import numpy as np
import tritonclient.grpc as triton
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

MODEL, INPUT, WIDTH = "network", "x", 784
ROWS = np.random.default_rng(0).normal(size=(5, WIDTH)).astype(np.float32)
CHECKS = {}


def check(look):
    CHECKS[look.__name__.replace("_", " ")] = look
    return look


class Server:
    """A client, and the names that the server has for what is asked of it."""

    def __init__(self, address, prefix):
        self.client = triton.InferenceServerClient(address)
        self.stub = service_pb2_grpc.GRPCInferenceServiceStub(self.client._channel)
        self.probabilities, self.entropy = f"{prefix}probabilities", f"{prefix}entropy"

    def infer(self, *, name=INPUT, rows=ROWS, datatype="FP32", model=MODEL, outputs=None, **options):
        given = triton.InferInput(name, rows.shape, datatype)
        given.set_data_from_numpy(rows)
        wanted = [triton.InferRequestedOutput(one) for one in outputs or (self.probabilities, self.entropy)]
        return self.client.infer(model, [given], outputs=wanted, **options)

    def message(self, *, raw=None, elements=None):
        message = service_pb2.ModelInferRequest(model_name=MODEL)
        tensor = message.inputs.add(name=INPUT, datatype="FP32", shape=ROWS.shape)
        if raw is not None:
            message.raw_input_contents.append(raw)
        if elements is not None:
            tensor.contents.fp32_contents.extend(elements)
        message.outputs.add(name=self.probabilities)
        return message


def status(call):
    """How a call ends."""
    try:
        call()
    except InferenceServerException as error:
        return error.status().removeprefix("StatusCode.")
    except Exception as error:
        return error.code().name
    return "OK"


def is_right(server, result):
    probabilities = result.as_numpy(server.probabilities)
    entropy = result.as_numpy(server.entropy).reshape(-1)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=0, atol=1e-5)
    own = -(probabilities * np.log(np.maximum(probabilities, 1e-30))).sum(axis=1) / np.log(probabilities.shape[1])
    np.testing.assert_allclose(entropy, own, rtol=0, atol=1e-5)


@check
def it_lives_and_is_ready(server):
    assert server.client.is_server_live()
    assert server.client.is_server_ready()


@check
def it_says_which_model_is_ready(server):
    assert server.client.is_model_ready(MODEL)
    assert server.client.is_model_ready("other") is False


@check
def it_names_itself(server):
    found = server.client.get_server_metadata()
    assert found.name
    assert found.version


@check
def metadata_names_inputs_and_outputs(server):
    found = server.client.get_model_metadata(MODEL)
    assert [(one.name, one.datatype, [*one.shape]) for one in found.inputs] == [(INPUT, "FP32", [-1, WIDTH])]
    assert {server.probabilities, server.entropy} <= {one.name for one in found.outputs}


@check
def rows_are_scored(server):
    is_right(server, server.infer())


@check
def rows_are_scored_each_by_itself(server):
    together = server.infer().as_numpy(server.probabilities)
    alone = [
        server.infer(rows=ROWS[index : index + 1]).as_numpy(server.probabilities) for index in range(len(ROWS))
    ]
    np.testing.assert_allclose(np.concatenate(alone), together, rtol=0, atol=1e-5)


@check
def the_id_comes_back(server):
    assert server.infer(request_id="an id").get_response().id == "an id"


@check
def what_is_asked_for_comes_and_nothing_else(server):
    found = server.infer(outputs=[server.entropy]).get_response().outputs
    assert [one.name for one in found] == [server.entropy]


@check
def without_outputs_all_come(server):
    given = triton.InferInput(INPUT, ROWS.shape, "FP32")
    given.set_data_from_numpy(ROWS)
    found = server.client.infer(MODEL, [given]).get_response().outputs
    metadata = server.client.get_model_metadata(MODEL)
    assert {one.name for one in found} == {one.name for one in metadata.outputs}


@check
def numbers_come_back_as_raw_bytes(server):
    found = server.infer().get_response()
    assert len(found.raw_output_contents) == len(found.outputs) == 2


@check
def elements_one_by_one_do_as_well(server):
    raw = server.stub.ModelInfer(server.message(raw=ROWS.tobytes()))
    typed = server.stub.ModelInfer(server.message(elements=ROWS.ravel().tolist()))
    assert [*raw.outputs[0].shape] == [*typed.outputs[0].shape]
    assert raw.raw_output_contents == typed.raw_output_contents
    assert raw.outputs[0].contents == typed.outputs[0].contents


@check
def async_infer_calls_back(server):
    answers = Queue()
    given = triton.InferInput(INPUT, ROWS.shape, "FP32")
    given.set_data_from_numpy(ROWS)
    outputs = [triton.InferRequestedOutput(one) for one in (server.probabilities, server.entropy)]
    server.client.async_infer(MODEL, [given], lambda result, error: answers.put((result, error)), outputs=outputs)
    result, error = answers.get(timeout=20)
    assert error is None, error
    is_right(server, result)


def refusal(name, expected):
    """A check that a call ends so."""

    def add(call):
        def look(server):
            found = status(lambda: call(server))
            assert found == expected, found

        CHECKS[name] = look
        return call

    return add


@refusal("an unknown model is not found", "NOT_FOUND")
def _(server):
    server.infer(model="other")


@refusal("metadata of an unknown model is not found", "NOT_FOUND")
def _(server):
    server.client.get_model_metadata("other")


@refusal("an unknown version is not found", "NOT_FOUND")
def _(server):
    server.infer(model_version="99")


@refusal("a version that is no number is refused", "INVALID_ARGUMENT")
def _(server):
    server.infer(model_version="latest")


@refusal("an unknown input is refused", "INVALID_ARGUMENT")
def _(server):
    server.infer(name="other")


@refusal("a missing input is refused", "INVALID_ARGUMENT")
def _(server):
    server.client.infer(MODEL, [])


@refusal("another datatype is refused", "INVALID_ARGUMENT")
def _(server):
    server.infer(rows=ROWS.astype(np.float64), datatype="FP64")


@refusal("texts are refused", "INVALID_ARGUMENT")
def _(server):
    server.infer(rows=np.full(ROWS.shape, b"a", object), datatype="BYTES")


@refusal("another width is refused", "INVALID_ARGUMENT")
def _(server):
    server.infer(rows=ROWS[:, 1:])


@refusal("another rank is refused", "INVALID_ARGUMENT")
def _(server):
    server.infer(rows=ROWS[:, :, None])


@refusal("an unknown output is refused", "INVALID_ARGUMENT")
def _(server):
    server.infer(outputs=["other"])


@refusal("fewer bytes than the shape says are refused", "INVALID_ARGUMENT")
def _(server):
    server.stub.ModelInfer(server.message(raw=ROWS.tobytes()[:-4]))


@refusal("bytes and elements together are refused", "INVALID_ARGUMENT")
def _(server):
    server.stub.ModelInfer(server.message(raw=ROWS.tobytes(), elements=ROWS.ravel().tolist()))


@check
def the_index_lists_the_model(server):
    found = server.client.get_model_repository_index().models
    assert (MODEL, "READY") in [(one.name, one.state) for one in found]


@check
def statistics_count_rows_and_calls(server):
    def count():
        (found,) = server.client.get_inference_statistics(MODEL).model_stats
        return found.inference_count, found.inference_stats.success.count

    before = count()
    server.infer()
    assert count() == (before[0] + len(ROWS), before[1] + 1)


def main():
    address, result, prefix = sys.argv[1:]
    server, found = Server(address, prefix), {}
    for name, look in CHECKS.items():
        try:
            look(server)
            found[name] = "ok"
        except InferenceServerException as error:
            found[name] = f"{error.status()}: {error.message()}"
        except Exception as error:
            found[name] = f"{type(error).__name__}: {' '.join(str(error).split())}"
    Path(result).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
