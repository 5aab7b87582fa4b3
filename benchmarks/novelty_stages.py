"""Where the time of a call with combined novelty goes: OPENBLAS_NUM_THREADS=1 python -m benchmarks.novelty_stages.

A 784-256-128-10 network with a reference, 256 rows, one thread, in process. Each stage is timed in its turn, after
a pass through the model, as in a server, and then many times by itself: cold caches cost the difference.
Medians of processor time, in microseconds. With --short only a few.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from assayd_server import servable
from assayd_server.bundle import ReferenceContent, content_of, read_file
from assayd_server.core.novelty import (
    NoveltyMeasure,
    NoveltyReference,
    discoveries,
    domain_p_values,
    verdicts,
)
from assayd_server.core.novelty.combination import combined_score
from assayd_server.core.uncertainty import Measure
from assayd_server.forward import Forward
from assayd_server.novelty_scoring import outputs_of
from assayd_server.plan import Plan
from assayd_server.rows import Inputs
from assayd_server.rpc.direct.response_form import ResponseForm
from assayd_server.score_job import Part
from assayd_server.scoring import scored
from assayd_server.servable import Servable
from assayd_server.wanted import Wanted
from benchmarks.novelty_serving import BATCH, WIDTHS, files

M = NoveltyMeasure
ALPHA = 0.05
PLAIN = Wanted(uncertainties=(Measure.ENTROPY,))
NOVEL = replace(PLAIN, novelty=(M.COMBINED,))
Stage = Callable[[dict[str, Any]], Any]
"""Is given what the stages before it gave, by name."""


def loaded(folder: Path, reference_rows: int) -> Servable:
    """The model of novelty_serving, with its reference."""
    model, reference = files(folder, reference_rows)
    content = ReferenceContent(reference, content_of(reference))
    return servable.load(replace(read_file(model), reference=content), threads=1)


def stages(model: Servable) -> Mapping[str, Stage]:
    """In the order of a call; those of the first pass are of a call without novelty."""
    known = model.reference
    assert known is not None
    reference: NoveltyReference = known.novelty
    calibrations = reference.calibrations
    rows = Inputs((), 0)
    plain, novel = Plan(rows, PLAIN, model), Plan(rows, NOVEL, model)
    x = np.random.default_rng(1).normal(size=(BATCH, WIDTHS[0])).astype(np.float32)
    fed = {model.contract.inputs[0].name: x}

    def passed(plan: Plan) -> Forward:
        return model.forward_fed(fed, row_count=BATCH, roles=[*plan.score_roles, "coordinates"])

    def written(plan: Plan) -> Stage:
        scores = scored(passed(plan), plan)
        form = ResponseForm(scores, BATCH)
        return lambda _: form.response(Part(scores, slice(0, BATCH)))

    return {
        "pass": lambda _: passed(plain),
        "scores": lambda found: scored(found["pass"], plain),
        "response": written(plain),
        "pass, with novelty": lambda _: passed(novel),
        "scores, without novelty": lambda found: scored(found["pass, with novelty"], plain),
        "outputs": lambda found: outputs_of(found["pass, with novelty"], known, novel.task),
        "ranks of gen": lambda found: calibrations[M.GEN].surprises(found["outputs"].scores[M.GEN]),
        "ranks of relative_mahalanobis": lambda found: calibrations[M.RELATIVE_MAHALANOBIS].surprises(
            found["outputs"].scores[M.RELATIVE_MAHALANOBIS]
        ),
        "combined": lambda found: combined_score([found["ranks of relative_mahalanobis"], found["ranks of gen"]]),
        "p-values": lambda found: calibrations[M.COMBINED].p_values(found["combined"]),
        "strange rows beside all rows": lambda found: domain_p_values(
            reference, found["pass, with novelty"].embeddings, found["p-values"] <= ALPHA
        ),
        "verdicts": lambda found: verdicts(found["p-values"], found["strange rows beside all rows"], ALPHA),
        "discoveries": lambda found: discoveries(found["p-values"], ALPHA),
        "response, with novelty": written(novel),
    }


def measured(work: Mapping[str, Stage], rounds: int) -> dict[str, tuple[float, float]]:
    """Microseconds of each stage, in its turn and by itself."""
    in_turn: dict[str, list[int]] = {name: [] for name in work}
    alone: dict[str, list[int]] = {name: [] for name in work}
    found: dict[str, Any] = {}

    def timed(name: str, times: dict[str, list[int]]) -> None:
        began = time.thread_time_ns()
        found[name] = work[name](found)
        times[name].append(time.thread_time_ns() - began)

    for _ in range(rounds):
        for name in work:
            timed(name, in_turn)
    for name in work:
        for _ in range(rounds):
            timed(name, alone)
    return {name: (statistics.median(in_turn[name]) / 1e3, statistics.median(alone[name]) / 1e3) for name in work}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="a few passes")
    short = parser.parse_args().short
    with TemporaryDirectory() as name:
        found = measured(stages(loaded(Path(name), 400 if short else 20_000)), 3 if short else 600)
    print("| stage | us, in its turn | us, by itself |\n|---|---|---|")
    for stage, (in_turn, alone) in found.items():
        print(f"| {stage} | {in_turn:.0f} | {alone:.0f} |")


if __name__ == "__main__":
    main()
