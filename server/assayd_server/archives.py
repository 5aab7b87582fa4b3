"""The arrays of a .npz file, in memory: as large as they may be, and never unpickled."""

import zlib
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, ZipFile, ZipInfo

from numpy.lib import format as npy
from numpy.typing import NDArray

from assayd_server.errors import ArtefactError
from assayd_server.npy_header import check_header

ARRAYS_MAX = 4096
BYTES_MAX = 4 * 1024**3
"""Of all arrays of a file: what is packed takes a thousandth of it."""
_ENDING = ".npy"
_UNREADABLE = (
    ValueError, EOFError, OSError, KeyError, AttributeError, TypeError, RuntimeError, SyntaxError, BadZipFile,
    zlib.error, MemoryError,
)  # fmt: skip
"""What NumPy and zipfile raise on bytes that are not what they should be, or that they cannot read."""


def arrays_in(file: IO[bytes], path: Path, *, bytes_max: int = BYTES_MAX) -> dict[str, NDArray[Any]]:
    """The arrays of a .npz file, by name.

    Args:
        file: its content.
        path: where it is from, for messages.
        bytes_max: of all arrays, as they are in memory: what they say of their sizes is added up first.

    Raises:
        ArtefactError: it is none, holds Python objects, or is larger than that.
    """
    try:
        with ZipFile(file) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(_ENDING)]
            size = sum(member.file_size for member in members)
            if len(members) <= ARRAYS_MAX and size <= bytes_max:
                return dict(_read(archive, member) for member in members)
    except _UNREADABLE:
        raise ArtefactError(f"{path}: is no .npz file of numbers, or was not written to its end") from None
    raise ArtefactError(
        f"{path}: has {len(members)} arrays of {size} bytes, allowed are {ARRAYS_MAX} of {bytes_max}"
    )


def _read(archive: ZipFile, member: ZipInfo) -> tuple[str, NDArray[Any]]:
    with archive.open(member) as file:
        check_header(file, member.file_size)
    with archive.open(member) as file:
        array = npy.read_array(file, allow_pickle=False)
        if file.read(1):
            raise ValueError("there is more than an array")
    return member.filename.removesuffix(_ENDING), array
