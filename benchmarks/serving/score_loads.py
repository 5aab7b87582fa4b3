"""Score under the loads of the network: assayd beside its peers and the limits."""

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.serving.field import Field
from benchmarks.serving.h2load import Load
from benchmarks.serving.measured import P50, Comparison, Measured
from benchmarks.serving.network import byte_rows, float_rows
from benchmarks.serving.onnx_runtime import NAME as ONNX_RUNTIME
from benchmarks.serving.systems import (
    ASSAYD,
    ASSAYD_PLAIN,
    ASSAYD_UNIX,
    ASSAYD_V2,
    ECHO,
    ECHO_UNIX,
    MLSERVER,
    TRITON,
)
from benchmarks.serving.turns import in_turn

MANY, ONE, FOUR = Load(64, connections=4), Load(1), Load(4)
PLAIN_LOADS = (
    (1, MANY, "1 row, 64 in flight"),
    (1, ONE, "1 row, 1 in flight"),
    (256, FOUR, "256 rows float32, 4 in flight"),
)


def one_row(field: Field) -> Iterator[Measured]:
    """1 row a call, 64 in flight: what the transport and the path to the model cost."""
    yield _compared(
        field, 1, MANY, "1 row, 64 in flight",
        Comparison(ASSAYD, TRITON, asked=1.3, stretch=2.0),
        Comparison(ASSAYD, MLSERVER, asked=2.5),
        Comparison(ASSAYD, ECHO, asked=0.60, stretch=0.75),
        Comparison(ASSAYD_UNIX, ECHO_UNIX),
    )  # fmt: skip


def one_row_alone(field: Field) -> Iterator[Measured]:
    """1 row a call, 1 in flight: how long a caller waits."""
    yield _compared(
        field, 1, ONE, "1 row, 1 in flight",
        Comparison(ASSAYD, TRITON, figure=P50, asked=0.25, stretch=0.20, at_most=True),
        Comparison(ASSAYD, MLSERVER, figure=P50, asked=0.25, stretch=0.20, at_most=True),
        Comparison(ASSAYD, ECHO, figure=P50, at_most=True),
        Comparison(ASSAYD_UNIX, ASSAYD, figure=P50, at_most=True),
    )  # fmt: skip


def rows_32(field: Field) -> Iterator[Measured]:
    """32 rows a call, 32 in flight."""
    yield _compared(
        field, 32, Load(32, connections=4), "32 rows, 32 in flight",
        Comparison(ASSAYD, TRITON),
        Comparison(ASSAYD, MLSERVER),
        Comparison(ASSAYD, ECHO),
        Comparison(ASSAYD, ONNX_RUNTIME),
    )  # fmt: skip


def rows_256(field: Field) -> Iterator[Measured]:
    """256 rows of float32 a call, 4 in flight: what copying bytes costs."""
    yield _compared(
        field, 256, FOUR, "256 rows float32, 4 in flight",
        Comparison(ASSAYD, TRITON, asked=1.4, stretch=2.0),
        Comparison(ASSAYD, MLSERVER, asked=4.0),
        Comparison(ASSAYD, ECHO),
        Comparison(ASSAYD, ONNX_RUNTIME),
        Comparison(ASSAYD_UNIX, ONNX_RUNTIME),
    )  # fmt: skip


def _compared(field: Field, row_count: int, load: Load, name: str, *comparisons: Comparison) -> Measured:
    rows = float_rows(row_count)
    contenders = [field.called(served, rows, load) for served in (*field.assayd, *field.peers)]
    contenders += field.echoes(rows, load)
    judged = any(comparison.asked for comparison in comparisons)
    count = field.plan.rounds if judged else field.plan.rounds_more
    rounds = in_turn([*contenders, field.alone(rows)], rounds=count, seconds=field.plan.seconds)
    return Measured(name, rounds, comparisons)


def rows_256_uint8(field: Field) -> Iterator[Measured]:
    """256 rows of uint8 a call, 4 in flight: a quarter of the bytes."""
    rows, plan = byte_rows(256), field.plan
    contenders = [field.called(served, rows, FOUR) for served in field.assayd] + field.echoes(rows, FOUR)
    yield Measured(
        "256 rows uint8, 4 in flight",
        in_turn([*contenders, field.alone(rows)], rounds=plan.rounds, seconds=plan.seconds),
        [
            Comparison(ASSAYD, ONNX_RUNTIME, asked=0.50, stretch=0.60),
            Comparison(ASSAYD_UNIX, ONNX_RUNTIME),
            Comparison(ASSAYD, ECHO),
        ],
    )


def plain_calls(field: Field) -> Iterator[Measured]:
    """Calls by one loop beside calls with a thread each, as grpc.server has it."""
    plan = field.plan
    for count, load, name in PLAIN_LOADS:
        rows, servers = float_rows(count), (field.assayd[0], field.plain_assayd)
        contenders = [field.called(server, rows, load) for server in servers]
        rounds = in_turn(contenders, rounds=plan.rounds, seconds=plan.short_seconds)
        faster, sooner = (
            Comparison(ASSAYD, ASSAYD_PLAIN),
            Comparison(ASSAYD, ASSAYD_PLAIN, figure=P50, at_most=True),
        )
        yield Measured(name, rounds, [faster, sooner])


def open_inference(field: Field) -> Iterator[Measured]:
    """ModelInfer beside Score, of one server: the same rows, the same answers."""
    plan, native = field.plan, field.assayd[0]
    for count, load, name in PLAIN_LOADS:
        rows = float_rows(count)
        contenders = [field.called(each, rows, load) for each in (native, replace(native, name=ASSAYD_V2))]
        rounds = in_turn(contenders, rounds=plan.pairs, seconds=plan.short_seconds)
        as_fast = Comparison(ASSAYD_V2, ASSAYD, asked=0.95)
        yield Measured(name, rounds, [as_fast, Comparison(ASSAYD_V2, ASSAYD, figure=P50, at_most=True)])


def by_rows(field: Field) -> Iterator[Measured]:
    """How the cost grows with the rows of a call, 4 in flight."""
    plan = field.plan
    for count in plan.row_counts:
        rows = float_rows(count)
        contenders = [field.called(field.assayd[0], rows, FOUR), field.alone(rows)]
        rounds = in_turn(contenders, rounds=plan.rounds_more, seconds=plan.short_seconds)
        yield Measured(f"{count:,} rows float32, 4 in flight", rounds, [Comparison(ASSAYD, ONNX_RUNTIME)], count)
