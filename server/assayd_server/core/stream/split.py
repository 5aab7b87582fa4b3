"""The split policy: a share of the rows is decided on by chance, the others by the variable threshold."""

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.hashing import Use, uniform
from assayd_server.core.stream.settings import PolicySettings
from assayd_server.core.stream.state import Decisions, State
from assayd_server.core.stream.walk import walk


def decide(state: State, utilities: Floats, ids: Integers, settings: PolicySettings) -> tuple[State, Decisions]:
    """Decide on rows in their order.

    A row is among the random ones with probability v, and then selected with probability B; else it is selected
    where p1 < theta. Both while the budget lasts; random rows leave theta as it is. The labels of rows with a
    random share alone tell how good the model is.

    Args:
        state: after the rows before.
        utilities: (n,), in [0, 1].
        ids: (n,), with the seed they are all that chance depends on.
        settings: of the split policy.

    Returns:
        The state after these rows, and n decisions. The probability of a row is v B + (1 - v) [p1 < theta].

    Source: Zliobaite, Bifet, Pfahringer and Holmes 2014, Active Learning With Drifting Streaming Data.
    """
    share, budget = settings.random_share, settings.budget
    by_chance = uniform(ids, seed=settings.seed, stream=Use.DECIDE_BY_CHANCE) < share
    lucky = uniform(ids, seed=settings.seed, stream=Use.SELECT_BY_CHANCE) < budget
    picks = [pick if chance else None for chance, pick in zip(by_chance.tolist(), lucky.tolist(), strict=True)]
    walked = walk(state, utilities, settings, picks=picks)
    probabilities = share * budget + (1 - share) * (utilities > walked.thresholds)
    return walked.state, Decisions(walked.selected, walked.thresholds, probabilities * walked.affordable)
