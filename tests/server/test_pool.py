"""Indexes of every kind: of any size, written and read again, and refused where a file is not what is due."""

import os
import struct
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from assayd_server import pool
from assayd_server.core.similarity import Metric
from assayd_server.errors import ArtefactError
from assayd_server.nearest import NearestSearch
from assayd_server.pool import Index, Kind
from assayd_server.stored_vectors import StoredVectors
from vector_pools import clusters, stored

INDEXED = [kind for kind in Kind if kind is not Kind.FLAT]


def built(kind: Kind, searched: StoredVectors, path: Path) -> Index:
    index = pool.build(searched, kind, threads=1)
    index.write(path)
    return index


def read(path: Path, index: Index, searched: StoredVectors, **changed: str) -> Index:
    return pool.read(path, kind=index.kind, parameters=index.parameters | changed, stored=searched)


@pytest.mark.parametrize("kind", INDEXED)
@pytest.mark.parametrize("row_count", [1, 2, 3, 40])
@pytest.mark.parametrize("dimension", [1, 3, 17])
def test_a_pool_of_any_size_can_have_any_kind_of_index(
    kind: Kind, row_count: int, dimension: int, tmp_path: Path
) -> None:
    vectors = clusters(row_count, dimension)
    searched = stored(vectors, Metric.L2)
    index = read(tmp_path / "x", built(kind, searched, tmp_path / "x"), searched)
    found = NearestSearch(searched, index, threads=1).nearest(vectors, row_count)
    assert found.rows[:, 0].tolist() == list(range(row_count))
    assert (found.counts == row_count).all()


@pytest.mark.parametrize("kind", INDEXED)
@pytest.mark.parametrize("metric", Metric)
def test_an_index_that_was_read_proposes_what_the_written_one_did(
    kind: Kind, metric: Metric, tmp_path: Path
) -> None:
    vectors = clusters(900, 10)
    searched = stored(vectors, metric)
    index = built(kind, searched, tmp_path / "x")
    again = read(tmp_path / "x", index, searched)
    assert (again.kind, again.parameters) == (index.kind, index.parameters)
    queries = searched.searched[:50]
    proposed = again.candidates(queries, 12, threads=1)
    np.testing.assert_array_equal(proposed, index.candidates(queries, 12, threads=1))
    assert proposed.dtype == np.int64
    assert proposed.shape[1] >= 12
    assert proposed.min() >= -1
    assert proposed.max() < 900


@pytest.mark.parametrize("kind", INDEXED)
def test_the_same_vectors_give_the_same_file(kind: Kind, tmp_path: Path) -> None:
    searched = stored(clusters(700, 10))
    for name in ("one", "other"):
        built(kind, searched, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


@pytest.mark.parametrize("kind", [Kind.IVF, Kind.IVFPQ, Kind.LSH])
def test_each_row_is_in_a_cell_together_with_others_like_it(kind: Kind) -> None:
    vectors = clusters(1000, 12, cluster_count=10, sigma=0.01)
    cells = pool.build(stored(vectors), kind, threads=1).cells
    assert cells is not None
    assert (cells.dtype, cells.shape) == (np.int32, (1000,))
    assert cells.min() >= 0
    alike = NearestSearch(stored(vectors), None, threads=1).exact(vectors, 2, own=np.arange(1000)).rows
    assert (cells[alike[:, 0]] == cells).mean() > 0.3  # by chance it would be 0.02
    for cell in np.unique(cells):
        mates = vectors[cells == cell]
        assert np.linalg.norm(mates - mates[0], axis=1).max() < 1


def test_a_graph_has_no_cells() -> None:
    assert pool.build(stored(clusters(100, 4)), Kind.HNSW, threads=1).cells is None


@pytest.mark.parametrize("kind", INDEXED)
def test_an_index_is_refused_that_is_not_the_one_of_the_manifest(kind: Kind, tmp_path: Path) -> None:
    vectors, path = clusters(640, 12), tmp_path / "index.faiss"
    searched = stored(vectors)
    index = built(kind, searched, path)
    others = [
        stored(vectors[:, :11]),
        stored(vectors[:639]),
        stored(np.concatenate([vectors, vectors])),
        stored(vectors, Metric.L2),
    ]
    for other in others:
        with pytest.raises(ArtefactError, match=r"index\.faiss: .*(not the|not those)"):
            read(path, index, other)
    for other_kind in set(INDEXED) - {kind}:
        others_index = pool.build(searched, other_kind, threads=1)
        with pytest.raises(
            ArtefactError, match=f"not the {other_kind} index that its manifest tells of, over 640 rows"
        ):
            read(path, others_index, searched)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"cells": "41"}, "not the ivf index"),
        ({"cells": "many"}, "parameters of its manifest are not those of ivf"),
        ({"bytes": "13"}, "bytes is '13' where '12' is due"),
        ({"probes": "0"}, "probes is 0"),
        ({"fetch": "1e9"}, "fetch is 1000000000.0"),
        ({"fetch": "nan"}, "fetch is nan"),
    ],
)
def test_parameters_that_a_kind_does_not_have_are_refused(
    changed: dict[str, str], words: str, tmp_path: Path
) -> None:
    searched = stored(clusters(640, 12))
    index = built(Kind.IVF, searched, tmp_path / "x")
    with pytest.raises(ArtefactError, match=words):
        read(tmp_path / "x", index, searched, **changed)
    with pytest.raises(ArtefactError, match="not those of ivf: 'cells'"):
        pool.read(tmp_path / "x", kind=Kind.IVF, parameters={}, stored=searched)


