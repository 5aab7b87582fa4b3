"""Features of inputs as columns that are watched."""

import numpy as np

from assayd_server.contract import TensorSpec
from assayd_server.features import TEXT_CHARACTERS_MAX, Feature, feature_columns
from assayd_server.rows import inputs_of

WORDS = Feature(name="word", input="text", place=1)
SPEC = TensorSpec(name="text", data_type="string", shape=(None, None))


def column(texts: list[list[str]]) -> np.ndarray:
    (found,) = feature_columns([WORDS], inputs_of({"text": np.array(texts, object)}), [SPEC])
    return found.values


def test_one_long_text_does_not_make_all_others_as_long() -> None:
    found = column([["a", "gold"]] * 999 + [["a", "x" * 100_000]])
    assert found.nbytes <= 4 * 1000 * TEXT_CHARACTERS_MAX
    assert found[0] == "gold"
    assert found[-1] == "x" * TEXT_CHARACTERS_MAX


def test_a_text_that_rows_have_no_place_for_is_missing_as_a_text() -> None:
    assert column([["a"], ["b"]]).tolist() == ["", ""]
