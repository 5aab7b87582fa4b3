"""What a caller sends along with a call, as headers."""

import re
from collections.abc import Mapping

from assayd.errors import InvalidArgumentError

_KEY, _VALUE = re.compile(r"[a-z0-9_.-]+"), re.compile(r"[\x20-\x7e]*")


def checked_metadata(metadata: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    """As gRPC takes it.

    Raises:
        InvalidArgumentError: it cannot be sent; the error does not repeat what may be a secret.
    """
    for key, value in (metadata or {}).items():
        texts = isinstance(key, str) and isinstance(value, str)
        if not texts or not _KEY.fullmatch(key) or key.endswith("-bin") or not _VALUE.fullmatch(value):
            shown = "its value" if key == "authorization" else repr(value)
            raise InvalidArgumentError(
                f"metadata: {key!r}: {shown} cannot be sent, keys are lower-case and values printable ASCII"
            )
    return tuple((metadata or {}).items())
