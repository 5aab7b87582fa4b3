"""The HTTP side, over real connections."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.client import HTTPConnection, HTTPResponse

import pytest
from prometheus_client import CollectorRegistry, Counter, make_wsgi_app
from prometheus_client.parser import text_string_to_metric_families

from assayd_server.errors import StartError
from assayd_server.probes import _REQUEST_SECONDS_MAX, Probes
from waiting import wait_until

HOST = "127.0.0.1"
THREADS_MAX = 64


@pytest.fixture
def open_probes() -> Iterator[Callable[..., Probes]]:
    """Probes on a free port, unless one is given."""
    with ExitStack() as stack:

        def start(port: int = 0, registry: CollectorRegistry | None = None) -> Probes:
            probes = Probes(host=HOST, port=port, metrics=make_wsgi_app(registry or CollectorRegistry()))
            stack.callback(probes.stop)
            return probes

        yield start


@pytest.fixture
def probes(open_probes: Callable[..., Probes]) -> Probes:
    return open_probes()


def get(probes: Probes, path: str, *, timeout: float = 20) -> tuple[int, str, HTTPResponse]:
    with closing(HTTPConnection(HOST, probes.port, timeout=timeout)) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode(), response


def test_a_server_that_is_loading_is_alive(probes: Probes) -> None:
    assert get(probes, "/healthz")[:2] == (200, "alive\n")


def test_a_server_that_is_loading_is_not_ready(probes: Probes) -> None:
    assert get(probes, "/readyz")[:2] == (503, "not ready\n")


def test_a_server_that_serves_is_ready(probes: Probes) -> None:
    probes.ready = True
    assert get(probes, "/readyz")[:2] == (200, "ready\n")


def test_a_server_that_drains_is_not_ready_but_alive(probes: Probes) -> None:
    probes.ready = True
    probes.ready = False
    assert [get(probes, path)[0] for path in ("/readyz", "/healthz")] == [503, 200]


@pytest.mark.parametrize("path", ["/healthz?verbose=1", "/readyz?x"])
def test_a_query_is_ignored(probes: Probes, path: str) -> None:
    probes.ready = True
    assert get(probes, path)[0] == 200


@pytest.mark.parametrize("path", ["/", "/health", "/metrics/", "/healthz/", "/../etc/passwd"])
def test_any_other_path_is_not_found(probes: Probes, path: str) -> None:
    assert get(probes, path)[:2] == (404, "there are /metrics, /healthz and /readyz\n")


def test_metrics_are_shown_as_prometheus_reads_them(open_probes: Callable[..., Probes]) -> None:
    registry = CollectorRegistry()
    Counter("assayd_things", "Things.", registry=registry).inc(3)
    status, text, response = get(open_probes(registry=registry), "/metrics")
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    assert (status, ("assayd_things_total", 3.0) in [(sample.name, sample.value) for sample in samples]) == (
        200,
        True,
    )
    assert response.getheader("Content-Type", "").startswith("text/plain")


def test_metrics_are_shown_before_the_server_is_ready(probes: Probes) -> None:
    assert get(probes, "/metrics")[0] == 200


def test_an_answer_says_how_long_it_is(probes: Probes) -> None:
    assert get(probes, "/healthz")[2].getheader("Content-Length") == str(len("alive\n"))


def test_a_free_port_is_found_and_named(open_probes: Callable[..., Probes]) -> None:
    first, second = open_probes(), open_probes()
    assert 0 < first.port != second.port > 0


def test_a_port_that_is_taken_stops_the_start(probes: Probes, open_probes: Callable[..., Probes]) -> None:
    with pytest.raises(StartError) as caught:
        open_probes(port=probes.port)
    assert str(caught.value) == f"metrics_port: cannot listen on {HOST}:{probes.port}: Address already in use"


def test_an_address_that_is_not_this_machines_stops_the_start() -> None:
    with pytest.raises(StartError, match=r"^metrics_port: cannot listen on 192\.0\.2\.1:0: "):
        Probes(host="192.0.2.1", port=0, metrics=make_wsgi_app(CollectorRegistry()))


def test_after_the_end_nobody_answers_and_the_port_is_free() -> None:
    probes = Probes(host=HOST, port=0, metrics=make_wsgi_app(CollectorRegistry()))
    probes.stop()
    with pytest.raises(ConnectionRefusedError):
        get(probes, "/healthz")
    Probes(host=HOST, port=probes.port, metrics=make_wsgi_app(CollectorRegistry())).stop()


def test_a_connection_that_sends_nothing_does_not_hold_up_the_others(probes: Probes) -> None:
    with socket.create_connection((HOST, probes.port)):
        assert get(probes, "/healthz", timeout=_REQUEST_SECONDS_MAX / 2)[0] == 200


def test_a_connection_that_sends_nothing_does_not_hold_up_the_end() -> None:
    probes = Probes(host=HOST, port=0, metrics=make_wsgi_app(CollectorRegistry()))
    with socket.create_connection((HOST, probes.port)):
        get(probes, "/healthz")  # so that the silent one, which came before, was accepted
        began = time.monotonic()
        probes.stop()
        assert time.monotonic() - began < _REQUEST_SECONDS_MAX / 2


def test_many_probes_at_once_are_all_answered(probes: Probes) -> None:
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda _: get(probes, "/healthz")[0], range(100)))
    assert statuses == [200] * 100


def test_a_hundred_idle_connections_take_a_few_threads_and_do_not_outlast_their_end(probes: Probes) -> None:
    before = set(threading.enumerate())

    def begun() -> int:
        return len(set(threading.enumerate()) - before)

    with ExitStack() as idle:
        for _ in range(100):
            idle.enter_context(socket.create_connection((HOST, probes.port)))
        wait_until(lambda: begun() >= THREADS_MAX)
        assert begun() == THREADS_MAX

    def answered() -> bool:
        try:
            return get(probes, "/healthz", timeout=_REQUEST_SECONDS_MAX)[:2] == (200, "alive\n")
        except ConnectionResetError:  # the ends of some of the hundred have not been noticed yet
            return False

    wait_until(answered)
    assert begun() <= THREADS_MAX


def test_probes_leave_no_trace_in_the_output(probes: Probes, capfd: pytest.CaptureFixture[str]) -> None:
    get(probes, "/healthz")
    get(probes, "/nope")
    with socket.create_connection((HOST, probes.port)) as connection:
        connection.sendall(b"no HTTP at all\r\n\r\n")
        while connection.recv(1000):
            pass
    assert capfd.readouterr() == ("", "")


def test_a_scraper_whose_wishes_make_no_sense_gets_the_page_as_text(probes: Probes) -> None:
    with closing(HTTPConnection(HOST, probes.port, timeout=20)) as connection:
        connection.request("GET", "/metrics", headers={"Accept": "application/openmetrics-text; version=abc"})
        response = connection.getresponse()
        assert (response.status, response.headers["Content-Type"].partition(";")[0]) == (200, "text/plain")
