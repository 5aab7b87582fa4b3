"""Rows from lines, as they come: CSV, JSON objects and JSON arrays."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from assayd.cli.exits import CommandError
from assayd.cli.sources.line_rows import LineRows
from assayd.cli.sources.lines import LINE_BYTES_MAX, Lines
from assayd.cli.sources.reading import Reading

FLOATS = {name: pa.float64() for name in "abc"}


class Pipe:
    """What is written comes out as lines."""

    def __init__(self) -> None:
        reading, self._writing = os.pipe()
        self.open = [reading, self._writing]
        self.lines = Lines(reading, "standard input")

    def write(self, text: str | bytes) -> None:
        data = text.encode() if isinstance(text, str) else text
        while data:
            data = data[os.write(self._writing, data) :]

    def end(self) -> None:
        os.close(self._writing)
        self.open.remove(self._writing)

    def close(self) -> None:
        """Both ends."""
        while self.open:
            os.close(self.open.pop())


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    with pipe.lines:
        yield pipe
    pipe.close()


def taken(pipe: Pipe, text: str | bytes, count_max: int = 100) -> list[bytes]:
    """The lines of a text that ends there."""
    pipe.write(text)
    pipe.end()
    found = []
    while lines := pipe.lines.take(count_max):
        assert len(lines) <= count_max
        found += lines
    return found


@pytest.mark.parametrize("count_max", [1, 2, 100])
@pytest.mark.parametrize("end", ["", "\n"])
def test_lines_come_in_order_and_the_last_needs_no_end(pipe: Pipe, count_max: int, end: str) -> None:
    assert taken(pipe, f"a\n\nb\nc{end}", count_max) == [b"a", b"", b"b", b"c"]
    assert pipe.lines.taken == 4


def test_what_is_there_is_given_before_more_comes(pipe: Pipe) -> None:
    pipe.write("a\nb\nhalf of ")
    assert pipe.lines.take(100) == [b"a", b"b"]
    pipe.write("a line\n")
    assert pipe.lines.take(100) == [b"half of a line"]


def test_a_line_is_waited_for(pipe: Pipe, in_background: Callable[..., Any]) -> None:
    waiting = in_background(lambda: pipe.lines.take(100))
    pipe.write("half of ")
    pipe.write("a line\n")
    assert waiting.result(timeout=20) == [b"half of a line"]


def test_many_lines_are_more_than_one_read(pipe: Pipe, in_background: Callable[..., Any]) -> None:
    texts = [str(number) * 50 for number in range(20_000)]
    in_background(lambda: (pipe.write("\n".join(texts)), pipe.end()))
    found = []
    while lines := pipe.lines.take(5000):
        found += lines
    assert [line.decode() for line in found] == texts


def test_nothing_at_all_is_no_line(pipe: Pipe) -> None:
    assert taken(pipe, "") == []


def test_who_waits_can_be_stopped_from_another_thread(pipe: Pipe) -> None:
    pipe.write("a line that does not end")
    stopping = threading.Timer(0.05, pipe.lines.stop)
    stopping.start()
    with pytest.raises(KeyboardInterrupt):
        pipe.lines.take(100)
    with pytest.raises(KeyboardInterrupt):  # whoever comes next, too
        pipe.lines.take(100)
    stopping.join()


def test_once_it_is_closed_there_is_nobody_to_stop() -> None:
    pipe = Pipe()
    with pipe.lines:
        pass
    reading, writing = os.pipe()  # which has a number that was that of the stop before
    pipe.lines.stop()
    os.close(writing)
    assert os.read(reading, 10) == b""
    os.close(reading)
    pipe.close()


def test_a_line_that_does_not_end_is_an_error_after_the_lines_before_it(folder: Path) -> None:
    (folder / "lines").write_bytes(b"short\n" + b"x" * (LINE_BYTES_MAX + 2**20))
    with (folder / "lines").open("rb") as file, Lines(file.fileno(), "standard input") as lines:
        assert lines.take(100) == [b"short"]
        with pytest.raises(CommandError, match="standard input: line 2 is longer than 2097152 bytes"):
            lines.take(100)


def read(pipe: Pipe, text: str | bytes, types: dict[str, Any] | None = None, *, batch_rows: int = 100) -> Any:
    """The columns, and all rows: a list of dicts, or an array."""
    pipe.write(text)
    pipe.end()
    rows = LineRows(pipe.lines)
    reading = Reading(columns=rows.columns, batch_rows=batch_rows, types=types or FLOATS)
    batches = list(rows.batches(reading))
    assert {len(batch) for batch in batches} <= set(range(1, batch_rows + 1))
    if rows.columns:
        return rows.columns, [row for batch in batches for row in batch.to_pylist()]
    return rows.columns, np.concatenate(batches)


@pytest.mark.parametrize("batch_rows", [1, 2, 100])
def test_csv_names_its_columns_first(pipe: Pipe, batch_rows: int) -> None:
    columns, rows = read(
        pipe,
        '\ufeffa,"b, c"\r\n1,2\r\n\r\n,4.5\r\n',
        {"a": pa.float32(), "b, c": pa.float64()},
        batch_rows=batch_rows,
    )
    assert columns == ("a", "b, c")
    assert rows == [{"a": 1, "b, c": 2}, {"a": None, "b, c": 4.5}]


def test_of_csv_only_the_columns_that_are_wanted_are_read(pipe: Pipe) -> None:
    pipe.write("id,a,b\nx,1,2\n")
    pipe.end()
    (batch,) = LineRows(pipe.lines).batches(Reading(columns=("b", "a"), batch_rows=9, types=FLOATS))
    assert batch.to_pylist() == [{"b": 2, "a": 1}]


@pytest.mark.parametrize("batch_rows", [1, 2, 100])
def test_json_objects_name_their_columns_and_may_lack_values(pipe: Pipe, batch_rows: int) -> None:
    text = '\n{"a": 1, "b": 2.5}\n{"b": null, "z": []}\n \n{"b": 3, "a": NaN}'
    columns, rows = read(pipe, text, batch_rows=batch_rows)
    assert columns == ("a", "b")
    assert rows[:2] == [{"a": 1, "b": 2.5}, {"a": None, "b": None}]
    assert (np.isnan(rows[2]["a"]), rows[2]["b"]) == (True, 3)


def test_json_objects_may_hold_lists(pipe: Pipe) -> None:
    types = {"a": pa.float32(), "b": pa.float32(), "c": pa.string()}
    text = '{"a": [[1, 2], [3, 4]], "b": [], "c": "x"}\n{"a": [[5, null], [7, 8]], "b": [], "c": "y"}'
    _, rows = read(pipe, text, types)
    assert rows[1] == {"a": [[5, None], [7, 8]], "b": [], "c": "y"}


@pytest.mark.parametrize("batch_rows", [1, 2, 100])
def test_json_arrays_are_rows_without_names(pipe: Pipe, batch_rows: int) -> None:
    columns, rows = read(
        pipe, "[[1, 2], [3, 4]]\n[[5, null], [7, NaN]]\n[[9, 1], [1, 1]]\n", batch_rows=batch_rows
    )
    assert columns == ()
    np.testing.assert_array_equal(rows, [[[1, 2], [3, 4]], [[5, np.nan], [7, np.nan]], [[9, 1], [1, 1]]])


def test_a_row_takes_about_as_many_bytes_as_its_numbers_or_its_text(pipe: Pipe) -> None:
    pipe.write("[1, 2, 3]\n")
    assert LineRows(pipe.lines).row_bytes(()) == 9
    pipe.write("a,b\n")
    assert LineRows(pipe.lines).row_bytes(("a", "b")) == 16


@pytest.mark.parametrize("text", ["", "\n", " \n\r\n"])
def test_no_line_is_no_rows(pipe: Pipe, text: str) -> None:
    with pytest.raises(CommandError, match=r"^standard input: holds no rows$"):
        read(pipe, text)


DEEP = "[" * 20_000


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1,2\n", "line 1 cannot be read: it holds numbers only, it must name the columns"),
        ('"a\n', "line 1 cannot be read: unexpected end of data"),
        (b"\xff\xfe\n", "line 1 cannot be read: 'utf-8' codec can't decode"),
        ("\n\n[1, 2\n", "line 3 cannot be read: Expecting ',' delimiter"),
        ("[1]\n{}\n", "line 2 cannot be read: is dict in JSON, the first line was list"),
        ('{"a": 1}\n2\n', "line 2 cannot be read: is int in JSON, the first line was dict"),
        ("[1]\n[1]\n\n[1, 2]\n[1]", "lines 2 to 5 cannot be read: one is of shape [2], the first one was of [1]"),
        ('["a"]\n', "line 1 cannot be read: could not convert string to float: 'a'"),
        ("[{}]\n", "line 1 cannot be read: float() argument must be a string or a real number"),
        (f"[1]\n[{10**400}]\n", "line 2 cannot be read: int too large to convert to float"),
        (f"[1]\n{DEEP}\n", "line 2 cannot be read: is nested too deeply"),
        ('{"a": "x"}\n', "line 1 cannot be read: Could not convert 'x' with type str"),
        ('{"a": [1]}\n{"a": 1}\n', "line 2 cannot be read: "),
        ("a,b\n1,2\n3\n", "lines 2 to 3 cannot be read: CSV parse error: "),
        (
            "a,b\n1,x\n",
            "line 2 cannot be read: In CSV column #1: ",
        ),
    ],
)
def test_a_bad_line_is_named(pipe: Pipe, text: str | bytes, sentence: str) -> None:
    with pytest.raises(CommandError) as caught:
        read(pipe, text)
    assert str(caught.value).startswith(f"standard input: {sentence}")
    assert "\n" not in str(caught.value)
