"""The worked examples run in their short form, on the data that they come with."""

import gzip
from pathlib import Path

import pytest
from examples.letters.rows import letters


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
