"""Checks that are named, and told of one a line; for scripts that run in other environments."""

import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

TOLERANCE = 1e-6
Check = Callable[..., Any]


class Checks:
    """What a script looks at, in the order in which it was written down."""

    def __init__(self) -> None:
        """None yet."""
        self._checks: dict[str, Check] = {}

    def __call__(self, check: Check) -> Check:
        """Add one; its name says what it is about."""
        self._checks[check.__name__.replace("_", " ")] = check
        return check

    def run(self, *arguments: Any) -> None:
        """Run all of them, and end the program: not well if one has failed."""
        failed = 0
        for name, check in self._checks.items():
            try:
                check(*arguments)
                print(f"ok      {name}")
            except Exception as error:  # the others are run all the same
                failed += 1
                print(f"FAILED  {name}: {type(error).__name__}: {' '.join(str(error).split())[:300]}")
                traceback.print_exc(file=sys.stderr)
        sys.exit(1 if failed else 0)


def expected(path: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The rows, and what assayd's own client was told of them, by the names of outputs."""
    found = dict(np.load(Path(path)))
    return found.pop("rows"), found


def agree(found: np.ndarray, wanted: np.ndarray) -> None:
    """Raise unless two arrays are the same to 1e-6."""
    np.testing.assert_allclose(found, wanted, rtol=0, atol=TOLERANCE)
