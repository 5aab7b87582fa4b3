"""The notebook in examples/ runs, and what it says about uncertainty is so."""

import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

from notebooks import executed

PATH = Path(__file__).resolve().parents[1] / "examples" / "active_learning.ipynb"
PRINT_ACCURACY = "import json; print(json.dumps({name: found.tolist() for name, found in accuracy.items()}))"


@pytest.mark.slow
@pytest.mark.long
def test_the_notebook_runs_and_asking_about_unsure_rows_is_no_worse_than_chance() -> None:
    notebook = executed(PATH, and_then=PRINT_ACCURACY)
    printed = json.loads(notebook.cells[-1].outputs[-1].text)
    chance, margin = (np.array(printed[strategy]) for strategy in ("random", "margin"))  # (repetitions, rounds)
    assert chance.shape == margin.shape == (6, 9)
    assert (chance[:, 0] == margin[:, 0]).all()  # they begin with the same labels
    for ahead in ((margin - chance)[:, -1], (margin - chance).mean(axis=1)):  # at the end, and on the way
        noise = ahead.std(ddof=1) / np.sqrt(len(ahead))
        assert ahead.mean() > -2 * noise


def test_the_notebook_holds_the_outputs_of_one_run_from_its_first_cell_to_its_last() -> None:
    cells = [cell for cell in nbformat.read(PATH, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == [*range(1, len(cells) + 1)], "run make notebook"
    assert not [output for cell in cells for output in cell.outputs if output.get("name") == "stderr"]
    assert PATH.stat().st_size < 100_000


def test_links_in_the_notebook_lead_somewhere() -> None:
    texts = (cell.source for cell in nbformat.read(PATH, as_version=4).cells if cell.cell_type == "markdown")
    links = [link for text in texts for link in re.findall(r"\]\(([^)#]+)\)", text)]
    assert links
    assert [link for link in links if not (PATH.parent / link).exists()] == []
