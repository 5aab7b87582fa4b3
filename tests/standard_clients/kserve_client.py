"""KServe's SDK against assayd: python kserve_client.py ADDRESS EXPECTED."""

import asyncio
import sys

import grpc
from checks import Checks, agree, expected
from kserve.protocol.infer_type import RequestedOutput

from kserve import InferenceGRPCClient, InferInput, InferRequest

MODEL = "digits"
DATATYPES = {"float32": "FP32", "uint8": "UINT8"}
check = Checks()


def on_a_client(look):
    def run(address, name, rows, wanted):
        async def looked():
            async with InferenceGRPCClient(address) as client:
                await asyncio.wait_for(look(client, name, rows, wanted), 60)

        asyncio.run(looked())

    run.__name__ = look.__name__
    return check(run)


async def infer(client, name, rows, wanted, *, binary, model=MODEL):
    given = InferInput(name=name, shape=list(rows.shape), datatype=DATATYPES[rows.dtype.name])
    given.set_data_from_numpy(rows, binary_data=binary)
    outputs = [RequestedOutput(name=output) for output in wanted]
    return await client.infer(InferRequest(model_name=model, infer_inputs=[given], request_outputs=outputs))


@on_a_client
async def it_lives_and_is_ready(client, name, rows, wanted):
    assert await client.is_server_live()
    assert await client.is_server_ready()
    assert await client.is_model_ready(MODEL)


@on_a_client
async def raw_tensors_are_scored_as_by_the_sdk(client, name, rows, wanted):
    compare(await infer(client, name, rows, wanted, binary=True), wanted)


@on_a_client
async def typed_tensors_are_scored_as_by_the_sdk(client, name, rows, wanted):
    compare(await infer(client, name, rows, wanted, binary=False), wanted)


@on_a_client
async def many_at_once_are_scored_as_by_the_sdk(client, name, rows, wanted):
    calls = (infer(client, name, rows, wanted, binary=True) for _ in range(20))
    for response in await asyncio.gather(*calls):
        compare(response, wanted)


@on_a_client
async def an_unknown_model_is_not_found(client, name, rows, wanted):
    try:
        await infer(client, name, rows, wanted, binary=True, model="other")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND, error
    else:
        raise AssertionError("it was answered")


def compare(response, wanted):
    assert {output.name for output in response.outputs} == {*wanted}
    assert response.model_name == MODEL
    for output in response.outputs:
        agree(output.as_numpy().reshape(wanted[output.name].shape), wanted[output.name])


if __name__ == "__main__":
    rows, wanted = expected(sys.argv[2])
    check.run(sys.argv[1], sys.argv[3], rows, wanted)
