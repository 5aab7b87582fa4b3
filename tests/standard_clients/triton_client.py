"""tritonclient's synchronous client against assayd: python triton_client.py ADDRESS EXPECTED."""

import sys
from queue import Queue

import numpy as np
import tritonclient.grpc as triton
from checks import Checks, agree, expected
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

MODEL = "digits"
check = Checks()


def inputs_of(client, rows):
    (spec,) = client.get_model_metadata(MODEL).inputs
    given = triton.InferInput(spec.name, rows.shape, np_to_triton_dtype(rows.dtype))
    given.set_data_from_numpy(rows)
    return [given]


def outputs_of(wanted):
    return [triton.InferRequestedOutput(name) for name in wanted]


def refused(call, status):
    try:
        call()
    except InferenceServerException as error:
        assert error.status() == f"StatusCode.{status}", error
        return error.message()
    raise AssertionError("it was answered")


@check
def it_lives_and_is_ready(client, rows, wanted):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(MODEL)
    assert client.is_model_ready(MODEL, "1")
    assert not client.is_model_ready("other")
    assert not client.is_model_ready(MODEL, "9")


@check
def metadata_names_server_and_model(client, rows, wanted):
    assert client.get_server_metadata().name == "assayd"
    found = client.get_model_metadata(MODEL, as_json=True)
    assert found["name"] == MODEL
    assert {*wanted} <= {output["name"] for output in found["outputs"]}
    assert "Request for unknown model" in refused(lambda: client.get_model_metadata("other"), "NOT_FOUND")


@check
def infer_says_what_the_sdk_says(client, rows, wanted):
    result = client.infer(MODEL, inputs_of(client, rows), outputs=outputs_of(wanted), request_id="an id")
    assert result.get_response().id == "an id"
    for name, values in wanted.items():
        agree(result.as_numpy(name), values)


@check
def infer_without_outputs_gives_all_that_metadata_names(client, rows, wanted):
    result = client.infer(MODEL, inputs_of(client, rows))
    names = [output.name for output in client.get_model_metadata(MODEL).outputs]
    assert [output.name for output in result.get_response().outputs] == names
    for name, values in wanted.items():
        agree(result.as_numpy(name), values)


@check
def async_infer_says_the_same_of_each_of_many(client, rows, wanted):
    answers, given = Queue(), inputs_of(client, rows)
    for number in range(40):
        client.async_infer(
            MODEL,
            given,
            lambda result, error: answers.put((result, error)),
            outputs=outputs_of(wanted),
            request_id=str(number),
        )
    seen = set()
    for _ in range(40):
        result, error = answers.get(timeout=20)
        assert error is None, error
        seen.add(result.get_response().id)
        for name, values in wanted.items():
            agree(result.as_numpy(name), values)
    assert seen == {str(number) for number in range(40)}


@check
def priority_and_timeout_are_taken(client, rows, wanted):
    for priority in (0, 1, 2, 9):
        result = client.infer(
            MODEL, inputs_of(client, rows), outputs=outputs_of(wanted), priority=priority, timeout=10_000_000
        )
        agree(result.as_numpy("assayd.entropy"), wanted["assayd.entropy"])


@check
def the_index_lists_the_model(client, rows, wanted):
    (model,) = client.get_model_repository_index().models
    assert (model.name, model.version, model.state) == (MODEL, "1", "READY")


@check
def statistics_count_rows(client, rows, wanted):
    def count():
        (found,) = client.get_inference_statistics(MODEL).model_stats
        return found.inference_count, found.inference_stats.success.count

    before = count()
    client.infer(MODEL, inputs_of(client, rows))
    assert count() == (before[0] + len(rows), before[1] + 1)


@check
def wrong_requests_are_refused_as_by_triton(client, rows, wanted):
    (spec,) = client.get_model_metadata(MODEL).inputs

    def infer(name, values, **options):
        given = triton.InferInput(name, values.shape, np_to_triton_dtype(values.dtype))
        given.set_data_from_numpy(values)
        client.infer(options.pop("model", MODEL), [given], **options)

    narrow = np.zeros((2, 63), rows.dtype)
    message = refused(lambda: infer(spec.name, narrow), "INVALID_ARGUMENT")
    assert f"unexpected shape for input {spec.name!r} for model {MODEL!r}" in message
    message = refused(lambda: infer(spec.name, rows.astype(np.float64)), "INVALID_ARGUMENT")
    assert "datatype 'FP64', but model 'digits' expects" in message
    message = refused(lambda: infer("other", rows), "INVALID_ARGUMENT")
    assert "unexpected inference input 'other'" in message
    message = refused(lambda: client.infer(MODEL, []), "INVALID_ARGUMENT")
    assert "expected 1 inputs but got 0 inputs" in message
    message = refused(lambda: infer(spec.name, rows, outputs=outputs_of(["other"])), "INVALID_ARGUMENT")
    assert "unexpected inference output 'other'" in message
    message = refused(lambda: infer(spec.name, rows, model="other"), "NOT_FOUND")
    assert "Request for unknown model: 'other'" in message
    refused(lambda: infer(spec.name, rows, model_version="9"), "NOT_FOUND")
    refused(lambda: infer(spec.name, rows, model_version="latest"), "INVALID_ARGUMENT")


@check
def what_is_not_served_is_said_to_be_so(client, rows, wanted):
    assert "repository" in refused(lambda: client.load_model(MODEL), "UNIMPLEMENTED")
    assert "repository" in refused(lambda: client.unload_model(MODEL), "UNIMPLEMENTED")
    assert "ModelMetadata" in refused(lambda: client.get_model_config(MODEL), "UNIMPLEMENTED")
    assert "send the bytes" in refused(client.get_system_shared_memory_status, "UNIMPLEMENTED")
    assert "settings" in refused(client.get_log_settings, "UNIMPLEMENTED")
    classes = [triton.InferRequestedOutput("assayd.probabilities", class_count=3)]
    message = refused(lambda: client.infer(MODEL, inputs_of(client, rows), outputs=classes), "INVALID_ARGUMENT")
    assert "classification is not served" in message


@check
def a_stream_ends_with_a_sentence(client, rows, wanted):
    answers = Queue()
    client.start_stream(lambda result, error: answers.put((result, error)))
    client.async_stream_infer(MODEL, inputs_of(client, rows))
    result, error = answers.get(timeout=20)
    client.stop_stream()
    assert result is None
    assert error.status() == "StatusCode.UNIMPLEMENTED", error
    assert "ModelStreamInfer: is not served" in error.message()


if __name__ == "__main__":
    with triton.InferenceServerClient(sys.argv[1]) as client:
        check.run(client, *expected(sys.argv[2]))
