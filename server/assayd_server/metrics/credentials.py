"""The metrics of what lets callers in: certificates, and the access file."""

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge


@dataclass(frozen=True, slots=True)
class ReloadMetrics:
    """Of files that are read again when they change."""

    ok: Counter
    failed: Counter
    outdated: Gauge


class CredentialMetrics:
    """Of the whole server. A server without certificates or an access file has no series of them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Declare them in that registry."""
        self._reloads = Counter(
            "assayd_credential_reloads",
            "Changes of the files tls and access, by result: ok, failed.",
            ("files", "result"),
            registry=registry,
        )
        self._outdated = Gauge(
            "assayd_credentials_outdated",
            "1 while the files cannot be used and what they said before stays in force.",
            ("files",),
            registry=registry,
        )
        self._expiry = Gauge(
            "assayd_tls_certificate_expiry_timestamp_seconds",
            "When the first certificate of a file expires, in seconds since 1970, by the setting that names it.",
            ("setting",),
            registry=registry,
        )

    def reloads(self, files: str) -> ReloadMetrics:
        """Those of some files, all at zero."""
        return ReloadMetrics(
            self._reloads.labels(files, "ok"), self._reloads.labels(files, "failed"), self._outdated.labels(files)
        )

    def expire(self, seconds: Mapping[str, float]) -> None:
        """Set when certificates expire, by setting."""
        for setting, value in seconds.items():
            self._expiry.labels(setting).set(value)
