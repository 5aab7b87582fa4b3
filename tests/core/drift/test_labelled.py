"""Labels beside a window: how frequent each is, and how often predictions are wrong."""

import numpy as np
import pytest

from assayd_server.core.drift import (
    BinKind,
    ColumnValues,
    DriftReference,
    WindowState,
    WindowVerdict,
    fit_drift_reference,
    judge,
)
from assayd_server.core.drift.label_shift import confusion_counts
from assayd_server.core.drift.labelled import label_counts, labelled_reference, labelled_window
from core.drift.references import columns_of, reference_of, rows_of, window_of

REFERENCE = reference_of(rows_of(20_000, seed=0))
LABELLED = labelled_reference(REFERENCE)


def labelled(rows: dict, labels: np.ndarray) -> WindowState:
    bins = REFERENCE.layout.columns[0].bins
    confusion = confusion_counts(bins, columns_of(rows)["predicted_class"], labels.astype(np.float64))
    return labelled_window(window_of(REFERENCE, rows), confusion)


def drifted(verdict: WindowVerdict) -> set[str]:
    return {column.name for column in verdict.columns if column.drifted}


def test_labels_and_errors_are_counted_by_hand() -> None:
    labels, errors = label_counts(np.array([[5, 1, 0], [2, 7, 0], [0, 4, 3]]))
    assert labels.tolist() == [7, 12, 3, 0]
    assert errors.tolist() == [12, 7, 0, 0]  # of what is other on both sides nobody knows


def test_the_reference_counts_its_own_labels() -> None:
    assert isinstance(LABELLED, DriftReference)
    rows = rows_of(20_000, seed=0)
    *_, labels, errors = LABELLED.layout.split(LABELLED.state.counts)
    wrong = int((columns_of(rows)["predicted_class"] != rows["labels"]).sum())
    assert labels.tolist() == [*np.bincount(rows["labels"]), 0, 0]
    assert errors.tolist() == [20_000 - wrong, wrong, 0, 0]


def test_healthy_labels_raise_alarms_no_more_often_than_is_said() -> None:
    found = []
    for seed in range(200):
        rows = rows_of(500, seed=100 + seed)
        verdict = judge(LABELLED, labelled(rows, rows["labels"]))
        assert not drifted(verdict)
        found += [one.deciding.p_value for one in verdict.columns if one.name in ("label", "error")]
    assert len(found) == 400
    assert 0.025 < np.mean(np.array(found) <= 0.05) < 0.08


def test_labels_that_turn_are_found_though_rows_and_predictions_stay_as_they_were() -> None:
    rows = rows_of(500, seed=1)
    verdict = judge(LABELLED, labelled(rows, (rows["labels"] + (np.arange(500) < 100)) % 4))
    assert drifted(verdict) == {"error"}
    assert not judge(REFERENCE, window_of(REFERENCE, rows)).drifted


def test_shares_are_those_of_the_labels_where_there_are_enough() -> None:
    rows = rows_of(500, seed=1, shares=[0.1, 0.2, 0.3, 0.4])
    priors = judge(LABELLED, labelled(rows, rows["labels"])).class_priors
    assert priors is not None
    np.testing.assert_array_equal(priors.window, [*np.bincount(rows["labels"]) / 500, 0])
    np.testing.assert_array_equal(priors.reference, [*np.bincount(rows_of(20_000, seed=0)["labels"]) / 20_000, 0])
    assert (priors.observed, priors.condition) == (True, 1)
    few = np.where(np.arange(500) < 49, rows["labels"], np.nan)
    verdict = judge(LABELLED, labelled(rows, few))
    assert verdict.untested == ("label", "error")
    assert verdict.class_priors is not None
    assert not verdict.class_priors.observed


def test_a_reference_without_labels_has_none_to_compare_with() -> None:
    bare = DriftReference(REFERENCE.layout, REFERENCE.state, None)
    with pytest.raises(AssertionError):
        labelled_reference(bare)


@pytest.mark.parametrize("name", ["label", "error"])
def test_no_column_beside_labels_has_the_name_of_theirs(name: str) -> None:
    classes = np.arange(200.0) % 4
    columns = [
        ColumnValues(name="predicted_class", values=classes, kind=BinKind.CATEGORIES),
        ColumnValues(name=name, values=classes),
    ]
    with pytest.raises(ValueError, match=f"'{name}' is the name of two columns"):
        fit_drift_reference(200, columns, labels=classes)
    arrays = fit_drift_reference(200, columns).arrays()
    assert judge(DriftReference.from_arrays(arrays), fit_drift_reference(200, columns).state).class_priors is None
    with pytest.raises(ValueError, match=f"'{name}' is the name of two columns"):
        DriftReference.from_arrays({**arrays, "confusion": np.eye(5, dtype=np.int64)})
