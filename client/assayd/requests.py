"""Score requests, from what callers pass in."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict, TypeVar

from assayd.arrays import as_floats, encode
from assayd.errors import InvalidArgumentError
from assayd.v1 import novelty_pb2, rows_pb2, scoring_pb2

MEASURES: dict[str, scoring_pb2.UncertaintyMeasure] = {
    "least_confidence": scoring_pb2.UNCERTAINTY_MEASURE_LEAST_CONFIDENCE,
    "margin": scoring_pb2.UNCERTAINTY_MEASURE_MARGIN,
    "ratio": scoring_pb2.UNCERTAINTY_MEASURE_RATIO,
    "entropy": scoring_pb2.UNCERTAINTY_MEASURE_ENTROPY,
    "multilabel_max": scoring_pb2.UNCERTAINTY_MEASURE_MULTILABEL_MAX,
    "multilabel_mean": scoring_pb2.UNCERTAINTY_MEASURE_MULTILABEL_MEAN,
    "max_entropy": scoring_pb2.UNCERTAINTY_MEASURE_MAX_ENTROPY,
}
OUTPUTS: dict[str, scoring_pb2.Output] = {
    "predictions": scoring_pb2.OUTPUT_PREDICTIONS,
    "probabilities": scoring_pb2.OUTPUT_PROBABILITIES,
    "logits": scoring_pb2.OUTPUT_LOGITS,
    "embeddings": scoring_pb2.OUTPUT_EMBEDDINGS,
    "values": scoring_pb2.OUTPUT_VALUES,
}
NOVELTY_MEASURES: dict[str, novelty_pb2.NoveltyMeasure] = {
    "combined": novelty_pb2.NOVELTY_MEASURE_COMBINED,
    "msp": novelty_pb2.NOVELTY_MEASURE_MSP,
    "max_logit": novelty_pb2.NOVELTY_MEASURE_MAX_LOGIT,
    "energy": novelty_pb2.NOVELTY_MEASURE_ENERGY,
    "gen": novelty_pb2.NOVELTY_MEASURE_GEN,
    "mahalanobis": novelty_pb2.NOVELTY_MEASURE_MAHALANOBIS,
    "relative_mahalanobis": novelty_pb2.NOVELTY_MEASURE_RELATIVE_MAHALANOBIS,
    "knn": novelty_pb2.NOVELTY_MEASURE_KNN,
    "vim": novelty_pb2.NOVELTY_MEASURE_VIM,
    "domain": novelty_pb2.NOVELTY_MEASURE_DOMAIN,
}
TASKS: dict[str, scoring_pb2.Task] = {
    "multiclass": scoring_pb2.TASK_MULTICLASS,
    "multilabel": scoring_pb2.TASK_MULTILABEL,
    "regression": scoring_pb2.TASK_REGRESSION,
}
LANES: dict[str, scoring_pb2.Lane] = {"online": scoring_pb2.LANE_ONLINE, "bulk": scoring_pb2.LANE_BULK}
LEVEL_MAX = 0.5

Known = TypeVar("Known")


class SelectorOptions(TypedDict, total=False):
    """Which model is meant."""

    model: str
    """Its name; may be left out where the server has one only."""
    version: int
    """0 (default) is the newest."""


class HeadOptions(TypedDict, total=False):
    """What scores embeddings, and how."""

    temperature: float | None
    """In place of the model's own, 0.001 to 1000."""
    head: Sequence[object] | None
    """(weights (c, d), bias (c,) or None): a linear layer on the embedding, in place of the model's own output."""
    task: str | None
    """multiclass or multilabel: how logits, probabilities or a head's scores are meant; default as the model's."""


class ModelOptions(HeadOptions, SelectorOptions, total=False):
    """Which model is meant, and how: the keywords that calls with rows share."""

    wire_type: str | None
    """The type in which the numbers of the rows are sent, such as "uint8" or "float16"; default their own."""


class ScoreOptions(ModelOptions, total=False):
    """What to score with and what to return: the keywords of Client.score and its kin."""

    uncertainties: Iterable[str]
    """Any of least_confidence, margin, ratio, entropy, max_entropy, or of multilabel_max, multilabel_mean; default
    none."""
    top_k: int
    """How many of the most probable classes to return, 0 (default) to c."""
    neighbors: int
    """How many of the most similar rows of the model's pool to return, 0 (default) or more; of x, embeddings and
    pool_ids."""
    novelty: Iterable[str]
    """Any of combined (which brings a verdict on each row), msp, max_logit, energy, gen, mahalanobis,
    relative_mahalanobis, domain, or of knn and vim, which cost more; default none. Needs a reference beside the
    model, and x, or logits or probabilities where the measure needs no embedding."""
    novelty_alpha: float | None
    """The level of the verdicts, above 0 and up to 0.5; default 0.05."""
    outputs: Iterable[str] | None
    """Any of probabilities, logits, embeddings, values; predictions always come. Default: probabilities, or the
    values of a regression model."""
    lane: str
    """online or bulk: where calls wait for their turn at the model. Rows in bulk never count as production
    traffic. Default: online in score, bulk in score_stream unless rows are to count."""
    record: bool
    """Whether rows of x count as production traffic, whose drift is watched over the fleet. Default: they do in
    score, and do not in score_stream, which is for pools."""


