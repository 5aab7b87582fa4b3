"""What it costs to rank a pool that nobody holds: python -m benchmarks.rank_pool [--short].

A pool of 2,000,000 rows of 10 logits is made from a seed, block by block, while rank_stream takes it in batches of
several sizes; its rows are compared with those of NumPy's stable sort of the whole. One row in 4,000 is all zeros,
so that the first places are ties, and one has a NaN. Clients, servers and NumPy run in processes of their own, and
in turn, in several rounds. Writes benchmarks/results/rank_pool.json unless --short.
"""

import argparse
import json
import platform
import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from assayd import ChannelSettings, Client, Ranking, merge_rankings
from benchmarks.pool_processes import Server, Usage, in_process, serving_alone
from benchmarks.pool_rows import BLOCK_ROWS, CLASS_COUNT, SEED, Part, best, block, measured, probabilities, whole

RESULTS = Path(__file__).parent / "results" / "rank_pool.json"
COUNT = 1000
MEASURES = ("least_confidence", "margin", "ratio", "entropy", "max_entropy")
TIMED = "entropy"
MIB = 2**20
NUMPY, GENERATING, ONE_CALL = "NumPy alone", "making the rows", "one call"
EXPLANATION = """\
Each line ranks the whole pool of {rows:,} rows by {timed} for its best {count}, and makes the rows as it goes.
rows a second over NumPy's: wall time of one NumPy process that makes the same rows, holds them all, computes
  {timed} and sorts it (stable), over this one's; the median of {rounds} rounds (lowest to highest).
processor time over NumPy's: of client and server together, over that of the NumPy process; likewise.
client, server: the most memory that the process ever held (VmHWM), and in brackets how much more that is than
  what it held before the first row; MiB. The pool alone is {pool} MiB of float32.
{generating} is what all other lines include of that. {one_call} sends the pool as one message to a server whose
  limits were raised for it; by default a call takes 16 MiB and 16,384 rows.
"""
EXPLANATION_OF_COMPARISONS = """\
elsewhere: how many of the {count} rows that rank_stream chose are at another place than in NumPy's stable sort of
  the whole pool, in float64; ties: how many of these {count} have a score that occurred before.
largest gap of score: between the two rows at one place, by NumPy's float64. Scores are computed in the precision
  that was sent: float32 rounds a score by some 1e-7, and may so put near neighbours in another order.
  Of logits the ratio is exp(z2 - z1), of which equal gaps are ties; NumPy's p2 / p1 rounds them apart by 2e-16.
invalid rows: those with a NaN, which are counted and never chosen.
"""


def by_numpy(row_count: int) -> np.ndarray:
    """What the lines of the table are compared with."""
    return best(measured(TIMED, probabilities(whole(row_count))), COUNT)


