"""How many rows fit into a message: by the largest of them, on the wire."""

import numpy as np
import pytest

from assayd import ChannelSettings, InvalidArgumentError
from assayd.arrays import TEXTS_MAX
from assayd.requests import score_request
from assayd.rows import Rows, collect, rows_fitting
from assayd.scoring import ScoreJob


def column(count: int, width: int = 4) -> Rows:
    """Rows of float32."""
    return collect(np.zeros((count, width), np.float32))


def test_as_many_rows_fit_as_their_bytes_allow() -> None:
    assert rows_fitting(column(10), 64 + 4 * 16) == 4  # 16 bytes a row, 64 for what a tensor costs besides


def test_a_byte_less_is_a_row_less() -> None:
    assert rows_fitting(column(10), 64 + 4 * 16 - 1) == 3


def test_more_rows_may_fit_than_there_are() -> None:
    assert rows_fitting(column(2), 64 + 100 * 16) == 100


def test_every_input_adds_to_the_bytes_of_a_row() -> None:
    rows = collect({"ab": np.zeros((4, 2), np.float64), "c": np.zeros(4, np.int8)})
    assert rows_fitting(rows, 2 * 64 + 3 + 2 * 17) == 2
    assert rows_fitting(rows, 2 * 64 + 3 + 2 * 17 - 1) == 1


def test_a_name_takes_the_room_of_its_bytes() -> None:
    rows = collect({"é": np.zeros((4, 1), np.int8)})
    assert rows_fitting(rows, 64 + 2 + 5) == 5


def test_of_no_rows_one_fits_however_small_the_message() -> None:
    assert rows_fitting(column(0), 1) == 1


def test_rows_without_elements_fit_by_the_byte() -> None:
    assert rows_fitting(column(5, width=0), 64 + 7) == 7


@pytest.mark.parametrize("kind", ["x", "logits", "probabilities", "embeddings"])
def test_a_single_row_that_is_too_big_is_refused_with_both_sizes(kind: str) -> None:
    rows = collect(**{kind: np.zeros((2, 100), np.float64)})
    name = "inputs" if kind == "x" else kind
    with pytest.raises(InvalidArgumentError) as caught:
        rows_fitting(rows, 64 + 799)
    assert caught.value.message == f"{name}: one row takes 800 bytes, a message holds 799"


def test_texts_are_measured_by_the_largest_of_them() -> None:
    rows = collect(np.array(["a", "é" * 6, "b", "c"]))  # 4 bytes of length and 12 of text
    assert rows_fitting(rows, 64 + 2 * 16) == 2
    assert rows_fitting(rows, 64 + 2 * 16 - 1) == 1


def test_bytes_are_measured_as_texts_are() -> None:
    rows = collect(np.array([b"a", b"b" * 12, b"c", b"d"]))
    assert rows_fitting(rows, 64 + 2 * 16) == 2


def test_what_is_no_text_is_left_to_the_encoder_to_refuse() -> None:
    assert rows_fitting(collect(np.array([None, 1.5], object)), 64 + 4) == 1


def test_a_text_that_utf8_cannot_hold_is_refused_as_a_wrong_argument() -> None:
    rows = collect(["\ud800"])
    assert rows_fitting(rows, 64 + 5) == 1
    with pytest.raises(InvalidArgumentError, match=r"inputs: data: .*UTF-8"):
        rows.message()


def test_texts_are_cut_to_what_a_string_tensor_may_have() -> None:
    rows = collect(np.full((20_000, 70), "a", object))
    assert rows_fitting(rows, 2**30) == TEXTS_MAX // 70


def test_a_message_without_room_for_rows_and_without_a_head_names_the_request() -> None:
    with pytest.raises(
        InvalidArgumentError, match=r"^INVALID_ARGUMENT: request: takes 2 bytes, a message holds 60"
    ):
        ScoreJob(score_request(top_k=3), deadline_seconds=1, settings=ChannelSettings(message_bytes_max=60))
