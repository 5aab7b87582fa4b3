"""`assayctl candidates`."""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import pyarrow as pa
import typer

from assayd import Candidates, CandidateSelection, Client, PoolInfo
from assayd.arrays import Array
from assayd.candidate_options import DIVERSITIES, MEASURES
from assayd.cli import flags
from assayd.cli.connecting import connected
from assayd.cli.exits import CommandError, UsageError, one_sentence
from assayd.cli.ids_files import read_candidates, read_ids
from assayd.cli.printing import print_json
from assayd.cli.sinks import check_output, write_table
from assayd.ids import joined_ids

_Found: TypeAlias = Candidates | CandidateSelection

_DEADLINE_SECONDS = 60.0
_COUNT_MAX = 1_000_000

_Labeled = Annotated[Path, typer.Option(help="The ids of all labelled rows: .parquet, .csv or .npy.")]
_New = Annotated[
    Path | None,
    typer.Option(help="The ids that were labelled since --candidates were written; default all of --labeled."),
]
_Known = Annotated[
    Path | None, typer.Option("--candidates", help="What an earlier run wrote: its candidates are kept.")
]
_IdColumn = Annotated[
    str | None, typer.Option(metavar="NAME", help="The column with the ids; default `id`, or the only one.")
]
_Output = Annotated[Path, typer.Option(help="The candidates, or the chosen rows: .parquet or .csv.")]
_Neighbors = Annotated[
    int | None,
    typer.Option("-k", "--neighbors", min=1, metavar="K", help="Neighbours of each new row; default 100."),
]
_Count = Annotated[
    int | None,
    typer.Option(min=1, max=_COUNT_MAX, metavar="N", help="Choose so many of them, by the model's scores."),
]
_Measure = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        callback=flags.one_of(MEASURES),
        help=f"By which, with --count: max_entropy (default) or any of {', '.join(MEASURES)}.",
    ),
]
_Diversity = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        callback=flags.one_of(DIVERSITIES),
        help=f"With --count: one of {', '.join(DIVERSITIES)}; default none.",
    ),
]
_RandomShare = Annotated[
    float | None, typer.Option(metavar="SHARE", help="With --count: drawn from the whole pool by chance, 0 to 1.")
]
_Seed = Annotated[
    int | None, typer.Option(min=0, max=2**64 - 1, metavar="N", help="With --count: of all randomness.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    labeled: Path
    new: Path | None
    known: Path | None
    output: Path
    id_column: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sets:
    """What is labelled, and what may be."""

    pool: PoolInfo
    labeled: Array
    """All, new ones included."""
    new: Array
    known: Candidates | None


def candidates(
    *,
    labeled: _Labeled,
    output: _Output,
    new: _New = None,
    known: _Known = None,
    id_column: _IdColumn = None,
    neighbors: _Neighbors = None,
    count: _Count = None,
    measure: _Measure = None,
    diversity: _Diversity = None,
    random_share: _RandomShare = None,
    seed: _Seed = None,
    overwrite: flags.Overwrite = False,
    quiet: flags.Quiet = False,
    model: flags.Model = "",
    version: flags.Version = 0,
    address: flags.Address = flags.ADDRESS,
    deadline_seconds: flags.DeadlineSeconds = _DEADLINE_SECONDS,
    as_json: flags.Json = False,
) -> None:
    """Find the rows of the pool that are like labelled ones and have no label, and choose from them.

    Without --count the output holds all candidates, with the labelled row that each was reached from and how
    similar the two are. With it, the rows to label next, best first, and nothing of the other candidates.

    \b
    Examples:
      assayctl candidates --labeled labeled.csv --output old.parquet
      assayctl candidates --labeled labeled.csv --new today.csv --candidates old.parquet --output now.parquet
      assayctl candidates --labeled labeled.csv --candidates now.parquet --count 100 --output to_label.csv
    """
    choosing = {"measure": measure, "diversity": diversity, "random_share": random_share, "seed": seed}
    wanted: dict[str, Any] = {name: value for name, value in choosing.items() if value is not None}
    files = _Files(labeled=labeled, new=new, known=known, output=output, id_column=id_column)
    with one_sentence(as_json=as_json):
        if wanted and count is None:
            raise UsageError(f"--{next(iter(wanted)).replace('_', '-')}: says how to choose, --count how many")
        _check_files(files, overwrite=overwrite)
        with connected(address, deadline_seconds) as client:
            sets = _read(client.pool(model, version=version), files, expands=count is None)
            which: dict[str, Any] = {
                "model": sets.pool.model.name,
                "version": sets.pool.model.version,
                "pool_digest": sets.pool.digest,
                **({} if neighbors is None else {"k": neighbors}),
            }
            if count is None:
                found: _Found = _expanded(client, sets, which)
            else:
                found = client.select_candidates(
                    sets.new, labeled_ids=sets.labeled, candidates=sets.known, count=count, **which, **wanted
                )
        write_table(output, iter([_table(found, sets.pool)]), folder=output.parent)
        _report(found, sets, output, as_json=as_json, quiet=quiet)


def _check_files(files: _Files, *, overwrite: bool) -> None:
    for rows in (files.labeled, files.new, files.known):
        if rows is not None:
            check_output(files.output, rows=rows, overwrite=overwrite)


def _read(pool: PoolInfo, files: _Files, *, expands: bool) -> _Sets:
    def ids(path: Path, flag: str) -> Array:
        return read_ids(path, pool, flag=flag, id_column=files.id_column)

    labeled = ids(files.labeled, "--labeled")
    known = None if files.known is None else read_candidates(files.known, pool)
    if files.new is not None:
        new = ids(files.new, "--new")
    else:
        new = labeled if expands or known is None else labeled[:0]
    if not len(new) and (expands or known is None):
        raise CommandError(f"{files.new or files.labeled}: holds no ids")
    return _Sets(pool=pool, labeled=joined_ids(labeled, new), new=new, known=known)


def _expanded(client: Client, sets: _Sets, which: dict[str, Any]) -> Candidates:
    """The candidates of before and those that the new rows add."""
    added = client.expand_candidates(sets.new, labeled_ids=sets.labeled, **which)
    return added if sets.known is None else sets.known.without(sets.labeled).updated(added)


def _table(found: _Found, pool: PoolInfo) -> pa.RecordBatch:
    kind = pa.string() if pool.id_type == "string" else pa.int64()
    types = {"id": kind, "source": kind}
    return pa.RecordBatch.from_pydict(
        {name: pa.array(values, types.get(name)) for name, values in found.columns().items()}
    )


def _report(found: _Found, sets: _Sets, output: Path, *, as_json: bool, quiet: bool) -> None:
    chosen = _of_choice(found) if isinstance(found, CandidateSelection) else {}
    if as_json:
        counts = {"rows": len(found), "labeled": len(sets.labeled), "new": len(sets.new)}
        where = {"output": str(output), "pool_digest": sets.pool.digest, "model": asdict(sets.pool.model)}
        print_json({**counts, **chosen, **where})
        return
    for warning in chosen.get("warnings", ()):
        print(f"assayctl: warning: {warning}", file=sys.stderr)
    if not quiet:
        what = f"rows of {chosen['candidates']:,} candidates" if chosen else "candidates"
        print(f"{output}: {len(found):,} {what}, neighbours of {len(sets.labeled):,} labelled rows")


def _of_choice(found: CandidateSelection) -> dict[str, Any]:
    return {
        "candidates": found.candidate_count,
        "mean_cosine": found.mean_cosine,
        "effective_size": found.effective_size,
        "warnings": list(found.warnings),
    }
