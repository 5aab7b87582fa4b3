"""A labelling loop over a pool of any size that pays for the neighbours of new labels only (SEALS).

Source: Coleman et al. 2022, Similarity Search for Efficient Active Learning and Search of Rare Concepts.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, Unpack

import numpy as np
from numpy.typing import NDArray

from assayd.arrays import Array, as_floats
from assayd.candidate_options import CandidateOptions, LabelingState, candidates_request
from assayd.candidates import Candidates, CandidateSelection
from assayd.errors import AssaydError, FailedPreconditionError, InvalidArgumentError
from assayd.ids import check_alike, id_array
from assayd.loop_state import Id, Label, LoopState, checked_label, load
from assayd.pool_client import PoolClient
from assayd.refusals import rows_allowed

LabelRows: TypeAlias = Callable[[Array], Mapping[Any, Any] | Sequence[Any]]
TrainHead: TypeAlias = Callable[[NDArray[np.float32], Array], Sequence[object] | None]

_EXPANDED_MAX = 1000
"""New labels that go into the call that selects; the others, as at the start, are searched before, in pieces."""


class Loop:
    """Keeps what is labelled and what may be next, and goes on after a restart where it was.

    loop = Loop(client, label=label, train=train, path="loop.json", seed_labels={17: "cat", 4: "dog"}, count=100)
    loop.run(rounds=20)

    Where labels take days, give them as they come: next_batch says which rows want one, the same ones until they
    have it, and add_labels takes them. It is for one thread and one process at a time.
    """

    def __init__(
        self,
        client: PoolClient,
        *,
        label: LabelRows | None = None,
        train: TrainHead | None = None,
        path: str | os.PathLike[str] | None = None,
        seed_labels: Mapping[Any, Any] | None = None,
        **selecting: Unpack[CandidateOptions],
    ) -> None:
        """Go on with what the file holds, or begin.

        Args:
            client: of the server that has the pool.
            label: takes (c,) ids and gives a label for each: a list in their order, or a dict by id. None, or an
                id left out of a dict, is no label. Needed by round and run.
            train: takes (l, d) float32 vectors and (l,) labels and gives a head, (weights, bias), as score takes
                it; weights (1, d) or (d,), as of a classifier for two classes, are those of the second class.
                Where it gives None, or is not given, the model's own last layer scores.
            path: of the JSON file that holds all of the state; written at each change. None keeps it in memory.
            seed_labels: labels by id to begin with; what has a label already is left as it is.
            **selecting: how to choose, as in select_candidates: count (100 here), measure (max_entropy), k, ...

        Raises:
            InvalidArgumentError: an argument is wrong, or the file is not one of a loop, or not all of one.
            AssaydError: a seed is not in the pool, or could not be looked up.
        """
        if train is not None and selecting.get("head") is not None:
            raise InvalidArgumentError("head: comes of train, give one of both", field="head")
        self._client, self._label, self._train = client, label, train
        self._selecting: dict[str, Any] = {"count": 100, **selecting}
        candidates_request(LabelingState(new_ids=(), labeled_ids=(), candidates=None), **self._selecting)
        self._path = None if path is None else Path(path)
        self._state = self._loaded()
        self._vectors: dict[Id, NDArray[np.float32]] = {}
        self._pool_checked = False
        self.selection: CandidateSelection | None = None
        """What the last batch came with: scores, sources, warnings; None where it was chosen before a restart."""
        new = {each: label for each, label in _labels(seed_labels or {}).items() if each not in self._state.labels}
        if new:
            self.add_labels(new)

    @property
    def labels(self) -> dict[Id, Label]:
        """The label of each labelled row by its id, in the order in which they came."""
        return dict(self._state.labels)

    @property
    def candidates(self) -> Candidates:
        """The rows that the next batch is chosen from, besides the neighbours of labels that came since."""
        return self._state.candidates

    @property
    def round_count(self) -> int:
        """How many batches were chosen by now."""
        return self._state.round_count

    def next_batch(self) -> Array:
        """(c,) ids of the rows to label next: the same ones until all have a label, or release is called.

        Empty where no row that is not labelled is a neighbour of one that is.

        Raises:
            InvalidArgumentError: nothing is labelled yet.
            FailedPreconditionError: the server has another pool than the one that the file is about.
            AssaydError: one of its subclasses, by what went wrong; the next call begins the round anew.
        """
        state = self._state
        if not state.labels:
            raise InvalidArgumentError(
                "labels: there are none yet, begin with seed_labels or add_labels", field="labels"
            )
        if not state.pending_ids and (state.new_ids or len(state.candidates)):
            self._choose()
        return id_array(state.pending_ids, "pending_ids")

    def add_labels(self, labels: Mapping[Any, Any]) -> int:
        """Record labels by id, of the batch or of any other rows of the pool; how many rows got their first one.

        What of the batch has no label yet stays in it. A label of None is none; one that is there is replaced.

        Raises:
            NotFoundError: a row is not in the pool; nothing was recorded.
            InvalidArgumentError: an id or a label cannot be kept.
        """
        state, given = self._state, _labels(labels)
        known = {*state.labels, *state.pending_ids, *state.candidates.ids.tolist()}
        check_alike("labels", id_array(given, "labels"), "those of before", id_array(state.labels, "labels"))
        self._fetch([each for each in given if each not in known])
        count = len(given.keys() - state.labels.keys())
        state.add_labels(given)
        self._save()
        return count

    def release(self) -> None:
        """Give up what has no label yet of the batch: it may be chosen again, as the other candidates."""
        self._state.pending_ids = []
        self._save()

    def round(self) -> int:
        """Train, select, have the batch labelled, record: how many labels it brought, 0 where none are left.

        What was not labelled is released: it may be chosen again.

        Raises:
            InvalidArgumentError: there is no label to call, or what it gave does not fit the batch.
            AssaydError: as of next_batch.
        """
        if self._label is None:
            raise InvalidArgumentError("label: was not given, round and run need it", field="label")
        ids = self.next_batch()
        if not len(ids):
            return 0
        count = self.add_labels(_by_id(ids, self._label(ids)))
        if self._state.pending_ids:
            self.release()
        return count

    def run(self, rounds: int) -> int:
        """Do so many rounds, or fewer where one brings no label: how many labels they brought."""
        total = 0
        for _ in range(rounds):
            count = self.round()
            if not count:
                break
            total += count
        return total

    def _choose(self) -> None:
        """Select the next batch, and keep it with what the round adds to the candidates."""
        state, which = self._state, self._which()
        wanted = {**self._selecting, "seed": (self._selecting.get("seed", 0) + state.round_count) % 2**64}
        if self._train is not None:
            wanted["head"] = self._head(self._train)
        try:
            selection = self._selected(state.new_ids[:_EXPANDED_MAX], wanted | which)
        except AssaydError as error:
            if error.field != "new_ids" or rows_allowed(error, len(state.new_ids)) < 1:
                raise
            selection = self._selected(state.new_ids[:1], wanted | which)  # it takes fewer of them at once
        state.candidates, state.new_ids = state.candidates.updated(selection.added), []
        state.pending_ids, state.round_count = selection.ids.tolist(), state.round_count + 1
        self.selection = selection
        self._save()

    def _selected(self, new_ids: list[Id], wanted: dict[str, Any]) -> CandidateSelection:
        """What a call chooses that expands by some of the new labels; by the others, candidates are before."""
        state, labeled = self._state, list(self._state.labels)
        others = state.new_ids[len(new_ids) :]
        if others:
            named = {name: wanted[name] for name in ("k", "model", "version", "pool_digest") if name in wanted}
            added = self._client.expand_candidates(others, labeled_ids=labeled, **named)
            state.candidates = state.candidates.updated(added)
        return self._client.select_candidates(new_ids, labeled_ids=labeled, candidates=state.candidates, **wanted)

    def _head(self, train: TrainHead) -> Sequence[object] | None:
        self._fetch([each for each in self._state.labels if each not in self._vectors])
        vectors = np.stack([self._vectors[each] for each in self._state.labels])
        head = train(vectors, np.asarray(list(self._state.labels.values())))
        return None if head is None else _two_classes(head)

    def _fetch(self, ids: list[Id]) -> None:
        """Get the vectors of rows from the pool, and so find out whether it has them."""
        if ids:
            self._vectors.update(zip(ids, self._client.pool_vectors(ids, **self._which()), strict=True))

    def _which(self) -> Any:
        """Of which model and pool calls are to be; the first time it is found out whether that is still there."""
        state = self._state
        which = {name: self._selecting[name] for name in ("model", "version") if name in self._selecting}
        if not self._pool_checked:
            digest = self._client.pool(**which).digest
            meant = state.pool_digest or self._selecting.get("pool_digest", "")
            if meant not in ("", digest):
                raise FailedPreconditionError(
                    f"pool: {self._path or 'the loop'} is about {meant}, the server has {digest}",
                    reason="POOL_DIFFERS",
                    field="pool",
                )
            state.pool_digest, self._pool_checked = digest, True
        return {**which, "pool_digest": state.pool_digest}

    def _loaded(self) -> LoopState:
        if self._path is not None and self._path.exists():
            return load(self._path)
        if self._path is not None and not self._path.parent.is_dir():
            raise InvalidArgumentError(f"path: there is no folder {self._path.parent}", field="path")
        return LoopState()

    def _save(self) -> None:
        if self._path is not None:
            self._state.save(self._path)


def _labels(labels: Mapping[Any, Any]) -> dict[Id, Label]:
    """Labels by ids of plain types, without those that are none."""
    given = {each: label for each, label in labels.items() if label is not None}
    ids = id_array(given, "labels").tolist()
    return dict(zip(ids, map(checked_label, given.values()), strict=True))


def _by_id(ids: Array, labels: Mapping[Any, Any] | Sequence[Any]) -> Mapping[Any, Any]:
    if isinstance(labels, Mapping):
        return labels
    if len(labels) != len(ids):
        raise InvalidArgumentError(f"label: gave {len(labels)} labels for {len(ids)} rows", field="label")
    return dict(zip(ids.tolist(), labels, strict=True))


def _two_classes(head: Sequence[object]) -> Sequence[object]:
    """A head of one row is the log-odds of the second class: those of the first are 0."""
    if len(head) != 2:
        return head  # refused where it is sent
    weights, bias = as_floats(head[0]), head[1]
    if weights.ndim != 1 and (weights.ndim != 2 or len(weights) != 1):
        return head
    row = weights.reshape(1, -1)
    odds = np.zeros(1, row.dtype) if bias is None else as_floats(bias).reshape(-1)
    return np.concatenate([np.zeros_like(row), row]), np.concatenate([np.zeros_like(odds), odds])
