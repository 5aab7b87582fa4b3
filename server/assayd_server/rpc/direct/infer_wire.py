"""Requests and responses of ModelInfer as bytes, by the forms of those that came before."""

from functools import partial

from google.protobuf.message import DecodeError

from assayd_server.caller import Lane
from assayd_server.engine import Engine
from assayd_server.errors import ServiceError
from assayd_server.rows import Inputs
from assayd_server.rpc.direct.request_form import NOWHERE, RequestForms
from assayd_server.rpc.direct.score import Read
from assayd_server.rpc.guarded import not_of_this_type
from assayd_server.rpc.open_inference.finding import found_model
from assayd_server.rpc.open_inference.infer_ask import InferAsk, infer_ask
from assayd_server.rpc.open_inference.infer_requests import inputs
from assayd_server.rpc.open_inference.infer_responses import response_bytes
from assayd_server.rpc.open_inference.open_inference_pb2 import ModelInferRequest
from assayd_server.rpc.requests import RowLimits
from assayd_server.servable import Servable

_KEPT_MAX = 256
_KEY_BYTES_MAX = 4096


class InferReader:
    """Reads requests whose numbers came as bytes. For one thread."""

    def __init__(self, engine: Engine, limits: RowLimits) -> None:
        """Nothing has come yet.

        Args:
            engine: has the models.
            limits: how much one request may hold.
        """
        self._engine = engine
        self._limits = limits
        self._forms: RequestForms[InferAsk] = RequestForms()
        self._asks: dict[tuple[bytes, str], InferAsk] = {}
        """By the bytes of their requests, rows and id left out, and the digest of their model."""

    def read(self, message: bytes) -> Read | None:
        """As of Reader."""
        form = self._forms.find(message)
        if form is not None and form.ask.lane is not Lane.ONLINE:
            return None
        if form is not None and (current := self._current(form.ask)) is not None:
            return _read(form.ask, form.rows(message), message[form.id], current)
        try:
            request = ModelInferRequest.FromString(message)
        except DecodeError:
            raise not_of_this_type() from None
        if not request.raw_input_contents or any(tensor.datatype == "BYTES" for tensor in request.inputs):
            return None  # elements are read one by one, and no other call is taken meanwhile
        model = found_model(self._engine, request.model_name, request.model_version, field="model_")
        infer = self._ask(request, model)
        place = _id_in(message, request)
        if infer.lane is not Lane.ONLINE:
            if place is not None and len(request.raw_input_contents) == 1:
                self._forms.learn_of_others(message, infer, request.raw_input_contents[0], id=place)
            return None
        rows = inputs(request, model, self._limits)
        if place is not None:
            self._forms.learn(message, infer, rows, request.raw_input_contents[0], id=place)
        return _read(infer, rows, request.id.encode(), model)

    def _current(self, infer: InferAsk) -> Servable | None:
        """The model that is meant, where it is still the one that an ask was read for."""
        try:
            model = self._engine.model(infer.ask.choice)
        except ServiceError:  # it is gone: parsed, the request gets its error
            return None
        return model if model.identity.digest == infer.digest else None

    def _ask(self, request: ModelInferRequest, model: Servable) -> InferAsk:
        """What it asks for, told once for all that ask for the same."""
        asking = ModelInferRequest(
            model_name=request.model_name,
            model_version=request.model_version,
            parameters=request.parameters,
            outputs=request.outputs,
        )
        key = (asking.SerializeToString(deterministic=True), model.identity.digest)
        found = self._asks.get(key)
        if found is None:
            found = infer_ask(asking, model)
            if len(key[0]) <= _KEY_BYTES_MAX:
                while len(self._asks) >= _KEPT_MAX:
                    self._asks.pop(next(iter(self._asks)))
                self._asks[key] = found
        return found


def _read(infer: InferAsk, rows: Inputs, request_id: bytes, model: Servable) -> Read:
    return Read(infer.ask, rows, partial(response_bytes, infer, request_id), infer.timeout_seconds, model)


def _id_in(message: bytes, request: ModelInferRequest) -> slice | None:
    """Where the id of a request is, if it has one; None where it is not where it usually is."""
    if not request.id:
        return NOWHERE
    upto = ModelInferRequest(
        model_name=request.model_name, model_version=request.model_version, id=request.id
    ).SerializeToString()
    return slice(len(upto) - len(request.id.encode()), len(upto)) if message.startswith(upto) else None
