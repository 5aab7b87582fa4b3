"""References for tests."""

from pathlib import Path

import numpy as np

from assayd_server.bundle import digest_of
