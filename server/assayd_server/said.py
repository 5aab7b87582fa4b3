"""What a model's graph is made to say besides its own outputs, and how that is read."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server import coordinate_nodes, novelty_nodes, softmax_nodes
from assayd_server.contract import Contract
from assayd_server.core.tasks import Task
from assayd_server.forward import COORDINATES, NOVELTY, SOFTMAX, Forward, Softmax
from assayd_server.graph_extension import Make
from assayd_server.reference_file import Reference

BYTES_MAX = 1 << 24
"""Of a model that is loaded once more for passes that are asked for novelty, as all passes of a graph pay for all
that it says; beside a larger one, NumPy's calls are little."""


def makers(temperature: float, contract: Contract, reference: Reference | None) -> tuple[list[Make], list[Make]]:
    """Of what a model can say at every pass, and of what besides where novelty is asked for.

    Args:
        temperature: of the model.
        contract: of the model.
        reference: of the model, where it has one.
    """
    always: list[Make] = []
    if contract.sample_count:  # members are to agree first
        return always, []
    embedding = contract.roles.get("embedding")
    drift = reference.drift.layout.embedding if reference is not None else None
    if embedding is not None and drift is not None:
        always.append(partial(coordinate_nodes.coordinates, embedding=embedding, reduction=drift.reduction))
    if contract.task is not Task.MULTICLASS or contract.scores_role != "logits" or contract.columns < 2:
        return always, []
    logits, columns = contract.roles["logits"], contract.columns
    always.append(partial(softmax_nodes.softmax, logits=logits, columns=columns, temperature=temperature))
    if embedding is None or reference is None or reference.manifest.temperature != temperature:
        return always, []
    novelty = partial(
        novelty_nodes.novelty, logits=logits, embedding=embedding, columns=columns, reference=reference.novelty
    )
    return always, [novelty]


def with_said(forward: Forward, roles: Sequence[str], given: Sequence[NDArray[Any]]) -> Forward:
    """A pass with what the graph said besides.

    Args:
        forward: its own outputs.
        roles: what was asked for.
        given: the outputs of these roles.

    Returns:
        Of the softmax and of novelty nothing where logits or scores are not finite, or gaps between them would not
        be: then NumPy is asked, which tells rows apart.
    """
    outputs = iter(given)
    tame = forward.logits is not None and _is_tame(forward.logits)
    softmax = projected = novelty = None
    for role in roles:
        if role == SOFTMAX:
            said: list[Any] = [next(outputs) for _ in softmax_nodes.OUTPUTS]
            softmax = Softmax(*said) if tame else None
        elif role == COORDINATES:
            projected = next(outputs)
        else:
            assert role == NOVELTY  # there are no others
            scores = {measure: next(outputs) for measure in novelty_nodes.MEASURES}
            novelty = scores if tame and all(map(_is_tame, scores.values())) else None
    return replace(forward, softmax=softmax, projected=projected, novelty=novelty)


def _is_tame(values: NDArray[Any]) -> bool:
    """Whether all are finite, and so are the gaps between them."""
    return math.isfinite(np.vdot(values, values))
