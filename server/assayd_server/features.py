"""Input features that are watched for drift, by name."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from assayd_server.contract import TensorSpec
from assayd_server.core.drift.bins import BinKind
from assayd_server.core.drift.reference import ColumnValues
from assayd_server.errors import ArtefactError
from assayd_server.manifests import StrictModel
from assayd_server.rows import Inputs

TEXT_CHARACTERS_MAX = 256
"""Texts are told apart by so many: an array of them is as wide as the longest, in each of its rows."""
_FLOATS = ("float16", "float32", "float64")
_PLACED = re.compile(r"(.*)\[(\d+)\]")


class Feature(StrictModel):
    """One number or text of each row."""

    name: str
    """Of its column."""
    input: str
    """The model's input that it is in."""
    place: Annotated[int, Field(ge=0)]
    """Where it is in a row of it, counted through all axes."""


@dataclass(frozen=True, slots=True)
class FeatureNames:
    """What features of a model's inputs are called."""

    inputs: Sequence[TensorSpec]
    columns: Sequence[str] = ()
    """Of a table that feeds the only input, side by side."""

    def find(self, name: str) -> Feature:
        """The feature of that name: a column of the table, an input, or one number of it as in "image[12]".

        Raises:
            ArtefactError: there is none, or rows of the input have not as many numbers.
        """
        inputs = {spec.name: spec for spec in self.inputs}
        if len(inputs) == 1 and name in self.columns and name not in inputs:
            return Feature(name=name, input=next(iter(inputs)), place=self.columns.index(name))
        placed = _PLACED.fullmatch(name)
        of, place = (placed[1], int(placed[2])) if placed and placed[1] in inputs else (name, 0)
        if of not in inputs:
            known = ", ".join((*inputs, *self.columns))
            raise ArtefactError(
                f"--feature: there is no {name!r}, known are {known}, and numbers such as {next(iter(inputs))}[0]"
            )
        _check_place(inputs[of], place)
        return Feature(name=name, input=of, place=place)


def _check_place(spec: TensorSpec, place: int) -> None:
    lengths = spec.shape[1:]
    count = math.prod(length for length in lengths if length is not None)
    if None not in lengths and place >= count:
        name = spec.name
        raise ArtefactError(
            f"--feature: '{name}[{place}]' is beyond the end: {name} has {count} numbers a row, from {name}[0] to "
            f"{name}[{count - 1}]"
        )


def feature_columns(features: Sequence[Feature], rows: Inputs, inputs: Sequence[TensorSpec]) -> list[ColumnValues]:
    """The columns of the features that rows have: numbers, or texts as categories, by their beginning if too long.

    Numbers are rounded as the model's inputs are: 0.1 of double precision in a file is then the same as 0.1 of
    single precision in a request.
    """
    types = {spec.name: np.dtype(spec.data_type) for spec in inputs if spec.data_type in _FLOATS}
    tensors = {tensor.name: tensor.values for tensor in rows.tensors}
    if len(rows.tensors) == 1:
        tensors[""] = rows.tensors[0].values
    found = []
    for feature in features:
        values = tensors.get(feature.input, tensors.get("") if len(rows.tensors) == 1 else None)
        if values is not None:
            matrix = values.reshape(len(values), math.prod(values.shape[1:]))
            found.append(_column(feature, matrix, types.get(feature.input)))
    return found


def _column(feature: Feature, values: NDArray[Any], float_type: np.dtype[Any] | None) -> ColumnValues:
    is_text = values.dtype.kind in "OU"
    if feature.place >= values.shape[1]:
        missing = np.full(len(values), "" if is_text else np.nan)
        return ColumnValues(name=feature.name, values=missing)
    column = values[:, feature.place]
    if is_text:
        return ColumnValues(name=feature.name, values=_texts(column), kind=BinKind.CATEGORIES)
    own_type = column.dtype if column.dtype.kind == "f" else np.dtype(np.float64)
    with np.errstate(over="ignore"):
        return ColumnValues(name=feature.name, values=column.astype(float_type or own_type))


def _texts(values: NDArray[Any]) -> NDArray[np.str_]:
    texts = [str(value)[:TEXT_CHARACTERS_MAX] for value in values]
    return np.array(texts, np.str_)
