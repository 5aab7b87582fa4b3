"""Requests that differ in the numbers of one tensor alone: what else is in them is read once.

A request with the same length, the same bytes before its numbers and the same bytes after them is the same message
but for the numbers. These are used where they lie; parsed, a message of a megabyte would be copied twice.
An id near its beginning may differ as well.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from assayd_server.rows import Inputs, NamedArray

_KEPT_MAX = 128
_REST_BYTES_MAX = 4096
"""Of what is not numbers, in a request that is kept as a form."""
_FORMS_OF_A_LENGTH_MAX = 8
NOWHERE = slice(0, 0)
"""The place of an id in a request that has none."""
_NO_TENSOR = NamedArray("", np.empty(0, np.uint8))
Asked = TypeVar("Asked")


@dataclass(frozen=True, slots=True, eq=False)
class RequestForm(Generic[Asked]):
    """One way to write a request."""

    ask: Asked
    """What it asks for."""
    id: slice
    """Where it has an id, which may be any of this length in ASCII; empty where it has none."""
    head: bytes
    """What stands before the id."""
    before: bytes
    """What stands between the id and the numbers."""
    after: bytes
    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    def fits(self, message: bytes) -> bool:
        """Whether a message of the same length is of this form."""
        return (
            message.startswith(self.before, self.id.stop)
            and message.endswith(self.after)
            and (self.id is NOWHERE or (message.startswith(self.head) and message[self.id].isascii()))
        )

    def rows(self, message: bytes) -> Inputs:
        """Its rows: a read-only view of the message."""
        start = self.id.stop + len(self.before)
        count = (len(message) - start - len(self.after)) // self.dtype.itemsize
        numbers = np.frombuffer(message, self.dtype, offset=start, count=count)
        return Inputs((NamedArray(self.name, numbers.reshape(self.shape)),), self.shape[0])


class RequestForms(Generic[Asked]):
    """The forms of the last requests. For one thread."""

    def __init__(self) -> None:
        """No request has come yet."""
        self._forms: OrderedDict[int, list[RequestForm[Asked]]] = OrderedDict()
        """By the length of the message."""

    def find(self, message: bytes) -> RequestForm[Asked] | None:
        """The form of a message, if it is known."""
        for form in self._forms.get(len(message), ()):
            if form.fits(message):
                return form
        return None

    def learn(self, message: bytes, ask: Asked, rows: Inputs, content: bytes, *, id: slice = NOWHERE) -> None:  # noqa: A002
        """Keep the form of a request, if it has one.

        Args:
            message: as it came.
            ask: what it asks for.
            rows: what it holds.
            content: the numbers of its first tensor.
            id: where in the message an id stands, before all numbers.
        """
        if len(rows.tensors) != 1 or not content or len(message) - len(content) > _REST_BYTES_MAX:
            return
        if rows.tensors[0].values.dtype.kind in "iuf":  # texts and bools are looked at one by one
            self._keep(message, ask, rows.tensors[0], content, id)

    def learn_of_others(self, message: bytes, ask: Asked, content: bytes, *, id: slice = NOWHERE) -> None:  # noqa: A002
        """Keep the form of a request that is read by others, so that the next one need not be read to know it.

        Args:
            message: as it came.
            ask: says that it is for others; nobody asks the form for rows.
            content: the numbers of its only tensor.
            id: as in learn.
        """
        if content and len(message) - len(content) <= _REST_BYTES_MAX:
            self._keep(message, ask, _NO_TENSOR, content, id)

    def _keep(self, message: bytes, ask: Asked, tensor: NamedArray, content: bytes, id: slice) -> None:  # noqa: A002
        start = message.find(content)
        # find takes no longer for content that nearly repeats itself, which rfind does
        if start < 0 or message.find(content, start + 1) >= 0:
            return  # numbers that occur twice could be either
        form = RequestForm(
            ask,
            id,
            message[: id.start],
            message[id.stop : start],
            message[start + len(content) :],
            tensor.name,
            tensor.values.dtype,
            tensor.values.shape,
        )
        same_length = self._forms.setdefault(len(message), [])
        same_length[:] = [form, *same_length[: _FORMS_OF_A_LENGTH_MAX - 1]]
        self._forms.move_to_end(len(message))
        if len(self._forms) > _KEPT_MAX:
            self._forms.popitem(last=False)
