"""The chart, loaded once for a module."""

from collections.abc import Iterator

import helm_python
import pytest

from helm.rendering import CHART_DIR


@pytest.fixture(scope="module")
def chart() -> Iterator[helm_python.Chart]:
    with helm_python.Chart.load(CHART_DIR) as loaded:
        yield loaded
