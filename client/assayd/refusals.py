"""Reads from a refusal whether fewer rows would do."""

import re

import grpc

from assayd.errors import AssaydError

_OVERSIZED = re.compile(r"larger than max \((\d+) vs\. (\d+)\)")
"""gRPC's own words, here or there, for a message that is over somebody's limit."""


def rows_allowed(error: AssaydError, row_count: int) -> int:
    """How many rows of a piece to send at once after this error; 0 where fewer would not help."""
    if error.reason in ("TOO_MANY_ROWS", "ANSWER_TOO_LARGE"):
        rows_max = error.details.get("rows_max", "")
        return int(rows_max) if rows_max.isdecimal() else 0
    sizes = _OVERSIZED.search(error.message) if error.status is grpc.StatusCode.RESOURCE_EXHAUSTED else None
    if sizes is None:
        return 0
    sent, allowed = map(int, sizes.groups())
    return max(1, int(row_count * 0.9 * allowed / sent))