def check_given(wanted: Mapping[str, object], names: Iterable[str]) -> None:
    """Refuse what lacks a keyword that has no default.

    Raises:
        InvalidArgumentError: names it.
    """
    missing = next((name for name in names if name not in wanted), None)
    if missing is not None:
        raise InvalidArgumentError(f"{missing}: is missing", field=missing)


def selector(model: str, version: int) -> scoring_pb2.ModelSelector | None:
    """Which model is meant; None where the caller leaves it to the server."""
    if not model and not version:
        return None
    if not 0 <= version < 2**63:
        raise InvalidArgumentError(f"version: {version} is not a version, allowed are 0 (the newest) and above")
    return scoring_pb2.ModelSelector(name=model, version=version)


def score_request(
    *,
    uncertainties: Iterable[str] = (),
    top_k: int = 0,
    neighbors: int = 0,
    novelty: Iterable[str] = (),
    novelty_alpha: float | None = None,
    outputs: Iterable[str] | None = None,
    lane: str = "online",
    record: bool = True,
    temperature: float | None = None,
    head: Sequence[object] | None = None,
    task: str | None = None,
    model: str = "",
    version: int = 0,
) -> scoring_pb2.ScoreRequest:
    """Everything but the rows; the arguments are those of ScoreOptions.

    Raises:
        InvalidArgumentError: a name is unknown, a number out of range, or the head is not (weights, bias).
    """
    for field, value in (("top_k", top_k), ("neighbors", neighbors)):
        if not -(2**31) <= value < 2**31:
            raise InvalidArgumentError(f"{field}: {value} is not a 32-bit number", field=field)
    request = scoring_pb2.ScoreRequest(
        model=selector(model, version),
        uncertainties=[one_of(MEASURES, name, "uncertainties") for name in names(uncertainties)],
        novelty=[one_of(NOVELTY_MEASURES, name, "novelty") for name in names(novelty)],
        novelty_alpha=level(novelty_alpha, "novelty_alpha"),
        outputs=_outputs(outputs),
        task=None if task is None else one_of(TASKS, task, "task"),
        top_k=top_k,
        neighbors=neighbors,
        temperature=temperature,
        head=None if head is None else head_message(head),
        lane=lane_of(lane),
    )
    if not record:  # not set means that they count
        request.record = False
    return request


def lane_of(name: str) -> scoring_pb2.Lane | None:
    """None for the one that calls are in where nobody says.

    Raises:
        InvalidArgumentError: there is no such lane.
    """
    number = one_of(LANES, name, "lane")
    return None if number == scoring_pb2.LANE_ONLINE else number


def _outputs(outputs: Iterable[str] | None) -> list[scoring_pb2.Output]:
    """None leaves it to the server; an empty choice is one of nothing more than predictions."""
    if outputs is None:
        return []
    return [one_of(OUTPUTS, name, "outputs") for name in names(outputs)] or [OUTPUTS["predictions"]]


def names(given: Iterable[str] | None) -> Iterable[str]:
    """Names, of which one alone may be given as it is."""
    return [given] if isinstance(given, str) else given or ()


def level(alpha: float | None, field: str) -> float:
    """The level of a test, 0 where the server decides.

    Raises:
        InvalidArgumentError: it is out of range.
    """
    if alpha is None:
        return 0.0
    if not 0 < alpha <= LEVEL_MAX:  # False for NaN
        raise InvalidArgumentError(f"{field}: is {alpha}, allowed are above 0 and up to {LEVEL_MAX}", field=field)
    return alpha


def one_of(known: Mapping[str, Known], name: str, field: str) -> Known:
    """What a name stands for.

    Raises:
        InvalidArgumentError: it is unknown.
    """
    if name not in known:
        raise InvalidArgumentError(f"{field}: {name!r} is unknown, allowed are {', '.join(known)}", field=field)
    return known[name]


def head_message(head: Sequence[object]) -> rows_pb2.LinearHead:
    """A linear head, from (weights, bias).

    Raises:
        InvalidArgumentError: it is anything else.
    """
    if len(head) != 2:
        raise InvalidArgumentError(f"head: must be (weights, bias), got {len(head)} parts", field="head")
    weights, bias = head
    try:
        return rows_pb2.LinearHead(
            weights=encode(as_floats(weights)), bias=None if bias is None else encode(as_floats(bias))
        )
    except ValueError as error:  # a TensorError, or rows of different lengths
        raise InvalidArgumentError(f"head: {error}", field="head") from None
