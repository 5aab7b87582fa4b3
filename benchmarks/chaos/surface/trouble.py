"""What goes wrong between: by callers, by time, and by the server's own end."""

import time
from contextlib import suppress
from threading import Timer

import numpy as np

from assayd import (
    AssaydError,
    CallCancelledError,
    Client,
    DeadlineExceededError,
    InvalidArgumentError,
    NotFoundError,
)
from benchmarks.chaos.surface.world import World


def bad_input(world: World) -> None:
    """Each is refused for what it is."""
    x = world.rows(3)
    wrong = (
        (InvalidArgumentError, lambda: world.client.score(x[:, :5])),
        (InvalidArgumentError, lambda: world.client.score(x, uncertainties=["no such measure"])),
        (InvalidArgumentError, lambda: world.client.rank(x, measure="entropy", count=0)),
        (InvalidArgumentError, lambda: world.client.search(np.ones((2, 3), np.float32))),
        (InvalidArgumentError, lambda: list(world.client.select_stream([x], budget=2.0))),
        (NotFoundError, lambda: world.client.score(x, model="nobody")),
        (NotFoundError, lambda: world.client.score(x, version=10**6)),
        (NotFoundError, lambda: world.client.pool_vectors([10**6])),
    )
    kind, call = wrong[int(world.rng.integers(len(wrong)))]
    try:
        call()
    except kind:
        return
    raise AssertionError(f"no {kind.__name__}")


def short_deadline(world: World) -> None:
    """An answer, or the one error that is right."""
    seconds = float(world.rng.choice([1e-6, 1e-4, 1e-3]))
    try:
        scores = world.client.score(world.rows(2000), deadline_seconds=seconds)
    except DeadlineExceededError:
        return
    assert len(scores) == 2000


def left_early(world: World) -> None:
    """A stream of which one answer is taken; the calls under way are cancelled."""
    stream = world.client.score_stream(world.rows(50) for _ in range(100))
    assert len(next(stream)) == 50
    stream.close()


def closed_early(world: World) -> None:
    """A client that is closed while it calls says so, and nothing else."""
    client = Client(world.replica.address, deadline_seconds=30)
    closing = Timer(float(world.rng.uniform(0, 0.05)), client.close)
    closing.start()
    with suppress(CallCancelledError):
        while True:
            client.score(world.rows(20))
    closing.join()


def swap(world: World) -> None:
    """A new version: it answers from now on, and the oldest of more than four goes."""
    world.publish()


def kill(world: World) -> None:
    """A worker; the client's own retries are all that keeps the next calls well."""
    world.kill_a_worker()
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        try:
            world.client.models()
        except AssaydError as error:
            raise AssertionError(f"a call failed after a worker was killed: {error}") from error
