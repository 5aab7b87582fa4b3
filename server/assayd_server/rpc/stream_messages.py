"""Streams that begin with settings: these come in the first message, and in no other."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from assayd_server.checks import wrong

Begun = TypeVar("Begun")
Message = TypeVar("Message", bound=Any)


def with_settings(messages: Iterator[Message], begin: Callable[[Any], Begun]) -> Iterator[tuple[Begun, Message]]:
    """Each message, beside what the settings of the first one began.

    Raises:
        InvalidArgumentError: settings are missing in the first message, or come again.
        ServiceError: as of begin.
    """
    begun: Begun | None = None
    for message in messages:
        if begun is not None and message.HasField("settings"):
            raise wrong("settings", "came before, and are the same for a whole stream", "SETTINGS_TWICE")
        if begun is None:
            if not message.HasField("settings"):
                raise wrong("settings", "are missing in the first message of the stream", "SETTINGS_MISSING")
            begun = begin(message.settings)
        yield begun, message
