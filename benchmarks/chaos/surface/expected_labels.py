"""What should be said of labels, row by row, from the formulas of the papers: nothing of the server's."""

import math

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float64]
Labels = NDArray[np.int64]
EDGE = 1e-5
"""What lies nearer to a border than that may fall to either side."""


def quality(measure: str, p: Probabilities, labels: Labels) -> NDArray[np.float64]:
    """(n,): of each label, NaN for none; by Northcutt and others, and by Kuan and Mueller."""
    return np.array(
        [_quality(measure, row, label) if label >= 0 else math.nan for row, label in zip(p, labels, strict=True)]
    )


def _quality(measure: str, row: NDArray[np.float64], label: int) -> float:
    own = row[label]
    if measure == "self_confidence":
        return float(own)
    if measure == "normalized_margin":
        return float((own - np.delete(row, label).max() + 1) / 2)
    entropy = -sum(share * math.log(share) for share in row if share > 0) / math.log(len(row))
    return math.log1p(entropy / own) / (entropy / own)


def confident(p: Probabilities, labels: Labels) -> tuple[Labels, NDArray[np.bool_]]:
    """Which class each row is confidently of, -1 for none, and where that hangs by rounding."""
    thresholds = np.array([p[labels == label, label].mean() for label in range(p.shape[1])])
    found = np.full(len(p), -1)
    for position, row in enumerate(p):
        reached = [label for label in range(len(row)) if row[label] >= thresholds[label] - 1e-6]
        if reached:
            found[position] = max(reached, key=lambda label: row[label])
    return found, (np.abs(p - thresholds) < EDGE).any(axis=1) | is_tied(p)


def suspected(p: Probabilities, labels: Labels, of: Labels) -> NDArray[np.bool_]:
    """Whether each label is contradicted by the class that its row is confidently of."""
    own = np.take_along_axis(p, np.maximum(labels, 0)[:, None], axis=1)[:, 0]
    return (labels >= 0) & (of >= 0) & (labels != of) & (own < p.max(axis=1))


def proposed(p: Probabilities, least: float, quotas: NDArray[np.int64] | None) -> tuple[Labels, NDArray[np.bool_]]:
    """The label that each row is given, -1 for none, and where that hangs by rounding."""
    labels, confidence = p.argmax(axis=1), p.max(axis=1)
    unsure = is_tied(p) | (np.abs(confidence - least) < EDGE)
    labels[confidence < least] = -1
    if quotas is None:
        return labels, unsure
    for label, quota in enumerate(quotas):
        rows = np.flatnonzero(labels == label)
        order = rows[np.argsort(-confidence[rows], kind="stable")]
        labels[order[quota:]] = -1
        if 0 < quota < len(order):
            last = confidence[order[quota - 1]]
            unsure |= (p.argmax(axis=1) == label) & (np.abs(confidence - last) < EDGE)
            unsure |= (p.argmax(axis=1) == label) & (np.abs(confidence - confidence[order[quota]]) < EDGE)
    return labels, unsure


def crossed(down: Labels, across: Labels, classes: int) -> NDArray[np.int64]:
    """(c, c): how many rows are of each pair; those without either are left out."""
    counts = np.zeros((classes, classes), np.int64)
    for one, other in zip(down, across, strict=True):
        if one >= 0 and other >= 0:
            counts[one, other] += 1
    return counts


def noise(joint: NDArray[np.int64], labels: Labels) -> tuple[NDArray[np.float64], float]:
    """The noise matrix, given labels down and true ones across, and the share of wrong labels."""
    classes = len(joint)
    shares = np.zeros((classes, classes))
    for label in range(classes):
        line = joint[label].astype(float)
        line[label] = max(line[label], 1)
        shares[label] = line / line.sum() * (labels == label).sum()
    shares /= shares.sum()
    matrix = np.full((classes, classes), math.nan)
    for label in range(classes):
        if shares[:, label].any():
            matrix[:, label] = shares[:, label] / shares[:, label].sum()
    return matrix, 1 - float(np.trace(shares))


def average_precision(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """The mean over positive rows of the precision among the rows that score as high: Everingham and others."""
    if not positive.any():
        return math.nan
    return float(np.mean([positive[scores >= score].mean() for score in scores[positive]]))


def calibration_error(p: Probabilities, labels: Labels, bins: int) -> float:
    """Naeini and others, over rows that have a label."""
    known = labels >= 0
    confidence, right = p[known].max(axis=1), p[known].argmax(axis=1) == labels[known]
    error = 0.0
    for place in range(bins):
        inside = (confidence > place / bins) & (confidence <= (place + 1) / bins)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return error


def is_tied(p: Probabilities) -> NDArray[np.bool_]:
    """(n,): whether the two most probable classes of a row are as probable, but for rounding."""
    second, first = np.sort(p, axis=1)[:, -2:].T
    return first - second < EDGE
