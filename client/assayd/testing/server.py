"""A real server within this process: the one place where the client's package knows of the server's."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from assayd.client import Client

if TYPE_CHECKING:
    from assayd_server.app import App

_QUICK = {
    "port": 0,
    "metrics_port": 0,
    "inference_threads": 1,
    "drain_delay_seconds": 0,
    "drain_grace_seconds": 1,
}
"""In place of the server's own defaults."""


class Server:
    """A server that answers until serving ends."""

    def __init__(self, app: "App", *, host: str, clients: ExitStack) -> None:
        """Clients are opened on this stack. Servers are made by serving."""
        self._app = app
        self._host = f"[{host}]" if ":" in host else host
        self._clients = clients

    @property
    def address(self) -> str:
        """Where it takes calls: "127.0.0.1:40123"."""
        return f"{self._host}:{self.port}"

    @property
    def metrics_address(self) -> str:
        """Where /metrics, /healthz and /readyz are, over HTTP: "127.0.0.1:40124"."""
        return f"{self._host}:{self.metrics_port}"

    @property
    def port(self) -> int:
        """Of the address."""
        return self._app.port

    @property
    def metrics_port(self) -> int:
        """Of the metrics' address."""
        return self._app.metrics_port

    def client(self, **arguments: Any) -> Client:
        """Open a client of this server, which is closed when serving ends.

        Args:
            **arguments: those of Client but for the address.
        """
        return self._clients.enter_context(Client(self.address, **arguments))

    def drain(self) -> None:
        """End it as SIGTERM would: finish what was accepted and answer no more."""
        self._app.drain()


@contextmanager
def serving(model: str | Path | bytes | None = None, **settings: Any) -> Iterator[Server]:
    """Serve a model until the block ends.

    Ports are free and the drain delay is 0, unless the settings say otherwise; ASSAYD_ variables do not count.
    Logs go to the standard library's logger "assayd_server". Several servers may run at once, from any thread.

    Args:
        model: an .onnx file, its bytes, or a folder of bundles; None for the model of `assayd demo`, which takes
            (n, 64) pixels of handwritten digits from 0 to 16, has 10 classes and an embedding of width 32.
        **settings: those of `assayd serve` but for log_level, with underscores: rows_max=100.

    Raises:
        ImportError: the server is not installed.
        assayd_server.errors.StartError: a setting is unknown or not allowed, or the model cannot be loaded; the
            sentence says which and why.
    """
    with ExitStack() as stack:
        source = _source(model, Path(stack.enter_context(TemporaryDirectory(prefix="assayd-"))))
        app, host = _app({**_QUICK, **source, **settings})
        stack.callback(app.drain)
        app.start()
        yield Server(app, host=host, clients=stack.enter_context(ExitStack()))


def _source(model: str | Path | bytes | None, folder: Path) -> dict[str, Path]:
    """The setting that names the model; bytes are put into the folder."""
    if isinstance(model, bytes):
        path = folder / "model.onnx"
        path.write_bytes(model)
    else:
        path = _demo_models() if model is None else Path(model)
    return {"repository" if path.is_dir() else "model": path}


def _demo_models() -> Path:
    import assayd_server

    return Path(assayd_server.__path__[0]) / "demo" / "models"


def _app(values: Mapping[str, Any]) -> tuple["App", str]:
    """A server that is bound and does not answer yet, and the host it listens on."""
    try:
        from assayd_server.app import App
        from assayd_server.configuring import of_program
        from assayd_server.errors import StartError
    except ImportError as error:
        raise ImportError('assayd.testing starts a server: pip install "assayd[server]"') from error
    if "log_level" in values:
        raise StartError('log_level: set the level of logging.getLogger("assayd_server") instead')
    settings = of_program(values)
    return App(settings), settings.host
