"""Probabilities of the members of a committee, (m, n, c), from what they give."""

from assayd_server.core.arrays import Floats
from assayd_server.core.scores import scores_of_logits, scores_of_probabilities
from assayd_server.core.tasks import Task
from assayd_server.forward import Forward


def members_of_logits(logits: Floats, *, task: Task, temperature: float) -> Floats:
    """(m, n, c) probabilities of (m, n, c) logits; NaN where one has none."""
    flat = logits.reshape(-1, logits.shape[-1])
    return scores_of_logits(flat, task=task, temperature=temperature).probabilities.reshape(logits.shape)


def members_of_probabilities(probabilities: Floats, *, task: Task, temperature: float) -> Floats:
    """(m, n, c) probabilities as another temperature would have given them; NaN where one has none."""
    flat = probabilities.reshape(-1, probabilities.shape[-1])
    scored = scores_of_probabilities(flat, task=task, temperature=temperature)
    return scored.probabilities.reshape(probabilities.shape)


def samples_of(forward: Forward, *, task: Task, temperature: float) -> Floats:
    """(m, n, c) probabilities or values of a model whose output has an axis of samples, (n, m, c)."""
    if forward.values is not None:
        return forward.values.swapaxes(0, 1)
    if forward.logits is not None:
        return members_of_logits(forward.logits.swapaxes(0, 1), task=task, temperature=temperature)
    assert forward.probabilities is not None  # a forward pass gives one of the three
    return members_of_probabilities(forward.probabilities.swapaxes(0, 1), task=task, temperature=temperature)
