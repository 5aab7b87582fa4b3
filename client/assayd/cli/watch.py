"""`assayctl watch`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from assayd import InvalidArgumentError
from assayd.cli import flags
from assayd.cli.alertmanager import PATH, Alertmanager, check_labels, labels_of
from assayd.cli.bulk import Where
from assayd.cli.exits import ExitCode, UsageError, one_sentence
from assayd.cli.monitored_rows import As, Compare, Delta, IdColumn, compared
from assayd.cli.outbox import Notifier
from assayd.cli.posting import Endpoint, http_urls
from assayd.cli.printing import print_json_line
from assayd.cli.watch_job import Job, Look, run
from assayd.cli.webhook import Webhook
from assayd.watch_options import watch_request

_DEADLINE_SECONDS = 60.0
_PATIENCE_SECONDS = 300.0
_HOLD_SECONDS = 3600.0
_SECONDS_MAX = 30 * 86_400.0
_ROWS_MAX = 2**31 - 1

_Input = Annotated[
    Path, typer.Option("--input", help="The rows: .parquet, .csv or .npy; or - for lines on standard input.")
]
_WindowRows = Annotated[
    int | None, typer.Option(min=1, max=_ROWS_MAX, metavar="N", help="Rows of a window; default 1,000.")
]
_RunRows = Annotated[
    int | None,
    typer.Option(
        "--expected-run-rows",
        min=1,
        max=10**12,
        metavar="N",
        help="Expect one false alarm in so many rows; default 1,000,000.",
    ),
]
_FalseAlarms = Annotated[
    float | None,
    typer.Option(
        "--false-alarms-per-week", callback=flags.above_0(), help="In place of that; with --rows-per-second."
    ),
]
_RowsPerSecond = Annotated[
    float | None,
    typer.Option("--rows-per-second", callback=flags.above_0(), help="How many rows come in a second."),
]
_State = Annotated[
    Path | None, typer.Option(metavar="PATH", help="Go on from what this file holds, and keep it up to date.")
]
_Patience = Annotated[
    float,
    typer.Option(
        "--patience-seconds",
        callback=flags.from_0(_SECONDS_MAX),
        help="How long to wait for a server that has gone away; 0 is not at all.",
    ),
]
_Webhook = Annotated[
    list[str] | None,
    typer.Option(
        "--webhook",
        metavar="URL",
        envvar="ASSAYD_WEBHOOK",
        callback=http_urls,
        help="Post each alert there, as JSON.",
    ),
]
_Alertmanager = Annotated[
    list[str] | None,
    typer.Option(
        "--alertmanager",
        metavar="URL",
        envvar="ASSAYD_ALERTMANAGER",
        callback=http_urls,
        help="Send alerts to that Alertmanager.",
    ),
]
_Hold = Annotated[
    float,
    typer.Option(
        "--alert-seconds",
        callback=flags.above_0(_SECONDS_MAX),
        help="How long an alert there lasts, if no later window ends it or finds it again.",
    ),
]
_Labels = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="NAME=VALUE", callback=check_labels, help="Goes along with alerts."),
]
_Link = Annotated[str | None, typer.Option(metavar="URL", help="Where people can look; goes along with alerts.")]
_Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing: the exit code tells.")]


def watch(
    *,
    rows: _Input,
    window_rows: _WindowRows = None,
    expected_run_rows: _RunRows = None,
    false_alarms_per_week: _FalseAlarms = None,
    rows_per_second: _RowsPerSecond = None,
    kind: As = "inputs",
    delta: Delta = None,
    compare: Compare = None,
    state: _State = None,
    patience_seconds: _Patience = _PATIENCE_SECONDS,
    webhook: _Webhook = None,
    alertmanager: _Alertmanager = None,
    alert_seconds: _Hold = _HOLD_SECONDS,
    label: _Labels = None,
    link: _Link = None,
    columns: flags.Columns = None,
    id_column: IdColumn = None,
    wire_type: flags.WireType = None,
    quiet: _Quiet = False,
    model: flags.Model = "",
    version: flags.Version = 0,
    address: flags.Address = flags.ADDRESS,
    deadline_seconds: flags.DeadlineSeconds = _DEADLINE_SECONDS,
    as_json: flags.Json = False,
) -> None:
    """Watch whether a stream of rows still looks like the reference: exit code 0 if so, 4 if there was an alert.

    Each window of rows is tested, and changes are told in between. You declare how many false alarms you put up
    with. Lines on standard input are CSV, the first one with the names, or JSON, an object or an array a line.

    \b
    Examples:
      assayctl watch --input stream.parquet --state stream.json
      tail -F requests.jsonl | assayctl watch --input - --alertmanager http://localhost:9093
      assayctl watch --input - --false-alarms-per-week 0.5 --rows-per-second 20 --json < rows.csv
    """
    with one_sentence(as_json=as_json, write=print_json_line):
        options = {
            "window_rows": window_rows,
            "expected_run_rows": expected_run_rows,
            "false_alarms_per_week": false_alarms_per_week,
            "rows_per_second": rows_per_second,
            "delta": delta,
            "columns": compared(compare),
        }
        _check(options)
        alerts = _Alerts(labels=labels_of(label or []), link=link, hold_seconds=alert_seconds)
        job = Job(
            path=rows,
            kind=kind,
            columns=columns,
            id_column=id_column,
            options={**options, "wire_type": wire_type},
            state=state,
            patience_seconds=patience_seconds,
            notifiers=[*map(alerts.webhook, webhook or []), *map(alerts.alertmanager, alertmanager or [])],
        )
        where = Where(address=address, deadline_seconds=deadline_seconds, model=model, version=version)
        tally = run(job, where, Look(as_json=as_json, quiet=quiet))
    if tally.alerts:
        raise typer.Exit(ExitCode.DRIFTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Alerts:
    """What goes along with alerts, wherever they go."""

    labels: Mapping[str, str]
    link: str | None
    hold_seconds: float

    def webhook(self, url: str) -> Notifier:
        return Webhook(Endpoint(url=url), self.labels, self.link)

    def alertmanager(self, url: str) -> Notifier:
        endpoint = Endpoint(url=url.rstrip("/") + PATH)
        return Alertmanager(endpoint, labels=self.labels, link=self.link, hold_seconds=self.hold_seconds)


def _check(options: Mapping[str, Any]) -> None:
    """In the words of the command line."""
    try:
        watch_request(**options)
    except InvalidArgumentError as error:
        sentence = error.message
        for name in options:
            sentence = sentence.replace(name, f"--{name.replace('_', '-')}")
        raise UsageError(sentence) from None
