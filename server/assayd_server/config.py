"""Every setting and every limit, in one frozen object."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    field_validator,
    model_validator,
)

from assayd_server.contract import Activation, Choice
from assayd_server.repository_url import RepositoryUrl, repository_place

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


def _repository_place(value: Any) -> Path | RepositoryUrl:
    if not isinstance(value, str | Path):
        raise ValueError("is neither a folder nor an address")
    try:
        return repository_place(value)
    except ValueError as error:  # what came is not repeated, as there may be a secret in it
        raise ConflictError("repository", str(error)) from None


RepositoryPlace = Annotated[Path | RepositoryUrl, PlainValidator(_repository_place), PlainSerializer(str)]


class Settings(BaseModel):
    """How the server runs."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, protected_namespaces=())

    model: Path | None = None
    """One ONNX file to serve. Either this or repository must be given."""
    repository: RepositoryPlace | None = None
    """Bundles to serve, <name>/<version>/bundle.json: a folder, or one in a bucket, such as s3://bucket/folder."""
    repository_cache: Path | None = None
    """With a bucket: the folder that its files are kept in; one in the user's cache where it is not given."""
    repository_cache_bytes_max: Annotated[int, Field(ge=MIB, le=2**50)] = 64 * 1024 * MIB
    """With a bucket: the most bytes of it that are kept; a version that has no room is not served."""
    repository_poll_seconds: Seconds = 10.0
    """With repository: how long after a look at it the next one follows, for new versions; 0 is never."""
    versions_max: Annotated[int, Field(ge=1, le=1024)] = 4
    """With repository: the most versions of one model that are loaded; the largest ones."""
    contract_changes: Literal["refuse", "allow"] = "refuse"
    """With repository: whether a version is served that has other inputs or classes than the one before it."""
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
    """Allow an address other than this machine's own although calls are not encrypted or callers not asked;
    else it takes tls_certificate, and access or tls_client_ca."""
    tls_certificate: Path | None = None
    """A PEM file with the certificate of the gRPC port and those up to its authority, to encrypt calls with.
    This file and the next two are read again when they change."""
    tls_key: Path | None = None
    """With tls_certificate: a PEM file with its private key, without a password."""
    tls_client_ca: Path | None = None
    """With tls_certificate: a PEM file of authorities; clients must show a certificate of one of them."""
    access: Path | None = None
    """A TOML file of tokens and client certificates, and what each may do; without it everybody may do everything.
    It is read again when it changes."""
    reflection: Literal["on", "off"] = "on"
    """Whether clients may ask for the names and messages of the services; who they are is not asked."""
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    """Processes that share the port. Each has models, threads and limits of its own: rows_pending_max is for one.
    A connection stays with one of them."""

    plain_calls: bool = False
    """Give each call a thread from its headers on, as grpc.server does, which is slower. Else one loop takes all
    calls, by parts of grpc that may change; where a release lacks them, calls are plain, and the log says so."""
    call_threads: Annotated[int, Field(ge=1, le=1024)] = 64
    """Threads that answer calls which may take long. A plain call holds one from its headers to its answer."""
    calls_waiting_max: Annotated[int, Field(ge=0, le=65_536)] = 192
    """Calls that may be open besides those that have a thread; the next one is refused at once. Of plain calls any
    is refused while all threads stall."""
    message_wait_max_seconds: Annotated[float, Field(gt=0, le=3600)] = 20.0
    """A call whose message has not come by then is cancelled, because it takes up room."""
    streams_max: Annotated[int, Field(ge=1, le=1024)] = 16
    """Streams (SelectStream) that may be open at once; each holds a thread. The next one is refused at once."""
    stream_idle_max_seconds: Annotated[float, Field(gt=0, le=86_400)] = 300.0
    """A stream that sends nothing for so long is ended; its client goes on by the state that it has."""
    streams_per_connection_max: Positive = 1024
    """Calls that one connection may have open at once."""
    connections_max: Annotated[int, Field(ge=0, le=2**20)] = 0
    """Connections that may be open at once, on the port and on the socket each; gRPC hangs up on further ones. 0
    is as many as file descriptors allow (ulimit -n), less 256, or half, for everything else."""
    message_bytes_max: Annotated[int, Field(ge=64 * 1024, le=1024 * MIB)] = 16 * MIB
    """The largest request taken and the largest response sent."""
    request_bytes_pending_max: Annotated[int, Field(ge=64 * 1024, le=2**40)] = 256 * MIB
    """The most bytes of requests that are being answered or wait for it; further calls are refused at once."""
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
    """The share of rows searched for that are searched for once more, exactly, to count the index's recall; fewer
    where that would take more than a fiftieth of the time."""
    rows_pending_max: Positive = 262_144
    """The most rows that may wait for their turn or have it; further calls are refused at once."""
    batch_rows_max: Annotated[int, Field(ge=1, le=2**20)] = 1024
    """The most rows of one forward pass: calls that wait are merged up to it, larger ones go in several passes."""
    batch_rows_enough: Annotated[int, Field(ge=1, le=2**20)] = 128
    """From so many rows on a pass takes no further calls along, which would be copied; from four times as many on,
    one that is over within 4 ms. Accelerators want more."""
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
    traces: Literal["off", "otlp"] = "off"
    """Send spans of unary calls by OTLP over gRPC, to where OTEL_EXPORTER_OTLP_ENDPOINT says (assayd[otel])."""

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
        if self.repository_cache is not None and not isinstance(self.repository, RepositoryUrl):
            raise ConflictError(
                "repository_cache", "goes with a repository in a bucket; a folder is read in place"
            )
        self._check_security()
        return self

    def _check_security(self) -> None:
        for setting in ("tls_key", "tls_client_ca"):
            if getattr(self, setting) is not None and self.tls_certificate is None:
                raise ConflictError(setting, "goes with tls_certificate")
        if self.tls_certificate is not None and self.tls_key is None:
            raise ConflictError("tls_certificate", "goes with tls_key")
        if self.insecure or _is_loopback(self.host):
            return
        if why := self._exposed():
            raise ConflictError("host", f"{self.host} can be reached from other machines, and {why}")

    def _exposed(self) -> str:
        """What speaks against an address that others can reach; empty where nothing does."""
        knows_callers = self.access is not None or self.tls_client_ca is not None
        if self.tls_certificate is None and not knows_callers:
            return "calls are neither encrypted nor authenticated: pass --insecure if that is meant"
        if self.tls_certificate is None:
            return "tokens would travel in clear text: give tls_certificate, or pass --insecure if that is meant"
        if not knows_callers:
            return "nobody is asked who calls: give access or tls_client_ca, or pass --insecure if that is meant"
        return ""

    @property
    def tls(self) -> dict[str, Path]:
        """The files of certificates that are given, by setting."""
        files = {setting: getattr(self, setting) for setting in ("tls_certificate", "tls_key", "tls_client_ca")}
        return {setting: path for setting, path in files.items() if path is not None}

    @property
    def choice(self) -> Choice | None:
        """What flags say of how the model is read; None where they say nothing."""
        outputs = {role: getattr(self, setting) for role, setting in CHOICES.items()}
        named = {role: name for role, name in outputs.items() if name}
        chosen = Choice(named, self.activation, self.sample_axis)
        return None if chosen == Choice() else chosen


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
