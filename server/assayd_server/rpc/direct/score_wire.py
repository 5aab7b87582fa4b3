"""Requests and responses of Score as bytes, by the forms of those that came before."""

from collections import OrderedDict

from google.protobuf.message import DecodeError

from assayd.v1 import scoring_pb2, tensor_pb2
from assayd_server.asks import Ask, Known
from assayd_server.caller import Lane
from assayd_server.engine import Engine
from assayd_server.rpc import requests, responses
from assayd_server.rpc.asked import Asked
from assayd_server.rpc.direct.core_calls import CoreCall
from assayd_server.rpc.direct.request_form import RequestForms
from assayd_server.rpc.direct.response_form import ResponseForm
from assayd_server.rpc.direct.score import Read
from assayd_server.rpc.enums import LANES
from assayd_server.rpc.guarded import not_of_this_type
from assayd_server.rpc.scoring import caller
from assayd_server.score_job import Part
from assayd_server.scoring import part_of

_LENGTHS_MAX = 128


class ScoreReader:
    """Reads requests of inputs in either lane. For one thread."""

    def __init__(self, limits: requests.RowLimits) -> None:
        """Nothing has come yet.

        Args:
            limits: how much one request may hold.
        """
        self._limits = limits
        self._forms: RequestForms[tuple[Ask, Lane]] = RequestForms()
        self._asked = Asked(limits)
        self._lengths: OrderedDict[int, None] = OrderedDict()
        """Of requests of the bulk lane that may have a form."""

    def read(self, message: bytes) -> Read | None:
        """As of Reader."""
        form = self._forms.find(message)
        if form is not None:
            return Read(form.ask[0], form.rows(message), response, lane=form.ask[1])
        try:
            request = scoring_pb2.ScoreRequest.FromString(message)
        except DecodeError:
            raise not_of_this_type() from None
        sent, lane = request.rows.inputs, LANES.get(request.lane)
        if lane is None or not sent.tensors or request.HasField("head") or request.neighbors:
            return None
        if any(tensor.data_type == tensor_pb2.DATA_TYPE_STRING for tensor in sent.tensors):
            return None  # texts are read one by one, and no other call is taken meanwhile
        if lane is not Lane.ONLINE and (len(sent.tensors) > 1 or not self._has_come(len(message))):
            return None  # what has no form would be copied here each time, and to learn one takes a while
        request.ClearField("rows")  # which leaves what was sent as it is
        ask = self._asked.of(request)
        rows = requests.inputs(sent, self._limits)
        self._forms.learn(message, (ask, lane), rows, sent.tensors[0].data)
        return Read(ask, rows, response, lane=lane)

    def _has_come(self, length: int) -> bool:
        """Whether one of this length has come before, so that more may come."""
        if length in self._lengths:
            return True
        self._lengths[length] = None
        if len(self._lengths) > _LENGTHS_MAX:
            self._lengths.popitem(last=False)
        return False


def scored_alone(engine: Engine, read: Read, call: CoreCall) -> bytes:
    """The response to a call that is scored by itself, on its thread.

    Raises:
        ServiceError: it cannot be answered.
    """
    scores = engine.score(read.rows, read.ask.wanted, caller(call, read.lane))
    return responses.score(scores).SerializeToString()


def response(known: Known, part: Part) -> bytes:
    """The bytes of a ScoreResponse.

    Args:
        known: to which the scores belong.
        part: n rows of them.
    """
    scores, rows = part
    if not scores.rows.all_valid:
        return responses.score(part_of(scores, rows)).SerializeToString()
    row_count = rows.stop - rows.start
    form: ResponseForm | None = known.forms.get(row_count)
    if form is None:
        form = ResponseForm(scores, row_count)
        if len(known.forms) < known.forms_max:
            known.forms[row_count] = form
    return form.response(part)
