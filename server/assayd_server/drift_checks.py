"""Whether a window can be compared with a reference: everything is refused before anything is computed."""

from assayd_server.checks import wrong
from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.drift import EMBEDDING, DriftSettings
from assayd_server.core.drift.reference import ERROR_COLUMN, LABEL_COLUMN
from assayd_server.core.tasks import Task
from assayd_server.drift_wanted import DriftWanted
from assayd_server.errors import FailedPreconditionError
from assayd_server.labeling_checks import answers
from assayd_server.reference_file import Reference
from assayd_server.rows import Embeddings, Inputs, Logits, Probabilities, Rows, Sent
from assayd_server.servable import Servable


def check_drift(rows: Sent, wanted: DriftWanted, model: Servable, reference: Reference) -> Rows:
    """The rows of a window that can be compared.

    Raises:
        InvalidArgumentError: the field says why.
    """
    usable = check_watched(rows, wanted.embeddings, model, reference)
    if usable.count < DriftSettings().window_rows_min:
        message = f"are {usable.count}, a window needs {DriftSettings().window_rows_min} at least"
        raise wrong("rows", message, "NOTHING_TO_TEST")
    known = [*(column.name for column in reference.drift.layout.columns), EMBEDDING]
    known += [] if wanted.labels is None else [LABEL_COLUMN, ERROR_COLUMN]
    for index, name in enumerate(wanted.columns):
        if name not in known:
            raise wrong(
                f"columns[{index}]",
                f"{name!r} is not in the reference, it has {', '.join(known)}",
                "UNKNOWN_COLUMN",
            )
    return usable


def check_labels(rows: Rows, wanted: DriftWanted, model: Servable, reference: Reference) -> Integers | None:
    """The labels of a window, (n,) int64; None where it has none.

    Raises:
        InvalidArgumentError: they do not fit the rows, or these come without predictions.
        FailedPreconditionError: there are none in the reference to compare them with.
    """
    if wanted.labels is None:
        return None
    if reference.drift.confusion is None:
        raise FailedPreconditionError(
            f"the reference of model {model.identity.name!r} has no labels to compare with: make one with assayd "
            "reference build --labels",
            reason="NO_LABELS",
            field="labels",
        )
    if isinstance(rows, Embeddings):
        raise wrong("labels", "are held against predictions, which embeddings alone have not", "ROWS_NOT_USABLE")
    contract = model.contract
    found = answers(wanted.labels, task=contract.task, row_count=rows.count, class_count=contract.class_count)
    return found[:, 0]


def check_watched(rows: Sent, beside: Floats | None, model: Servable, reference: Reference) -> Rows:
    """Rows, any number of them, that can be held against a reference.

    Args:
        rows: as they came.
        beside: (n, d) embeddings that came with them.
        model: whose reference it is.
        reference: what they are held against.

    Raises:
        InvalidArgumentError: the field says why not.
    """
    if not isinstance(rows, Inputs | Logits | Probabilities | Embeddings):
        raise wrong(
            "rows", "cannot be compared: give inputs, logits, probabilities or embeddings", "ROWS_NOT_USABLE"
        )
    if isinstance(rows, Logits | Probabilities) and model.contract.task is Task.REGRESSION:
        raise wrong("rows", "are of classes, and the model gives values: send inputs", "ROWS_NOT_USABLE")
    _check_embeddings(rows, beside, reference)
    return rows


def _check_embeddings(rows: Sent, beside: Floats | None, reference: Reference) -> None:
    given = rows.values if isinstance(rows, Embeddings) else beside
    field = "rows.embeddings.shape" if isinstance(rows, Embeddings) else "embeddings.shape"
    if given is None:
        return
    if beside is not None and isinstance(rows, Inputs | Embeddings):
        raise wrong("embeddings", "come with these rows already", "EMBEDDINGS_TWICE")
    width = reference.manifest.embedding_width
    if given.shape[1] != width:
        has = f"embeddings of {width}" if width else "none, as the model has no embedding"
        raise wrong(field, f"is {list(given.shape)}, the reference has {has}", "BAD_SHAPE")
    if len(given) != rows.count:
        raise wrong(field, f"is {list(given.shape)}, there are {rows.count} rows", "BAD_SHAPE")
