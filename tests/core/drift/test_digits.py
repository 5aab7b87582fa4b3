"""Drift of a forest that reads digits: fresh ones raise no alarm, its own training rows and other digits do."""

from typing import NamedTuple

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

from assayd_server.core.drift import (
    BinKind,
    ColumnValues,
    DriftReference,
    WindowVerdict,
    fit_drift_reference,
    judge,
)


class Scored(NamedTuple):
    """Rows as the forest scores them."""

    columns: dict[str, np.ndarray]
    embeddings: np.ndarray

    def reference(self) -> DriftReference:
        kinds = {"predicted_class": BinKind.CATEGORIES}
        columns = [
            ColumnValues(name=name, values=values, kind=kinds.get(name, BinKind.INTERVALS))
            for name, values in self.columns.items()
        ]
        return fit_drift_reference(len(self.embeddings), columns, embeddings=self.embeddings)

    def against(self, reference: DriftReference) -> WindowVerdict:
        return judge(reference, reference.layout.count(len(self.embeddings), self.columns, self.embeddings))


class Digits(NamedTuple):
    """A forest trained on a third of the digits, and the pixels of all of them in random order."""

    forest: RandomForestClassifier
    pixels: np.ndarray

    def scored(self, pixels: np.ndarray) -> Scored:
        probabilities = self.forest.predict_proba(pixels)
        logarithms = np.log(probabilities, where=probabilities > 0, out=np.zeros_like(probabilities))
        columns = {
            "predicted_class": probabilities.argmax(axis=1),
            "top_probability": probabilities.max(axis=1),
            "entropy": -(probabilities * logarithms).sum(axis=1),
        }
        return Scored(columns, pixels)


@pytest.fixture(scope="module")
def digits() -> Digits:
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(pixels))
    pixels, labels = pixels[order], labels[order]
    forest = RandomForestClassifier(50, random_state=0).fit(pixels[:600], labels[:600])
    return Digits(forest, pixels)


@pytest.mark.parametrize("seed", range(10))
def test_fresh_digits_raise_no_alarm(digits: Digits, seed: int) -> None:
    fresh = np.random.default_rng(seed).permutation(digits.pixels[600:])
    assert not digits.scored(fresh[1000:]).against(digits.scored(fresh[:1000]).reference()).drifted


def test_a_reference_of_training_rows_raises_the_alarm_on_healthy_data(digits: Digits) -> None:
    verdict = digits.scored(digits.pixels[600:]).against(digits.scored(digits.pixels[:600]).reference())
    assert {column.name for column in verdict.columns if column.drifted} == {"entropy", "top_probability"}


def test_digits_upside_down_raise_the_alarm(digits: Digits) -> None:
    verdict = digits.scored(digits.pixels[1600:, ::-1]).against(digits.scored(digits.pixels[600:1600]).reference())
    assert verdict.drifted
    assert {column.name for column in verdict.columns if column.drifted} >= {"entropy", "embedding"}


def test_a_new_scanner_that_is_a_little_darker_is_found_by_the_embedding(digits: Digits) -> None:
    darker = np.minimum(digits.pixels[1600:] + 3, 16)
    verdict = digits.scored(darker).against(digits.scored(digits.pixels[600:1600]).reference())
    assert "embedding" in {column.name for column in verdict.columns if column.drifted}