def generated(row_count: int) -> int:
    """The rows, which are made and dropped."""
    return sum(len(block(number)) for number in range(row_count // BLOCK_ROWS))


def streamed(address: str, part: Part, wanted: dict[str, Any]) -> Ranking:
    """By the service, batch after batch."""
    with Client(address, deadline_seconds=300) as client:
        return client.rank_stream(part.batches(), count=COUNT, **wanted)


def at_once(address: str, row_count: int, wanted: dict[str, Any]) -> Ranking:
    """By the service, in one call."""
    settings = ChannelSettings(message_bytes_max=1024 * MIB, rows_max=row_count)
    with Client(address, deadline_seconds=300, settings=settings) as client:
        return client.rank(logits=whole(row_count), count=COUNT, **wanted)


@dataclass(frozen=True)
class Line:
    """One way to rank the pool, with a value for each round."""

    way: str
    rows_per_second_over_numpy: list[float]
    processor_time_over_numpy: list[float]
    client_peak_mib: float
    client_peak_over_start_mib: float
    server_peak_mib: float | None
    server_peak_over_start_mib: float | None


def lines(row_count: int, batch_sizes: list[int], *, rounds: int) -> list[Line]:
    """Each way of ranking in turn, in every round; each has a server of its own, so that it has its own peak."""
    with ExitStack() as stack:
        ways: dict[str, tuple[Server | None, Any, list[Any]]] = {
            NUMPY: (None, by_numpy, [row_count]),
            GENERATING: (None, generated, [row_count]),
        }
        for batch_rows in batch_sizes:
            server = stack.enter_context(serving_alone())
            part = Part(0, row_count, batch_rows)
            ways[f"batches of {batch_rows:,}"] = (server, streamed, [server.address, part, {"measure": TIMED}])
        large = stack.enter_context(serving_alone(**limits(row_count)))
        ways[ONE_CALL] = (large, at_once, [large.address, row_count, {"measure": TIMED}])
        before = {way: server.memory_mib("VmRSS") for way, (server, *_) in ways.items() if server}
        usages: dict[str, list[Usage]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, (server, work, arguments) in ways.items():
                usages[way].append(used(server, work, arguments))
        return [
            line(way, usages[way], usages[NUMPY], server, before.get(way)) for way, (server, *_) in ways.items()
        ]


def limits(row_count: int) -> dict[str, int]:
    """Of a server that takes the pool as one message."""
    return {
        "message_bytes_max": 1024 * MIB,
        "rows_max": row_count,
        "rows_pending_max": row_count,
        "scores_elements_max": max(65_536, row_count * CLASS_COUNT),
    }


def used(server: Server | None, work: Any, arguments: list[Any]) -> Usage:
    """What the work took, its server's processor time included."""
    before = server.processor_seconds() if server else 0.0
    usage = in_process(work, *arguments)[1]
    return replace(
        usage,
        processor_seconds=usage.processor_seconds + (server.processor_seconds() - before if server else 0.0),
    )


def line(way: str, own: list[Usage], numpys: list[Usage], server: Server | None, before: float | None) -> Line:
    """Ratios of each round, and the largest of all peaks."""
    pairs = list(zip(own, numpys, strict=True))
    peak = server.memory_mib("VmHWM") if server else None
    return Line(
        way=way,
        rows_per_second_over_numpy=[numpy.wall_seconds / usage.wall_seconds for usage, numpy in pairs],
        processor_time_over_numpy=[usage.processor_seconds / numpy.processor_seconds for usage, numpy in pairs],
        client_peak_mib=max(usage.memory_peak_mib for usage in own),
        client_peak_over_start_mib=max(usage.memory_peak_mib - usage.memory_before_mib for usage in own),
        server_peak_mib=peak,
        server_peak_over_start_mib=None if peak is None or before is None else peak - before,
    )


def comparisons(row_count: int, batch_sizes: list[int], *, measures: Sequence[str]) -> list[dict[str, Any]]:
    """How many of the chosen rows are at another place than in NumPy's sort of the whole."""
    given = probabilities(whole(row_count, "float64"))
    found = []
    with serving_alone() as server:
        for measure in measures:
            scores = measured(measure, given)
            expected = best(scores, COUNT)
            parts = [Part(0, row_count, batch_rows, dtype="float64") for batch_rows in batch_sizes]
            parts.append(replace(parts[0], batch_rows=batch_sizes[-1], kind="probabilities"))
            parts.append(replace(parts[0], batch_rows=batch_sizes[-1], dtype="float32"))
            for part in parts:
                ranking = in_process(streamed, server.address, part, {"measure": measure})[0]
                found.append(
                    {
                        "measure": measure,
                        "sent": f"{part.kind} {part.dtype}",
                        "batch_rows": part.batch_rows,
                        "elsewhere": int((ranking.positions != expected).sum()),
                        "score_gap_max": float(np.abs(scores[ranking.positions] - scores[expected]).max()),
                        "ties_among_the_chosen": COUNT - len(np.unique(scores[expected])),
                        "invalid_rows": ranking.invalid_count,
                    }
                )
    return found


def shards(row_count: int, batch_rows: int) -> list[dict[str, Any]]:
    """Two servers with half of the pool each, against one with all of it."""
    found = []
    middle = row_count // 2 // BLOCK_ROWS * BLOCK_ROWS
    with serving_alone() as first, serving_alone() as second:
        for wanted in ({"measure": TIMED}, {"measure": TIMED, "diversity": "stochastic", "seed": SEED}):
            parts = [
                (first, Part(0, middle, batch_rows, named=True)),
                (second, Part(middle, row_count, batch_rows, named=True)),
            ]
            rankings = [in_process(streamed, server.address, part, wanted)[0] for server, part in parts]
            whole_ranking = in_process(streamed, first.address, Part(0, row_count, batch_rows), wanted)[0]
            in_pool = [replace(ranking, positions=ranking.ids) for ranking in rankings]
            merged = merge_rankings(in_pool, COUNT)
            found.append(
                {
                    **wanted,
                    "elsewhere": int((merged.positions != whole_ranking.positions).sum()),
                    "of_the_first": int((merged.positions < middle).sum()),
                }
            )
    return found


def show_lines(found: list[Line]) -> None:
    """Print a table, a line for each way."""
    print("way | rows a second over NumPy's | processor time over NumPy's | client MiB | server MiB")
    for one in found:
        memory = f"{one.client_peak_mib:.0f} ({one.client_peak_over_start_mib:.0f})"
        its = "-" if one.server_peak_mib is None else f"{one.server_peak_mib:.0f}"
        more = "" if one.server_peak_over_start_mib is None else f" ({one.server_peak_over_start_mib:.0f})"
        ratios = (spread(one.rows_per_second_over_numpy), spread(one.processor_time_over_numpy))
        print(f"{one.way} | {ratios[0]} | {ratios[1]} | {memory} | {its}{more}")


def spread(values: list[float]) -> str:
    """The median, and between what."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def show_comparisons(found: list[dict[str, Any]]) -> None:
    """Print a table, a line for each measure, kind of rows and batch size."""
    print("measure | sent | batch rows | elsewhere | largest gap of score | ties | invalid rows")
    for one in found:
        print(" | ".join(f"{value:.1e}" if isinstance(value, float) else str(value) for value in one.values()))
    print(EXPLANATION_OF_COMPARISONS.format(count=COUNT))


def show_shards(found: list[dict[str, Any]]) -> None:
    """Print a line for each draw."""
    for one in found:
        print(
            f"two servers with half of the pool each, {one['measure']}, {one.get('diversity', 'no diversity')}: "
            f"{one['elsewhere']} of {COUNT} merged rows are elsewhere than where one server with all has them; "
            f"{one['of_the_first']} are of the first half"
        )


def main() -> None:
    """Measure, print, and write down."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="few rows, and nothing is written")
    short = parser.parse_args().short
    row_count, batch_sizes = (20_000, [1000, 7000]) if short else (2_000_000, [1000, 16_000, 100_000])
    rounds = 1 if short else 9
    timed = lines(row_count, batch_sizes, rounds=rounds)
    show_lines(timed)
    pool = row_count * CLASS_COUNT * 4 / MIB
    values = {"rows": row_count, "timed": TIMED, "count": COUNT, "rounds": rounds, "pool": round(pool)}
    print(EXPLANATION.format(generating=GENERATING, one_call=ONE_CALL, **values))
    compared = comparisons(row_count, batch_sizes, measures=MEASURES[:1] if short else MEASURES)
    show_comparisons(compared)
    merged = shards(row_count, batch_sizes[-1])
    show_shards(merged)
    if not short:
        versions = {name: version(name) for name in ("numpy", "grpcio", "protobuf")}
        about = {"command": "python -m benchmarks.rank_pool", "seed": SEED, "rows": row_count, "count": COUNT}
        about |= {"rounds": rounds, "versions": versions | {"python": platform.python_version()}}
        tables = {"lines": [asdict(one) for one in timed], "comparisons": compared, "shards": merged}
        RESULTS.write_text(as_json(about, tables))


def as_json(about: dict[str, Any], tables: dict[str, list[dict[str, Any]]]) -> str:
    """A line for each entry, with four digits, so that a difference can be read."""
    head = "".join(f" {json.dumps(name)}: {json.dumps(value)},\n" for name, value in about.items())
    sections = [
        f" {json.dumps(name)}: [\n" + ",\n".join(f"  {json.dumps(rounded(one))}" for one in entries) + "\n ]"
        for name, entries in tables.items()
    ]
    return "{\n" + head + ",\n".join(sections) + "\n}\n"


def rounded(entry: dict[str, Any]) -> Any:
    """With four digits."""
    return json.loads(json.dumps(entry), parse_float=lambda text: float(f"{float(text):.4g}"))


if __name__ == "__main__":
    main()
