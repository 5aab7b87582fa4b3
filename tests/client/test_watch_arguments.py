"""What watch_drift is called with: what goes on the wire, and what is refused beforehand."""

from typing import Any

import numpy as np
import pytest

from assayd import InvalidArgumentError
from assayd.v1 import monitoring_pb2, scoring_pb2
from assayd.watch_options import run_rows_of, watch_request


def refused(**wanted: Any) -> tuple[str, str]:
    """The field, and the sentence."""
    with pytest.raises(InvalidArgumentError) as caught:
        watch_request(**wanted)
    return caught.value.field, caught.value.message


def test_what_is_not_said_is_left_to_the_server() -> None:
    request = watch_request()
    assert request.settings == monitoring_pb2.WatchSettings()
    assert request.HasField("settings")  # the first message has them


def test_all_that_is_said_goes_on_the_wire() -> None:
    request = watch_request(
        window_rows=np.int32(500),  # type: ignore[arg-type]
        expected_run_rows=10**12,
        delta=0.2,
        columns=("entropy", "class"),
        reference_digest="sha256:r",
        state=b"\0\1",
        model="m",
        version=2,
    )
    assert request.settings == monitoring_pb2.WatchSettings(
        model=scoring_pb2.ModelSelector(name="m", version=2),
        reference_digest="sha256:r",
        window_rows=500,
        expected_run_rows=10**12,
        delta=0.2,
        columns=["entropy", "class"],
        state=b"\0\1",
    )


def test_false_alarms_a_week_at_a_rate_are_rows_to_the_next_one() -> None:
    request = watch_request(false_alarms_per_week=0.5, rows_per_second=100)
    assert request.settings.expected_run_rows == 2 * 7 * 24 * 3600 * 100


def test_no_more_false_alarms_are_expected_than_are_put_up_with() -> None:
    assert run_rows_of(7.0, 0.01) == 864
    assert run_rows_of(7.01, 0.01) == 863  # 862.8 rows, in which a share of one would be one too many


@pytest.mark.parametrize("field", ["false_alarms_per_week", "rows_per_second"])
@pytest.mark.parametrize("number", [0, -1.5, float("inf"), float("nan")])
def test_a_rate_is_a_number_above_0(field: str, number: float) -> None:
    rates = {"false_alarms_per_week": 1, "rows_per_second": 1, field: number}
    assert refused(**rates) == (field, f"{field}: is {number}, allowed are numbers above 0")


@pytest.mark.parametrize("rate", [1e7, 1e300])
def test_a_run_that_is_too_long_to_be_kept_is_told_with_what_it_comes_of(rate: float) -> None:
    run = rate * 604_800 / 1e-9
    assert refused(false_alarms_per_week=1e-9, rows_per_second=rate) == (
        "false_alarms_per_week",
        f"false_alarms_per_week: 1e-09 at {rate:g} rows a second is one false alarm in {run:.3g} rows, allowed is "
        "one in up to 1e+12",
    )


@pytest.mark.parametrize("rates", [{"rows_per_second": 1}, {"false_alarms_per_week": 1}])
def test_false_alarms_a_week_need_a_rate(rates: dict[str, float]) -> None:
    assert refused(**rates) == (
        "false_alarms_per_week",
        "false_alarms_per_week: goes with rows_per_second, how many rows come in a second; give both",
    )


def test_false_alarms_are_declared_in_one_way() -> None:
    assert refused(expected_run_rows=1000, false_alarms_per_week=1, rows_per_second=1) == (
        "expected_run_rows",
        "expected_run_rows: give either expected_run_rows, or false_alarms_per_week with rows_per_second",
    )


@pytest.mark.parametrize("field", ["window_rows", "expected_run_rows"])
@pytest.mark.parametrize("number", [0, -1, 1.5, 2**63, "100"])
def test_numbers_of_rows_are_whole(field: str, number: Any) -> None:
    assert refused(**{field: number}) == (field, f"{field}: is {number}, allowed are whole numbers above 0")


@pytest.mark.parametrize("delta", [0, -1, float("inf"), float("nan")])
def test_an_effect_is_a_number_above_0(delta: float) -> None:
    assert refused(delta=delta) == ("delta", f"delta: is {delta}, allowed are numbers above 0")
