"""What a caller asks of a stream that is watched for drift."""

from dataclasses import dataclass

from assayd_server.core.drift.watch import WatchSettings
from assayd_server.wanted import ModelChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchWanted:
    """Against which reference a stream is held, and how."""

    model: ModelChoice
    reference_digest: str = ""
    """Empty for whichever the model has."""
    settings: WatchSettings
    state: bytes = b""
    """What another stream with the same settings came to; empty to begin."""
