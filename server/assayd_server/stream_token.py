"""The state of a stream as bytes that a caller keeps: it goes on where it was, on any replica.

Little-endian: a mark, a version, a digest of the settings, counts, spending and threshold, the utilities of the
window, a checksum. Both digests are against mix-ups and damage, not against forgery: whoever makes up a token gets
decisions on rows of their own, and no more state than a window of utilities.
"""

import struct
from hashlib import blake2b

from assayd_server.core.stream import PolicySettings, State, check
from assayd_server.errors import InvalidArgumentError

_MARK, _VERSION = b"asyd", 1
_FIXED = struct.Struct("<4sI16sQQddI")
_SETTINGS = struct.Struct("<32sdQdQddQQ")
_UTILITY_BYTES, _CHECKSUM_BYTES = 8, 16


def encode(state: State, settings: PolicySettings, *, scale: str) -> bytes:
    """The state after some rows under these settings: 76 bytes, and 8 more for each utility in its window.

    Args:
        state: what is remembered.
        settings: of the policy.
        scale: by what the utilities were measured: those of another measure say nothing about its threshold.
    """
    fixed = _FIXED.pack(
        _MARK,
        _VERSION,
        _settings_digest(settings, scale),
        state.seen,
        state.queried,
        state.spent,
        state.confidence_limit,
        len(state.recent),
    )
    content = fixed + struct.pack(f"<{len(state.recent)}d", *state.recent)
    return content + _digest(content)


def decode(token: bytes, settings: PolicySettings, *, scale: str) -> State:
    """The state that a token stands for, exactly as it was.

    Args:
        token: what encode gave.
        settings: those that it was given.
        scale: likewise.

    Raises:
        InvalidArgumentError: it is no token, or of another version, cut short, damaged, of other settings, or its
            values cannot come from a stream under these settings.
    """
    content = _undamaged(token)
    _, _, settings_digest, seen, queried, spent, confidence_limit, recent_count = _FIXED.unpack_from(content)
    if settings_digest != _settings_digest(settings, scale):
        raise _refused("was made under other settings than these", "STATE_OF_OTHER_SETTINGS")
    recent = struct.unpack_from(f"<{recent_count}d", content, _FIXED.size)
    state = State(seen, queried, spent, confidence_limit, recent)
    try:
        check(state, settings)
    except ValueError as error:
        raise _refused(f"is not what this service gives: {error}", "STATE_IMPOSSIBLE") from None
    return state


def _undamaged(token: bytes) -> bytes:
    """The token without its checksum, once it is known to be whole."""
    if token[: len(_MARK)] != _MARK:
        raise _refused("is not a state of this service: it does not begin as one", "STATE_FOREIGN")
    if len(token) < _FIXED.size + _CHECKSUM_BYTES:
        raise _refused(f"is cut short, to {len(token)} bytes", "STATE_TRUNCATED")
    _, version, *_, recent_count = _FIXED.unpack_from(token)
    if version != _VERSION:
        raise _refused(f"is of version {version}, and this server reads version {_VERSION}", "STATE_VERSION")
    whole = _FIXED.size + _UTILITY_BYTES * recent_count + _CHECKSUM_BYTES
    if len(token) < whole:
        raise _refused(f"is cut short, or damaged: {len(token)} bytes instead of {whole}", "STATE_TRUNCATED")
    content = token[:-_CHECKSUM_BYTES]
    if len(token) > whole or token[-_CHECKSUM_BYTES:] != _digest(content):
        raise _refused("is damaged: its checksum is wrong", "STATE_DAMAGED")
    return content


def _settings_digest(settings: PolicySettings, scale: str) -> bytes:
    """Of every setting, in a form that each value has only one of."""
    return _digest(
        _SETTINGS.pack(
            settings.policy.encode(),
            settings.budget,
            settings.window,
            settings.step,
            settings.tolerance_window,
            settings.random_share,
            settings.spread,
            settings.seed,
            settings.class_count,
        )
        + scale.encode()
    )


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=_CHECKSUM_BYTES).digest()


def _refused(problem: str, reason: str) -> InvalidArgumentError:
    return InvalidArgumentError(problem, reason=reason, field="state")
