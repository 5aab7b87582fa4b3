"""tritonclient's asyncio client against assayd: python triton_asyncio.py ADDRESS EXPECTED."""

import asyncio
import sys

import grpc
import tritonclient.grpc.aio as triton
from checks import Checks, agree, expected
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

MODEL = "digits"
check = Checks()


def on_a_client(look):
    def run(address, rows, wanted):
        async def looked():
            async with triton.InferenceServerClient(address) as client:
                await asyncio.wait_for(look(client, rows, wanted), 60)

        asyncio.run(looked())

    run.__name__ = look.__name__
    return check(run)


async def infer(client, rows, wanted, **options):
    (spec,) = (await client.get_model_metadata(MODEL)).inputs
    given = triton.InferInput(spec.name, rows.shape, np_to_triton_dtype(rows.dtype))
    given.set_data_from_numpy(rows)
    outputs = [triton.InferRequestedOutput(name) for name in wanted]
    return await client.infer(options.pop("model", MODEL), [given], outputs=outputs, **options)


@on_a_client
async def it_lives_and_is_ready(client, rows, wanted):
    assert await client.is_server_live()
    assert await client.is_server_ready()
    assert await client.is_model_ready(MODEL)
    assert (await client.get_server_metadata()).name == "assayd"


@on_a_client
async def many_at_once_say_what_the_sdk_says(client, rows, wanted):
    results = await asyncio.gather(*(infer(client, rows, wanted, request_id=str(n)) for n in range(40)))
    for number, result in enumerate(results):
        assert result.get_response().id == str(number)
        for name, values in wanted.items():
            agree(result.as_numpy(name), values)


@on_a_client
async def index_and_statistics_are_told(client, rows, wanted):
    (model,) = (await client.get_model_repository_index()).models
    assert (model.name, model.state) == (MODEL, "READY")
    (found,) = (await client.get_inference_statistics(MODEL)).model_stats
    assert found.inference_count > 0


@on_a_client
async def errors_have_the_status_that_triton_gives_them(client, rows, wanted):
    for options, status in (
        ({"model": "other"}, "NOT_FOUND"),
        ({"model_version": "9"}, "NOT_FOUND"),
        ({"wanted": {"other": None}}, "INVALID_ARGUMENT"),
    ):
        try:
            await infer(client, rows, options.pop("wanted", wanted), **options)
        except InferenceServerException as error:
            assert error.status() == f"StatusCode.{status}", error
        else:
            raise AssertionError("it was answered")


@on_a_client
async def a_stream_ends_with_a_sentence(client, rows, wanted):
    (spec,) = (await client.get_model_metadata(MODEL)).inputs
    given = triton.InferInput(spec.name, rows.shape, np_to_triton_dtype(rows.dtype))
    given.set_data_from_numpy(rows)

    async def asked():
        yield {"model_name": MODEL, "inputs": [given]}

    try:
        async for _result, error in client.stream_infer(asked()):
            raise AssertionError(f"it went on: {error}")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED, error
        assert "ModelStreamInfer: is not served" in error.details()


if __name__ == "__main__":
    check.run(sys.argv[1], *expected(sys.argv[2]))
