"""A picture of a column: for each bin a bar of the reference's share and one of the window's, as SVG."""

from collections.abc import Iterator
from html import escape

from assayd import ColumnDrift
from assayd.histograms import shares

_BAR, _GAP, _HEIGHT = 8, 6, 60
"""In the SVG's own units."""


def plot(column: ColumnDrift) -> str:
    """An svg element; a column without bins has no picture. Where a pointer rests, a bin is told in words."""
    if not column.bins:
        return ""
    width = len(column.bins) * (2 * _BAR + _GAP)
    name = escape(f"{column.name}: shares of the bins, in the reference and in the window")
    return (
        f'<svg viewBox="0 0 {width} {_HEIGHT + 1}" preserveAspectRatio="none" role="img" aria-label="{name}">'
        f"{''.join(_bins(column))}"
        f'<line class="axis" x1="0" y1="{_HEIGHT + 0.5}" x2="{width}" y2="{_HEIGHT + 0.5}"/></svg>'
    )


def _bins(column: ColumnDrift) -> Iterator[str]:
    of_reference, of_window = shares(column.reference_counts), shares(column.window_counts)
    highest = max(*of_reference, *of_window) or 1.0
    for place, (name, left, right) in enumerate(zip(column.bins, of_reference, of_window, strict=True)):
        start = place * (2 * _BAR + _GAP) + _GAP // 2
        title = escape(f"{name}: {left:.2%} of the reference, {right:.2%} of the window")
        bars = _bar("reference", start, left / highest) + _bar("window", start + _BAR, right / highest)
        yield f"<g><title>{title}</title>{bars}</g>"


def _bar(kind: str, x: int, share: float) -> str:
    height = share * _HEIGHT
    return f'<rect class="{kind}" x="{x}" y="{_HEIGHT - height:.2f}" width="{_BAR}" height="{height:.2f}"/>'
