"""A linear classifier on top of an embedding."""

from assayd_server.core.arrays import Floats


def linear_head(embeddings: Floats, *, weights: Floats, bias: Floats | None = None) -> Floats:
    """Class scores of a linear layer: h W^T + b.

    Args:
        embeddings: (n, d).
        weights: (c, d).
        bias: (c,), or None for zero.

    Returns:
        (n, c) logits.
    """
    logits = embeddings @ weights.T
    return logits if bias is None else logits + bias
