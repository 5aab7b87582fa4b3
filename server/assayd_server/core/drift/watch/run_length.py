"""How far a cumulative sum must go before it is an alarm, from the run that is expected between false ones."""

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from assayd_server.core.arrays import Floats, Integers

_BLOCK_STATES = 512


def run_limit(steps: Integers, shares: Floats, run_rows: float) -> int:
    """The least limit h at which S <- max(0, S + step), begun at 0, needs run_rows steps on average to pass h.

    S is a Markov chain on the whole numbers from 0 to h, and its average run is the solution of a linear system
    (Brook and Evans 1972). Its states are eliminated from 0 upwards, so that one pass yields the run for each h:
    the time that the chain spends below i + 1 after it first came to i, over all i up to h that it comes to.
    Nothing is subtracted (Grassmann, Taksar and Heyman 1985), so runs of 10^14 rows are as exact as those of ten.

    Args:
        steps: (B,) whole numbers; their mean is below 0.
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
    band, times, reached = (
        _rows(law, down, 0, _BLOCK_STATES + down),
        np.ones(_BLOCK_STATES + down),
        np.eye(1, up)[0],
    )
    first, total = 0, 0.0
    while True:
        reached = np.append(reached, np.zeros(_BLOCK_STATES))
        spent = _eliminate(band, times, reached, down=down, up=up)
        runs = total + np.cumsum(spent)
        if runs[-1] >= run_rows:
            return first + int(np.searchsorted(runs, run_rows))
        first, total, reached = first + _BLOCK_STATES, float(runs[-1]), reached[_BLOCK_STATES:]
        band = np.append(band[_BLOCK_STATES:], _rows(law, down, first + down, _BLOCK_STATES), axis=0)
        times = np.append(times[_BLOCK_STATES:], np.ones(_BLOCK_STATES))


def _rows(law: Floats, down: int, first: int, count: int) -> Floats:
    """Rows of the transition matrix along its diagonal: (count, down + up + 1), from `down` states below."""
    band = np.tile(law, (count, 1))
    for place in range(first, min(first + count, down)):
        below = down - place
        band[place - first, below] += band[place - first, :below].sum()
        band[place - first, :below] = 0
    return band


def _eliminate(band: Floats, times: Floats, reached: Floats, *, down: int, up: int) -> NDArray[np.float64]:
    """Take one state after the other out of the chain; the arrays become those of what is left.

    Args:
        band: (block + down, down + up + 1), probabilities of moves among the states that are left.
        times: (block + down,), steps that a visit to each state stands for.
        reached: (block + up,), how probable it is that the chain comes to this state when it first passes those
            below it.
        down: the largest step down.
        up: the largest step up.

    Returns:
        (block,): the steps that each state adds to the run of those limits that lie at it or above.
    """
    width, size = band.shape[1], band.itemsize
    spent = np.empty(_BLOCK_STATES)
    for place in range(_BLOCK_STATES):
        onwards = band[place, down + 1 :] / band[place, down + 1 :].sum()
        corner = band.reshape(-1)[(place + 1) * width + down - 1 :]
        back = as_strided(corner, (down,), ((width - 1) * size,)).copy()
        square = as_strided(corner[1:], (down, up), ((width - 1) * size, size))
        square += back[:, np.newaxis] * onwards
        time = times[place] / band[place, down + 1 :].sum()
        times[place + 1 : place + 1 + down] += back * time
        reached[place + 1 : place + 1 + up] += reached[place] * onwards
        spent[place] = reached[place] * time
    return spent
