"""Streams that real servers watch: over batches of any size, breaks, and several replicas."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import numpy as np
import pytest

import onnx_models
import references
from assayd import Client, InvalidArgumentError, WatchReport
from assayd.testing import Server, serving

ROWS_A_WINDOW = 300


def healthy(count: int, seed: int) -> np.ndarray:
    """(count, 4) logits of four classes."""
    rng = np.random.default_rng(seed)
    return (4 * np.eye(4)[rng.integers(0, 4, count)] + rng.normal(size=(count, 4))).astype(np.float32)


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """model.onnx and reference.npz."""
    folder = tmp_path_factory.mktemp("watched")
    references.write_reference(folder, onnx_models.identity(), healthy(6000, 0))
    return folder


def replica(artefacts: Path) -> AbstractContextManager[Server]:
    return serving(artefacts / "model.onnx", reference=artefacts / "reference.npz")


@pytest.fixture(scope="module")
def replicas(artefacts: Path) -> Iterator[tuple[Server, Server]]:
    with replica(artefacts) as one, replica(artefacts) as other:
        yield one, other


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    """1,000 rows; from row 700 on the model is never sure."""
    x = healthy(1000, 1)
    x[700:] /= 8
    return x


def watched(client: Client, batches: list[np.ndarray], **wanted: object) -> list[WatchReport]:
    return list(client.watch_drift(batches, window_rows=ROWS_A_WINDOW, **wanted))  # type: ignore[arg-type]


def findings(reports: list[WatchReport]) -> list[str]:
    """All that is said, but for how changes after the last window are divided among batches."""
    of_windows = [report.window for report in reports if report.window]
    changes = [change for report in reports for change in report.changes]
    return [*map(repr, of_windows), *map(repr, changes)]


def test_drift_is_found_where_it_is(
    replicas: tuple[Server, Server], connect: Callable[..., Client], x: np.ndarray
) -> None:
    reports = watched(connect(replicas[0]), [x])
    assert [report.window and report.window.number for report in reports][:3] == [0, 1, 2]
    assert [report.alert for report in reports][:3] == [False, False, True]
    risen = [change for change in reports[2].changes if (change.column, change.direction) == ("entropy", "up")]
    assert 700 <= risen[0].row < 800
    assert abs(risen[0].since_row - 700) < 20
    assert "window 2 (rows 600 to 899) has drifted: " in str(reports[2])


@pytest.mark.parametrize("size", [7, 299, 300, 450])
def test_a_stream_over_a_fleet_finds_what_one_server_does(
    replicas: tuple[Server, Server],
    connect: Callable[..., Client],
    fleet: Callable[..., Client],
    x: np.ndarray,
    size: int,
) -> None:
    batches = [x[start : start + size] for start in range(0, len(x), size)]
    of_fleet = watched(fleet(*replicas), batches)
    assert findings(of_fleet) == findings(watched(connect(replicas[0]), [x]))


def test_a_stream_that_breaks_goes_on_at_another_server(
    replicas: tuple[Server, Server], connect: Callable[..., Client], x: np.ndarray
) -> None:
    one, other = map(connect, replicas)
    begun = watched(one, [x[:730]], every_batch=True)
    assert begun[-1].rows_seen == 730
    rest = watched(other, [x[730:]], state=begun[-1].state)
    assert findings(begun + rest) == findings(watched(one, [x]))


def test_a_server_that_stops_is_no_break(
    artefacts: Path, replicas: tuple[Server, Server], fleet: Callable[..., Client], x: np.ndarray
) -> None:
    with ExitStack() as stack:
        stopping = stack.enter_context(replica(artefacts))

        def batches() -> Iterator[np.ndarray]:
            for place, batch in enumerate(np.split(x, 20)):
                if place == 9:
                    stack.close()
                yield batch

        of_rest = list(fleet(stopping, replicas[1]).watch_drift(batches(), window_rows=ROWS_A_WINDOW))
    assert findings(of_rest) == findings(watched(fleet(replicas[0]), [x]))


def test_a_state_of_other_settings_is_refused(
    replicas: tuple[Server, Server], connect: Callable[..., Client], x: np.ndarray
) -> None:
    client = connect(replicas[0])
    (report,) = watched(client, [x[:10]], every_batch=True)
    with pytest.raises(InvalidArgumentError) as caught:
        watched(client, [x[:10]], state=report.state, delta=0.3)
    assert caught.value.field == "settings.state"
    with pytest.raises(InvalidArgumentError, match="window_rows"):
        list(client.watch_drift([x[:10]], window_rows=50))
