"""Code that calls assayd, and its tests: pytest examples/test_triage.py"""

from collections.abc import Callable

import numpy as np
import pytest

from assayd import ChannelSettings, Client, UnavailableError
from assayd.testing import Server

pytest_plugins = ["assayd.testing.fixtures"]


def for_a_person(client: Client, images: np.ndarray) -> list[int]:
    """Which images a person should look at; all of them, while nobody answers."""
    try:
        scores = client.score(images, uncertainties=["entropy"], deadline_seconds=2)
    except UnavailableError:
        return list(range(len(images)))
    unsure = ~scores.valid | (scores.uncertainty["entropy"] > 0.5)
    return np.flatnonzero(unsure).tolist()


@pytest.fixture
def server(assayd_server: Callable[..., Server]) -> Server:
    return assayd_server()  # the demo's digits; your own: assayd_server("model.onnx", rows_max=1000)


def test_a_blank_image_goes_to_a_person_and_clear_digits_do_not(server: Server) -> None:
    zero, one, _blank = images = np.zeros((3, 8, 8), np.uint8)
    zero[1:7, [2, 5]] = zero[[1, 6], 2:6] = 15
    one[1:7, 3:5] = 15
    assert for_a_person(server.client(), images.reshape(3, 64)) == [2]


def test_without_an_answer_every_image_goes_to_a_person(server: Server) -> None:
    client = server.client(settings=ChannelSettings(attempts_max=1))
    server.drain()
    assert for_a_person(client, np.zeros((3, 64), np.uint8)) == [0, 1, 2]
