"""Every setting and every limit, in one frozen object: flags, then ASSAYD_ variables, then a TOML file."""

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from assayd_server.contract import Activation, Choice
from assayd_server.errors import StartError

PREFIX = "ASSAYD_"
_OF_OTHERS = frozenset({"ASSAYD_ADDRESS"})
"""Variables that are no settings of the server: assayctl reads them, perhaps on the same machine."""
MIB = 1024 * 1024

CHOICES = {
    "logits": "logits_output",
    "probabilities": "probabilities_output",
    "values": "values_output",
    "embedding": "embedding_tensor",
}
"""The settings that say which tensor is what, by role."""

Port = Annotated[int, Field(ge=0, le=65535)]
Positive = Annotated[int, Field(ge=1, le=2**31 - 1)]
Seconds = Annotated[float, Field(ge=0, le=86_400)]


class ConflictError(ValueError):
    """Settings that do not go together, by the one that is in the way."""

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(message)
        self.setting = setting


class Settings(BaseModel):
    """How the server runs."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, protected_namespaces=())

    model: Path | None = None
    """One ONNX file to serve. Either this or repository must be given."""
    repository: Path | None = None
    """A folder of bundles to serve, <name>/<version>/bundle.json."""
    reference: Path | None = None
    """With model: a reference, as assayd reference build writes it, that rows are compared with."""
    logits_output: str | None = None
    """With model: the output that holds unnormalised class scores, where its name does not tell."""
    probabilities_output: str | None = None
    """With model: the output that holds class probabilities, where its name does not tell."""
    values_output: str | None = None
    """With model: the output that holds the values of a regression model, where its name does not tell."""
    embedding_tensor: str | None = None
    """With model: the tensor that is the embedding, an output or one inside of the graph."""
    activation: Activation | None = None
    """With model: softmax where a row has one of the classes, sigmoid where it may have any number of them."""
    sample_axis: bool = False
    """With model: the scores are those of a committee, with an axis of samples, (rows, samples, classes)."""
    pool: Path | None = None
    """With model: the folder of a pool, as assayd index build writes it, that rows are searched for in."""

    host: str = "127.0.0.1"
    """The address to listen on."""
    port: Port = 50051
    """The gRPC port; 0 takes any free one, which the log names."""
    uds: Path | None = None
    """A Unix domain socket to take calls on besides the port, for callers on this machine (unix:PATH)."""
    metrics_host: str | None = None
    """The address for metrics and probes; the same as host where it is not given."""
    metrics_port: Port = 9090
    """The HTTP port of /metrics, /healthz and /readyz; 0 takes any free one."""
    insecure: bool = False
    """Allow an address other than this machine's own although calls are neither encrypted nor authenticated."""
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    """Processes that share the port. Each has models, threads and limits of its own: rows_pending_max is for one.
    A connection stays with one of them."""

    call_threads: Annotated[int, Field(ge=1, le=1024)] = 64
    """Threads that answer calls. A call holds one from its headers to its answer."""
    calls_waiting_max: Annotated[int, Field(ge=0, le=65_536)] = 192
    """Calls that may wait for a thread; the next one is refused at once, and so is any while all threads stall."""
    message_wait_max_seconds: Annotated[float, Field(gt=0, le=3600)] = 20.0
    """A call whose message has not come by then is cancelled, because it holds a thread."""
    streams_max: Annotated[int, Field(ge=1, le=1024)] = 16
    """Streams (SelectStream) that may be open at once; each holds a thread. The next one is refused at once."""
    stream_idle_max_seconds: Annotated[float, Field(gt=0, le=86_400)] = 300.0
    """A stream that sends nothing for so long is ended; its client goes on by the state that it has."""
    streams_per_connection_max: Positive = 1024
    """Calls that one connection may have open at once."""
    message_bytes_max: Annotated[int, Field(ge=64 * 1024, le=1024 * MIB)] = 16 * MIB
    """The largest request taken and the largest response sent."""
    unread_bytes_max: Annotated[int, Field(ge=64 * 1024, le=2**40)] = 256 * MIB
    """The most bytes of answers that wait for callers who do not read them; then further calls are refused."""
    rows_max: Positive = 16_384
    """The most rows in one request. The client cuts larger batches by itself."""
    head_elements_max: Positive = 4_194_304
    """The most weights, classes times width, in a linear head that comes with a request."""
    scores_elements_max: Annotated[int, Field(ge=65_536, le=2**34)] = 16_777_216
    """The most rows times classes in one request. The client cuts larger batches by itself."""
    diversity_operations_max: Annotated[int, Field(ge=2**20, le=2**50)] = 2**34
    """The most multiplications, roughly, to choose one diverse batch: some ten seconds, while other calls wait."""
    neighbors_max: Positive = 1000
    """The most neighbours that may be asked for of one row."""
    ids_max: Positive = 1_048_576
    """The most ids in a list of labelled, excluded or candidate rows of the pool."""
    search_operations_max: Annotated[int, Field(ge=2**20, le=2**50)] = 2**38
    """The most multiplications of one exact search in the pool, of kNN novelty, or to score the candidates of a
    round: some ten seconds, while other calls wait. The client cuts larger batches of rows by itself."""
    recall_check_share: Annotated[float, Field(ge=0, le=1)] = 0.001
    """The share of rows searched for that are searched for once more, exactly, to count the index's recall."""
    rows_pending_max: Positive = 262_144
    """The most rows that may wait for their turn or have it; further calls are refused at once."""
    batch_rows_max: Annotated[int, Field(ge=1, le=2**20)] = 1024
    """The most rows of one forward pass: calls that wait are merged up to it, larger ones go in several passes."""
    batch_rows_enough: Annotated[int, Field(ge=1, le=2**20)] = 128
    """From so many rows on a pass takes no further calls along, which would be copied. Accelerators want more."""
    batch_delay_max_ms: Annotated[float, Field(ge=0, le=1000)] = 0.0
    """How long a pass that is not full waits for more rows; 0 takes what is there. Delays are for accelerators."""
    connection_age_max_seconds: Annotated[float, Field(gt=0, le=86_400)] = 300.0
    """After this time a client is asked to connect anew, so that it finds replicas that were added."""
    connection_grace_seconds: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    """How long the calls of a connection that has come of age may go on."""

    inference_threads: Annotated[int, Field(ge=0, le=1024)] = 0
    """Threads of one forward pass; 0 takes as many as the container may use CPUs, divided among the workers."""

    drain_delay_seconds: Seconds = 5.0
    """On SIGTERM: how long to go on answering while health says NOT_SERVING, until load balancers have noticed."""
    drain_grace_seconds: Seconds = 20.0
    """After that: how long accepted calls may take before they are cut."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is below it is not logged."""
    log_calls: bool = False
    """Log every call, with its request id, status and time."""

    @field_validator("*", mode="before")
    @classmethod
    def _check_no_bool_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """TOML's true is not the port 1."""
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise ValueError("true and false are for switches")
        return value

    @model_validator(mode="after")
    def _check_together(self) -> "Settings":
        if (self.model is None) == (self.repository is None):
            given = "neither" if self.model is None else "both"
            raise ValueError(f"give either model or repository, not {given}")
        if self.repository is not None and self.choice is not None:
            chosen = next(name for name in (*CHOICES.values(), "activation", "sample_axis") if getattr(self, name))
            raise ConflictError(chosen, "goes with model; a bundle says how it is read")
        if self.repository is not None and self.pool is not None:
            raise ConflictError("pool", "goes with model; a bundle has its pool in it")
        if self.repository is not None and self.reference is not None:
            raise ConflictError("reference", "goes with model; a bundle has its reference in it")
        if self.workers > 1 and self.uds is not None:
            raise ConflictError(
                "uds", "one socket cannot be shared by several workers: leave it out, or have one worker"
            )
        if not self.insecure and not _is_loopback(self.host):
            raise ConflictError(
                "host",
                f"{self.host} can be reached from other machines, and calls are neither encrypted nor "
                "authenticated: pass --insecure if that is meant",
            )
        return self

    @property
    def choice(self) -> Choice | None:
        """What flags say of how the model is read; None where they say nothing."""
        outputs = {role: getattr(self, setting) for role, setting in CHOICES.items()}
        named = {role: name for role, name in outputs.items() if name}
        chosen = Choice(named, self.activation, self.sample_axis)
        return None if chosen == Choice() else chosen


