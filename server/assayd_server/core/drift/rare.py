"""Evidence from bins too rare for a law of large counts: missing values, unseen categories, rare classes."""

from scipy.special import bdtrc

RARE_WEIGHT = 0.02
"""What share of the level of significance the rare bins get. Rows where hardly any should be are overwhelming
evidence soon, so that a small share is enough for them, and leaves the test of the other bins as it is."""


def rare_p_value(rare_reference: int, reference_rows: int, rare_window: int, window_rows: int) -> float:
    """How probable it is that the window has as many of all the rare rows, where they fall by the number of rows.

    Exact for rows that come as rare ones do, as Poisson counts: of t = c + k rare rows, k in the window with
    probability Bin(t, m / (n + m)). One-sided: more than expected, since less than a few cannot be told.

    Args:
        rare_reference: c, the rare rows of the reference.
        reference_rows: n, of all rows.
        rare_window: k, the rare rows of the window.
        window_rows: m, of all rows, at least 1.

    Returns:
        In [0, 1]; 1 where the window has none.

    Source: Przyborowski and Wilenski 1940, Homogeneity of results in testing samples from Poisson series.
    """
    if rare_window == 0:
        return 1.0
    share = window_rows / (reference_rows + window_rows)
    return float(bdtrc(rare_window - 1, rare_reference + rare_window, share))


def weighted(p_of_cells: float, p_of_rare: float) -> float:
    """One p-value of two: Bonferroni's, with the smaller share of the level for the rare bins.

    Returns:
        In [0, 1]: at most alpha with probability alpha at most, whatever the dependence.

    Source: Genovese, Roeder and Wasserman 2006, False discovery control with p-value weighting.
    """
    return min(p_of_cells / (1 - RARE_WEIGHT), p_of_rare / RARE_WEIGHT, 1.0)
