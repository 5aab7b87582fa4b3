"""How a stream is to be sampled, from what callers pass in."""

from collections.abc import Sequence

from assayd.errors import InvalidArgumentError
from assayd.requests import MEASURES as ROW_MEASURES
from assayd.requests import TASKS, ModelOptions, head_message, one_of, selector
from assayd.v1 import scoring_pb2, selection_pb2

MEASURES: dict[str, scoring_pb2.UncertaintyMeasure] = {
    name: number for name, number in ROW_MEASURES.items() if name != "max_entropy"
}
POLICIES: dict[str, selection_pb2.SelectionPolicy] = {
    "fixed": selection_pb2.SELECTION_POLICY_FIXED,
    "variable": selection_pb2.SELECTION_POLICY_VARIABLE,
    "randomized_variable": selection_pb2.SELECTION_POLICY_RANDOMIZED_VARIABLE,
    "split": selection_pb2.SELECTION_POLICY_SPLIT,
    "quantile": selection_pb2.SELECTION_POLICY_QUANTILE,
}
_INT32_MAX = 2**31 - 1
_SEED_MAX = 2**64 - 1


class SelectOptions(ModelOptions, total=False):
    """How a stream is sampled: the keywords of Client.select_stream."""

    budget: float
    """Required: the share of rows that may be selected, above 0 and up to 1."""
    policy: str
    """quantile (default), variable, randomized_variable, split or fixed."""
    measure: str
    """What decisions go by: least_confidence (default) or another measure in [0, 1]."""
    window: int
    """Over how many rows the budget is kept, or of how many the quantile is taken, 1 to 10,000; default 100, and
    of all policies but the quantile 10 / budget where that is more."""
    step: float
    """How far a variable threshold moves at each row, above 0 and below 1; default 0.01."""
    tolerance_window: int
    """How many selections too many move the quantile's threshold by the range of the window; default 100."""
    random_share: float | None
    """The share of rows on which the split policy decides by chance, 0 to 1; default 0.1."""
    spread: float
    """The standard deviation of the randomized threshold's factor, above 0 and up to 10; default 1."""
    seed: int
    """Of all randomness, 0 to 2^64 - 1; default 0."""
    state: bytes
    """What another stream with the same settings came to, to go on from there."""


def select_request(
    *,
    budget: float,
    policy: str = "quantile",
    measure: str = "least_confidence",
    window: int = 0,
    step: float = 0.0,
    tolerance_window: int = 0,
    random_share: float | None = None,
    spread: float = 0.0,
    seed: int = 0,
    state: bytes = b"",
    temperature: float | None = None,
    head: Sequence[object] | None = None,
    task: str | None = None,
    model: str = "",
    version: int = 0,
) -> selection_pb2.SelectStreamRequest:
    """Everything but the rows; the arguments are those of SelectOptions.

    Raises:
        InvalidArgumentError: a name is unknown, or a number does not fit its field.
    """
    for field, value, highest in (
        ("window", window, _INT32_MAX),
        ("tolerance_window", tolerance_window, _INT32_MAX),
        ("seed", seed, _SEED_MAX),
    ):
        if not 0 <= value <= highest:
            raise InvalidArgumentError(f"{field}: is {value}, allowed are 0 to {highest}", field=field)
    settings = selection_pb2.SelectionSettings(
        model=selector(model, version),
        head=None if head is None else head_message(head),
        task=None if task is None else one_of(TASKS, task, "task"),
        temperature=temperature,
        measure=one_of(MEASURES, measure, "measure"),
        policy=one_of(POLICIES, policy, "policy"),
        budget=budget,
        window=window,
        step=step,
        tolerance_window=tolerance_window,
        random_share=random_share,
        spread=spread,
        seed=seed,
        state=state,
    )
    return selection_pb2.SelectStreamRequest(settings=settings)
