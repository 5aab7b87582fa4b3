"""What `assayd index build` and `assayd index show` do."""

from pathlib import Path

from assayd_server.bundle import POOL_FILE
from assayd_server.bundle_writing import name_file
from assayd_server.cpus import usable_cpus
from assayd_server.errors import ArtefactError
from assayd_server.given_ids import ids_in, row_numbers
from assayd_server.index_source import source_of
from assayd_server.index_wanted import Wanted
from assayd_server.index_writing import write_index
from assayd_server.partial_pool import PartialPool, partial_pool
from assayd_server.pool_description import described_pool
from assayd_server.pool_folder import read_pool
from assayd_server.pool_writing import write_content, write_pool_manifest
from assayd_server.vector_sources import VectorSource


def build(wanted: Wanted) -> str:
    """Build a pool, or what is left of it, and say what it is.

    Raises:
        StartError: flags do not go together, vectors, rows or ids are not what they should be, or nothing can be
            written.
    """
    wanted.check()
    source = source_of(wanted)
    with partial_pool(wanted.place) as partial:
        left_out = _build(wanted, source, partial)
        pool = read_pool(wanted.place)
        if wanted.bundle is not None:
            name_file(wanted.bundle, POOL_FILE, pool.digest)
    lines = [described_pool(pool)]
    if left_out:
        lines.append(f"left out: {left_out:,} rows that cannot be in a pool")
    return "\n".join([*lines, f"written to {wanted.place}"])


def show(folder: Path) -> str:
    """What a pool is.

    Raises:
        ArtefactError: it is not whole.
    """
    return described_pool(read_pool(folder))


def _build(wanted: Wanted, source: VectorSource, partial: PartialPool) -> int:
    """How many rows were left out."""
    if not partial.begin({"vectors": source.job(), "pool": wanted.job()}, restart=wanted.restart):
        return 0
    ids = ids_in(wanted.ids) if wanted.ids is not None else source.ids
    if ids is not None:  # before any row is embedded: what is wrong with an id is better known early
        count = partial.check_ids(ids)
        if source.row_count not in (None, count):
            raise ArtefactError(f"{ids.source}: there are {count} ids, of {source.row_count} rows")
    vectors = source.vectors(partial.folder)
    folder = partial.empty_pool()
    content = write_content(
        folder,
        vectors,
        ids or row_numbers(len(vectors)),
        metric=wanted.metric,
        skip_invalid=wanted.skip_invalid,
    )
    index = write_index(folder, content.stored, kind=wanted.kind, threads=usable_cpus())
    write_pool_manifest(folder, content, index, source.origin)
    partial.put_in_place()
    return content.left_out
