"""A drift report as a table for people."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from assayd.histograms import lines

if TYPE_CHECKING:
    from assayd.drift_report import ColumnDrift, DriftReport

BINS_SHOWN_MAX = 20
CLASSES_SHOWN_MAX = 10

_HEAD = ("column", "test", "effect", "needed", "p (Holm)", "verdict", "", "")
_TO_THE_RIGHT = (2, 3, 4)


def text_of(report: "DriftReport") -> str:
    """What a report says, most shifted columns first."""
    parts = [headline(report), "", *_table([_HEAD, *_rows(report.columns)]), "", *_classes(report)]
    return "\n".join([*parts, *(f"warning: {warning}" for warning in report.warnings)]).rstrip()


def _classes(report: "DriftReport") -> Iterator[str]:
    shares = sorted(report.class_shares.items(), key=lambda pair: -pair[1])
    if shares:
        how = "by its labels" if report.class_shares_observed else "estimated"
        yield f"classes in the window, {how}: {listed([f'{name} {share:.1%}' for name, share in shares])}"
    shifted = [name for name, (_, p_value) in report.class_shifts.items() if p_value <= report.alpha]
    if shifted:
        yield f"classes whose probability has shifted: {listed(shifted)}"


def headline(report: "DriftReport") -> str:
    """Whether data have drifted, and what was compared with what."""
    count, drifted = len(report.columns), sum(column.drifted for column in report.columns)
    verdict = f"{drifted} of {count} columns have drifted" if drifted else f"no drift in {count} columns"
    sample = f" of {report.sampled_from:,}, drawn at random," if report.sampled_from else ""
    model = f"{report.model.name} version {report.model.version}"
    levels = f"alpha {report.alpha:g}, delta {report.delta:g}"
    return f"{verdict}: {report.row_count:,} rows{sample} against the reference of {model} ({levels})"


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - CLASSES_SHOWN_MAX
    return ", ".join(names[:CLASSES_SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")


def _rows(columns: Sequence["ColumnDrift"]) -> Iterator[tuple[str, ...]]:
    for column in columns:
        verdict = "drifted" if column.drifted else "-"
        numbers = (f"{column.effect:.3g}", f"{column.effect_min:.3g}", f"{column.p_adjusted:.2g}")
        said = (column.name, column.test, *numbers, verdict)
        if not column.bins:
            yield (*said, "", "")
            continue
        above, below = lines(column.reference_counts, column.window_counts, bins_max=BINS_SHOWN_MAX)
        yield (*said, "reference", above)
        yield (*[""] * len(said), "window", below)


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            text.rjust(width) if place in _TO_THE_RIGHT else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()
