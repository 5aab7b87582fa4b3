"""What it means that two vectors are alike."""

from enum import StrEnum


class Metric(StrEnum):
    """A similarity; larger is more alike."""

    COSINE = "cosine"
    """The cosine of the angle between two vectors, in [-1, 1]."""
    INNER_PRODUCT = "inner_product"
    L2 = "l2"
    """The Euclidean distance, negated."""
