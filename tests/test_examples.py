"""The worked examples run in their short form, on the data that they come with, and find what they should."""

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from examples.letters import reports
from examples.letters.pool_learning import labels_to
from examples.letters.rows import letters
from examples.letters.unseen_letters import Ranked, shares

ROOT = Path(__file__).resolve().parents[1]


EXAMPLES = ("pool_learning", "rare_letter", "unseen_letters")


def short(name: str) -> dict[str, list[str]]:
    """What the short form of an example prints: the cells of each line of its first table, by the first cell."""
    command = [sys.executable, "-m", f"examples.letters.{name}", "--short"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    first = next(part for part in result.stdout.split("\n\n") if part.startswith("|"))
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in first.splitlines()]
    return {name: cells for name, *cells in lines[2:]}


def mean(cell: str) -> float:
    """Of "5.5 ± 1.2 %", 5.5."""
    return float(cell.split(maxsplit=1)[0])


def test_the_letters_are_the_20000_images_that_are_customarily_split_in_16000_and_4000() -> None:
    found = letters()
    assert (found.rows.shape, found.test_rows.shape) == ((16000, 16), (4000, 16))
    assert found.rows[0].tolist() == [2, 8, 3, 5, 1, 8, 13, 0, 6, 6, 10, 8, 0, 8, 0, 8]
    assert found.classes[:3].tolist() == [19, 8, 3]  # T, I, D
    assert set(found.test_classes.tolist()) == set(range(26))
    assert found.rows.max() == found.test_rows.max() == 15


def test_a_file_of_other_letters_is_refused_with_its_digest(tmp_path: Path) -> None:
    other = tmp_path / "letters.gz"
    other.write_bytes(gzip.compress(b"T,2,8,3,5,1,8,13,0,6,6,10,8,0,8,0,8\n"))
    with pytest.raises(ValueError, match="holds other data"):
        letters(other)


def test_heads_get_better_with_rows_that_the_service_chose_and_by_entropy_less_than_by_margin_and_badge() -> None:
    found = {name: [float(cell) for cell in cells[:2]] for name, cells in short("pool_learning").items()}
    assert len({first for first, _ in found.values()}) == 1  # they begin with the same labels
    assert min(found["margin + badge"][1], found["random"][1]) > found["random"][0] + 10
    assert found["entropy"][1] < found["margin + badge"][1] - 3


def test_seals_finds_more_of_a_rare_letter_than_chance_and_scores_a_part_of_the_pool() -> None:
    found = short("rare_letter")
    positives, scored = ({name: mean(cells[at]) for name, cells in found.items()} for at in (-4, -1))
    near = "SEALS, k = 10"
    assert positives[near] > 2 * positives["random"]
    assert 0 < scored[near] < scored["SEALS, k = 50"] < 50 < scored["full scan"] == 100


def test_rows_of_letters_that_are_hard_to_tell_apart_come_first_by_entropy() -> None:
    found = short("unseen_letters")
    assert mean(found["half of the rows"][0]) < -0.5
    assert mean(found["half of the rows"][2]) > 25  # the quarter of the letters with the lowest F1; 23.1 by chance


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_a_page_with_its_command_its_figures_and_its_plot(name: str) -> None:
    page = (reports.PAGES / f"{name}.md").read_text()
    assert f"`python -m examples.letters.{name}`" in page
    assert "Seeds: " in page.partition(reports.BEGIN)[2].partition(reports.END)[0]
    assert f"({name}.png)" in page
    assert (reports.PAGES / f"{name}.png").stat().st_size < 40_000
    assert f"({name}.md)" in (reports.PAGES / "README.md").read_text()


def test_an_interval_is_that_of_students_t() -> None:
    mean, width = reports.interval([1.0, 2.0, 3.0, 4.0])
    assert (mean, round(width, 4)) == (2.5, 2.0543)  # 3.1824 * sqrt(5 / 3) / 2
    assert reports.shown([1.0, 2.0, 3.0, 4.0], "+.1f") == "+2.5 ± 2.1"
    assert reports.shown([1.0]) == "1.000"


def test_what_an_example_found_takes_the_place_of_what_it_found_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "PAGES", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(f"# Before\n\n{reports.BEGIN}old\n{reports.END}\nAfter\n")
    reports.write("page", "new", reports.lines(np.array([1, 2]), {"a": np.array([[1.0, 2.0], [2.0, 2.0]])}))
    assert page.read_text() == f"# Before\n\n{reports.BEGIN}\nnew\n\n{reports.END}\nAfter\n"
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")


def test_labels_to_a_target_lie_on_the_line_between_two_rounds() -> None:
    counts = np.array([100, 200, 300])
    assert labels_to(0.75, np.array([0.5, 0.7, 0.9]), counts) == pytest.approx(225)
    assert np.isnan(labels_to(0.95, np.array([0.5, 0.7, 0.9]), counts))


def test_shares_and_f1_are_correlated_over_the_letters_that_were_ranked_alone() -> None:
    share = shares(np.array([0, 0, 1, 2]), np.array([0, 1, 2, 3]))
    assert share[:4].tolist() == [0.5, 0.25, 0.25, 0.0]
    assert np.isnan(share[4:]).all()
    f1 = np.concatenate([[0.6, 0.7, 0.8, 0.9], np.zeros(22)])
    found = Ranked(share, f1)
    assert found.correlation == pytest.approx(-0.9487, abs=1e-4)  # ranks 4, 2.5, 2.5, 1 and 1, 2, 3, 4
    assert found.of_the_worst == 0.5
