"""What varies, and what is measured."""

IMBALANCES = (10, 50, 100)
MIDDLE = 50
"""The imbalance of labels where rows without labels vary."""
UNLABELLED_IMBALANCES = (1, 10, 50, 100)
RELEVANCES = (0.0, 0.25, 0.5, 0.75, 1.0)

Run = dict[str, dict[float, dict[str, float]]]
"""By table, by what varies in it, by way: balanced accuracy. Of the table "novel": which shares are left out."""
