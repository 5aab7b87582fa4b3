"""What a watched stream has come to, as bytes that a caller keeps: it goes on where it was, on any replica.

Little-endian: a mark, a version, a digest of the reference and the settings, counts, sums, what the open window
holds, if anything, and a checksum. Both digests are against mix-ups and damage, not against forgery: whoever makes
up a token gets reports on rows of their own. How long one is follows from the reference, not from what it says.
"""

import struct
from dataclasses import astuple
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.drift import WindowState
from assayd_server.core.drift.watch import WatchPlan, WatchSettings, WatchState, begin, check
from assayd_server.errors import InvalidArgumentError

_MARK, _VERSION = b"asyw", 1
_FIXED = struct.Struct("<4sI16sQQII")
KINDS = ("", "inputs", "logits", "probabilities", "embeddings")
"""Of rows; none where there were none yet."""
_CHECKSUM_BYTES = 16
_NUMBER = np.dtype("<i8")


def encode(state: WatchState, plan: WatchPlan, *, reference_digest: str, kind: str) -> bytes:
    """The state after some rows under these settings.

    Args:
        state: what the stream has come to.
        plan: of the stream.
        reference_digest: of the reference that it is held against.
        kind: of its rows, one of KINDS.
    """
    binding = _binding(plan.settings, reference_digest)
    has_window = state.window.rows > 0
    content = _FIXED.pack(_MARK, _VERSION, binding, state.rows, state.windows, KINDS.index(kind), has_window)
    arrays = [state.sums, state.since, *(state.window.arrays().values() if has_window else ())]
    content += b"".join(array.astype(_NUMBER).tobytes() for array in arrays)
    return content + _digest(content)


def decode(token: bytes, plan: WatchPlan, *, reference_digest: str) -> tuple[WatchState, str]:
    """The state that a token stands for, exactly as it was, and the kind of the rows so far.

    Args:
        token: what encode gave.
        plan: of a stream with the same settings.
        reference_digest: of the same reference.

    Raises:
        InvalidArgumentError: it is no token, or of another version, cut short, damaged, of another reference or
            other settings, or its values cannot come from a stream under these.
    """
    if token[: len(_MARK)] != _MARK:
        raise _refused("is not a state of this service: it does not begin as one", "STATE_FOREIGN")
    if len(token) < _FIXED.size + _CHECKSUM_BYTES:
        raise _refused(f"is cut short, to {len(token)} bytes", "STATE_TRUNCATED")
    _, version, binding, rows, windows, kind, has_window = _FIXED.unpack_from(token)
    if version != _VERSION:
        raise _refused(f"is of version {version}, and this server reads version {_VERSION}", "STATE_VERSION")
    if binding != _binding(plan.settings, reference_digest):
        raise _refused("is of another reference or of other settings than these", "STATE_OF_OTHER_SETTINGS")
    start = begin(plan)
    shapes = [start.sums.shape, start.since.shape]
    names = list(start.window.arrays()) if has_window else []
    shapes += [array.shape for array in start.window.arrays().values()] if has_window else []
    arrays = _arrays(token, shapes)
    try:
        window = WindowState.from_arrays(dict(zip(names, arrays[2:], strict=True))) if has_window else start.window
        state = WatchState(rows, windows, window, *arrays[:2])
        check(state, plan)
        return state, KINDS[kind]
    except (ValueError, IndexError) as error:
        raise _refused(f"is not what this service gives: {error}", "STATE_IMPOSSIBLE") from None


def _arrays(token: bytes, shapes: list[tuple[int, ...]]) -> list[NDArray[np.int64]]:
    """What follows after the fixed part, once it is known to be whole."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    whole = _FIXED.size + _NUMBER.itemsize * sum(sizes) + _CHECKSUM_BYTES
    if len(token) < whole:
        raise _refused(f"is cut short, or damaged: {len(token)} bytes instead of {whole}", "STATE_TRUNCATED")
    content = token[:-_CHECKSUM_BYTES]
    if len(token) > whole or token[-_CHECKSUM_BYTES:] != _digest(content):
        raise _refused("is damaged: its checksum is wrong", "STATE_DAMAGED")
    numbers = np.frombuffer(content, _NUMBER, offset=_FIXED.size).astype(np.int64)
    parts = np.split(numbers, np.cumsum(sizes)[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def _binding(settings: WatchSettings, reference_digest: str) -> bytes:
    """Of the reference and every setting, in a form that each value has only one of."""
    return _digest(repr((reference_digest, *astuple(settings))).encode())


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=_CHECKSUM_BYTES).digest()


def _refused(problem: str, reason: str) -> InvalidArgumentError:
    return InvalidArgumentError(problem, reason=reason, field="settings.state")