def load(flags: Mapping[str, Any], environ: Mapping[str, str], config_file: Path | None = None) -> Settings:
    """The settings; a flag wins over a variable, and a variable over the file.

    Args:
        flags: by setting; None where a flag was not given.
        environ: ASSAYD_<SETTING> variables count, empty ones do not.
        config_file: a TOML file of settings; ASSAYD_CONFIG names one too.

    Raises:
        StartError: a setting is unknown or malformed; the sentence names it and where it stands.
    """
    named = {
        name: value
        for name, value in environ.items()
        if name.startswith(PREFIX) and value and name not in _OF_OTHERS
    }
    misspelt = next((name for name in named if name != name.upper()), None)
    if misspelt is not None:
        raise StartError(f"{misspelt}: there is no such setting, did you mean {misspelt.upper()}?")
    variables = {name.removeprefix(PREFIX).lower(): value for name, value in named.items()}
    variables_file = variables.pop("config", None)
    file = config_file or (Path(variables_file) if variables_file else None)
    sources: dict[str, Mapping[str, Any]] = {
        "flag": {name: value for name, value in flags.items() if value is not None},
        "variable": variables,
        "file": {} if file is None else _read(file),
    }
    return _validated(sources, file)


def of_program(values: Mapping[str, Any]) -> Settings:
    """The settings of a server that a program starts within itself, where neither variables nor files count.

    Args:
        values: by setting.

    Raises:
        StartError: a setting is unknown or malformed; the sentence names it.
    """
    settings = _validated({"argument": values}, None)
    if settings.workers > 1:
        raise StartError("workers: a server within a program is one process; assayd serve has several")
    return settings


