"""What a comparison found, from a response: plain values, and a table to print."""

import dataclasses

import pytest

from assayd import ColumnDrift, DriftReport, ModelIdentity, ReferenceColumn, ReferenceInfo
from assayd.drift_report import report_of
from assayd.histograms import lines, shares
from assayd.references import reference_info
from assayd.v1 import monitoring_pb2
from client.monitored import BINS, IDENTITY, answer, columns, reference, result

HIGH = "▁▂▃▄▅▆▇█"


def test_a_report_holds_plain_values() -> None:
    report = report_of(answer())
    assert dataclasses.replace(report, columns=()) == DriftReport(
        drifted=True,
        columns=(),
        class_shares={"ant": 0.25, "bee": 0.75},
        class_shifts={"ant": (0.3, 0.01), "bee": (0.1, 0.5)},
        row_count=8,
        alpha=0.01,
        delta=0.1,
        warnings=("the window is large beside the reference",),
        reference_digest="sha256:r",
        model=ModelIdentity("m", 3, "sha256:m"),
        sampled_from=None,
    )
    assert report.columns[0] == ColumnDrift(
        name="entropy",
        kind="numeric",
        test="psi",
        effect=0.5,
        effect_min=0.1,
        p_value=1e-9,
        p_adjusted=3e-9,
        drifted=True,
        informing={"ks": (0.3, 1e-5)},
        bins=tuple(BINS),
        reference_counts=(100, 100, 0),
        window_counts=(2, 5, 1),
    )


def test_every_kind_and_every_test_has_a_name() -> None:
    report = report_of(answer())
    assert [(column.kind, column.test, list(column.informing)) for column in report.columns] == [
        ("numeric", "psi", ["ks"]),
        ("categorical", "chi_squared", []),
        ("embedding", "mmd", ["hotelling"]),
    ]


def test_what_a_newer_server_calls_otherwise_is_unknown() -> None:
    newer = monitoring_pb2.ColumnDrift(name="a", kind=99, deciding=result(99, 0, 1), informing=[result(98, 0, 1)])
    (column,) = report_of(answer(columns=[newer])).columns
    assert (column.kind, column.test, column.informing) == ("unknown", "unknown", {"unknown": (0.0, 1.0)})


TABLE = """\
1 of 3 columns have drifted: 8 rows against the reference of m version 3 (alpha 0.01, delta 0.1)

column     test         effect  needed  p (Holm)  verdict
entropy    psi             0.5     0.1     3e-09  drifted  reference  ▇▇·
                                                           window     ▄█▂
class      chi_squared    0.01     0.1       0.8  -        reference  █▃··
                                                           window     █▃··
embedding  mmd           0.002    0.01       0.8  -

classes in the window, estimated: bee 75.0%, ant 25.0%
classes whose probability has shifted: ant
warning: the window is large beside the reference"""


def test_a_report_prints_as_a_table() -> None:
    assert str(report_of(answer())) == TABLE


def test_of_many_classes_the_most_frequent_are_printed() -> None:
    shares = [monitoring_pb2.ClassShare(name=str(place), share=place / 66) for place in range(12)]
    text = str(report_of(answer(class_shares=shares)))
    assert "estimated: 11 16.7%, 10 15.2%, 9 13.6%, " in text
    assert " 2 3.0% and 2 more\n" in text


def test_shares_of_labels_are_told_from_estimates() -> None:
    text = str(report_of(answer(class_shares_observed=True)))
    assert "classes in the window, by its labels: bee 75.0%, ant 25.0%" in text


def test_a_report_without_drift_says_so() -> None:
    report = report_of(answer(drifted=False, columns=columns()[1:], class_shares=[], class_shifts=[], warnings=[]))
    lines = str(report).splitlines()
    assert lines[0] == "no drift in 2 columns: 8 rows against the reference of m version 3 (alpha 0.01, delta 0.1)"
    assert lines[-1].startswith("embedding")


def test_a_sample_is_said_to_be_one() -> None:
    report = dataclasses.replace(report_of(answer(5000)), sampled_from=1_000_000)
    assert "drifted: 5,000 rows of 1,000,000, drawn at random, against the reference" in str(report)


def test_a_report_without_columns_prints_too() -> None:
    assert str(report_of(answer(drifted=False, columns=[]))).startswith("no drift in 0 columns")


def test_both_lines_are_by_the_highest_bin_of_either() -> None:
    assert lines((8, 0, 0), (1, 1, 6), bins_max=10) == ("█··", "▁▁▆")


def test_a_bin_with_anything_in_it_is_told_from_one_with_nothing() -> None:
    assert lines((1, 10**12), (0, 5), bins_max=10) == ("▁█", "·█")


@pytest.mark.parametrize("counts", [(0, 0), (0, 3)])
def test_a_sample_of_nothing_has_no_blocks(counts: tuple[int, ...]) -> None:
    assert lines((0, 0), counts, bins_max=10)[0] == "··"


def test_every_height_has_its_block() -> None:
    assert lines(tuple(range(1, 9)), (0,) * 8, bins_max=8)[0] == HIGH


def test_of_many_bins_as_many_neighbours_are_taken_together_everywhere_but_missing_values_stay_apart() -> None:
    counts = (*[1] * 30, 2)
    assert lines(counts, (0,) * 31, bins_max=20) == ("█" * 16, "·" * 16)
    assert lines((*[1] * 31, 0), (*[0] * 31, 1), bins_max=20) == ("▁" * 16 + "·", "·" * 16 + "█")


def test_shares_are_of_all_that_is_counted() -> None:
    assert shares((1, 3)).tolist() == [0.25, 0.75]
    assert shares((0, 0)).tolist() == [0, 0]


def test_a_reference_is_described_in_plain_values() -> None:
    response = monitoring_pb2.GetReferenceResponse(model=IDENTITY, reference=reference())
    assert reference_info(response) == ReferenceInfo(
        digest="sha256:r",
        row_count=2200,
        fitted_rows=1000,
        calibration_rows=1200,
        columns=(
            ReferenceColumn("entropy", "numeric", tuple(BINS), (700, 500, 0)),
            ReferenceColumn("embedding", "embedding", (), ()),
        ),
        novelty_measures=("combined", "gen"),
        model_digest="sha256:o",
        warnings=("few rows",),
        model=ModelIdentity("m", 3, "sha256:m"),
    )
