"""`assayctl pool`."""

from collections.abc import Iterator
from dataclasses import asdict

from assayd import PoolInfo
from assayd.cli import flags
from assayd.cli.connecting import connected
from assayd.cli.exits import one_sentence
from assayd.cli.printing import print_columns, print_json
from assayd.connection import DEADLINE_SECONDS


def pool(
    *,
    model: flags.Model = "",
    version: flags.Version = 0,
    address: flags.Address = flags.ADDRESS,
    deadline_seconds: flags.DeadlineSeconds = DEADLINE_SECONDS,
    as_json: flags.Json = False,
) -> None:
    """Print what the pool beside a served model holds, and how well its index does.

    \b
    Examples:
      assayctl pool
      assayctl pool --model digits --json
    """
    with one_sentence(as_json=as_json):
        with connected(address, deadline_seconds) as client:
            info = client.pool(model, version=version)
        if as_json:
            print_json(asdict(info))
        else:
            print_columns(described(info))


def described(info: PoolInfo) -> Iterator[tuple[str, str]]:
    """What a pool is, in words and for people."""
    yield "model", f"{info.model.name} version {info.model.version}"
    yield "digest", info.digest
    yield "rows", f"{info.row_count:,}, with ids of type {info.id_type}"
    made = f"{info.embedding} of {info.model_digest}" if info.model_digest else "as they were given"
    yield "vectors", f"{info.dimension} wide, {made}"
    yield "similarity", info.metric
    parameters = ", ".join(f"{name} {value}" for name, value in info.index_parameters.items())
    yield "index", f"{info.index_kind}{f' ({parameters})' if parameters else ''}"
    yield "recall", f"{info.recall:.4f} of the {info.recall_k} nearest"
    if info.queries_per_second:  # of some it was not measured
        yield "searches", f"{info.queries_per_second:,.0f} a second; exact {info.exact_queries_per_second:,.0f}"
