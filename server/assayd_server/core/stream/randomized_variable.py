"""The randomized variable threshold: now and then a row is selected that the model is sure of."""

from scipy.special import ndtr, ndtri

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.hashing import Use, uniform
from assayd_server.core.stream.settings import PolicySettings
from assayd_server.core.stream.state import Decisions, State
from assayd_server.core.stream.walk import utility_scale, walk


def decide(state: State, utilities: Floats, ids: Integers, settings: PolicySettings) -> tuple[State, Decisions]:
    """Decide on rows in their order: select where p1 < theta f, with f normal of mean 1, while the budget lasts.

    A drift in a region that the model is sure of is found too, because no row's probability is 0 while budget is
    left.

    Args:
        state: after the rows before.
        utilities: (n,), in [0, 1].
        ids: (n,), with the seed they are all that f depends on.
        settings: of the randomized variable policy.

    Returns:
        The state after these rows, and n decisions; thresholds are those that were drawn.

    Source: Zliobaite, Bifet, Pfahringer and Holmes 2014, Active Learning With Drifting Streaming Data.
    """
    factors = 1 + settings.spread * ndtri(uniform(ids, seed=settings.seed, stream=Use.THRESHOLD_FACTOR))
    walked = walk(state, utilities, settings, factors=factors)
    confidences = 1 - utilities / utility_scale(settings)
    probabilities = ndtr((1 - confidences / walked.confidence_limits) / settings.spread)  # P(f > p1 / theta)
    return walked.state, Decisions(walked.selected, walked.thresholds, probabilities * walked.affordable)
