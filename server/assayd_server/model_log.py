"""What the log says of models that come and go."""

from assayd_server import logs
from assayd_server.pool_description import one_line
from assayd_server.repository import Failure, Follower
from assayd_server.servable import Servable

_log = logs.get_logger()


class ModelLog(Follower):
    """A line for each."""

    def added(self, model: Servable) -> None:
        """A model, and how it is read."""
        identity, contract = model.identity, model.contract
        _log.info(
            "model loaded",
            model=identity.name,
            version=identity.version,
            digest=identity.digest,
            inputs=list(map(str, contract.inputs)),
            outputs=list(map(str, contract.outputs)),
            roles={role: f"{name} ({contract.reasons[role]})" for role, name in contract.roles.items()},
            task=f"{contract.task} ({contract.why_task})",
            class_count=contract.class_count,
            embedding_width=contract.embedding_width,
            temperature=model.temperature,
            pool=model.pool and one_line(model.pool.folder),
            reference=model.reference and model.reference.one_line,
        )

    def removed(self, model: Servable) -> None:
        """A model that is served no more."""
        identity = model.identity
        _log.info("model unloaded", model=identity.name, version=identity.version, digest=identity.digest)

    def failed(self, failure: Failure) -> None:
        """A version that could not be loaded."""
        _log.error("model failed to load", model=failure.name, version=failure.version, reason=failure.reason)
