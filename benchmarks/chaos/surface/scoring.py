"""Scores, choices and streams: what comes out beside what should."""

import asyncio
import json

import grpc
import numpy as np

from assayd import AsyncClient, Scores
from assayd_server.rpc.open_inference import open_inference_pb2 as pb
from benchmarks.chaos.surface.expected import (
    Floats,
    check_best,
    check_equal,
    cosines,
    cut,
    energy,
    fixed_policy,
    softmax,
    uncertainty,
)
from benchmarks.chaos.surface.world import World

MEASURES = ["least_confidence", "margin", "ratio", "entropy"]
TRY_AGAIN = {
    "methodConfig": [
        {
            "name": [{"service": "inference.GRPCInferenceService"}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}
POLICIES = ["fixed", "variable", "randomized_variable", "split", "quantile"]


def score(world: World) -> None:
    """Everything that one pass gives."""
    x, k = world.rows(int(world.rng.integers(1, 200))), int(world.rng.integers(1, 5))
    scores = world.client.score(
        x,
        uncertainties=MEASURES,
        top_k=k,
        neighbors=3,
        novelty=["energy"],
        outputs=["probabilities", "logits", "embeddings"],
    )
    _check(world, x, scores)
    assert scores.top is not None
    order = np.sort(scores.probabilities, axis=1)[:, ::-1][:, :k]
    check_equal(scores.top.probabilities, order, "the most probable classes", tolerance=0)
    assert scores.neighbors is not None
    similarities = np.sort(cosines(world.network.embeddings(x), world.pool), axis=1)[:, ::-1][:, :3]
    check_equal(scores.neighbors.similarities, similarities, "the neighbours")
    assert scores.novelty is not None
    check_equal(scores.novelty.scores["energy"], energy(scores.logits), "the energy")
    by_strangeness = scores.novelty.p_values["energy"][np.argsort(scores.novelty.scores["energy"])]
    assert (np.diff(by_strangeness) <= 0).all(), "a stranger row has a larger p-value"


def score_by_asyncio(world: World) -> None:
    """Several at once, by the other client."""
    batches = [world.rows(int(world.rng.integers(1, 50))) for _ in range(8)]

    async def all_of_them() -> list[Scores]:
        async with AsyncClient(world.replica.address, deadline_seconds=30) as client:
            return await asyncio.gather(
                *(client.score(x, uncertainties=MEASURES, outputs=["probabilities"]) for x in batches)
            )

    for x, scores in zip(batches, asyncio.run(all_of_them()), strict=True):
        _check(world, x, scores)


def score_stream(world: World) -> None:
    """Batch after batch, in order."""
    batches = cut(world.rows(int(world.rng.integers(20, 400))), world.rng)
    found = world.client.score_stream(batches, uncertainties=MEASURES, outputs=["probabilities"])
    for x, scores in zip(batches, found, strict=True):
        _check(world, x, scores)


def score_what_is_given(world: World) -> None:
    """Logits, with a temperature, and rows that cannot be scored between."""
    logits = world.rng.normal(0, 3, (40, 6)).astype(np.float32)
    bad = world.rng.random(40) < 0.2
    logits[bad, 2] = np.nan
    scores = world.client.score(logits=logits, temperature=1.7, uncertainties=MEASURES, outputs=["probabilities"])
    np.testing.assert_array_equal(scores.valid, ~bad)
    probabilities = softmax(logits[~bad], 1.7)
    check_equal(scores.probabilities[~bad], probabilities, "probabilities of logits")
    for measure in MEASURES:
        check_equal(scores.uncertainty[measure][~bad], uncertainty(measure, probabilities), measure)


def model_infer(world: World) -> None:
    """The same by the Open Inference Protocol, from a client that tries again as assayd's own does."""
    x = world.rows(int(world.rng.integers(1, 100)))
    request = pb.ModelInferRequest(model_name="m", raw_input_contents=[x.tobytes()])
    request.inputs.add(name="x", datatype="FP32", shape=x.shape)
    for name in ("assayd.probabilities", "assayd.entropy"):
        request.outputs.add(name=name)
    with grpc.insecure_channel(world.replica.address, [("grpc.service_config", json.dumps(TRY_AGAIN))]) as channel:
        infer = channel.unary_unary(
            "/inference.GRPCInferenceService/ModelInfer",
            request_serializer=pb.ModelInferRequest.SerializeToString,
            response_deserializer=pb.ModelInferResponse.FromString,
        )
        found = infer(request, timeout=30, wait_for_ready=True)
    probabilities, entropy = [np.frombuffer(raw, np.float32) for raw in found.raw_output_contents]
    logits = world.network.logits(world.network.embeddings(x))
    wanted = softmax(logits, world.temperature(int(found.model_version)))
    check_equal(probabilities.reshape(wanted.shape), wanted, "probabilities by the other protocol")
    check_equal(entropy, uncertainty("entropy", wanted), "entropy by the other protocol")


def rank(world: World) -> None:
    """The best rows of a batch, and those of the same rows as a stream."""
    x, measure = world.rows(int(world.rng.integers(5, 300))), str(world.rng.choice(MEASURES))
    count = int(world.rng.integers(1, len(x) + 1))
    of_batch = world.client.rank(x, measure=measure, count=count)
    of_stream = world.client.rank_stream(cut(x, world.rng), measure=measure, count=count)
    for ranking in (of_batch, of_stream):
        assert ranking.model is not None
        assert ranking.row_count == len(x)
        check_best(_uncertainty(world, x, measure, ranking.model.version), ranking.positions, count)


def select_stream(world: World) -> None:
    """The fixed threshold by its formula; all policies the same however the stream is cut and goes on."""
    policy, budget = str(world.rng.choice(POLICIES)), float(world.rng.choice([0.05, 0.2, 0.5]))
    logits = world.rng.normal(0, 1, (int(world.rng.integers(10, 400)), 4)).astype(np.float32)
    (whole,) = world.client.select_stream([{"logits": logits}], budget=budget, policy=policy)
    selected, state = [], b""
    for part in cut(logits, world.rng):
        (found,) = world.client.select_stream([{"logits": part}], budget=budget, policy=policy, state=state)
        state = found.state
        selected += found.selected.tolist()
    assert whole.selected.tolist() == selected, f"{policy}: the cut of a stream changes what is selected"
    utilities = uncertainty("least_confidence", softmax(logits))
    check_equal(whole.scores, utilities, "what decisions go by")
    if policy == "fixed" and not np.isclose(utilities, 1 - budget, atol=1e-5).any():
        wanted = fixed_policy(utilities, budget, window=max(100, round(10 / budget)))
        assert whole.selected.tolist() == wanted, "the fixed threshold"


def _check(world: World, x: Floats, scores: Scores) -> None:
    assert scores.model is not None
    logits = world.network.logits(world.network.embeddings(x))
    probabilities = softmax(logits, world.temperature(scores.model.version))
    check_equal(scores.probabilities, probabilities, "probabilities")
    chosen = np.take_along_axis(probabilities, scores.predictions[:, None].astype(int), axis=1)[:, 0]
    check_equal(chosen, probabilities.max(axis=1), "predictions")
    for measure in MEASURES:
        check_equal(scores.uncertainty[measure], uncertainty(measure, probabilities), measure)
    if scores.logits is not None:
        check_equal(scores.logits, logits, "logits")
        check_equal(scores.embeddings, world.network.embeddings(x), "embeddings")


def _uncertainty(world: World, x: Floats, measure: str, version: int) -> np.ndarray:
    logits = world.network.logits(world.network.embeddings(x))
    return uncertainty(measure, softmax(logits, world.temperature(version)))
