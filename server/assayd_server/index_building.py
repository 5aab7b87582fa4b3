"""What `assayd index build` does: a pool from vectors."""

import shutil
from pathlib import Path

from assayd_server.core.similarity import Metric
from assayd_server.given_ids import ids_in, row_numbers
from assayd_server.given_vectors import vectors_in
from assayd_server.index_writing import write_index
from assayd_server.partial_pool import check_free, put_in_place
from assayd_server.pool_folder import read_pool
from assayd_server.pool_writing import Origin, write_content, write_pool_manifest


def build(vectors: Path, output: Path, *, ids: Path | None, metric: Metric, skip_invalid: bool) -> str:
    """Build a pool, and say what it is.

    Raises:
        ArtefactError: the vectors or the ids are not what they should be, or nothing can be written.
    """
    check_free(output)
    given = vectors_in(vectors)
    given_ids = row_numbers(len(given)) if ids is None else ids_in(ids, row_count=len(given))
    partial = output.with_name(f"{output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    built = partial / "pool"
    built.mkdir(parents=True)
    content = write_content(built, given, given_ids, metric=metric, skip_invalid=skip_invalid)
    write_pool_manifest(built, content, write_index(content.stored), Origin())
    put_in_place(built, output)
    shutil.rmtree(partial)
    pool = read_pool(output)
    return f"{pool.digest}\n{pool.manifest.row_count} rows of {pool.manifest.dimension}\nwritten to {output}"
