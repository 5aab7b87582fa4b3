"""The same numbers as other libraries give: modAL 0.4.2.1, scikit-activeml 1.0.1, baal 2.1.0 and small-text 1.4.1.

They were given the arrays that are made here, and what they answered is written down.
"""

import math

import numpy as np
import pytest

from assayd_server.core.badge import badge
from assayd_server.core.batch_bald import batch_bald
from assayd_server.core.committee import CommitteeMeasure, committee_uncertainty
from assayd_server.core.gradients import gradients, squared_distances_from
from assayd_server.core.hashing import id_hash
from assayd_server.core.k_center import k_center


def numbers(*shape: int) -> np.ndarray:
    """In [-1, 1], and the same everywhere."""
    return np.cos(0.37 * np.arange(math.prod(shape)) ** 1.5).reshape(shape)


def committee(members: int, rows: int, classes: int) -> np.ndarray:
    exponentials = np.exp(2 * numbers(members, rows, classes))
    return exponentials / exponentials.sum(axis=2, keepdims=True)


@pytest.mark.parametrize(
    ("measure", "scale", "theirs"),
    [
        # modAL.disagreement.vote_entropy, consensus_entropy, KL_max_disagreement
        (
            CommitteeMeasure.VOTE_ENTROPY,
            math.log(3),
            [1.054920168, 0.5004024235, 1.054920168, 0.9502705392, 0.5004024235, 1.054920168],
        ),
        (
            CommitteeMeasure.CONSENSUS_ENTROPY,
            math.log(3),
            [1.0203394006, 0.7807976344, 1.0921092452, 1.0577412453, 0.8159309189, 1.0890966186],
        ),
        (
            CommitteeMeasure.MAX_KL,
            math.log(5),
            [0.7129744095, 0.737844767, 0.7524533605, 0.8824895533, 0.5628900591, 0.8257876111],
        ),
        # baal.active.heuristics.BALD, and scikit-activeml's average_kl_divergence
        (
            CommitteeMeasure.MEAN_KL,
            math.log(3),
            [0.3516393981, 0.2199659598, 0.4741452162, 0.343697028, 0.1860483287, 0.38941445],
        ),
        # scikit-activeml's variation_ratios
        (CommitteeMeasure.VARIATION_RATIO, 1, [0.6, 0.2, 0.6, 0.4, 0.2, 0.6]),
    ],
)
def test_committees_are_as_unsure_as_elsewhere(
    measure: CommitteeMeasure, scale: float, theirs: list[float]
) -> None:
    np.testing.assert_allclose(committee_uncertainty(committee(5, 6, 3), measure) * scale, theirs, atol=1e-9)


def test_k_center_chooses_what_scikit_activeml_and_small_text_choose() -> None:
    embeddings = numbers(40, 7)
    labelled = [3, 11]
    found = k_center(embeddings, 10, chosen=embeddings[labelled])
    assert found.tolist() == [32, 14, 29, 19, 23, 6, 37, 15, 28, 27]


def test_batch_bald_chooses_what_scikit_activeml_chooses_with_all_configurations() -> None:
    found = batch_bald(committee(4, 12, 2), 5, seed=0, samples_max=100)
    assert found.tolist() == [11, 0, 1, 9, 2]


def test_badge_measures_the_gradients_as_scikit_activeml_does() -> None:
    """There the origin counts as if it had been drawn too: not so in the authors' program, nor here."""
    probabilities, embeddings = committee(1, 40, 4)[0], numbers(40, 7)
    assert badge(probabilities, embeddings, 1, seed=0, ids=id_hash(np.arange(40))).tolist() == [39]
    rows = gradients(probabilities, embeddings)
    squares = np.minimum(squared_distances_from(39, rows), rows.squares)
    theirs = [
        *(0.0431656025, 0.0260028972, 0.036210355, 0.0052194308),
        *(0.0155483449, 0.0022935645, 0.0160674342, 0.0306377328),
    ]
    np.testing.assert_allclose((squares / squares.sum())[:8], theirs, atol=1e-9)