def _validated(sources: dict[str, Mapping[str, Any]], file: Path | None) -> Settings:
    """The settings from these sources; an earlier one wins over a later one."""
    merged: dict[str, Any] = {}
    for values in reversed(sources.values()):
        merged.update(values)
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        raise StartError(_sentence(error, sources, file)) from None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise StartError(f"{file}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StartError(f"{file}: is not TOML: {error}") from None


def _sentence(error: ValidationError, sources: Mapping[str, Mapping[str, Any]], file: Path | None) -> str:
    """The first thing that is wrong, in one sentence."""
    first = error.errors()[0]
    conflict = first.get("ctx", {}).get("error")
    if isinstance(conflict, ConflictError):
        return f"{_spelled(conflict.setting, _source_of(conflict.setting, sources), file)}: {conflict}"
    if not first["loc"]:
        return str(conflict)
    setting = str(first["loc"][0])
    source = _source_of(setting, sources)
    spelled = _spelled(setting, source, file)
    if first["type"] != "extra_forbidden":
        return f"{spelled}: {first['input']!r} is not allowed: {first['msg']}{_kubernetes_hint(first, source)}"
    close = get_close_matches(setting.lower(), Settings.model_fields, n=1)
    meant = f", did you mean {_spelled(close[0], source, None)}?" if close else ""
    return f"{spelled}: there is no such setting{meant}{_kubernetes_hint(first, source)}"


def _source_of(setting: str, sources: Mapping[str, Mapping[str, Any]]) -> str:
    return next(source for source, values in sources.items() if setting in values)


def _spelled(setting: str, source: str, file: Path | None) -> str:
    if source == "flag":
        return f"--{setting.replace('_', '-')}"
    if source == "variable":
        return PREFIX + setting.upper()
    return f"{file}: {setting}" if file else setting


def _kubernetes_hint(error: ErrorDetails, source: str) -> str:
    """A Service called assayd makes Kubernetes set variables that look like settings."""
    looks_like_one = str(error["loc"][0]).startswith(("service_", "port_")) or str(error["input"]).startswith(
        "tcp://"
    )
    if source == "variable" and looks_like_one:
        return " (Kubernetes sets it for a Service called assayd: set enableServiceLinks to false in the pod)"
    return ""
