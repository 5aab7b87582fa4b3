"""How far a cumulative sum must go before it is an alarm, from the run that is expected between false ones."""

import numpy as np

from assayd_server.core.arrays import Floats, Integers

_BLOCK = 32
"""So many states are taken out of the chain at once: few enough for it to pass them soon, so that their inverse is
exact to many digits."""


def run_limit(steps: Integers, shares: Floats, run_rows: float) -> int:
    """The least limit h at which S <- max(0, S + step), begun at 0, needs run_rows steps on average to pass h.

    S is a Markov chain on the whole numbers from 0 to h, and its average run is the solution of a linear system
    (Brook and Evans 1972). Its states are taken out from 0 upwards, and moves among those that are left stand for
    moves by way of those that are gone. So one pass yields the run for every h: it is the time that the chain
    spends before it first passes each block of states, of which the last one is looked at closely. Moves are made
    to sum to 1 each time (Grassmann, Taksar and Heyman 1985), so that runs of 10^14 rows are as exact as short
    ones.

    Args:
        steps: (B,) whole numbers, of which some tens make a standard deviation; their mean is below 0.
        shares: (B,) how probable each step is; they sum to 1.
        run_rows: at least 1.

    Returns:
        From 0, in units of the steps; 0 also where S never rises.

    Source: Brook and Evans 1972, An approach to the probability distribution of CUSUM run length.
    """
    up, down = int(steps.max()), -int(steps.min())
    if up <= 0:
        return 0
    law = np.bincount(steps + down, shares, down + up + 1).astype(np.float64)
    moves, fresh = _first_moves(law, down), _moves(law, _BLOCK)
    times, reached = np.ones(_BLOCK + down), np.eye(1, _BLOCK + down + up)[0]
    first, run = 0, 0.0
    while True:
        stays = np.linalg.inv(np.eye(_BLOCK) - moves[:_BLOCK, :_BLOCK])
        spent = float(reached[:_BLOCK] @ stays @ times[:_BLOCK])
        if run + spent >= run_rows:
            return first + _within(moves, times, reached, run_rows - run)
        onwards, back = stays @ moves[:_BLOCK, _BLOCK:], moves[_BLOCK:, :_BLOCK]
        onwards /= onwards.sum(axis=1, keepdims=True)
        later = np.append(times[_BLOCK:] + back @ (stays @ times[:_BLOCK]), np.ones(_BLOCK))
        reached = np.append(reached[_BLOCK:] + reached[:_BLOCK] @ onwards, np.zeros(_BLOCK))
        moves[:down, : down + up] = moves[_BLOCK:, _BLOCK:] + back @ onwards
        moves[:down, down + up :], moves[down:] = 0, fresh
        times, first, run = later, first + _BLOCK, run + spent


def _moves(law: Floats, rows: int) -> Floats:
    """Of so many states in a row, how probable each move is: (rows, ...), from the lowest state they go to."""
    width = len(law)
    moves = np.zeros((rows, rows + width - 1))
    for row in range(rows):
        moves[row, row : row + width] = law
    return moves


def _first_moves(law: Floats, down: int) -> Floats:
    """Of the states from 0 on, at which the chain stops: (_BLOCK + down, _BLOCK + down + up)."""
    moves = _moves(law, _BLOCK + down)
    moves[:, down] += moves[:, :down].sum(axis=1)
    return moves[:, down:]


def _within(moves: Floats, times: Floats, reached: Floats, run_rows: float) -> int:
    """The first state of the block by which so many steps are spent."""
    places = range(1, _BLOCK)
    return next((place for place in places if _spent(moves, times, reached, place) >= run_rows), _BLOCK) - 1


def _spent(moves: Floats, times: Floats, reached: Floats, count: int) -> float:
    """How many steps the chain spends before it first passes so many states of the block."""
    return float(reached[:count] @ np.linalg.solve(np.eye(count) - moves[:count, :count], times[:count]))
