"""How long a caller is asked to stay away that has been refused before."""

import pytest

from assayd_server.errors import RETRY_AFTER_SECONDS, ResourceExhaustedError
from assayd_server.rpc.refusals import refusal, status_of


def milliseconds(attempts: str) -> tuple[float, float]:
    """What a caller is told by a full server, and by one whose queue is full."""
    metadata = [("grpc-previous-rpc-attempts", attempts)]
    error = ResourceExhaustedError("full", reason="FULL", retry_after_seconds=RETRY_AFTER_SECONDS)
    failures = (refusal(7, metadata), status_of(error, metadata))
    first, second = (float(dict(failure.trailing_metadata)["grpc-retry-pushback-ms"]) for failure in failures)
    return first, second


@pytest.mark.parametrize(
    ("attempts", "times"),
    [("", 1), ("0", 1), ("2", 4), ("5", 32), ("6", 32), ("9" * 5000, 32), ("-1", 1), ("²", 1)],
)
def test_the_wait_doubles_with_each_attempt_and_not_for_ever(attempts: str, times: int) -> None:
    for told in milliseconds(attempts):
        assert 0.5 * times <= told / (1000 * RETRY_AFTER_SECONDS) <= 1.5 * times
