"""How labels are wrong, estimated from the confident joint: which answers are given for which."""

import numpy as np

from assayd_server.core.arrays import Floats, Integers


def label_joint(joint: Integers, given: Integers) -> Floats:
    """The joint distribution of given and true labels.

    Rows that are confidently of an answer stand for all rows with the same label: each line of the joint is scaled
    to the number of labels. Of every answer that was given at all, one row at least counts as right.

    Args:
        joint: (q, k, k), of joint_counts: labels down, answers across.
        given: (q, k), how many rows each answer was given to.

    Returns:
        (q, k, k) float64, given labels down, true ones across; sums to 1 for each question, NaN for one without
        labels.

    Source: Northcutt, Jiang and Chuang 2021, Confident Learning, equation 3.
    """
    counts = joint.astype(np.float64)
    diagonal = np.arange(joint.shape[1])
    counts[:, diagonal, diagonal] = np.maximum(counts[:, diagonal, diagonal], 1)
    scaled = counts / counts.sum(axis=2, keepdims=True) * given[..., None]
    with np.errstate(invalid="ignore"):
        return scaled / scaled.sum(axis=(1, 2), keepdims=True)


def noise_matrix(distribution: Floats) -> Floats:
    """The probability of each given label, by the true one.

    Args:
        distribution: (q, k, k), of label_joint.

    Returns:
        (q, k, k) float64, given labels down, true ones across: columns sum to 1, and what is beside the diagonal
        is noise. A column is NaN where no row is truly of its answer.
    """
    with np.errstate(invalid="ignore"):
        return distribution / distribution.sum(axis=1, keepdims=True)


def noise_shares(distribution: Floats) -> Floats:
    """The share of labels that are wrong: (q, k, k), of label_joint, to (q,) in [0, 1]; NaN without labels."""
    return np.maximum(1 - np.trace(distribution, axis1=1, axis2=2), 0)
