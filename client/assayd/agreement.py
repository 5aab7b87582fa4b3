"""Has all answers about one batch come from one model version, one file of it, one pool and one reference."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from assayd.cutting import Piece
from assayd.errors import AssaydError, FailedPreconditionError, NotFoundError
from assayd.identity import ModelIdentity
from assayd.question import OfModel, Question, Result
from assayd.steps import Steps

UNKNOWN_ID, POOL_DIFFERS, REFERENCE_DIFFERS = "UNKNOWN_ID", "POOL_DIFFERS", "REFERENCE_DIFFERS"
_ATTEMPTS_MAX = 16


def asked_around(ask: Callable[[], Steps[Result]]) -> Steps[Result]:
    """The answer of a replica that has what a request names; in a rollout some do not have it yet, or no more."""
    for _ in range(_ATTEMPTS_MAX - 1):
        try:
            return (yield from ask())
        except (NotFoundError, FailedPreconditionError) as error:
            if not _of_another_replica(error):
                raise
            continue  # calls go round: the next one meets another replica
    return (yield from ask())


@dataclass(frozen=True, slots=True)
class Agreement(Generic[Result]):
    """Asks once more about the pieces whose answers are not from where the others are."""

    question: Question[Result]
    asked: Callable[[Any], Steps[Result]]
    """The answer to a request, of just the version and the pool that it names."""

    def on(self, done: Sequence[tuple[Piece, Result]]) -> Steps[list[tuple[Piece, Result]]]:
        """The answers, all from the newest model version that was met, and from the pool of the first.

        Raises:
            FailedPreconditionError: replicas have different files of that version, pools or references.
        """
        of_one_model = yield from self._of_one_model(done)
        agreed = yield from self._of_one_pool(of_one_model)
        if self.question.reference is not None:
            digests = {self.question.reference(result) for _, result in agreed}
            if len(digests) > 1:
                raise _differ("reference", digests)
        return agreed

    def _of_one_model(self, done: Sequence[tuple[Piece, Result]]) -> Steps[list[tuple[Piece, Result]]]:
        newest = max((result.model for _, result in done if result.model), key=_version, default=None)
        agreed = []
        for piece, result in done:
            if newest is None or result.model == newest:
                agreed.append((piece, result))
            else:
                agreed.append((piece, (yield from self._again(piece, newest))))
        _check_same_file([result for _, result in agreed])
        return agreed

    def _of_one_pool(self, done: list[tuple[Piece, Result]]) -> Steps[list[tuple[Piece, Result]]]:
        digests = ["" if self.question.pool is None else self.question.pool(result) for _, result in done]
        agreed = []
        for digest, (piece, result) in zip(digests, done, strict=True):
            if digest == digests[0]:
                agreed.append((piece, result))
            elif not hasattr(self.question.request, "pool_digest"):
                raise _differ("pool", digests)
            else:
                agreed.append((piece, (yield from self._of_pool(piece, result, digests))))
        return agreed

    def _of_pool(self, piece: Piece, result: Result, digests: list[str]) -> Steps[Result]:
        try:
            return (yield from self._again(piece, result.model, pool_digest=digests[0]))
        except FailedPreconditionError as error:
            if error.reason != POOL_DIFFERS:
                raise
            raise _differ("pool", digests) from None

    def _again(self, piece: Piece, model: ModelIdentity | None, *, pool_digest: str = "") -> Steps[Result]:
        request = self.question.filled(self.question.request, piece)
        request.model.version = 0 if model is None else model.version
        if pool_digest:
            request.pool_digest = pool_digest
        return (yield from self.asked(request))


def _check_same_file(results: Sequence[OfModel]) -> None:
    identities = [result.model for result in results if result.model]
    digests = {identity.digest for identity in identities}
    if len(digests) > 1:
        raise FailedPreconditionError(
            f"model: replicas serve different files as {identities[0].name} version {identities[0].version}: "
            + " and ".join(sorted(digests)),
            reason="REPLICAS_DISAGREE",
            field="model",
        )


def _differ(artefact: str, digests: Iterable[str]) -> FailedPreconditionError:
    return FailedPreconditionError(
        f"{artefact}: replicas have different {artefact}s: {' and '.join(sorted(set(digests)))}",
        reason="REPLICAS_DISAGREE",
        field=artefact,
    )


def _of_another_replica(error: AssaydError) -> bool:
    """Whether another replica may have what this one has not."""
    if isinstance(error, NotFoundError):
        return error.reason != UNKNOWN_ID
    return error.reason in (POOL_DIFFERS, REFERENCE_DIFFERS)


def _version(identity: ModelIdentity) -> int:
    return identity.version
