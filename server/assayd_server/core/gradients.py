"""The gradient of a row's loss by the last layer, were its label what the model thinks, and never written out.

With h the input of the last layer and p its softmax, the gradient of the cross-entropy at the most probable class
is the outer product of a = p - e and h, where e is 1 at that class and 0 elsewhere: c times d numbers a row. What
is asked of it are lengths and distances, and these follow from products of a with a and of h with h.
"""

from dataclasses import dataclass

import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.blocks import blocks
from assayd_server.core.distances import LOST_DIGITS, squares


@dataclass(frozen=True, slots=True)
class Gradients:
    """Of n rows, in two factors."""

    errors: Floats
    """(n, c): a."""
    embeddings: Floats
    """(n, d): h."""
    squares: Floats
    """(n,) float64: |a|^2 |h|^2, the squared lengths; not finite where a value of the row is not."""


def gradients(probabilities: Floats, embeddings: Floats) -> Gradients:
    """Gradients of rows; half precision is computed in single, and the probabilities are copied once.

    Args:
        probabilities: (n, c).
        embeddings: (n, d), what the last layer took in.
    """
    errors = probabilities.astype(np.result_type(probabilities.dtype, np.float32))
    errors[np.arange(len(errors)), errors.argmax(axis=1)] -= 1
    rows = embeddings.astype(np.result_type(embeddings.dtype, np.float32), copy=False)
    with np.errstate(over="ignore", invalid="ignore"):
        return Gradients(errors, rows, squares(errors) * squares(rows))


def squared_distances_from(position: int, of: Gradients) -> Floats:
    """|g_u - g_v|^2 = |g_u|^2 + |g_v|^2 - 2 (a_u.a_v)(h_u.h_v) of all rows u from one row v.

    Where it cancels, it is computed by differences: g_u - g_v = (a_u - a_v) (x) h_u + a_v (x) (h_u - h_v), so that
    equal rows are no distance apart.

    Args:
        position: v; its square is finite.
        of: of n rows.

    Returns:
        (n,) float64, from 0; not finite for rows whose square is not.
    """
    errors, rows = of.errors, of.embeddings
    sums = of.squares + of.squares[position]
    precision = max(np.finfo(errors.dtype).eps, np.finfo(rows.dtype).eps)
    with np.errstate(over="ignore", invalid="ignore"):
        products = (errors @ errors[position]).astype(np.float64) * (rows @ rows[position])
        distances = sums - 2 * products
        near = np.flatnonzero(distances < LOST_DIGITS * precision * sums)
    for part in blocks(len(near), errors.shape[1] + rows.shape[1]):
        distances[near[part]] = _by_difference(errors, rows, near=near[part], position=position)
    return distances


def _by_difference(errors: Floats, rows: Floats, *, near: Integers, position: int) -> Floats:
    error, row = errors[position].astype(np.float64), rows[position].astype(np.float64)
    error_steps, steps = errors[near] - error, rows[near] - row
    crossed = 2 * (error_steps @ error) * np.einsum("nd,nd->n", rows[near], steps)
    parallel = squares(error_steps) * squares(rows[near]) + (error @ error) * squares(steps)
    return np.maximum(parallel + crossed, 0)
