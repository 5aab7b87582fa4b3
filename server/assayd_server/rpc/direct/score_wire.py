"""Requests and responses of Score as bytes, by the forms of those that came before."""

from google.protobuf.message import DecodeError

from assayd.v1 import scoring_pb2, tensor_pb2
from assayd_server.asks import Ask, Known
from assayd_server.rpc import requests, responses
from assayd_server.rpc.asked import Asked
from assayd_server.rpc.direct.request_form import RequestForms
from assayd_server.rpc.direct.response_form import ResponseForm
from assayd_server.rpc.direct.score import Read
from assayd_server.rpc.guarded import not_of_this_type
from assayd_server.score_job import Part
from assayd_server.scoring import part_of

_ONLINE = (scoring_pb2.LANE_UNSPECIFIED, scoring_pb2.LANE_ONLINE)


class ScoreReader:
    """Reads requests of inputs in the online lane. For one thread."""

    def __init__(self, limits: requests.RowLimits) -> None:
        """Nothing has come yet.

        Args:
            limits: how much one request may hold.
        """
        self._limits = limits
        self._forms: RequestForms[Ask | None] = RequestForms()
        """None is asked by those that are for a thread: parsed here only to know that, one of many megabytes would
        hold up all other calls."""
        self._asked = Asked(limits)

    def read(self, message: bytes) -> Read | None:
        """As of Reader."""
        form = self._forms.find(message)
        if form is not None:
            return Read(form.ask, form.rows(message), response) if form.ask is not None else None
        try:
            request = scoring_pb2.ScoreRequest.FromString(message)
        except DecodeError:
            raise not_of_this_type() from None
        sent = request.rows.inputs
        if request.lane not in _ONLINE or not sent.tensors or request.HasField("head") or request.neighbors:
            if len(sent.tensors) == 1:
                self._forms.learn_of_others(message, None, sent.tensors[0].data)
            return None
        if any(tensor.data_type == tensor_pb2.DATA_TYPE_STRING for tensor in sent.tensors):
            return None  # texts are read one by one, and no other call is taken meanwhile
        request.ClearField("rows")  # which leaves what was sent as it is
        ask = self._asked.of(request)
        rows = requests.inputs(sent, self._limits)
        self._forms.learn(message, ask, rows, sent.tensors[0].data)
        return Read(ask, rows, response)


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
