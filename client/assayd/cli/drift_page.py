"""A drift report as a page that needs nothing besides itself: no scripts, no other files."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import BinaryIO

from assayd import ColumnDrift, DriftReport
from assayd.cli.drift_plot import plot
from assayd.drift_table import headline
from assayd.durable import write_whole
from assayd.histograms import shares

_PAGE = Template(Path(__file__).with_name("drift_page.html").read_text(encoding="utf-8"))


def page(report: DriftReport, *, title: str) -> str:
    """HTML; every name that comes from data is escaped.

    Args:
        report: any.
        title: what was compared, such as the name of a file.
    """
    return _PAGE.substitute(
        title=escape(title),
        verdict="drifted" if report.drifted else "no drift",
        state="drifted" if report.drifted else "same",
        headline=escape(headline(report)),
        warnings="".join(f'<p class="warning">{escape(warning)}</p>' for warning in report.warnings),
        overview="".join(map(_row, report.columns)),
        columns="".join(map(_section, report.columns)),
        classes=_shares(report) + _shifts(report),
        model=escape(report.model.digest),
        reference=escape(report.reference_digest),
    )


def write_page(path: Path, report: DriftReport, *, title: str) -> None:
    """Write a page, which appears whole or not at all; the arguments are those of page."""
    content = page(report, title=title).encode()

    def write(file: BinaryIO) -> None:
        file.write(content)

    write_whole(path, write)


def _row(column: ColumnDrift) -> str:
    verdict = '<strong class="drifted">drifted</strong>' if column.drifted else "no drift"
    numbers = (f"{column.effect:.3g}", f"{column.effect_min:.3g}", f"{column.p_adjusted:.2g}")
    cells = (plot(column), escape(column.test), *numbers, verdict)
    return f"{_named_row(column.name, cells)}\n"


def _section(column: ColumnDrift) -> str:
    """The numbers behind a row of the overview; they are folded where nothing has drifted."""
    opened = ' open="open"' if column.drifted else ""
    tests = f"<table>{_head('test', 'effect', 'p')}{''.join(_tests(column))}</table>"
    return (
        f"<details{opened}><summary>{escape(column.name)} ({escape(column.kind)})</summary>"
        f"{tests}{_bins(column) if column.bins else ''}</details>\n"
    )


def _tests(column: ColumnDrift) -> Iterator[str]:
    decides = {f"{column.test}, which decides": (column.effect, column.p_value)}
    for name, (effect, p_value) in {**decides, **column.informing}.items():
        yield _named_row(name, (f"{effect:.3g}", f"{p_value:.2g}"))


def _bins(column: ColumnDrift) -> str:
    rows = zip(
        column.bins,
        column.reference_counts,
        shares(column.reference_counts),
        column.window_counts,
        shares(column.window_counts),
        strict=True,
    )
    body = "".join(
        _named_row(name, (f"{old:,}", f"{old_share:.2%}", f"{new:,}", f"{new_share:.2%}"))
        for name, old, old_share, new, new_share in rows
    )
    return f"<table>{_head('bin', 'reference', 'share', 'window', 'share')}{body}</table>"


def _shares(report: DriftReport) -> str:
    if not report.class_shares:
        return ""
    rows = "".join(_named_row(name, (f"{share:.2%}",)) for name, share in report.class_shares.items())
    return (
        "<h2>Classes of the window</h2><p>Estimated from how the model errs on the reference, if only these "
        f"shares have changed.</p><table>{_head('class', 'share')}{rows}</table>"
    )


def _shifts(report: DriftReport) -> str:
    if not report.class_shifts:
        return ""
    rows = "".join(
        _named_row(name, (f"{effect:.3g}", f"{p_value:.2g}"))
        for name, (effect, p_value) in report.class_shifts.items()
    )
    return (
        "<h2>Probabilities of the classes</h2><p>Whether the model has become more or less sure of each: this "
        f"informs, and does not decide.</p><table>{_head('class', 'KS', 'p (Holm)')}{rows}</table>"
    )


def _head(*names: str) -> str:
    return f"<tr>{''.join(f'<th>{name}</th>' for name in names)}</tr>"


def _named_row(name: str, cells: Sequence[str]) -> str:
    """Of a name from data, and cells of HTML."""
    return f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
