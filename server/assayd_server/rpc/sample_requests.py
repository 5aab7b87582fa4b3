"""How a stream is to be sampled, from messages to what the engine takes."""

import math

from assayd.v1 import selection_pb2
from assayd_server.checks import wrong
from assayd_server.core.stream import WINDOW_ROWS_MAX, Policy, PolicySettings, SettingError
from assayd_server.core.uncertainty import Measure
from assayd_server.ranking_wanted import RankWanted
from assayd_server.rpc import rank_requests, requests
from assayd_server.rpc.enums import MEASURES, meant
from assayd_server.rpc.requests import RowLimits
from assayd_server.wanted import Wanted

POLICIES = {
    selection_pb2.SELECTION_POLICY_FIXED: Policy.FIXED,
    selection_pb2.SELECTION_POLICY_VARIABLE: Policy.VARIABLE,
    selection_pb2.SELECTION_POLICY_RANDOMIZED_VARIABLE: Policy.RANDOMIZED_VARIABLE,
    selection_pb2.SELECTION_POLICY_SPLIT: Policy.SPLIT,
    selection_pb2.SELECTION_POLICY_QUANTILE: Policy.QUANTILE,
}
_IN_UNIT_RANGE = tuple(measure for measure in MEASURES.values() if measure is not Measure.MAX_ENTROPY)


def wanted(settings: selection_pb2.SelectionSettings, limits: RowLimits) -> RankWanted:
    """The model and the measure that decisions go by.

    Raises:
        InvalidArgumentError: a field is not what it may be.
    """
    measure = rank_requests.measure("settings.measure", settings.measure)
    if measure not in _IN_UNIT_RANGE:
        message = f"{measure} is not for streams, allowed are {', '.join(_IN_UNIT_RANGE)}"
        raise wrong("settings.measure", message, "MEASURE_NOT_USABLE")
    temperature = requests.temperature(settings.temperature) if settings.HasField("temperature") else None
    scoring = Wanted(
        model=requests.model_choice(settings.model) if settings.HasField("model") else None,
        head=requests.head(settings.head, limits) if settings.HasField("head") else None,
        temperature=temperature,
        task=requests.task(settings.task),
    )
    return RankWanted(scoring=scoring, measure=measure, count=1)


def policy_settings(settings: selection_pb2.SelectionSettings) -> PolicySettings:
    """The policy, but for the number of classes, which the rows show.

    Raises:
        InvalidArgumentError: the policy is unknown, or a number is out of its range.
    """
    policy = meant("settings.policy", settings.policy, POLICIES, selection_pb2.SelectionPolicy)
    default = PolicySettings(policy=Policy.FIXED, budget=1.0)
    try:
        return PolicySettings(
            policy=policy,
            budget=settings.budget,
            window=settings.window or _window(settings, default.window),
            step=settings.step or default.step,
            tolerance_window=settings.tolerance_window or default.tolerance_window,
            random_share=settings.random_share if settings.HasField("random_share") else default.random_share,
            spread=settings.spread or default.spread,
            seed=settings.seed,
        )
    except SettingError as error:
        raise wrong(f"settings.{error.field}", error.problem, "SETTING_OUT_OF_RANGE") from None


def _window(settings: selection_pb2.SelectionSettings, least: int) -> int:
    """So long that the policies which keep the budget over it spend about 5 % too much, where nobody says."""
    if settings.policy == selection_pb2.SELECTION_POLICY_QUANTILE or not settings.budget > 0:
        return least
    return min(WINDOW_ROWS_MAX, max(least, math.ceil(10 / settings.budget)))
