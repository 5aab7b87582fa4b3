"""A model that is ready to answer: its bundle, its contract and its session."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assayd_server import logs, softmax_nodes
from assayd_server.bundle import Bundle, Identity, InputEntry
from assayd_server.contract import Choice, Contract, TensorSpec
from assayd_server.core.arrays import Floats
from assayd_server.core.tasks import Task
from assayd_server.errors import ArtefactError, FailedPreconditionError, InvalidArgumentError
from assayd_server.feeds import Matches, cast
from assayd_server.forward import SOFTMAX, Forward, Softmax, forward_of, own_output
from assayd_server.graph import Graph, prepare
from assayd_server.last_layer import LastLayer, find_last_layer
from assayd_server.loaded_pool import LoadedPool
from assayd_server.model import ModelRunError, OnnxModel
from assayd_server.pool_fitting import pool_for
from assayd_server.reading import read_contract
from assayd_server.reference_file import Reference
from assayd_server.reference_fitting import reference_for
from assayd_server.rows import Inputs

_log = logs.get_logger()


class _Asked(NamedTuple):
    """What a pass is asked for."""

    roles: Sequence[str]
    names: Sequence[str]
    """Of the outputs of these roles, of others as they are, and of those of the softmax where it is asked for."""
    shapes: Sequence[tuple[int, ...]]
    """Of a row, by role."""
    own: Mapping[str, int]
    """Outputs that are wanted as they are: their places among the names."""
    softmax_from: int
    """Where the softmax begins among the names."""


class Servable:
    """One version of one model."""

    def __init__(
        self,
        bundle: Bundle,
        model: OnnxModel,
        contract: Contract,
        *,
        labels: tuple[str, ...],
        graph: Graph,
        pool: LoadedPool | None = None,
        reference: Reference | None = None,
        has_softmax: bool = False,
    ) -> None:
        self.identity: Identity = bundle.identity
        self.contract = contract
        self.labels = labels
        self.label_bytes_max = max((len(label.encode()) + 16 for label in labels), default=0)  # in a response
        self.temperature = bundle.manifest.temperature
        self.pool = pool
        self.reference = reference
        self.has_softmax = has_softmax
        """Whether a pass can be asked for the role SOFTMAX."""
        self._asked: dict[tuple[str, ...], _Asked] = {}
        self._model = model
        self._matches = Matches(contract.inputs)
        layer = _last_layer(graph, contract)
        self.last_layer: LastLayer | None = None if isinstance(layer, str) else layer
        self.why_no_last_layer = layer if isinstance(layer, str) else ""

    def match(self, rows: Inputs) -> Mapping[str, NDArray[Any]]:
        """The arrays of a request by input.

        Raises:
            InvalidArgumentError: they do not fit the model.
        """
        return self._matches.of(rows.tensors)

    def forward(self, arrays: Mapping[str, NDArray[Any]], *, row_count: int, roles: Sequence[str]) -> Forward:
        """Run the model once.

        Args:
            arrays: what match gave.
            row_count: n; for 0 the model is not run, because not every graph can.
            roles: which outputs are wanted: logits, probabilities, values, embedding. The model must have them.

        Raises:
            ServiceError: the model failed on these rows.
        """
        return self.forward_fed(self.fed(arrays), row_count=row_count, roles=roles)

    def fed(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """What match gave, in the model's own types."""
        return cast(self.contract.inputs, arrays)

    def forward_fed(self, fed: Mapping[str, NDArray[Any]], *, row_count: int, roles: Sequence[str]) -> Forward:
        """As forward, of arrays that have the model's own types."""
        if row_count == 0:
            return self._nothing(roles)
        asked = self._asked_of(tuple(roles))
        given = self._run(fed, asked.names)
        for output, shape in zip(given, asked.shapes, strict=False):
            if output.shape[1:] != shape or len(output) != row_count:
                raise self._gave_another_shape(output, (row_count, *shape))
        forward = forward_of(dict(zip(asked.roles, given, strict=False)))
        if asked.own:
            forward = replace(forward, tensors=self._as_given(asked.own, given, row_count))
        if len(given) == asked.softmax_from or forward.logits is None or not _is_tame(forward.logits):
            return forward
        said: list[Any] = given[asked.softmax_from :]
        return Forward(
            forward.logits, embeddings=forward.embeddings, softmax=Softmax(*said), tensors=forward.tensors
        )

    def release_memory(self) -> None:
        """Give back what the model keeps for its next pass."""
        self._model.release_memory()

    def _asked_of(self, roles: tuple[str, ...]) -> _Asked:
        asked = self._asked.get(roles)
        if asked is None:
            known = [role for role in roles if role in self.contract.roles]
            names = [self.contract.roles[role] for role in known]
            own = [name for role in roles if (name := own_output(role)) is not None]
            names = list(dict.fromkeys([*names, *own]))
            softmax = softmax_nodes.OUTPUTS if SOFTMAX in roles else ()
            asked = self._asked[roles] = _Asked(
                known,
                [*names, *softmax],
                [self._row_shape(role) for role in known],
                {name: names.index(name) for name in own},
                len(names),
            )
        return asked

    def _nothing(self, roles: Sequence[str]) -> Forward:
        """What a pass of no rows gives."""
        known = [role for role in roles if role in self.contract.roles]
        own = {name for role in roles if (name := own_output(role)) is not None}
        forward = forward_of({role: np.empty((0, *self._row_shape(role)), np.float32) for role in known})
        specs = [spec for spec in self.contract.outputs if spec.name in own]
        tensors = {
            spec.name: np.empty(
                (0, *(length or 0 for length in spec.shape[1:])),
                object if spec.data_type == "string" else spec.data_type,
            )
            for spec in specs
        }
        return replace(forward, tensors=tensors) if own else forward

    def _as_given(
        self, places: Mapping[str, int], given: Sequence[NDArray[Any]], row_count: int
    ) -> dict[str, NDArray[Any]]:
        tensors = {name: given[place] for name, place in places.items()}
        for values in tensors.values():
            if values.shape[:1] != (row_count,):
                raise self._gave_another_shape(values, (row_count, *values.shape[1:]))
        return tensors

    def _run(self, fed: Mapping[str, Floats], outputs: Sequence[str]) -> list[Floats]:
        try:
            return self._model.run(fed, outputs)
        except ModelRunError as error:
            raise InvalidArgumentError(
                "the model failed on these rows; the server's log holds the cause",
                reason="MODEL_FAILED",
                field="rows.inputs",
                details={"model": self.identity.name, "version": str(self.identity.version)},
            ) from error

    def _gave_another_shape(self, output: Floats, expected: tuple[int, ...]) -> FailedPreconditionError:
        """An answer must belong to its row and its class, also where a graph does as it likes."""
        return FailedPreconditionError(
            f"model {self.identity.name!r} gave {list(output.shape)} values where {list(expected)} were due",
            reason="MODEL_GAVE_ANOTHER_SHAPE",
        )

    def _row_shape(self, role: str) -> tuple[int, ...]:
        if role == "embedding":
            return (self.contract.embedding_width,)
        samples = (self.contract.sample_count,) if self.contract.sample_count else ()
        return (*samples, self.contract.columns)


