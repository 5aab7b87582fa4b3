"""What `assayd calibrate` does: the temperature that fits held-out rows, into a bundle's manifest."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from assayd_server import servable
from assayd_server.bundle import MANIFEST, POOL_FILE, Bundle, checked, read_folder
from assayd_server.bundle_writing import check_new, write, write_manifest
from assayd_server.core.calibration import expected_calibration_error, fit_temperature, negative_log_likelihood
from assayd_server.core.softmax import TEMPERATURE_MAX, TEMPERATURE_MIN, softmax
from assayd_server.core.tasks import Task
from assayd_server.cpus import usable_cpus
from assayd_server.errors import ArtefactError
from assayd_server.loading import load_one
from assayd_server.scored_rows import ScoredRows, score_rows
from assayd_server.servable import Servable

_ROWS_MIN = 2
_AT_AN_END = (
    "at an end of what is allowed, as where all rows are right or the model is no better than chance: give it "
    "more rows, or look at the labels"
)


def calibrate(folder: Path, *, rows: Path, labels: Path, output: Path | None = None) -> str:
    """Fit a bundle's temperature, write it down, and say what it changed.

    Args:
        folder: the bundle, <name>/<version>.
        rows: what the model takes, n rows that it was not trained on.
        labels: (n,) class positions or names; of a multi-label model (n, c) of 0 and 1.
        output: the folder of a new version; without one the bundle's own manifest is replaced.

    Raises:
        ArtefactError: the bundle, the rows or the labels are not what they should be, or nothing can be written.
    """
    if output is not None:
        check_new(output)
    bundle = read_folder(folder.resolve())
    model = load_one(folder, lambda _: bundle, _load)
    scored = score_rows(model, rows, labels)
    fitted = scored.possible()
    if len(fitted.labels) < _ROWS_MIN:
        raise ArtefactError(
            f"{rows}: {_ROWS_MIN} rows are the least to fit to, and of {len(scored.labels) + scored.left_out} "
            f"there are {len(fitted.labels)} whose scores are of use"
        )
    temperature = float(f"{fit_temperature(fitted.logits, fitted.labels):.6g}")
    at_an_end = temperature in (TEMPERATURE_MIN, TEMPERATURE_MAX)
    if at_an_end and output is None:
        raise ArtefactError(
            f"{rows}: the temperature comes out as {temperature:g}, {_AT_AN_END}; with --output it is written all "
            "the same"
        )
    report = "\n".join(_report(model, scored, fitted, temperature))
    return f"{report}\nwritten to {_write(bundle, folder, output, temperature)}"


def _load(bundle: Bundle) -> Servable:
    return servable.load(replace(bundle, pool=None), threads=usable_cpus())


def _write(bundle: Bundle, folder: Path, output: Path | None, temperature: float) -> Path:
    """What was written."""
    manifest = bundle.manifest.model_copy(update={"temperature": temperature})
    if output is None:
        write_manifest(folder, manifest)
        return folder / MANIFEST
    files = {name: digest for name, digest in manifest.files.items() if name != POOL_FILE}
    contents = {name: checked(folder, name, digest) for name, digest in files.items()}
    write(output, manifest, contents, pool=bundle.pool)
    return output


def _report(model: Servable, scored: ScoredRows, fitted: ScoredRows, temperature: float) -> Iterator[str]:
    both = (model.temperature, temperature)
    errors = [expected_calibration_error(softmax(scored.logits, value), scored.labels) for value in both]
    losses = [negative_log_likelihood(fitted.logits, fitted.labels, value) for value in both]
    accuracy = np.mean(scored.logits.argmax(axis=1) == scored.labels)
    per_row, what = 1, "rows"
    if model.contract.task is Task.MULTILABEL:
        per_row, what = model.contract.class_count, f"rows of {model.contract.class_count} labels, each by itself"
    yield f"{model.identity.name} version {model.identity.version}, {len(scored.labels) // per_row} {what}"
    if scored.left_out:
        yield f"  left out: {scored.left_out // per_row}, whose scores are NaN, infinite or no probabilities"
    if fitted is not scored:
        yield f"  not fitted to: {fitted.left_out}, whose class has probability 0 at every temperature"
    yield f"  accuracy: {accuracy:.4f}, which no temperature changes"
    yield f"  expected calibration error: {errors[0]:.4f} before, {errors[1]:.4f} after"
    yield f"  negative log-likelihood: {losses[0]:.4f} before, {losses[1]:.4f} after"
    yield f"  temperature: {both[0]:g} before, {both[1]:g} after"
    if temperature in (TEMPERATURE_MIN, TEMPERATURE_MAX):
        yield f"  warning: the temperature is {_AT_AN_END}"
