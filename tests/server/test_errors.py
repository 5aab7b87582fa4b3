"""Errors that are made on purpose: what people and programs get to see of them."""

from assayd_server.errors import InvalidArgumentError, StartError


def test_the_message_begins_with_the_field() -> None:
    assert InvalidArgumentError("is empty", reason="EMPTY", field="model.name").message == "model.name: is empty"


def test_what_stops_a_start_is_one_line() -> None:
    assert str(StartError("a\nb\t c")) == "a b c"


def test_a_detail_that_is_added_is_there_for_programs() -> None:
    details = {"model": "m"}
    error = InvalidArgumentError("is wrong", reason="WRONG", details=details)
    error.add_detail("request_id", "r-1")
    assert error.details == {"model": "m", "request_id": "r-1"}


def test_a_detail_that_is_added_is_there_for_people() -> None:
    error = InvalidArgumentError("is wrong", reason="WRONG", field="rows")
    error.add_detail("request_id", "r-1")
    assert error.message == "rows: is wrong (request id r-1)"


def test_a_detail_that_is_added_stays_out_of_what_the_error_was_made_of() -> None:
    details = {"model": "m"}
    InvalidArgumentError("is wrong", reason="WRONG", details=details).add_detail("request_id", "r-1")
    assert details == {"model": "m"}
