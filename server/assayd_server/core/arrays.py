"""Array types that the formulas speak of."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]
Integers: TypeAlias = NDArray[np.integer[Any]]
Hashes: TypeAlias = NDArray[np.uint64]
Booleans: TypeAlias = NDArray[np.bool_]
