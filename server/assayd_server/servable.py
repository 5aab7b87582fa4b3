"""A model that is ready to answer: its bundle, its contract and its session."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assayd_server import logs
from assayd_server.bundle import Bundle, Identity, InputEntry
from assayd_server.contract import Choice, Contract, TensorSpec
from assayd_server.core.arrays import Floats
from assayd_server.errors import ArtefactError, FailedPreconditionError, InvalidArgumentError
from assayd_server.feeds import Matches, cast
from assayd_server.forward import Forward, forward_of, own_output
from assayd_server.graph import Graph, prepare
from assayd_server.graph_extension import extended
from assayd_server.last_layer import LastLayer, find_last_layer
from assayd_server.loaded_pool import LoadedPool
from assayd_server.model import ModelRunError, OnnxModel
from assayd_server.pool_fitting import pool_for
from assayd_server.reading import read_contract
from assayd_server.reference_file import Reference
from assayd_server.reference_fitting import reference_for
from assayd_server.rows import Inputs
from assayd_server.said import BYTES_MAX, makers, with_said

_ASKED_MAX = 256
"""Ways to ask a pass that are known."""
_log = logs.get_logger()


class Saying(NamedTuple):
    """A model, and what it says besides its own outputs."""

    model: OnnxModel
    said: Mapping[str, Sequence[str]]
    """Names of outputs, by role."""


class _Asked(NamedTuple):
    """What a pass is asked for."""

    model: OnnxModel
    """That says it."""
    roles: Sequence[str]
    names: Sequence[str]
    """Of the outputs of these roles, of others as they are, and then of those that are said besides."""
    shapes: Sequence[tuple[int, ...]]
    """Of a row, by role."""
    said: Sequence[str]
    """The other roles."""
    own: Mapping[str, int]
    """Outputs that are wanted as they are: their places among the names."""
    said_from: int
    """Where the outputs of the other roles begin among the names."""


class Servable:
    """One version of one model."""

    def __init__(
        self,
        bundle: Bundle,
        saying: Sequence[Saying],
        contract: Contract,
        *,
        labels: tuple[str, ...],
        graph: Graph,
        pool: LoadedPool | None = None,
        reference: Reference | None = None,
    ) -> None:
        self.identity: Identity = bundle.identity
        self.contract = contract
        self.labels = labels
        self.label_bytes_max = max((len(label.encode()) + 16 for label in labels), default=0)  # in a response
        self.temperature = bundle.manifest.temperature
        self.pool = pool
        self.reference = reference
        self.said = saying[-1].said
        """What a pass can be asked for besides the roles of the contract: names of outputs, by role."""
        self._asked: dict[tuple[str, ...], _Asked] = {}
        self._saying = saying
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
        given = self._run(asked.model, fed, asked.names)
        for output, shape in zip(given, asked.shapes, strict=False):
            if output.shape[1:] != shape or len(output) != row_count:
                raise self._gave_another_shape(output, (row_count, *shape))
        forward = forward_of(dict(zip(asked.roles, given, strict=False)))
        if asked.own:
            forward = replace(forward, tensors=self._as_given(asked.own, given, row_count))
        return with_said(forward, asked.said, given[asked.said_from :]) if asked.said else forward

    def release_memory(self) -> None:
        """Give back what the model keeps for its next pass."""
        for saying in self._saying:
            saying.model.release_memory()

    def _asked_of(self, roles: tuple[str, ...]) -> _Asked:
        asked = self._asked.get(roles)
        if asked is None:
            if len(self._asked) >= _ASKED_MAX:  # callers choose which outputs go together
                self._asked.clear()
            known = [role for role in roles if role in self.contract.roles]
            said = [role for role in roles if role in self.said]
            own = [name for role in roles if (name := own_output(role)) is not None]
            names = [self.contract.roles[role] for role in known]
            names += [name for name in dict.fromkeys(own) if name not in names]
            asked = self._asked[roles] = _Asked(
                next(saying.model for saying in self._saying if saying.said.keys() >= set(said)),
                known,
                [*names, *(name for role in said for name in self.said[role])],
                [self._row_shape(role) for role in known],
                said,
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
        for spec in self.contract.outputs:
            values = tensors.get(spec.name)
            if values is not None and not _is_of(values, spec, row_count):
                raise self._gave_another_shape(values, (row_count, *(length or 0 for length in spec.shape[1:])))
        return tensors

    def _run(self, model: OnnxModel, fed: Mapping[str, Floats], outputs: Sequence[str]) -> list[Floats]:
        try:
            return model.run(fed, outputs)
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
    saying = list(_saying(bundle, graph.content, contract, reference, threads=threads))
    return Servable(
        bundle,
        saying or [Saying(model, {})],
        contract,
        labels=labels,
        graph=graph,
        pool=pool,
        reference=reference,
    )


def _saying(
    bundle: Bundle, content: bytes, contract: Contract, reference: Reference | None, *, threads: int
) -> Iterator[Saying]:
    """The model, made to say itself what else NumPy would, and warm: first what says less."""
    always, besides = makers(bundle.manifest.temperature, contract, reference)
    twice = besides and len(content) <= BYTES_MAX
    said: Collection[str] = ()
    for wanted in [always, [*always, *besides]] if twice else [always]:
        made = extended(content, wanted)
        if made is None or made.said.keys() <= set(said):
            return
        try:
            model = OnnxModel(made.content, threads=threads)
        except ArtefactError as error:  # it serves as it is
            _log.warning("nothing was added to the graph", model=bundle.identity.name, cause=str(error))
            return
        _sample(model, bundle.identity)
        said = made.said
        yield Saying(model, made.said)


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


def _is_of(values: NDArray[Any], spec: TensorSpec, row_count: int) -> bool:
    """Whether an output has the rows that it is to have, and the lengths that the graph declares."""
    if values.shape[:1] != (row_count,) or values.ndim != len(spec.shape):
        return False
    return all(declared in (None, real) for declared, real in zip(spec.shape[1:], values.shape[1:], strict=True))
