"""Arrays in .npy files, mapped into memory: nothing is read but what is looked at, and nothing is unpickled."""

import hashlib
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.errors import ArtefactError
from assayd_server.npy_header import check_header


def mapped(path: Path) -> NDArray[Any]:
    """The array of a .npy file, read-only.

    Raises:
        ArtefactError: it cannot be read, is no array of numbers or bytes, or has more or fewer bytes than it says.
    """
    try:
        with path.open("rb") as file:
            check_header(file, path.stat().st_size)
        array = np.lib.format.open_memmap(path, mode="r")
        surplus = path.stat().st_size - array.offset - array.nbytes
    except OSError as error:
        raise ArtefactError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception:  # a header is parsed as Python, and may fail in any way
        raise ArtefactError(f"{path}: is no .npy file of numbers or text, or was not written to its end") from None
    if surplus:
        raise ArtefactError(f"{path}: has {surplus} bytes after its array")
    return array.view(np.ndarray)


def file_digest(path: Path) -> str:
    """The SHA-256 of a file of any size, as a manifest has it.

    Raises:
        ArtefactError: it cannot be read.
    """
    try:
        mode = path.stat().st_mode
        if not S_ISREG(mode) and not S_ISDIR(mode):  # a pipe would be waited for
            raise ArtefactError(f"{path}: is no file")
        with path.open("rb") as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    except OSError as error:
        raise ArtefactError(f"{path}: cannot be read: {error.strerror}") from None
