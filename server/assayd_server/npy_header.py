"""What the header of a .npy file says of its array, held against the size of the file."""

import math
from typing import IO

from numpy.lib import format as npy


def check_header(file: IO[bytes], size: int) -> None:
    """Refuse an array that is larger than its file: NumPy makes room first, or maps what wraps around to little.

    Args:
        file: at its beginning.
        size: of all that there is, in bytes.

    Raises:
        ValueError: it is larger, or there is no header. NumPy reads none of more than 10,000 bytes.
        Exception: of any kind: a header is parsed as Python.
    """
    version = npy.read_magic(file)
    shape, _, dtype = (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(file)
    if any(length < 0 for length in shape) or math.prod(shape) * dtype.itemsize > size:
        raise ValueError("the array is larger than its file")
