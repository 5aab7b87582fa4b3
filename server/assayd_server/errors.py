"""What can go wrong on purpose. No gRPC here: rpc/boundary.py holds the one table from class to status."""

from collections.abc import Mapping

RETRY_AFTER_SECONDS = 0.1
"""What a full server asks a caller to wait at first; the boundary asks for more at each further attempt."""


class StartError(Exception):
    """The server cannot start; the message is the one sentence that a person gets to see."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))  # one line, whatever stood in a file


class ArtefactError(StartError):
    """A model or a bundle cannot be loaded; the message names the file and says why."""


class ServiceError(Exception):
    """A call that is answered with an error on purpose.

    Attributes:
        message: one sentence; it starts with the field where there is one.
        reason: a stable word for programs, such as UNKNOWN_MODEL.
        field: the field of the request that is wrong; empty where none is.
        details: further values for programs.
        retry_after_seconds: when to try again; None where that makes no sense.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        field: str = "",
        details: Mapping[str, str] | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        self.message = f"{field}: {message}" if field else message
        super().__init__(self.message)
        self.reason = reason
        self.field = field
        self.details = dict(details or {})
        self.retry_after_seconds = retry_after_seconds

    def __str__(self) -> str:
        """The message."""
        return self.message

    def rename_field(self, name: str) -> None:
        """Call the field, where there is one, as it is called in the request that the error is of."""
        self.message = name + self.message.removeprefix(self.field)
        self.field = name

    def add_detail(self, name: str, value: str) -> None:
        """Add a value for programs, which people get to see too."""
        self.details[name] = value
        self.message = f"{self.message} ({name.replace('_', ' ')} {value})"


class InvalidArgumentError(ServiceError):
    """The request is wrong; the field says where."""


class NotFoundError(ServiceError):
    """There is no such model or version."""


class FailedPreconditionError(ServiceError):
    """The request needs what this server or this model does not have."""


class UnimplementedError(ServiceError):
    """This server does not do that; the message says what does."""


class ResourceExhaustedError(ServiceError):
    """The server is full; try again after retry_after_seconds."""


class UnavailableError(ServiceError):
    """The server is stopping; another one, or this one later, will do."""


class DeadlineExceededError(ServiceError):
    """The deadline passed before the work began; nothing was computed."""


class CallCancelledError(ServiceError):
    """The caller went away before the work began; nothing was computed."""


class UnauthenticatedError(ServiceError):
    """Nobody knows who calls: credentials are missing or wrong."""


class PermissionDeniedError(ServiceError):
    """Who calls may not make this call."""
