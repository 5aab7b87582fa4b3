"""The examples of rare classes and of noisy labels: their data, their noise, their losses and their tables."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from examples.letters import reports
from examples.letters.long_tail import report as long_tail_report
from examples.letters.long_tail.tails import UNLABELLED_COUNT, Task, counts_by_class, labelled_counts, task
from examples.letters.noisy_labels import report as noisy_report
from examples.letters.noisy_labels.figures import GROUPS, MEASURES, WAYS
from examples.letters.noisy_labels.noise import UNVERIFIED, Noise, noise_of_classes, noisy, partners, verified
from examples.letters.noisy_labels.words import PERCENT_IN_ENGLISH, words
from examples.letters.rows import NAMES, letters

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ("long_tail", "noisy_labels")


def drawn(*, seed: int = 0, imbalance: float = 50, relevance: float = 1.0) -> Task:
    random = np.random.default_rng(seed)
    return task(letters(), imbalance=imbalance, unlabelled_imbalance=50, relevance=relevance, random=random)


def classes_of(rows: np.ndarray) -> set[int]:
    """The letters that have rows such as these."""
    known: dict[bytes, set[int]] = {}
    for row, of_class in zip(letters().rows, letters().classes, strict=True):
        known.setdefault(row.tobytes(), set()).add(int(of_class))
    return set.union(*(known[row.tobytes()] for row in rows))


def test_labels_fall_from_a_hundred_by_the_same_factor_from_letter_to_letter_to_one_at_least() -> None:
    assert labelled_counts(1).tolist() == [100] * 10
    assert labelled_counts(100).tolist() == [100, 60, 36, 22, 13, 8, 5, 3, 2, 1]
    assert labelled_counts(10_000)[-1] == 1


@pytest.mark.parametrize("imbalance", [1, 10, 50, 100])
@pytest.mark.parametrize("total", [0, 250, 1000])
def test_rows_without_labels_are_as_many_whatever_their_imbalance(total: int, imbalance: float) -> None:
    counts = counts_by_class(total, imbalance)
    assert counts.sum() == total
    assert (np.diff(counts) <= 0).all()
    assert counts_by_class(1000, imbalance)[0] >= (imbalance - 1) * (counts_by_class(1000, imbalance)[-1] - 1)


def test_a_task_has_ten_letters_and_no_row_twice() -> None:
    found = drawn()
    assert np.bincount(found.classes).tolist() == labelled_counts(50).tolist()
    assert (len(found.unlabelled), len(found.healthy)) == (UNLABELLED_COUNT, 500)
    assert (np.bincount(found.test_classes) > 100).all()
    together = np.concatenate([found.rows, found.unlabelled, found.healthy])
    copies = np.unique(together, axis=0, return_counts=True)[1].sum()
    assert copies == len(together)


def test_irrelevant_rows_are_of_other_letters_and_labelled_ones_stay_as_they_are() -> None:
    related, unrelated = drawn(relevance=1), drawn(relevance=0)
    assert np.array_equal(related.rows, unrelated.rows)
    shared = classes_of(related.rows) & classes_of(unrelated.unlabelled)
    assert len(shared) <= 1  # rows of two letters may be alike
    assert classes_of(related.unlabelled) <= classes_of(related.healthy) | classes_of(related.rows)


def test_words_have_one_to_three_letters_as_frequent_as_in_english() -> None:
    data = letters()
    found = words(data.rows, data.classes, count=20_000, random=np.random.default_rng(0))
    assert found.features.shape == (20_000, 48)
    assert set(found.truth.sum(axis=1).tolist()) == {1, 2, 3}
    expected = 1 - (1 - PERCENT_IN_ENGLISH / 100) ** 3
    assert np.abs(found.truth.mean(axis=0) - expected).max() < 0.015


def test_the_images_of_a_word_are_of_its_letters() -> None:
    rows = np.repeat(np.arange(26, dtype=np.uint8)[:, None], 16, axis=1)
    found = words(rows, np.arange(26), count=50, random=np.random.default_rng(0))
    shown = found.features.reshape(50, 3, 16)[:, :, 0]
    assert [set(word.tolist()) for word in shown] == [set(np.flatnonzero(row).tolist()) for row in found.truth]


def test_letters_that_are_confused_are_like_each_other() -> None:
    data = letters()
    taken_for = dict(zip(NAMES, partners(data.rows, data.classes), strict=True))
    assert all(NAMES[partner] != name for name, partner in taken_for.items())
    assert (NAMES[taken_for["V"]], NAMES[taken_for["Q"]], NAMES[taken_for["P"]]) == ("W", "O", "F")


def test_labels_are_dropped_and_swapped_as_often_as_was_said_of_their_class() -> None:
    partner = np.roll(np.arange(26), -1)
    noise = Noise(partner, dropped=np.full(26, 0.2), swapped=np.linspace(0, 0.5, 26))
    truth = np.zeros((40_000, 26), np.int8)
    truth[:20_000, 0] = truth[20_000:, 25] = 1
    given = noisy(truth, noise, np.random.default_rng(0))
    assert given[:20_000, 0].mean() == pytest.approx(0.8, abs=0.01)
    assert given[:20_000, 1:].sum() == 0
    assert given[20_000:, 25].mean() == pytest.approx(0.4, abs=0.01)
    assert given[20_000:, 0].mean() == pytest.approx(0.4, abs=0.01)


def test_rare_letters_are_forgotten_more_often() -> None:
    noise = noise_of_classes(np.roll(np.arange(26), 1), np.random.default_rng(0))
    assert noise.dropped[NAMES.index("E")] == noise.dropped.min() == 0.05
    assert noise.dropped[NAMES.index("Z")] == noise.dropped.max() == 0.5
    assert sorted(noise.swapped) == pytest.approx(np.linspace(0, 0.6, 26))


def test_what_was_given_is_verified_and_a_share_of_the_rest() -> None:
    random = np.random.default_rng(0)
    truth, given = (random.random((2, 5000, 26)) < 0.1).astype(np.int8)
    found = verified(truth, given, others=0.25, random=random)
    known = found != UNVERIFIED
    assert known[given == 1].all()
    assert known[given == 0].mean() == pytest.approx(0.25, abs=0.01)
    assert np.array_equal(found[known], truth[known])


def test_the_table_of_rare_classes_says_what_is_gained_over_labels_alone_with_the_same_seed() -> None:
    tables = ({1.0: {"supervised": base, "other": base + 0.02}} for base in (0.5, 0.7, 0.9))
    novel = {0.5: {"related": 0.2, "unrelated": 0.3}}
    runs = [{"novel": novel} | dict.fromkeys(long_tail_report.ABOUT, of_seed) for of_seed in tables]
    text = long_tail_report.report(runs)
    assert text.count("| other | +2.0 ± 0.0 |") == 3
    assert text.count("| supervised | 70.0 ± 49.7 |") == 3  # 4.303 * 20 / sqrt(3)


def test_the_tables_of_noisy_labels_say_how_much_higher_joint_training_is() -> None:
    names = [f"{measure}{group}" for measure in MEASURES for group in ("", *(f" {name}" for name in GROUPS))]
    runs = [
        {100: {way: dict.fromkeys(names, base + place / 10) for place, way in enumerate(WAYS)}}
        for base in (0.2, 0.3)
    ]
    text = noisy_report.report(runs)
    assert "| 100 | noisy only | +0.300 ± 0.000 | +0.300 ± 0.000 |" in text
    assert "| noisy only | 0.250 ± 0.635 |" in text  # 12.706 * 0.05


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_a_page_with_its_command_its_figures_and_its_plot(name: str) -> None:
    page = (reports.PAGES / f"{name}.md").read_text()
    assert f"`python -m examples.letters.{name}`" in page
    assert "Seeds: " in page.partition(reports.BEGIN)[2].partition(reports.END)[0]
    assert f"({name}.png)" in page
    assert (reports.PAGES / f"{name}.png").stat().st_size < 40_000


@pytest.mark.long
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_in_its_short_form(name: str) -> None:
    pytest.importorskip("torch")
    command = [sys.executable, "-W", "error", "-m", f"examples.letters.{name}", "--short"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    tables = [part.splitlines()[2:] for part in result.stdout.split("\n\n") if part.startswith("|")]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in (*tables[0], *tables[1])]
    found = {name: [float(cell) for cell in cells if cell[0] in "+-0123456789"] for name, *cells in lines}
    if name == "long_tail":
        assert found["over-sampled"][0] > 2
    else:  # of the second table, AP_all
        assert found["labels cleaned"][0] > found["labels as given"][0] + 0.1
        assert found["cleaned jointly"][0] > found["noisy only"][0]
