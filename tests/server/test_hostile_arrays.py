"""Arrays that a stranger wrote: headers that lie, archives that unpack to anything, objects that run code."""

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from assayd_server.archives import arrays_in
from assayd_server.bundle import ReferenceContent
from assayd_server.errors import ArtefactError
from assayd_server.held_out import read_rows
from assayd_server.mapped import mapped
from assayd_server.reference_file import read_reference


def refusal(read: Callable[[], object]) -> str:
    with pytest.raises(ArtefactError) as caught:
        read()
    (line,) = str(caught.value).splitlines()
    return line


def header(shape: str, *, descr: str = "'<f8'") -> bytes:
    """The beginning of a .npy file that says what it likes."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


class Harm:
    """What an unpickled object can do."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self._path,)


def archive(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return buffer.getvalue()


HOSTILE_ARRAYS = {
    "terabytes": header("(10**13,)".replace("10**13", "10000000000000")),
    "a product that wraps": header("(4294967296, 4294967296)"),
    "negative": header("(-1,)") + bytes(8),
    "code": header("__import__('os').system('id')"),
    "nested": header("(" * 5000 + ")" * 5000),
    "a header of megabytes": b"\x93NUMPY\x02\x00" + (2**26).to_bytes(4, "little") + b" " * 2**20,
    "a version to come": b"\x93NUMPY\x09\x00" + bytes(100),
    "half a header": header("(3,)")[:20],
}


@pytest.mark.parametrize("case", HOSTILE_ARRAYS)
def test_an_array_whose_header_lies_is_refused_before_there_is_room_for_it(tmp_path: Path, case: str) -> None:
    path = tmp_path / "vectors.npy"
    path.write_bytes(HOSTILE_ARRAYS[case])
    assert "vectors.npy: is no .npy file" in refusal(lambda: mapped(path))
    assert "is no NumPy file" in refusal(lambda: read_rows(path))
    content = archive(manifest=HOSTILE_ARRAYS[case])
    reference = ReferenceContent(Path("reference.npz"), content)
    assert "reference.npz: is no .npz file" in refusal(lambda: read_reference(reference))


def test_objects_in_arrays_are_never_unpickled(tmp_path: Path) -> None:
    harm = pickle.dumps(Harm(tmp_path / "harmed"))
    content = header("()", descr="'|O'") + harm
    (tmp_path / "m.npy").write_bytes(content)
    (tmp_path / "raw.npy").write_bytes(harm)
    for read in (
        lambda: mapped(tmp_path / "m.npy"),
        lambda: read_rows(tmp_path / "m.npy"),
        lambda: read_rows(tmp_path / "raw.npy"),
        lambda: arrays_in(io.BytesIO(archive(manifest=content)), tmp_path / "m.npz"),
    ):
        refusal(read)
    assert not (tmp_path / "harmed").exists()


def test_an_archive_that_unpacks_to_more_than_is_allowed_is_refused_before_it_is_unpacked() -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, a=np.zeros(2**20), b=np.zeros(2**20))
    assert len(buffer.getvalue()) < 2**15
    message = refusal(lambda: arrays_in(buffer, Path("r.npz"), bytes_max=2**23))
    assert message.startswith("r.npz: has 2 arrays of 16777472 bytes, allowed are 4096 of 8388608")


def test_an_archive_that_says_it_is_small_and_is_not_is_refused() -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, a=np.zeros(2**20))
    true, said = (2**23 + 128).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    content = buffer.getvalue()
    assert true in content
    assert "is no .npz file" in refusal(lambda: arrays_in(io.BytesIO(content.replace(true, said)), Path("r.npz")))
