"""Whether the stock health servicer survives clients that open and close Watch: python benchmarks/health_watch.py.

Starts a server with nothing but grpcio-health-checking's servicer, in a process of its own; a few clients watch,
read one status and cancel, again and again. Prints after how many watches the server no longer answers Check.
"""

import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

CLIENTS = 4
SECONDS_MAX = 10.0
CHECK_SECONDS = 2.0
REQUEST = health_pb2.HealthCheckRequest()


def serve(connection: Connection) -> None:
    """The server, until its process is killed."""
    server = grpc.server(ThreadPoolExecutor(8))
    health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
    connection.send(server.add_insecure_port("127.0.0.1:0"))
    server.start()
    server.wait_for_termination(2 * SECONDS_MAX)


def answers(port: int) -> bool:
    """Whether Check is answered."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            health_pb2_grpc.HealthStub(channel).Check(REQUEST, timeout=CHECK_SECONDS)
        except grpc.RpcError:
            return False
        return True


def watch(port: int, watched: list[int], stop: threading.Event) -> None:
    """Open a Watch, read one status, cancel; again and again."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        while not stop.is_set():
            call = stub.Watch(REQUEST, timeout=CHECK_SECONDS)
            try:
                next(call)
            except grpc.RpcError:
                return
            call.cancel()
            watched.append(1)


def main() -> None:
    """Print what came of it."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=[there], daemon=True)
    process.start()
    port, watched, stop = here.recv(), list[int](), threading.Event()
    threads = [threading.Thread(target=watch, args=[port, watched, stop]) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    end, alive = time.monotonic() + SECONDS_MAX, True
    while alive and time.monotonic() < end:
        alive = answers(port)
    stop.set()
    for thread in threads:
        thread.join()
    process.kill()
    said = "still answers" if alive else "no longer answers Check"
    print(f"grpcio {grpc.__version__}: after {len(watched)} watches of {CLIENTS} clients the server {said}")


if __name__ == "__main__":
    main()
