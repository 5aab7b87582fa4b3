"""Hosts of a network of their own on this machine: network namespaces behind a bridge. It takes root."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_NAME = f"asd{os.getpid() % 100_000}"
"""Of the bridge, and of what is behind it; names of links have 15 characters at most."""
_NET = f"198.18.{os.getpid() % 250}"
"""Of the range that is kept for benchmarks of networks, so that it is nobody's."""
GATEWAY = f"{_NET}.1"
"""This machine, as those hosts see it."""


@dataclass(frozen=True, slots=True)
class Host:
    """One machine of the network."""

    number: int

    @property
    def address(self) -> str:
        """Of its only interface."""
        return f"{_NET}.{self.number}"

    @property
    def link(self) -> str:
        """Its port of the bridge."""
        return f"{_NAME}-{self.number}"

    def command(self, *words: str) -> list[str]:
        """One that runs there."""
        return ["ip", "netns", "exec", self.link, *words]

    def cut_off(self) -> None:
        """As if somebody pulled the cable: nothing comes and nothing goes, and nobody is told."""
        _ip("link", "set", self.link, "down")

    def reconnect(self) -> None:
        """Put it back."""
        _ip("link", "set", self.link, "up")


@dataclass(slots=True)
class Network:
    """The bridge, and the hosts behind it."""

    hosts: list[Host] = field(default_factory=list)

    def host(self) -> Host:
        """A new one."""
        new = Host(2 + len(self.hosts))
        self.hosts.append(new)
        _ip("netns", "add", new.link)
        _ip("link", "add", new.link, "type", "veth", "peer", "name", "eth0", "netns", new.link)
        _ip("link", "set", new.link, "master", _NAME, "up")
        for words in (("addr", "add", f"{new.address}/24", "dev", "eth0"), ("link", "set", "eth0", "up")):
            _ip("-n", new.link, *words)
        _ip("-n", new.link, "link", "set", "lo", "up")
        return new


@contextmanager
def network() -> Iterator[Network]:
    """A network; all of it is gone at the end."""
    made = Network()
    _ip("link", "add", _NAME, "type", "bridge")
    try:
        _ip("addr", "add", f"{GATEWAY}/24", "dev", _NAME)
        _ip("link", "set", _NAME, "up")
        yield made
    finally:
        for host in made.hosts:
            subprocess.run(["ip", "netns", "del", host.link], check=False)
        _ip("link", "del", _NAME)


def why_not() -> str:
    """Why there can be no network of one's own here; empty where there can."""
    if shutil.which("ip") is None:
        return "iproute2 is not here"
    if os.geteuid() != 0:
        return "network namespaces take root"
    try:
        with network() as tried:
            tried.host()
    except subprocess.CalledProcessError as error:
        return f"no network namespace can be had: {error.stderr.strip()}"
    return ""


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
