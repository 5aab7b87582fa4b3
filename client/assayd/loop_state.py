"""What a labelling loop has come to, and how that is kept in a file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np

from assayd.arrays import Array
from assayd.candidates import Candidates, checked_candidates, no_candidates
from assayd.durable import write_whole
from assayd.errors import InvalidArgumentError
from assayd.ids import check_alike, id_array

Id: TypeAlias = int | str
Label: TypeAlias = bool | int | float | str

FILE_BYTES_MAX = 1 << 30
_KIND, _FORMAT = "assayd.seals.Loop", 1


@dataclass(slots=True)
class LoopState:
    """All that a restart needs."""

    pool_digest: str = ""
    """Empty until the pool was asked."""
    round_count: int = 0
    """How many batches were chosen."""
    labels: dict[Id, Label] = field(default_factory=dict)
    """In the order in which they came."""
    new_ids: list[Id] = field(default_factory=list)
    """Labelled since the last batch was chosen."""
    pending_ids: list[Id] = field(default_factory=list)
    """Chosen, and without a label yet. Those that were candidates still are."""
    candidates: Candidates = field(default_factory=no_candidates)

    def add_labels(self, labels: Mapping[Id, Label]) -> None:
        """Record labels; one that is there already is replaced."""
        self.new_ids += [each for each in labels if each not in self.labels]
        self.labels |= labels
        self.candidates = self.candidates.without(labels)
        self.pending_ids = [each for each in self.pending_ids if each not in labels]

    def save(self, path: Path) -> None:
        """Write a file that is there with all of it or not at all."""
        document = {
            "kind": _KIND,
            "format": _FORMAT,
            "pool_digest": self.pool_digest,
            "round_count": self.round_count,
            "labeled_ids": list(self.labels),
            "labels": list(self.labels.values()),
            "new_ids": self.new_ids,
            "pending_ids": self.pending_ids,
            "candidates": {
                "ids": self.candidates.ids.tolist(),
                "sources": self.candidates.sources.tolist(),
                "similarities": self.candidates.similarities.tolist(),
            },
        }

        def write(file: BinaryIO) -> None:
            file.write(json.dumps(document, ensure_ascii=False).encode())

        write_whole(path, write)


def load(path: Path) -> LoopState:
    """What a file holds.

    Raises:
        InvalidArgumentError: it is no such file, or not all of one, or of another format.
    """
    if path.stat().st_size > FILE_BYTES_MAX:
        raise _unreadable(path, f"is larger than {FILE_BYTES_MAX} bytes")
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:  # bad UTF-8 is the former too
        raise _unreadable(path, f"is not JSON, or was not written to its end: {error}") from None
    if not isinstance(document, dict) or document.get("kind") != _KIND:
        raise _unreadable(path, "is not the file of a labelling loop")
    if document.get("format") != _FORMAT:
        raise _unreadable(path, f"is of format {document.get('format')!r}, this version reads {_FORMAT}")
    try:
        return _state(document)
    except (KeyError, TypeError, ValueError, InvalidArgumentError) as error:
        raise _unreadable(path, f"does not hold what it should: {error!r}") from None


def checked_label(label: Any) -> Label:
    """A label as JSON has it.

    Raises:
        InvalidArgumentError: JSON has nothing like it.
    """
    value = label.item() if isinstance(label, np.generic) else label
    if not isinstance(value, bool | int | float | str):
        raise InvalidArgumentError(
            f"labels: has {value!r}, allowed are text, numbers and truth values", field="labels"
        )
    return value


def _state(document: Mapping[str, Any]) -> LoopState:
    labeled, new, pending = (_ids(document, name) for name in ("labeled_ids", "new_ids", "pending_ids"))
    candidates = document["candidates"]
    state = LoopState(
        pool_digest=_of(str, document["pool_digest"]),
        round_count=_of(int, document["round_count"]),
        labels=dict(zip(labeled.tolist(), map(checked_label, document["labels"]), strict=True)),
        new_ids=new.tolist(),
        pending_ids=pending.tolist(),
        candidates=checked_candidates(
            Candidates(
                ids=_ids(candidates, "ids"),
                sources=_ids(candidates, "sources"),
                similarities=np.array(candidates["similarities"], np.float32),
                pool_digest=document["pool_digest"],
            )
        ),
    )
    for name, ids in (("new_ids", new), ("pending_ids", pending), ("candidates", state.candidates.ids)):
        check_alike(name, ids, "labeled_ids", labeled)
    without_label = {*state.pending_ids, *state.candidates.ids.tolist()}
    if (
        len(state.labels) < len(labeled)
        or not state.labels.keys() >= set(state.new_ids)
        or not state.labels.keys().isdisjoint(without_label)
    ):
        raise ValueError("its parts contradict each other")
    return state


def _ids(document: Mapping[str, Any], name: str) -> Array:
    return id_array(_of(list, document[name]), name)


def _of(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r:.100} is no {kind.__name__}")
    return value


def _unreadable(path: Path, what: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"path: {path} {what}", field="path")
