"""The networks of the examples that are trained by PyTorch, where that is installed."""

import numpy as np
import pytest

from assayd.testing import serving

torch = pytest.importorskip("torch")

from examples.letters.long_tail.service import class_weights, with_pseudo_labels  # noqa: E402
from examples.letters.long_tail.tails import task  # noqa: E402
from examples.letters.long_tail.training import Network, fitted, pretrained  # noqa: E402
from examples.letters.noisy_labels.networks import Classifier, Cleaner, Cleaning, Features  # noqa: E402
from examples.letters.noisy_labels.training import CLEANING_WEIGHT, joint_loss  # noqa: E402
from examples.letters.rows import letters  # noqa: E402
from examples.letters.torch_export import to_onnx  # noqa: E402

TASK = task(letters(), imbalance=10, unlabelled_imbalance=10, relevance=0.5, random=np.random.default_rng(0))


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    return fitted(TASK.rows, TASK.classes, seed=0, steps=200)


def test_a_cleaning_network_begins_with_the_labels_as_they_are_and_a_gradient_for_each() -> None:
    cleaning, labels = Cleaning(), torch.tensor([[0.0, 1.0] * 13])
    cleaned = cleaning(torch.rand(1, 64), labels)
    assert torch.equal(cleaned, labels)
    cleaned.sum().backward()
    assert (cleaning.correction.bias.grad == 1).all()


def test_the_loss_goes_by_verified_labels_where_there_are_and_else_by_cleaned_ones_held_constant() -> None:
    torch.manual_seed(0)
    classifier, cleaning = Classifier(), Cleaning()
    noisy = torch.zeros(2, 26)
    noisy[:, :3] = 1
    verified = torch.full((2, 26), -1.0)
    verified[0, 0], verified[0, 1], verified[1, 25] = 0, 1, 1  # two of these three are wrong in the noisy labels
    words = torch.randint(16, (2, 48)).float()
    target = torch.where(verified >= 0, verified, noisy)
    entropy = torch.nn.functional.binary_cross_entropy(classifier(words), target, reduction="sum") / 2
    loss = joint_loss(classifier, cleaning, (words, noisy, verified))
    assert loss.item() == pytest.approx((entropy + CLEANING_WEIGHT * 2 / 2).item(), rel=1e-5)
    loss.backward()
    moved = torch.nonzero(cleaning.correction.bias.grad).flatten()
    assert moved.tolist() == [0, 25]  # those that are wrong


def test_a_cleaning_network_is_served_with_two_inputs_and_gives_a_probability_for_each_label() -> None:
    torch.manual_seed(0)
    cleaner = Cleaner(Features(), Cleaning())
    torch.nn.init.normal_(cleaner.cleaning.correction.weight)
    random = np.random.default_rng(0)
    words, labels = random.integers(16, size=(300, 48), dtype=np.uint8), random.integers(2, size=(300, 26))
    with serving(to_onnx(cleaner, {"words": 48, "noisy_labels": 26}), activation="sigmoid") as server:
        client = server.client()
        assert [each.name for each in client.model().inputs] == ["words", "noisy_labels"]
        scores = client.score({"words": words, "noisy_labels": labels.astype(np.uint8)})
    with torch.no_grad():
        expected = cleaner(torch.from_numpy(words).float(), torch.from_numpy(labels).float())
    np.testing.assert_allclose(scores.probabilities, expected.numpy(), atol=1e-5)


def test_over_sampling_and_weights_favour_rare_letters(network: Network) -> None:
    def of_rare(trained: Network) -> float:
        with torch.no_grad():
            logits, _ = trained.eval()(torch.from_numpy(TASK.test_rows).float())
        return float((logits.argmax(dim=1) >= 7).float().mean())

    counts = np.bincount(TASK.classes)
    weights = class_weights(network, counts)
    assert weights * counts == pytest.approx(np.full(10, len(TASK.classes) / 10))
    over_sampled = fitted(TASK.rows, TASK.classes, seed=0, steps=200, over_sampled=True)
    weighted = fitted(TASK.rows, TASK.classes, seed=0, steps=200, class_weights=weights)
    assert min(of_rare(over_sampled), of_rare(weighted)) > of_rare(network)


def test_pseudo_labels_come_after_labels_and_not_for_what_is_novel(network: Network) -> None:
    rows, classes = with_pseudo_labels(network, TASK, thresholds=0)
    assert len(rows) == len(classes) == len(TASK.rows) + len(TASK.unlabelled)
    assert np.array_equal(classes[: len(TASK.classes)], TASK.classes)
    fewer, _ = with_pseudo_labels(network, TASK, thresholds=0, novelty_alpha=0.2)
    assert len(TASK.rows) + 100 < len(fewer) < len(rows) - 100


def test_an_encoder_that_a_network_begins_with_stays_as_it_is() -> None:
    encoder = pretrained(TASK.unlabelled, seed=0, steps=20)
    before = [each.clone() for each in encoder.parameters()]
    fitted(TASK.rows, TASK.classes, seed=0, encoder=encoder, steps=20)
    assert all(torch.equal(one, other) for one, other in zip(before, encoder.parameters(), strict=True))
