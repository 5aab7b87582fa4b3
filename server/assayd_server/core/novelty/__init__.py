"""Novelty: how strange a row is beside a reference, and how sure that is.

A measure gives a score, larger for stranger rows. Conformal calibration, on rows that the model has not been
trained on, turns it into a p-value. Whoever calls everything novel that has p <= a errs on a share of at most a of
the healthy rows, on average over references and whatever the model and the measure; with one reference the share
differs from a by some sqrt(a (1 - a) / n), for a calibration of n rows.
"""

from assayd_server.core.novelty.discoveries import discoveries
from assayd_server.core.novelty.fitting import fit_novelty
from assayd_server.core.novelty.measures import COSTLY, NEEDS, Need, NoveltyMeasure, available, missing
from assayd_server.core.novelty.reference import NoveltyReference
from assayd_server.core.novelty.rows import Novelty, domain_p_values, row_novelty
from assayd_server.core.novelty.scoring import Outputs
from assayd_server.core.novelty.verdict import INVALID, VERDICTS, Verdict, verdicts

__all__ = [
    "COSTLY",
    "INVALID",
    "NEEDS",
    "VERDICTS",
    "Need",
    "Novelty",
    "NoveltyMeasure",
    "NoveltyReference",
    "Outputs",
    "Verdict",
    "available",
    "discoveries",
    "domain_p_values",
    "fit_novelty",
    "missing",
    "row_novelty",
    "verdicts",
]
