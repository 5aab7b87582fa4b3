"""Which labels a model confidently contradicts: the second of the two passes of confident learning."""

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Booleans, Floats, Integers
from assayd_server.core.blocks import blocks
from assayd_server.core.labels.questions import UNKNOWN

TOLERANCE = 1e-6
"""How far apart probabilities still count as equal: rows that are all as probable would else fall to either side
of their own mean by rounding. cleanlab has the same."""


def confident_answers(probabilities: Floats, thresholds: Floats) -> NDArray[np.int64]:
    """The most probable of the answers that reach their thresholds.

    cleanlab takes the most probable of all answers where two or more reach theirs, although that one may not.

    Args:
        probabilities: (n, q, k), in [0, 1].
        thresholds: (q, k), of all rows.

    Returns:
        (n, q); UNKNOWN where no answer reaches its threshold. The first of several that are as probable.

    Source: Northcutt, Jiang and Chuang 2021, Confident Learning, equation 1.
    """
    row_count, question_count, answer_count = probabilities.shape
    answers = np.empty((row_count, question_count), np.int64)
    for place in blocks(row_count, question_count * answer_count):
        of_block = probabilities[place]
        reached = np.where(of_block >= thresholds - TOLERANCE, of_block, -1)
        answers[place] = np.where(reached.max(axis=2) >= 0, reached.argmax(axis=2), UNKNOWN)
    return answers


def joint_counts(labels: Integers, confident: Integers, answer_count: int) -> NDArray[np.int64]:
    """The confident joint: how many rows with each label are confidently of each answer.

    Those of parts add up to those of the whole, where the thresholds are the same.

    Args:
        labels: (n, q), or UNKNOWN.
        confident: (n, q), of confident_answers.
        answer_count: k.

    Returns:
        (q, k, k): labels down, confident answers across. Rows without either are left out.
    """
    rows, questions = np.nonzero((labels != UNKNOWN) & (confident != UNKNOWN))
    counts = np.zeros((labels.shape[1], answer_count, answer_count), np.int64)
    np.add.at(counts, (questions, labels[rows, questions], confident[rows, questions]), 1)
    return counts


def suspected(probabilities: Floats, labels: Integers, confident: Integers) -> Booleans:
    """Which labels are probably wrong: those beside the diagonal of the joint.

    A label that is the most probable answer, to within TOLERANCE, is not suspected, whatever the thresholds are.

    Args:
        probabilities: (n, q, k), in [0, 1].
        labels: (n, q), or UNKNOWN.
        confident: (n, q), of confident_answers.

    Returns:
        (n, q); not where the label or a confident answer is UNKNOWN.
    """
    contradicted = (labels != UNKNOWN) & (confident != UNKNOWN) & (labels != confident)
    rows, questions = np.nonzero(contradicted)
    doubtful = probabilities[rows, questions]
    of_labels = np.take_along_axis(doubtful, labels[rows, questions, None], axis=1)[:, 0]
    contradicted[rows, questions] = of_labels + TOLERANCE < doubtful.max(axis=1)
    return contradicted