@pytest.mark.parametrize("content", [b"", b"x", b"IxFI" + bytes(200), bytes(5000)])
def test_a_file_that_is_no_index_is_refused(content: bytes, tmp_path: Path) -> None:
    searched = stored(clusters(640, 12))
    index = built(Kind.IVF, searched, tmp_path / "x")
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ArtefactError, match="x: is no index of a pool, or not all of one"):
        read(tmp_path / "x", index, searched)
    ending = b"assayd.index.1\n" + struct.pack("<Q", len(content))
    (tmp_path / "x").write_bytes(content + ending)
    with pytest.raises(ArtefactError, match=r"x: (faiss cannot read it|is not the ivf index)"):
        read(tmp_path / "x", index, searched)
    (tmp_path / "x").unlink()
    with pytest.raises(ArtefactError, match="x: cannot be read: No such file"):
        read(tmp_path / "x", index, searched)


SPOILING = """
    import os, sys
    from pathlib import Path
    import numpy as np
    from assayd_server import pool
    from assayd_server.errors import ArtefactError
    from assayd_server.nearest import NearestSearch
    from vector_pools import clusters, stored

    kind, path = pool.Kind(sys.argv[1]), Path(sys.argv[2])
    searched = stored(clusters(600, 13))
    index = pool.build(searched, kind, threads=1)
    index.write(path)
    content = path.read_bytes()
    whole, ending = content[:-23], content[-23:]
    random = np.random.default_rng(0)
    spoilt = [content[:size] for size in random.integers(0, len(content), 60)]
    for place in np.concatenate([np.arange(0, 240, 4), random.integers(0, len(whole), 60)]):
        for mask in (1, 64, 255):
            spoilt.append(whole[:place] + bytes([whole[place] ^ mask]) + whole[place + 1:] + ending)
    refused = 0
    for case in spoilt:
        path.write_bytes(case)
        try:
            read = pool.read(path, kind=kind, parameters=index.parameters, stored=searched)
        except ArtefactError:
            refused += 1
            continue
        found = NearestSearch(searched, read, threads=1).nearest(searched.searched[:20], 5)
        assert found.rows.min() >= 0 and found.rows.max() < 600 and (found.counts == 5).all()
    assert refused >= 60, refused
    status = Path("/proc/self/status")  # the peak that getrusage tells begins with that of the tests' own process
    lines = status.read_text().splitlines() if status.exists() else []
    peak = next((line for line in lines if "VmHWM" in line), "")
    assert not peak or int(peak.split()[1]) < 600 * 1024, peak
    print("lives", refused)
"""


@pytest.mark.parametrize("kind", INDEXED)
def test_no_spoilt_file_ends_the_process_or_takes_its_memory(kind: Kind, tmp_path: Path) -> None:
    """As if its digest were right: what is cut off is refused, and what is flipped is refused or searched."""
    command = [sys.executable, "-c", textwrap.dedent(SPOILING), kind, str(tmp_path / "x")]
    own = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    result = subprocess.run(command, env=own, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stderr[-2000:]
    assert "lives" in result.stdout
