"""assayd's server and tritonclient in one process, each with its stubs: python one_process.py ORDER EXPECTED."""

import sys

from checks import Checks, agree, expected

check = Checks()


def theirs():
    import tritonclient.grpc

    return tritonclient.grpc


def ours():
    import assayd.testing

    return assayd.testing


@check
def a_server_answers_the_client_beside_it(order, rows, wanted):
    modules = [theirs, ours] if order == "theirs-first" else [ours, theirs]
    found = {module.__name__: module() for module in modules}
    triton, testing = found["theirs"], found["ours"]
    with testing.serving() as server, triton.InferenceServerClient(server.address) as client:
        name = client.get_model_repository_index().models[0].name
        (spec,) = client.get_model_metadata(name).inputs
        given = triton.InferInput(spec.name, rows.shape, spec.datatype)
        given.set_data_from_numpy(rows)
        result = client.infer(name, [given])
        for output, values in wanted.items():
            agree(result.as_numpy(output), values)
        agree(server.client().score(rows).probabilities, wanted["assayd.probabilities"])


if __name__ == "__main__":
    check.run(sys.argv[1], *expected(sys.argv[2]))
