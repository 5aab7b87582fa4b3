"""Watches the rows of a file, or of lines as they come."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assayd import Client, InvalidArgumentError, WatchReport
from assayd.cli import sources
from assayd.cli.bulk import Where, batch_rows
from assayd.cli.columns import Columns, choose
from assayd.cli.connecting import connected
from assayd.cli.exits import CommandError, UsageError
from assayd.cli.interrupting import terminated_as_interrupted
from assayd.cli.monitored_rows import KINDS, row_types
from assayd.cli.outbox import Notifier, Outboxes
from assayd.cli.progress import Pace
from assayd.cli.sources.line_rows import LineRows
from assayd.cli.sources.lines import Lines
from assayd.cli.sources.reading import Readable, Reading
from assayd.cli.watch_feed import Feed, Patience, tell, watched
from assayd.cli.watch_screen import shown
from assayd.cli.watch_state import Head, Keeper, Kept, load
from assayd.cli.watch_tally import Tally

STANDARD_INPUT = 0
"""The descriptor."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """Which rows are watched, and how."""

    path: Path
    """- is standard input."""
    kind: str
    columns: str | None
    id_column: str | None
    options: Mapping[str, Any]
    """Of Client.watch_drift, without the model."""
    state: Path | None
    patience_seconds: float
    notifiers: Sequence[Notifier]


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """How what is found is shown."""

    as_json: bool
    quiet: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Start:
    """Where the stream begins, or goes on."""

    kept: Kept | None
    head: Head | None
    """Of the file that is read; None of standard input."""
    skipped_rows: int
    """How many rows of the file were seen by an earlier run."""

    @property
    def rows_seen(self) -> int:
        return self.kept.rows_seen if self.kept else 0

    @property
    def rows_before(self) -> int:
        """The rows of the stream before the first one of the file."""
        return self.rows_seen - self.skipped_rows


def run(job: Job, where: Where, look: Look) -> Tally:
    """Watch to the end of the rows; what was found.

    Raises:
        CommandError: it cannot be done, or not go on.
        AssaydError: a call failed.
    """
    if job.state is not None and not job.state.parent.is_dir():
        raise UsageError(f"--state: the folder {job.state.parent} is not there")
    kept = None if job.state is None else load(job.state)
    where, stopping = _pinned(where, job, kept), threading.Event()
    with terminated_as_interrupted(), _opened(job.path) as (opened, stop_reading):

        def interrupted() -> None:
            stopping.set()
            stop_reading()

        start = _start(job.path, kept)
        with connected(where.address, where.deadline_seconds, on_interrupt=interrupted) as client:
            names = _watched_names(client, job, where)
            source = opened()
            feed = _feed(client, job, where, source, start)
            reports = watched(client, feed, _wanted(job, where, kept), Patience(job.patience_seconds, stopping))
            total = None if source.row_count is None else start.rows_before + source.row_count
            tally = Tally(Pace(total=total, done=start.rows_seen), rows_seen=start.rows_seen)
            with _explained_state(job.state, kept), closing(reports):
                _follow(reports, tally, job=job, look=look, start=start, names=names)
    if not tally.rows_seen:
        raise CommandError(f"{source.path}: holds no rows")
    return tally


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Callable[[], Readable], Callable[[], None]]]:
    """What opens the rows, once the server was asked; and what has a reader stop that waits for more of them."""
    if str(path) == "-":
        with Lines(STANDARD_INPUT, "standard input") as lines:
            yield lambda: LineRows(lines), lines.stop
    else:
        source = sources.open_source(path)
        yield lambda: source, lambda: None


def _start(path: Path, kept: Kept | None) -> _Start:
    head = None if str(path) == "-" else Head.of(path)
    skipped_rows = kept.rows_of(path) if kept and head else 0
    return _Start(kept=kept, head=head, skipped_rows=skipped_rows)


def _pinned(where: Where, job: Job, kept: Kept | None) -> Where:
    """Of the model that was watched by before."""
    if kept is None:
        return where
    if where.model not in ("", kept.model) or where.version not in (0, kept.version):
        raise UsageError(f"--state: {job.state} is of {kept.model} version {kept.version}, name another file")
    return replace(where, model=kept.model, version=kept.version)


def _wanted(job: Job, where: Where, kept: Kept | None) -> dict[str, Any]:
    """The keywords of Client.watch_drift."""
    given = {name: value for name, value in job.options.items() if value is not None}
    place = {"state": kept.state, "reference_digest": kept.reference_digest} if kept else {}
    return {**given, **place, "model": where.model, "version": where.version}


def _watched_names(client: Client, job: Job, where: Where) -> list[str]:
    """The columns of the reference that are watched."""
    reference = client.reference(where.model, version=where.version)
    wanted = job.options["columns"]
    return [column.name for column in reference.columns if not wanted or column.name in wanted]


def _feed(client: Client, job: Job, where: Where, source: Readable, start: _Start) -> Feed:
    """The rows that come after those that were seen."""
    columns = Columns(choose(source, job.columns, job.id_column).features, None)
    info = client.model(where.model, version=where.version)
    reading = Reading(
        columns=columns.all,
        batch_rows=batch_rows(source, columns),
        start=start.skipped_rows,
        types=row_types(job.kind, columns, info),
    )
    return Feed(source.batches(reading), KINDS[job.kind], rows_seen=start.rows_seen)


@contextmanager
def _explained_state(path: Path | None, kept: Kept | None) -> Iterator[None]:
    """Say what to do where a state was refused."""
    try:
        yield
    except InvalidArgumentError as error:
        if kept is not None and error.field.endswith("state"):
            error.add_note(
                f"{path} goes with the settings that it was written with; name another file to begin anew"
            )
        raise


def _follow(
    reports: Iterator[WatchReport], tally: Tally, *, job: Job, look: Look, start: _Start, names: Sequence[str]
) -> None:
    """Count, keep, deliver and show each report."""
    with ExitStack() as stack:
        outboxes = Outboxes(job.notifiers, tell)
        stack.callback(outboxes.close)
        keeper = None
        if job.state is not None:
            keeper = Keeper(job.state, head=start.head, rows_before=start.rows_before)
            stack.callback(keeper.flush)
        screen = stack.enter_context(shown(tally, names, as_json=look.as_json, quiet=look.quiet))
        for report in reports:
            tally.add(report)
            outboxes.add(report)
            if keeper is not None:
                keeper.keep(report)
            screen.add(report)
