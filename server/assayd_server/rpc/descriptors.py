"""The descriptors of all services, of which some have a pool of their own: what reflection looks into."""

from collections.abc import Sequence
from typing import Any

from google.protobuf import descriptor_pool

from assayd_server.rpc.open_inference.open_inference_pb2 import DESCRIPTOR


class Pools:
    """Several pools as one, as far as reflection asks; what is in two of them is taken from the first."""

    def __init__(self, pools: Sequence[Any]) -> None:
        """Ask these pools."""
        self._pools = pools

    def __getattr__(self, name: str) -> Any:
        """A way to look something up: in one pool after the other."""

        def find(*arguments: Any) -> Any:
            for pool in self._pools[:-1]:
                try:
                    return getattr(pool, name)(*arguments)
                except (KeyError, TypeError):  # TypeError: a descriptor of another pool
                    continue
            return getattr(self._pools[-1], name)(*arguments)

        return find


def of_all_services() -> Any:
    """Those of assayd, of health, of reflection itself, and of the Open Inference Protocol."""
    return Pools((DESCRIPTOR.pool, descriptor_pool.Default()))
