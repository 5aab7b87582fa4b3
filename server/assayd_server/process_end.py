"""The end of a process of which a thread cannot be ended."""

import os
import sys
from typing import NoReturn


def end_at_once() -> NoReturn:
    """Exit with code 0, and leave what is under way to the system.

    Python cannot end with a thread in ONNX Runtime or in obstore: the thread that comes back from there aborts.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
