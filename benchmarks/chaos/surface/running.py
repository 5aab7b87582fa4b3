"""Steps in random order, from a seed."""

import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks.chaos.surface import asking, labels, scoring, trouble
from benchmarks.chaos.surface.world import World, world

Step = Callable[[World], None]
ASKED: dict[str, Step] = {
    step.__name__: step
    for step in (
        scoring.score,
        scoring.score_by_asyncio,
        scoring.score_stream,
        scoring.score_what_is_given,
        scoring.model_infer,
        scoring.rank,
        scoring.select_stream,
        asking.search,
        asking.search_by_ids,
        asking.search_boundary,
        asking.expand_candidates,
        asking.select_candidates,
        asking.describe,
        asking.test_drift,
        asking.watch_drift,
        labels.assess_labels,
        labels.evaluate,
        labels.propose_labels,
    )
}
FAULTS: dict[str, Step] = {
    step.__name__: step
    for step in (
        trouble.bad_input,
        trouble.short_deadline,
        trouble.left_early,
        trouble.closed_early,
        trouble.swap,
        trouble.kill,
    )
}
FAULT_SHARE = 0.25


class Counts(Counter[str]):
    """How often each step was done, and how long the longest took that is no fault."""

    worst_seconds = 0.0


def run(folder: Path, *, seed: int, seconds: float) -> Counts:
    """Do steps for so long, and all of them at least once; how often each was done.

    Raises:
        AssertionError: something came out that should not; the seed and the steps are in its notes.
    """
    print(f"seed {seed}", file=sys.stderr, flush=True)
    steps: list[str] = []
    worst_seconds = 0.0
    with world(folder, seed) as there:
        waiting = [str(name) for name in there.rng.permutation([*ASKED, *FAULTS])]
        until = time.monotonic() + seconds
        while waiting or time.monotonic() < until:
            steps.append(waiting.pop() if waiting else _drawn(there))
            there.counts[steps[-1]] = there.counts.get(steps[-1], 0) + 1
            began = time.monotonic()
            try:
                (ASKED | FAULTS)[steps[-1]](there)
            except Exception as error:
                error.add_note(f"seed {seed}, step {len(steps)}; the last ones: {', '.join(steps[-10:])}")
                raise
            if steps[-1] in ASKED:  # faults wait for what they need, such as a worker that comes back
                worst_seconds = max(worst_seconds, time.monotonic() - began)
    counts = Counts(steps)
    counts.worst_seconds = worst_seconds
    return counts


def _drawn(there: World) -> str:
    names = FAULTS if there.rng.random() < FAULT_SHARE else ASKED
    return str(there.rng.choice(list(names)))
