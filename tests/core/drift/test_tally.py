"""Counts for a fleet: the integers of a whole window, whatever the parts and their order."""

import numpy as np
import pytest
from scipy.stats import chi2

from assayd_server.core.drift import (
    BinKind,
    ColumnValues,
    DriftReference,
    Role,
    Tally,
    WindowState,
    fit_drift_reference,
)

NAN = np.nan


def rows_of(count: int, *, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    rng = np.random.default_rng(seed)
    values = {
        "value": np.where(rng.random(count) < 0.05, NAN, rng.exponential(size=count)),
        "kind": rng.choice(np.array(["a", "b", ""]), count, p=[0.7, 0.2, 0.1]),
        "probability_0": rng.random(count),
    }
    return values, rng.normal(size=(count, 5)).astype(np.float32)


def reference_of(*, embedded: bool = True) -> DriftReference:
    values, embeddings = rows_of(2000, seed=0)
    columns = [
        ColumnValues(name="value", values=values["value"]),
        ColumnValues(name="kind", values=values["kind"], kind=BinKind.CATEGORIES),
        ColumnValues(name="probability_0", values=values["probability_0"], role=Role.CLASS_PROBABILITY),
    ]
    return fit_drift_reference(2000, columns, embeddings=embeddings if embedded else None)


def of_columns(reference: DriftReference, window: WindowState, tally: Tally) -> np.ndarray:
    """What a window has of the columns of a tally."""
    layout = reference.layout
    counts = dict(zip((one.name for one in layout.columns), layout.split(window.counts), strict=True))
    return np.concatenate([counts[one.name] for one in tally.columns])


def test_what_decides_is_tallied_and_nothing_else() -> None:
    names = [one.name for one in Tally(reference_of()).columns]
    assert names == ["value", "kind", *(f"component_{place}" for place in range(1, 6))]
    assert [one.name for one in Tally(reference_of(embedded=False)).columns] == ["value", "kind"]


@pytest.mark.parametrize("shard_count", [1, 2, 16])
def test_shards_in_any_order_add_up_to_the_window(shard_count: int) -> None:
    reference, (values, embeddings) = reference_of(), rows_of(1000, seed=1)
    tally, rng = Tally(reference), np.random.default_rng(2)
    shards = np.array_split(rng.permutation(1000), shard_count)
    total = sum(
        tally.count({name: column[rows] for name, column in values.items()}, tally.coordinates(embeddings[rows]))
        for rows in shards
    )
    window = reference.layout.count(1000, values, embeddings)
    assert total.dtype == np.int64
    np.testing.assert_array_equal(total, of_columns(reference, window, tally))
    assert [int(part.sum()) for part in tally.split(total)] == [1000] * 7


def test_what_rows_come_without_is_not_counted() -> None:
    tally = Tally(reference_of())
    counts = tally.split(tally.count({"value": np.array([0.5, NAN])}))
    assert [int(part.sum()) for part in counts] == [2, *[0] * 6]
    assert counts[0][-1] == 1
    without = Tally(reference_of(embedded=False))
    assert without.count({}, np.zeros((3, 5))).sum() == 0


def test_shares_are_smoothed_and_the_critical_value_is_that_of_chi_squared() -> None:
    value = Tally(reference_of()).columns[0]
    bins = value.column.bins.count
    assert value.reference_rows == 2000
    np.testing.assert_allclose(value.reference_shares, (value.reference_counts + 0.5) / (2000 + bins / 2))
    assert value.psi_critical(0.001) == pytest.approx(chi2.isf(0.001, bins - 1))


def test_strings_for_a_column_of_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="float64"):
        Tally(reference_of()).count({"value": np.array(["a"])})
