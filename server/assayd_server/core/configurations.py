"""What the labels of some rows could be, and what each possibility would say about the members of a committee."""

from dataclasses import dataclass

import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.draws import uniforms


@dataclass(frozen=True, slots=True)
class Configurations:
    """s possibilities."""

    chances: Floats
    """(s,), sum to 1."""
    members: Floats
    """(s, m): how probable each member is if that is what the labels are; rows sum to 1."""


def nothing_known(member_count: int) -> Configurations:
    """Of no rows: one possibility, and all members are as probable."""
    return Configurations(np.ones(1), np.full((1, member_count), 1 / member_count))


def extended(before: Configurations, row: Floats) -> Configurations:
    """All possibilities with one row more, of which the impossible are left out.

    Args:
        before: s possibilities.
        row: (m, c), the members' probabilities of the row's classes.

    Returns:
        Up to s c possibilities, float64.
    """
    joint = (before.members[:, None, :] * row.T).reshape(-1, len(row))
    given = joint.sum(axis=1)
    chances = np.repeat(before.chances, row.shape[1]) * given
    possible = chances > 0
    return Configurations(chances[possible] / chances.sum(), joint[possible] / given[possible, None])


def drawn(before: Configurations, row: Floats, *, count: int, seed: int, step: int) -> Configurations:
    """Some possibilities with one row more, drawn by their probabilities: any one may come several times.

    Of those before, each is continued as often as its chance says, to less than one (systematic resampling); then
    the label of the row is drawn as these predict it.

    Args:
        before: s possibilities, all or drawn ones.
        row: (m, c), the members' probabilities of the row's classes.
        count: how many to draw.
        seed: any integer.
        step: which row this is.

    Returns:
        count possibilities of the same chance, float32, whose error is far below that of drawing.

    Source: Kitagawa 1996, Monte Carlo Filter and Smoother for Non-Gaussian Nonlinear State Space Models.
    """
    draws = uniforms(np.arange(count + 1, dtype=np.uint64), seed=seed, step=step)
    continued = before.members[_continued(before.chances, count, start=draws[-1])].astype(np.float64)
    labels = _labels(continued @ row, draws[:-1])
    joint = continued * row.T[labels]
    members = joint / joint.sum(axis=1, keepdims=True)
    return Configurations(np.full(count, 1 / count, np.float32), members.astype(np.float32))


def _continued(chances: Floats, count: int, *, start: float) -> Integers:
    """Positions, (count,): of equidistant marks on the summed chances."""
    edges = np.cumsum(chances.astype(np.float64))
    return np.searchsorted(edges[:-1], (np.arange(count) + start) / count * edges[-1], side="right")


def _labels(chances: Floats, draws: Floats) -> Integers:
    """A class for each row of chances (s, c); never one of chance 0."""
    edges = np.cumsum(chances, axis=1)
    marks = np.minimum(draws * edges[:, -1], np.nextafter(edges[:, -1], 0))  # the product may be rounded up
    return (edges > marks[:, None]).argmax(axis=1)
