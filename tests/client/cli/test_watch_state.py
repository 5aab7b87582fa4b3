"""Where a watch has come to: a file that is there as a whole, and is read strictly."""

import json
from pathlib import Path
from typing import Any

import pytest

from assayd import WatchReport
from assayd.cli.exits import UsageError
from assayd.cli.watch_state import KEEP_SECONDS, Head, Keeper, Kept, load
from assayd.v1 import monitoring_pb2
from assayd.watch_report import watched
from client.monitored import IDENTITY

PATH = Path("state.json")
KEPT = {
    "format": "assayctl watch 1",
    "rows_seen": 70,
    "model": "m",
    "version": 3,
    "reference_digest": "sha256:r",
    "file": {"rows": 20, "head": {"size": 3, "digest": "a"}},
    "state": "AAE=",
}


def report(rows_seen: int) -> WatchReport:
    response = monitoring_pb2.WatchDriftResponse(
        model=IDENTITY, reference_digest="sha256:r", rows_seen=rows_seen, state=bytes([rows_seen])
    )
    return watched(response).now


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def keeper(head: Head | None = None, *, rows_before: int = 50) -> tuple[Keeper, Clock]:
    clock = Clock()
    return Keeper(PATH, head=head, rows_before=rows_before, clock=clock), clock


def test_what_was_kept_is_read_again() -> None:
    head = Head(size=3, digest="a")
    keeping, _ = keeper(head)
    keeping.keep(report(70))
    keeping.flush()
    assert load(PATH) == Kept(
        state=b"\x46", rows_seen=70, reference_digest="sha256:r", model="m", version=3, head=head, file_rows=20
    )
    assert list(Path().iterdir()) == [PATH]


def test_standard_input_has_no_head() -> None:
    keeping, _ = keeper()
    keeping.keep(report(70))
    keeping.flush()
    kept = load(PATH)
    assert kept is not None
    assert kept.head is None
    assert kept.rows_of(PATH) == 0


def test_it_is_written_now_and_then_and_at_the_end() -> None:
    keeping, clock = keeper()
    keeping.keep(report(60))
    assert not PATH.exists()
    clock.seconds += KEEP_SECONDS
    keeping.keep(report(70))
    written = PATH.read_bytes()
    clock.seconds += KEEP_SECONDS / 2
    keeping.keep(report(80))
    assert PATH.read_bytes() == written
    keeping.flush()
    kept = load(PATH)
    assert kept is not None
    assert kept.rows_seen == 80


def test_where_nothing_was_seen_nothing_is_written() -> None:
    keeping, _ = keeper()
    keeping.flush()
    assert not PATH.exists()
    assert load(PATH) is None


def test_a_file_is_known_again_by_its_beginning() -> None:
    rows, longer, other = Path("rows.csv"), Path("longer.csv"), Path("other.csv")
    rows.write_text("a\n1\n")
    longer.write_text("a\n1\n2\n")
    other.write_text("a\n2\n")
    keeping, _ = keeper(Head.of(rows))
    keeping.keep(report(70))
    keeping.flush()
    kept = load(PATH)
    assert kept is not None
    assert [kept.rows_of(path) for path in (rows, longer, other)] == [20, 20, 0]


def changed(**fields: Any) -> str:
    return json.dumps({**KEPT, **fields})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        "[" * 100_000,
        "\0\1\2\xff",
        changed(format="assayctl watch 2"),
        changed(state="no base 64!"),
        changed(state=7),
        changed(rows_seen=-1),
        changed(rows_seen="70"),
        changed(version=2**63),
        changed(model=3),
        changed(file=None),
        changed(file={"rows": 20}),
        changed(file={"rows": 20, "head": {"size": 3}}),
    ],
)
def test_what_no_watch_has_written_is_refused(text: str) -> None:
    PATH.write_text(text)
    with pytest.raises(UsageError) as caught:
        load(PATH)
    assert str(caught.value) == (
        "--state: state.json is not what a watch has written; name another file to begin anew"
    )


def test_what_a_watch_has_written_is_not() -> None:
    PATH.write_text(changed())
    kept = load(PATH)
    assert kept is not None
    assert (kept.state, kept.file_rows) == (b"\0\1", 20)
