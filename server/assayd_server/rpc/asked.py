"""What requests ask for, told once for all that ask for the same."""

from assayd.v1 import scoring_pb2
from assayd_server.asks import Ask
from assayd_server.rpc import requests

_KEPT_MAX = 256
_KEY_BYTES_MAX = 4096


class Asked:
    """Asks by the bytes of their requests, rows left out. For one thread."""

    def __init__(self, limits: requests.RowLimits) -> None:
        """Nothing was asked for yet.

        Args:
            limits: how much one request may hold.
        """
        self._limits = limits
        self._asks: dict[bytes, Ask] = {}

    def of(self, request: scoring_pb2.ScoreRequest) -> Ask:
        """What a request asks for, which has no rows any more.

        Raises:
            InvalidArgumentError: as of requests.wanted.
        """
        key = request.SerializeToString()
        ask = self._asks.get(key)
        if ask is None:
            ask = Ask(requests.wanted(request, self._limits))
            if len(key) <= _KEY_BYTES_MAX:
                while len(self._asks) >= _KEPT_MAX:
                    self._asks.pop(next(iter(self._asks)))
                self._asks[key] = ask
        return ask
