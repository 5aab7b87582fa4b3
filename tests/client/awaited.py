"""An AsyncClient that is used as a Client is: each of its calls runs in an event loop of another thread."""

import asyncio
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any, ClassVar, Self

from assayd import (
    AsyncClient,
    Boundaries,
    Candidates,
    CandidateSelection,
    DriftReport,
    Evaluation,
    LabelAssessment,
    LabelProposals,
    LabelSums,
    Neighbors,
    PoolInfo,
    Ranking,
    ReferenceInfo,
    Scores,
    WatchReport,
)


class AwaitedClient:
    """Waits for what an AsyncClient awaits."""

    loop: ClassVar[asyncio.AbstractEventLoop]

    def __init__(self, address: str, **kwargs: Any) -> None:
        self._client = AsyncClient(address, **kwargs)

    def score(self, *args: Any, **kwargs: Any) -> Scores:
        return self._wait(self._client.score(*args, **kwargs))

    def score_stream(self, batches: Iterable[object], **kwargs: Any) -> Iterator[Scores]:
        return self._each(self._client.score_stream(batches, **kwargs))

    def rank_stream(self, batches: Iterable[object], **kwargs: Any) -> Ranking:
        return self._wait(self._client.rank_stream(batches, **kwargs))

    def search(self, *args: Any, **kwargs: Any) -> Neighbors:
        return self._wait(self._client.search(*args, **kwargs))

    def expand_candidates(self, *args: Any, **kwargs: Any) -> Candidates:
        return self._wait(self._client.expand_candidates(*args, **kwargs))

    def select_candidates(self, *args: Any, **kwargs: Any) -> CandidateSelection:
        return self._wait(self._client.select_candidates(*args, **kwargs))

    def search_boundary(self, *args: Any, **kwargs: Any) -> Boundaries:
        return self._wait(self._client.search_boundary(*args, **kwargs))

    def pool_vectors(self, *args: Any, **kwargs: Any) -> Any:
        return self._wait(self._client.pool_vectors(*args, **kwargs))

    def pool(self, *args: Any, **kwargs: Any) -> PoolInfo:
        return self._wait(self._client.pool(*args, **kwargs))

    def test_drift(self, *args: Any, **kwargs: Any) -> DriftReport:
        return self._wait(self._client.test_drift(*args, **kwargs))

    def watch_drift(self, batches: Iterable[object], **kwargs: Any) -> Iterator[WatchReport]:
        return self._each(self._client.watch_drift(batches, **kwargs))

    def assess_labels(self, *args: Any, **kwargs: Any) -> LabelAssessment:
        return self._wait(self._client.assess_labels(*args, **kwargs))

    def label_sums(self, *args: Any, **kwargs: Any) -> LabelSums:
        return self._wait(self._client.label_sums(*args, **kwargs))

    def evaluate(self, *args: Any, **kwargs: Any) -> Evaluation:
        return self._wait(self._client.evaluate(*args, **kwargs))

    def propose_labels(self, *args: Any, **kwargs: Any) -> LabelProposals:
        return self._wait(self._client.propose_labels(*args, **kwargs))

    def reference(self, *args: Any, **kwargs: Any) -> ReferenceInfo:
        return self._wait(self._client.reference(*args, **kwargs))

    def model(self, *args: Any, **kwargs: Any) -> Any:
        return self._wait(self._client.model(*args, **kwargs))

    def models(self, **kwargs: Any) -> Any:
        return self._wait(self._client.models(**kwargs))

    def close(self) -> None:
        self._wait(self._client.close())

    def __enter__(self) -> Self:
        assert self._wait(self._client.__aenter__()) is self._client
        return self

    def __exit__(self, *raised: Any) -> None:
        self._wait(self._client.__aexit__(*raised))

    def _each(self, answers: Any) -> Iterator[Any]:
        async def following() -> Any:
            return await anext(answers, None)

        try:
            while (scores := self._wait(following())) is not None:
                yield scores
        finally:
            self._wait(answers.aclose())

    def _wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()


@contextmanager
def event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs in another thread."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
