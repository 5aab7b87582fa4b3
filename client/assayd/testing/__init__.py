"""For your own tests: a real server within the test's process, on free ports.

    from assayd.testing import serving

    with serving("model.onnx") as server:
        scores = server.client().score(x)

It needs the server: pip install "assayd[server]". For pytest there is a fixture in assayd.testing.fixtures.
"""

from assayd.testing.server import Server, serving

__all__ = ["Server", "serving"]
