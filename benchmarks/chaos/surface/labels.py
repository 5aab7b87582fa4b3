"""Labels, and predictions beside them: what comes out beside what should."""

from typing import Any

import numpy as np

from assayd import ModelIdentity
from benchmarks.chaos.surface import expected_labels as expected
from benchmarks.chaos.surface.expected import CLASSES, check_equal, softmax
from benchmarks.chaos.surface.world import World

QUALITIES = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")
NO_LABEL_SHARE, WRONG_SHARE, BAD_SHARE = 0.2, 0.3, 0.1
_NEAR = 5e-3
"""For what hangs by the order of rows, or by bins, to which a row may fall on either side."""


class Labeled:
    """Rows for the model, or logits of which some are none, with labels that are right of most."""

    def __init__(self, world: World) -> None:
        count = int(world.rng.integers(100, 600))
        self._world = world
        self._logits = world.rng.normal(0, 2, (count, CLASSES)).astype(np.float32)
        self.bad = np.zeros(count, bool)
        self.rows: dict[str, Any] = {"logits": self._logits}
        if world.rng.random() < 0.5:
            x = world.rows(count)
            self._logits = world.network.logits(world.network.embeddings(x))
            self.rows = {"x": x}
        else:
            self.bad[CLASSES:] = world.rng.random(count - CLASSES) < BAD_SHARE
            self._logits[self.bad, 2] = np.nan
        self.labels = np.nan_to_num(self._logits).argmax(axis=1)
        odd = world.rng.random(count) < WRONG_SHARE
        self.labels[odd] = world.rng.integers(0, CLASSES, odd.sum())
        self.labels[world.rng.random(count) < NO_LABEL_SHARE] = -1
        self.labels[:CLASSES] = np.arange(CLASSES)  # a class without a label is refused

    def probabilities(self, model: ModelIdentity | None) -> np.ndarray:
        """Of the rows that can be scored; logits are scored by no model."""
        temperature = 1.0 if "logits" in self.rows else self._world.temperature(_known(model).version)
        return softmax(self._logits[~self.bad], temperature)


def assess_labels(world: World) -> None:
    """Which labels are confidently contradicted, how good each is, and how often labels are wrong."""
    given, measure = Labeled(world), str(world.rng.choice(QUALITIES))
    found = world.client.assess_labels(**given.rows, labels=given.labels, quality=measure)
    np.testing.assert_array_equal(found.invalid_rows, np.flatnonzero(given.bad))
    p, labels = given.probabilities(found.model), given.labels[~given.bad]
    check_equal(found.quality[~given.bad], expected.quality(measure, p, labels), measure)
    assert not found.suspected[given.bad].any(), "a row that cannot be scored has a label that is suspected"
    of, unsure = expected.confident(p, labels)
    wanted = expected.suspected(p, labels, of)
    np.testing.assert_array_equal(found.suspected[~given.bad][~unsure], wanted[~unsure], "suspected")
    apart = np.abs(found.joint - expected.crossed(labels, of, CLASSES)).sum()
    assert apart <= 2 * unsure.sum(), f"the confident joint is off by {apart}"
    matrix, share = expected.noise(found.joint, labels)
    check_equal(found.noise_matrix, matrix, "the noise matrix")
    check_equal(found.noise_share, share, "the share of noise")


def evaluate(world: World) -> None:
    """Counts, precision by rank, and calibration, beside labels that somebody verified."""
    given, bins = Labeled(world), int(world.rng.integers(1, 30))
    found = world.client.evaluate(**given.rows, labels=given.labels, calibration_bins=bins)
    np.testing.assert_array_equal(found.invalid_rows, np.flatnonzero(given.bad))
    p, labels = given.probabilities(found.model), given.labels[~given.bad]
    assert found.verified == (labels >= 0).sum()
    apart = np.abs(found.confusion - expected.crossed(labels, p.argmax(axis=1), CLASSES)).sum()
    assert apart <= 2 * expected.is_tied(p).sum(), f"the confusion is off by {apart}"
    known = labels >= 0
    truth = labels[known, None] == np.arange(CLASSES)
    precisions = [expected.average_precision(p[known, one], truth[:, one]) for one in range(CLASSES)]
    check_equal(found.average_precision, precisions, "average precision", tolerance=_NEAR)
    pooled = expected.average_precision(p[known].ravel(), truth.ravel())
    check_equal(found.pooled_average_precision, pooled, "pooled average precision", tolerance=_NEAR)
    error = expected.calibration_error(p, labels, bins)
    check_equal(found.calibration_error, error, "the calibration error", tolerance=_NEAR)


def propose_labels(world: World) -> None:
    """By a threshold, and by quotas: of each class the most probable rows, of equals the first."""
    given, least = Labeled(world), float(world.rng.uniform(0.3, 0.95))
    quotas = world.rng.integers(0, 40, CLASSES)
    for rule in ({"thresholds": least}, {"quotas": quotas, "confidence_min": least}):
        found = world.client.propose_labels(**given.rows, **rule)
        p, labels = given.probabilities(found.model), found.labels[~given.bad]
        wanted, unsure = expected.proposed(p, least, quotas if "quotas" in rule else None)
        assert (found.labels[given.bad] == -1).all(), "a row that cannot be scored has a label"
        np.testing.assert_array_equal(labels[~unsure], wanted[~unsure], "proposed labels")
        assert "quotas" not in rule or (found.counts <= quotas).all(), "a quota is broken"
        np.testing.assert_array_equal(found.counts, np.bincount(labels[labels >= 0], minlength=CLASSES))


def _known(model: ModelIdentity | None) -> ModelIdentity:
    assert model is not None, "a model scored the rows, and is not named"
    return model
