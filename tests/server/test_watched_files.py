"""Files that are read again when they change."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from assayd_server.errors import StartError
from assayd_server.metrics import Metrics
from assayd_server.watched_files import FilesWatch, WatchedFiles
from certificates import replace
from waiting import wait_until

OLD = time.time() - 3600


class Watched:
    """Two files of text, which are joined; "wrong" in one of them cannot be used."""

    def __init__(self, folder: Path) -> None:
        self.paths = {"first": folder / "first", "second": folder / "second"}
        self.reads = 0
        self.registry = CollectorRegistry()
        for name in self.paths:
            self.write(name, name)
        metrics = Metrics(self.registry).credentials.reloads("pair")
        self.files = WatchedFiles("pair", self.paths, self._read, metrics=metrics)

    def write(self, name: str, text: str, *, age: float = 3600) -> None:
        replace(self.paths[name], text.encode())
        os.utime(self.paths[name], (time.time() - age, time.time() - age))

    def metric(self, name: str, **labels: str) -> float:
        value = self.registry.get_sample_value(f"assayd_credential{name}", {"files": "pair", **labels})
        assert value is not None
        return value

    def _read(self, contents: Mapping[str, bytes]) -> str:
        self.reads += 1
        text = "+".join(content.decode() for content in contents.values())
        if "wrong" in text:
            raise StartError("is wrong")
        return text


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_files_that_stay_are_read_once(watched: Watched) -> None:
    first = watched.files.current
    assert [watched.files.look() for _ in range(5)] == ["first+second"] * 5
    assert watched.files.look() is first
    assert watched.reads == 1


@pytest.mark.parametrize("name", ["first", "second"])
def test_a_file_that_changes_is_read_again(watched: Watched, name: str) -> None:
    watched.write(name, "new")
    assert "new" in watched.files.look()
    assert watched.metric("_reloads_total", result="ok") == 1


def test_a_file_that_is_written_with_what_it_held_is_no_change(watched: Watched) -> None:
    first = watched.files.current
    watched.write("first", "first")
    assert watched.files.look() is first
    assert watched.metric("_reloads_total", result="ok") == 0


def test_a_young_file_is_read_although_neither_its_time_nor_its_length_tells(watched: Watched) -> None:
    """Clocks of file systems stand still for some milliseconds."""
    path = watched.paths["first"]
    watched.write("first", "abc", age=0)
    assert watched.files.look() == "abc+second"
    before = path.stat()
    path.write_text("xyz")  # the same file
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert watched.files.look() == "xyz+second"


@pytest.mark.parametrize("spoil", [lambda path: replace(path, b"wrong"), Path.unlink], ids=["wrong", "gone"])
def test_files_that_cannot_be_used_leave_what_there_was(watched: Watched, spoil: Callable[[Path], None]) -> None:
    spoil(watched.paths["first"])
    assert [watched.files.look() for _ in range(3)] == ["first+second"] * 3
    assert watched.metric("_reloads_total", result="failed") == 1
    assert watched.metric("s_outdated") == 1
    watched.write("first", "new")
    assert watched.files.look() == "new+second"
    assert watched.metric("s_outdated") == 0


def test_files_that_are_as_before_again_are_in_order(watched: Watched) -> None:
    watched.write("first", "wrong")
    watched.files.look()
    watched.write("first", "first")
    assert watched.files.look() == "first+second"
    assert (watched.metric("s_outdated"), watched.metric("_reloads_total", result="ok")) == (0, 0)


def test_files_that_change_while_they_are_read_are_left_for_the_next_look(watched: Watched) -> None:
    read = watched.files._read

    def read_and_write(contents: Mapping[str, bytes]) -> str:
        if watched.reads == 1:
            watched.write("second", "newer")
        return read(contents)

    watched.files._read = read_and_write
    watched.write("first", "new")
    assert watched.files.look() == "first+second"
    assert watched.files.look() == "new+newer"


def test_a_file_that_is_not_there_at_first_stops_the_start(watched: Watched) -> None:
    watched.paths["first"].unlink()
    with pytest.raises(StartError, match=f"^first: {watched.paths['first']}: cannot be read: No such file"):
        WatchedFiles("pair", watched.paths, lambda _: "", metrics=watched.files._metrics)


@contextmanager
def watching(*looks: Callable[[], object]) -> Iterator[None]:
    """Look at something once a second."""

    class Files:
        def __init__(self, look: Callable[[], object]) -> None:
            self.look = look

    watch = FilesWatch([Files(look) for look in looks])
    try:
        yield
    finally:
        watch.stop()


def test_a_look_that_fails_keeps_nobody_from_the_next() -> None:
    looked: list[str] = []

    def fail() -> None:
        looked.append("first")
        raise RuntimeError("a bug")

    with watching(fail, lambda: looked.append("second")):
        wait_until(lambda: len(looked) >= 4)
    assert looked[:4] == ["first", "second"] * 2
