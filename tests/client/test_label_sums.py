"""Labels of a data set that is assessed in parts, by the sums of all: as all at once."""

from collections.abc import Callable

import numpy as np
import pytest

import onnx_models
from assayd import ChannelSettings, Client, InvalidArgumentError, LabelSums, ModelIdentity
from assayd.testing import Server

RNG = np.random.default_rng(9)
TRUE = RNG.integers(0, 4, 500)
X = (RNG.normal(size=(500, 4)) + 3 * np.eye(4)[TRUE]).astype(np.float32)
LABELS = np.where(RNG.random(500) < 0.15, RNG.integers(-1, 4, 500), TRUE)
PARTS = [slice(0, 90), slice(90, 400), slice(400, 500)]


@pytest.fixture
def client(serve: Callable[..., Server], connect: Callable[..., Client]) -> Client:
    return connect(serve(onnx_models.identity()), settings=ChannelSettings(rows_max=70))


def test_parts_are_judged_by_the_thresholds_of_all_rows(client: Client) -> None:
    sums = [client.label_sums(X[part], labels=LABELS[part]) for part in PARTS]
    given = sums[0] + sums[1] + sums[2]
    whole = client.assess_labels(X, labels=LABELS)
    parts = [client.assess_labels(X[part], labels=LABELS[part], given=given) for part in PARTS]
    np.testing.assert_array_equal(np.concatenate([part.quality for part in parts]), whole.quality)
    np.testing.assert_array_equal(np.concatenate([part.suspected for part in parts]), whole.suspected)
    np.testing.assert_array_equal(sum(part.joint for part in parts), whole.joint)
    own = client.assess_labels(X[PARTS[0]], labels=LABELS[PARTS[0]])
    assert (own.joint != parts[0].joint).any()


def test_sums_are_whole_numbers_of_the_labels_that_there_are(client: Client) -> None:
    given = client.label_sums(X, labels=LABELS)
    assert given.counts.tolist() == [np.bincount(LABELS[LABELS >= 0], minlength=4).tolist()]
    probabilities = client.score(X, outputs=["probabilities"]).probabilities
    own = [probabilities[label == LABELS, label].astype(np.float64).sum() for label in range(4)]
    np.testing.assert_allclose(given.sums[0] / 2**30, own, rtol=1e-6)
    assert given.model is not None
    assert given.model.name == "m"


def test_sums_by_different_models_do_not_add_up() -> None:
    first, second = (
        LabelSums(np.ones((1, 2), np.int64), np.ones((1, 2), np.int64), model)
        for model in (None, ModelIdentity(name="m", version=3, digest="sha256:a"))
    )
    with pytest.raises(InvalidArgumentError) as caught:
        first + second
    assert caught.value.message == "given: some sums are by no model, others by m version 3, sha256:a"
