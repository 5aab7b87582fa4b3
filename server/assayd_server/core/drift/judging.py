"""A window held against the reference: an alarm takes an effect that matters and evidence that it is no chance."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.drift.bins import BinKind
from assayd_server.core.drift.findings import DriftTest, Finding, deciding, finding, informing, known
from assayd_server.core.drift.fourier import FeatureSums, mmd_p_value, mmd_squared
from assayd_server.core.drift.holm import holm
from assayd_server.core.drift.hotelling import hotelling
from assayd_server.core.drift.label_shift import ClassPriors, class_priors, observed_priors
from assayd_server.core.drift.layout import EMBEDDING, Column, Embedding, Role
from assayd_server.core.drift.pooling import expected_rows_min
from assayd_server.core.drift.reference import CLASS_COLUMN, LABEL_COLUMN, DriftReference
from assayd_server.core.drift.settings import DriftSettings
from assayd_server.core.drift.shift_by_class import shift_by_class
from assayd_server.core.drift.verdict import Caution, ClassShift, ColumnVerdict, WindowVerdict
from assayd_server.core.drift.window import WindowState

LARGE_SHARE = 20
"""A window larger than this part of the reference is judged with a caution."""


class NothingToTestError(ValueError):
    """The window has too few rows, or none of the columns that decide."""


class _Pair(NamedTuple):
    """A column's counts."""

    column: Column
    reference: NDArray[np.int64]
    window: NDArray[np.int64]


class _Tested(NamedTuple):
    """A verdict before there is a correction for the others."""

    name: str
    deciding: Finding
    effect_min: float
    informing: tuple[Finding, ...]
    reference_counts: NDArray[np.int64]
    window_counts: NDArray[np.int64]


def judge(reference: DriftReference, window: WindowState, settings: DriftSettings | None = None) -> WindowVerdict:
    """The verdict on every column that the window has, and on its embedding.

    Args:
        reference: of one row or more.
        window: a state in its layout.
        settings: the default ones where none are given.

    Raises:
        NothingToTestError: there are too few rows, or no column that decides came with enough of them.
    """
    settings = settings or DriftSettings()
    if window.rows < settings.window_rows_min:
        raise NothingToTestError(
            f"the window has {window.rows} rows, at least {settings.window_rows_min} are needed"
        )
    pairs = _pairs(reference, window, settings.window_rows_min)
    deciders = [pair for pair in pairs if pair.column.role is Role.DECIDES]
    embedding = reference.layout.embedding if window.embedding_rows >= settings.window_rows_min else None
    if not (deciders or embedding):
        raise NothingToTestError("the window has none of the columns that the reference decides by")
    rows_min = expected_rows_min(settings.alpha / (len(deciders) + 1), window.rows)
    informed = informing([(pair.column.bins.kind, pair.reference, pair.window) for pair in deciders])
    tested = [_column(pair, one, settings, rows_min) for pair, one in zip(deciders, informed, strict=True)]
    if embedding:
        tested.append(_embedding(embedding, reference.state, window, settings.mmd_min))
    columns = _corrected(tested, settings.alpha)
    return WindowVerdict(
        drifted=any(column.drifted for column in columns),
        rows=window.rows,
        columns=columns,
        untested=_untested(reference, {one.name for one in tested} | {pair.column.name for pair in pairs}),
        class_priors=_priors(reference, pairs),
        class_shift=_class_shift([pair for pair in pairs if pair.column.role is Role.CLASS_PROBABILITY]),
        cautions=(Caution.LARGE_WINDOW,) if _is_large(window, tested, reference.state) else (),
    )


def _pairs(reference: DriftReference, window: WindowState, rows_min: int) -> list[_Pair]:
    """The columns that enough rows came with."""
    split = reference.layout.split
    counts = zip(reference.layout.columns, split(reference.state.counts), split(window.counts), strict=True)
    return [_Pair(*one) for one in counts if int(one[2].sum()) >= rows_min]


def _column(pair: _Pair, informed: Finding, settings: DriftSettings, rows_min: float) -> _Tested:
    kind, counts = pair.column.bins.kind, (pair.reference, pair.window)
    decided = deciding(kind, *counts, rows_min)
    effect_min = settings.psi_min if kind is BinKind.INTERVALS else settings.cramers_v_min
    return _Tested(pair.column.name, decided, effect_min, (informed,), *counts)


def _embedding(embedding: Embedding, reference: WindowState, window: WindowState, effect_min: float) -> _Tested:
    first, second = (FeatureSums(state.embedding_rows, state.features) for state in (reference, window))
    discrepancy = mmd_squared(first, second)
    decided = finding(
        DriftTest.MMD,
        effect=discrepancy,
        statistic=discrepancy / (1 / first.rows + 1 / second.rows),
        p_value=mmd_p_value(embedding.features, first, second),
    )
    nothing = np.zeros(0, np.int64)
    return _Tested(EMBEDDING, decided, effect_min, _means(reference, window), nothing, nothing)


def _means(reference: WindowState, window: WindowState) -> tuple[Finding, ...]:
    found = hotelling(reference.moments, window.moments)
    if found is None:
        return ()
    effect, statistic, p_value = found
    return (finding(DriftTest.HOTELLING, effect=effect, statistic=statistic, p_value=p_value),)


def _corrected(tested: Sequence[_Tested], alpha: float) -> tuple[ColumnVerdict, ...]:
    """Verdicts, the most shifted first."""
    adjusted = holm(np.array([one.deciding.p_value for one in tested]))
    columns = [
        ColumnVerdict(*one, float(p_value), drifted=p_value <= alpha and one.deciding.effect >= one.effect_min)
        for one, p_value in zip(tested, adjusted.tolist(), strict=True)
    ]
    return tuple(sorted(columns, key=_shift, reverse=True))


def _shift(column: ColumnVerdict) -> tuple[bool, float]:
    return column.drifted, column.deciding.effect / max(column.effect_min, 1e-9)


def _is_large(window: WindowState, tested: Sequence[_Tested], reference: WindowState) -> bool:
    """Whether any test has fewer than so many rows of the reference for each of the window."""
    columns = [(one.window_counts.sum(), one.reference_counts.sum()) for one in tested]
    rows = [*columns, (window.embedding_rows, reference.embedding_rows)]
    return any(of_window * LARGE_SHARE > of_reference for of_window, of_reference in rows)


def _untested(reference: DriftReference, tested: set[str]) -> tuple[str, ...]:
    names = [column.name for column in reference.layout.columns]
    names += [EMBEDDING] if reference.layout.embedding else []
    return tuple(name for name in names if name not in tested)


def _priors(reference: DriftReference, pairs: Sequence[_Pair]) -> ClassPriors | None:
    by_name = {pair.column.name: pair for pair in pairs}
    labels, classes = by_name.get(LABEL_COLUMN), by_name.get(CLASS_COLUMN)
    if reference.confusion is None:
        return None
    if labels is not None:
        return observed_priors(labels.reference[:-1], labels.window[:-1])
    return None if classes is None else class_priors(reference.confusion, classes.window[:-1])


def _class_shift(pairs: Sequence[_Pair]) -> ClassShift | None:
    if not pairs:
        return None
    reference, window = [pair.reference for pair in pairs], [pair.window for pair in pairs]
    distances, p_values = shift_by_class(known(reference), known(window))
    return ClassShift(tuple(pair.column.name for pair in pairs), distances, p_values)
