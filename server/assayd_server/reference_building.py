"""What `assayd reference build` and `assayd reference show` do."""

from pathlib import Path

from assayd_server import servable
from assayd_server.bundle import (
    FILE_BYTES_MAX,
    REFERENCE_FILE,
    Bundle,
    ReferenceContent,
    content_of,
    digest_of,
    read_file,
    read_folder,
)
from assayd_server.bundle_writing import name_file, put
from assayd_server.core.arrays import Integers
from assayd_server.core.tasks import Task
from assayd_server.cpus import usable_cpus
from assayd_server.errors import ArtefactError
from assayd_server.features import FeatureNames
from assayd_server.held_out import read_labels
from assayd_server.known_rows import known_by_heart
from assayd_server.loading import load_one
from assayd_server.progress import shown
from assayd_server.reference_content import reference_content
from assayd_server.reference_description import described_reference
from assayd_server.reference_file import read_reference
from assayd_server.reference_rows import run
from assayd_server.reference_wanted import ReferenceWanted
from assayd_server.row_files import open_rows
from assayd_server.servable import Servable


def build(wanted: ReferenceWanted) -> str:
    """Make a reference, and say what it is.

    Raises:
        StartError: flags do not go together, rows or labels are not what they should be, or nothing can be
            written.
    """
    wanted.check()
    bundle, model = _loaded(wanted)
    rows = open_rows(wanted.rows, model, columns=wanted.columns)
    names = FeatureNames(model.contract.inputs, rows.columns)
    features = [names.find(name) for name in wanted.features]
    seen = run(model, rows, features)
    train = (
        None
        if wanted.train is None
        else run(model, open_rows(wanted.train, model, columns=wanted.columns), features)
    )
    labels = None if wanted.labels is None else _labels(wanted.labels, model, len(seen))
    with shown("looking between the rows"):
        surer = known_by_heart(model, rows, len(seen))
    content = reference_content(bundle, model, seen, train=train, labels=labels, features=features, surer=surer)
    place = wanted.output or _in_bundle(wanted)
    described = _described(place, content)  # which reads it: what no server would take is not written
    put(place, content)
    if wanted.bundle is not None:
        name_file(wanted.bundle, REFERENCE_FILE, digest_of(content))
    return f"{described}\nwritten to {place}"


def show(path: Path) -> str:
    """What a reference is.

    Raises:
        ArtefactError: it is not whole.
    """
    return _described(path, content_of(path))


def _described(path: Path, content: bytes) -> str:
    described = described_reference(read_reference(ReferenceContent(path, content)))
    return f"{described}\nsize: {len(content):,} bytes, allowed are {FILE_BYTES_MAX:,}"


def _in_bundle(wanted: ReferenceWanted) -> Path:
    assert wanted.bundle is not None  # one of the two is given
    return wanted.bundle / REFERENCE_FILE


def _loaded(wanted: ReferenceWanted) -> tuple[Bundle, Servable]:
    path = wanted.model or wanted.bundle
    assert path is not None  # one of the two is given
    bundle = read_file(path) if wanted.bundle is None else read_folder(path.resolve())
    if bundle.reference is not None:
        raise ArtefactError(f"{path}: has a reference already, write a new version of the bundle for another one")

    def load(found: Bundle) -> Servable:
        return servable.load(found, threads=usable_cpus(), chosen=wanted.chosen)

    return bundle, load_one(path, lambda _: bundle, load)


def _labels(path: Path, model: Servable, row_count: int) -> Integers:
    if model.contract.task is not Task.MULTICLASS:
        raise ArtefactError(
            f"--labels: are of rows that have one of several classes, this model is for {model.contract.task}"
        )
    labels = read_labels(path, names=model.labels, class_count=model.contract.class_count)
    if len(labels) != row_count:
        raise ArtefactError(f"{path}: has {len(labels)} labels, there are {row_count} rows")
    return labels