def load(bundle: Bundle, *, threads: int, chosen: Choice | None = None) -> Servable:
    """Parse, check and warm up a model, and read its pool and its reference.

    Args:
        bundle: as read from disk.
        threads: how many threads one pass may use.
        chosen: what flags say; else the manifest says, or the outputs show it.

    Raises:
        ArtefactError: it cannot be loaded, or it is not what its manifest says.
    """
    chosen = chosen or bundle.manifest.choice
    graph = prepare(bundle.model, exposed=chosen.outputs.get("embedding"))
    model = OnnxModel(graph.content, threads=threads)
    _check_inputs(bundle.manifest.inputs, model.inputs)
    contract = read_contract(
        model.inputs,
        model.outputs,
        chosen=chosen,
        sample=_sample(model, bundle.identity),
        made_by=graph.made_by,
    )
    labels = bundle.manifest.labels or graph.labels
    if labels and len(labels) != contract.class_count:
        counted = f"{contract.class_count} classes" if contract.class_count else "no classes, it gives values"
        raise ArtefactError(f"labels: {len(labels)} names were given, the model has {counted}")
    folder = pool_for(bundle, contract)
    pool = None if folder is None else LoadedPool(folder, threads=threads)
    reference = reference_for(bundle, contract)
    fused = _with_softmax(bundle, graph, contract, threads=threads)
    return Servable(
        bundle,
        fused or model,
        contract,
        labels=labels,
        graph=graph,
        pool=pool,
        reference=reference,
        has_softmax=fused is not None,
    )


def _with_softmax(bundle: Bundle, graph: Graph, contract: Contract, *, threads: int) -> OnnxModel | None:
    """The model, made to say its softmax itself, and warm; None where it has logits of another kind, or none."""
    if contract.task is not Task.MULTICLASS or contract.scores_role != "logits":
        return None
    if contract.columns < 2 or contract.sample_count:
        return None
    content = softmax_nodes.with_softmax(
        graph.content,
        logits=contract.roles["logits"],
        columns=contract.columns,
        temperature=bundle.manifest.temperature,
    )
    if content is None:
        return None
    try:
        model = OnnxModel(content, threads=threads)
    except ArtefactError as error:  # it serves as it is
        _log.warning("no softmax in the graph", model=bundle.identity.name, cause=str(error))
        return None
    _sample(model, bundle.identity)
    return model


def _last_layer(graph: Graph, contract: Contract) -> LastLayer | str:
    """What dropout can sample, or why it cannot."""
    if contract.value_count or contract.columns == 1 or contract.sample_count:
        return "only that of a model with a column for each class can be sampled"
    scores = contract.roles[contract.scores_role]
    layer = find_last_layer(graph.content, scores=scores, embedding=contract.roles.get("embedding"))
    if isinstance(layer, LastLayer) and layer.weights.shape != (contract.columns, contract.embedding_width):
        return f"its last layer has weights of the shape {list(layer.weights.shape)}"
    return layer


def _sample(model: OnnxModel, identity: Identity) -> Mapping[str, NDArray[Any]] | None:
    try:
        return model.sample()
    except ModelRunError as error:
        _log.warning("model not tried out", model=identity.name, version=identity.version, cause=str(error))
        return None


def _check_inputs(declared: Sequence[InputEntry], actual: Sequence[TensorSpec]) -> None:
    """What the manifest says of the inputs, if it says anything, must be what the graph has."""
    said = tuple(TensorSpec(entry.name, entry.data_type, entry.shape) for entry in declared)
    if said and said != tuple(actual):
        raise ArtefactError(
            f"inputs: the manifest says {'; '.join(map(str, said))}, the model has {'; '.join(map(str, actual))}"
        )


def _is_tame(logits: Floats) -> bool:
    """Whether all are finite, and so are the gaps between them: else NumPy is asked."""
    return math.isfinite(np.vdot(logits, logits))
