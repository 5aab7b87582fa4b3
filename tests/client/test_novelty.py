"""The novelty of rows, from responses: verdicts in words, joined pieces, columns of a table."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from assayd import ChannelSettings, FailedPreconditionError, InvalidArgumentError, Novelty, Scores
from assayd.arrays import encode
from assayd.blocking import Blocking
from assayd.novelty import joined_novelty, novelty_of
from assayd.requests import NOVELTY_MEASURES, score_request
from assayd.results import joined, scores
from assayd.rows import Rows
from assayd.scoring import ScoreJob
from assayd.steps import Send
from assayd.v1 import novelty_pb2, scoring_pb2
from client.scripted import Call

ENERGY, COMBINED = novelty_pb2.NOVELTY_MEASURE_ENERGY, novelty_pb2.NOVELTY_MEASURE_COMBINED
KNOWN, NOVEL, ANOMALY = novelty_pb2.VERDICT_KNOWN, novelty_pb2.VERDICT_NOVEL, novelty_pb2.VERDICT_ANOMALY
P_CLASS = np.array([0.5, 0.01, 0.01, np.nan])


def part(measure: int, p_values: np.ndarray) -> novelty_pb2.NoveltyScores:
    return novelty_pb2.NoveltyScores(
        measure=measure, values=encode(-np.log(p_values).astype(np.float32)), p_values=encode(p_values)
    )


def message(p_class: np.ndarray = P_CLASS, digest: str = "sha256:r", alpha: float = 0.05) -> novelty_pb2.Novelty:
    """As a server gives it: a row is known, novel, an anomaly or nothing, round and round."""
    rows = np.arange(len(p_class))
    return novelty_pb2.Novelty(
        reference_digest=digest,
        scores=[part(ENERGY, p_class / 2), part(COMBINED, p_class)],
        verdicts=encode(np.array([KNOWN, NOVEL, ANOMALY, 0], np.int32)[rows % 4]),
        p_class=encode(p_class),
        p_domain=encode(p_class / 10),
        discoveries=encode(p_class < alpha),
        alpha=alpha,
    )


def test_scores_and_p_values_are_by_measure() -> None:
    found = novelty_of(message())
    assert list(found.scores) == list(found.p_values) == ["energy", "combined"]
    np.testing.assert_array_equal(found.p_values["energy"], P_CLASS / 2)
    assert found.scores["energy"].dtype == np.float32
    assert (len(found), found.reference_digest) == (4, "sha256:r")


def test_it_prints_as_counts_of_verdicts_and_the_strangest_rows() -> None:
    first, head, *rows = str(novelty_of(message())).splitlines()
    assert first == "1 known, 1 novel, 1 anomaly of 4 rows, 2 of them discoveries (alpha 0.05)"
    assert head.split() == ["row", "energy", "p-value"]
    assert [row.split() for row in rows] == [
        ["1", "5.298", "0.005"],
        ["2", "5.298", "0.005"],
        ["0", "1.386", "0.25"],
        ["3", "nan", "nan"],
    ]


def test_without_verdicts_the_strangest_rows_alone_are_printed() -> None:
    text = str(novelty_of(novelty_pb2.Novelty(scores=[part(ENERGY, np.arange(1, 9) / 10)])))
    assert len(text.splitlines()) == 6
    assert "known" not in text


def test_verdicts_are_in_words() -> None:
    found = novelty_of(message())
    assert found.verdicts.tolist() == ["known", "novel", "anomaly", ""]
    np.testing.assert_array_equal(found.p_domain, P_CLASS / 10)
    assert (found.discoveries.tolist(), found.alpha) == ([False, True, True, False], 0.05)


def test_a_verdict_of_a_newer_server_is_none() -> None:
    newer = message()
    newer.verdicts.CopyFrom(encode(np.array([99, -1, 1, 2], np.int32)))
    assert novelty_of(newer).verdicts.tolist() == ["", "", "known", "novel"]


def test_without_the_combined_measure_there_are_no_verdicts() -> None:
    alone = novelty_pb2.Novelty(reference_digest="sha256:r", scores=[part(ENERGY, P_CLASS)])
    found = novelty_of(alone)
    assert (found.verdicts, found.p_class, found.p_domain, found.discoveries, found.alpha) == (None,) * 5
    assert list(found.columns()) == ["novelty_energy", "novelty_energy_p_value"]
    both = joined_novelty([found, found])
    assert (both.verdicts, both.alpha, len(both)) == (None, None, 8)


def test_every_measure_of_the_wire_has_a_name_which_is_its_own_in_lower_case() -> None:
    numbers = {name: number for name, number in novelty_pb2.NoveltyMeasure.items() if number}
    assert {f"NOVELTY_MEASURE_{name.upper()}": number for name, number in NOVELTY_MEASURES.items()} == numbers


def test_joined_pieces_are_one_after_the_other_and_discoveries_are_those_of_all() -> None:
    first, second = np.array([0.04, 0.5]), np.array([0.001, 0.002, 0.003])
    pieces = [novelty_of(message(p_values)) for p_values in (first, second)]
    whole = joined_novelty(pieces)
    np.testing.assert_array_equal(whole.p_class, [0.04, 0.5, 0.001, 0.002, 0.003])
    assert whole.verdicts.tolist() == ["known", "novel", "known", "novel", "anomaly"]
    # 4 of 5 rows are at most 0.04, and 0.04 x 5 / 4 is 0.05; of the first piece alone it would be none
    assert whole.discoveries.tolist() == [True, False, True, True, True]
    assert (whole.alpha, whole.reference_digest) == (0.05, "sha256:r")
    np.testing.assert_array_equal(whole.p_values["energy"], np.concatenate([first, second]) / 2)


def test_one_piece_is_as_the_server_gave_it_and_no_piece_is_none() -> None:
    piece = novelty_of(message())
    assert joined_novelty([piece]) is piece
    assert joined_novelty([]) is None


def response(p_class: np.ndarray, digest: str = "sha256:r") -> scoring_pb2.ScoreResponse:
    predictions = encode(np.zeros(len(p_class), np.int32))
    return scoring_pb2.ScoreResponse(predictions=predictions, novelty=message(p_class, digest))


def test_columns_of_scores_end_with_those_of_novelty() -> None:
    found = scores(response(P_CLASS))
    names = ["novelty_energy", "novelty_energy_p_value", "novelty_combined", "novelty_combined_p_value"]
    names += ["verdict", "p_class", "p_domain", "discovery"]
    assert list(found.columns()) == ["prediction", "valid", *names]
    assert list(joined([found, found]).columns()) == list(found.columns())
    frame, table = found.to_pandas(), found.to_arrow()
    assert isinstance(frame, pd.DataFrame)
    assert frame["verdict"].tolist() == table["verdict"].to_pylist() == ["known", "novel", "anomaly", ""]
    types = {name: str(table.schema.field(name).type) for name in names}
    assert (types["verdict"], types["discovery"], types["p_class"]) == ("string", "bool", "double")
    assert types["novelty_energy"] == "float"


def test_scores_without_novelty_have_none() -> None:
    assert scores(scoring_pb2.ScoreResponse(predictions=encode(np.zeros(1, np.int32)))).novelty is None


@pytest.mark.parametrize("measures", [["combined", "energy"], ("combined", "energy")])
def test_measures_go_on_the_wire_by_number(measures: Any) -> None:
    request = score_request(novelty=measures, novelty_alpha=0.1)
    assert (list(request.novelty), request.novelty_alpha) == ([COMBINED, ENERGY], 0.1)


def test_one_measure_may_be_a_word_and_the_level_is_left_to_the_server() -> None:
    request = score_request(novelty="combined")
    assert (list(request.novelty), request.novelty_alpha) == ([COMBINED], 0)


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"novelty": ["entropy"]}, "novelty: 'entropy' is unknown, allowed are combined, msp, max_logit, energy"),
        ({"novelty_alpha": 0}, "novelty_alpha: is 0, allowed are above 0 and up to 0.5"),
        ({"novelty_alpha": 0.6}, "novelty_alpha: is 0.6, allowed are above 0 and up to 0.5"),
        ({"novelty_alpha": float("nan")}, "novelty_alpha: is nan, allowed are above 0 and up to 0.5"),
    ],
)
def test_what_novelty_cannot_be_is_refused(wanted: dict, sentence: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        score_request(**wanted)
    assert caught.value.message.startswith(sentence)
    assert caught.value.field == next(iter(wanted))


class Replicas:
    """Give each row its own number as its p-value, each replica by a reference of its own, round and round."""

    def __init__(self, *digests: str) -> None:
        self._digests = digests
        self.requests: list[Any] = []

    def __call__(self, effect: Send) -> Call:
        digest = self._digests[len(self.requests) % len(self._digests)]
        self.requests.append(effect.request)
        rows = np.frombuffer(effect.request.rows.logits.data).reshape(-1, 2)
        return Call(response(rows[:, 0], digest))


def scored(replicas: Replicas, p_class: np.ndarray, *, rows_max: int) -> Scores:
    job = ScoreJob(
        score_request(novelty=["combined"]),
        deadline_seconds=10,
        settings=ChannelSettings(rows_max=rows_max, calls_in_flight_max=1),
    )
    rows = Rows("logits", {"": np.stack([p_class, p_class], axis=1)})
    return Blocking(replicas).one(job.score(rows))


def test_a_batch_that_is_cut_discovers_what_it_would_discover_uncut() -> None:
    p_class = np.array([0.04, 0.5, 0.001, 0.002, 0.003])
    replicas = Replicas("sha256:r")
    found = scored(replicas, p_class, rows_max=2).novelty
    assert isinstance(found, Novelty)
    assert len(replicas.requests) == 3
    assert found.discoveries.tolist() == [True, False, True, True, True]


def test_replicas_with_different_references_do_not_judge_one_batch() -> None:
    with pytest.raises(FailedPreconditionError) as caught:
        scored(Replicas("sha256:b", "sha256:a"), np.full(4, 0.5), rows_max=1)
    assert caught.value.message == "reference: replicas have different references: sha256:a and sha256:b"
    assert (caught.value.reason, caught.value.field) == ("REPLICAS_DISAGREE", "reference")
