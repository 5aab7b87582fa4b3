"""From rows that the model has not been trained on to a reference: one half fits, the other half calibrates."""

import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.novelty.combination import calibrated_combination
from assayd_server.core.novelty.conformal import calibrated
from assayd_server.core.novelty.gaussian_fit import fit_gaussians
from assayd_server.core.novelty.knn_distance import fit_neighbors
from assayd_server.core.novelty.measures import Need, NoveltyMeasure, available, combined_measures
from assayd_server.core.novelty.reference import NoveltyReference
from assayd_server.core.novelty.scoring import Fitted, Outputs, novelty_scores
from assayd_server.core.novelty.vim import fit_vim


def fit_novelty(
    fit: Outputs,
    fit_classes: Integers,
    calibration: Outputs,
    calibration_classes: Integers,
    *,
    neighbors: Floats | None = None,
    origin: Floats | None = None,
) -> NoveltyReference:
    """A reference of every measure that the outputs allow.

    Args:
        fit: of n rows: logits, probabilities or embeddings, or more of these.
        fit_classes: (n,), their labels, or the predicted classes.
        calibration: of m other rows, drawn as the first were. One by one, rows that a measure cannot score are
            left out for all of them.
        calibration_classes: (m,), their predicted classes, from 0; 0 where there are no classes.
        neighbors: (q, d), the embeddings among which neighbours are looked for, where these are not those of fit.
        origin: (d,), as for fit_vim.

    Raises:
        ValueError: no row is left, to fit with or to calibrate with.
    """
    fitted = _fitted(fit, fit_classes, neighbors, origin)
    given = fit.given | ({Need.CLASSES} if len(np.unique(fit_classes)) > 1 else set())
    measures = [measure for measure in available(given) if measure is not NoveltyMeasure.COMBINED]
    scores = novelty_scores(fitted, calibration, measures)
    complete = ~np.logical_or.reduce([np.isnan(values) for values in scores.values()])
    if not complete.any():
        raise ValueError("no row of the calibration can be scored by every measure")
    kept = {measure: values[complete] for measure, values in scores.items()}
    classes = calibration_classes[complete]
    calibrations = {measure: calibrated(values, classes) for measure, values in kept.items()}
    parts = [kept[measure] for measure in combined_measures(kept)]
    calibrations[NoveltyMeasure.COMBINED] = calibrated_combination(parts, classes)
    return NoveltyReference(fitted, calibrations)


def _fitted(fit: Outputs, classes: Integers, neighbors: Floats | None, origin: Floats | None) -> Fitted:
    if fit.embeddings is None:
        return Fitted()
    return Fitted(
        gaussians=fit_gaussians(fit.embeddings, classes),
        neighbors=fit_neighbors(fit.embeddings if neighbors is None else neighbors, len(np.unique(classes))),
        vim=None if fit.logits is None else fit_vim(fit.embeddings, fit.logits, origin),
    )
