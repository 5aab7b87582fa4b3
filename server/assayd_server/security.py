"""What callers are let in by: the certificates of the port, and the access file."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from assayd_server import access, certificates
from assayd_server.access import AccessList
from assayd_server.certificates import CLIENT_CA, Certificates
from assayd_server.errors import StartError
from assayd_server.metrics.credentials import CredentialMetrics
from assayd_server.watched_files import WatchedFiles

ACCESS = "access"


@dataclass(frozen=True, slots=True)
class Security:
    """Each is None where it is not asked for."""

    tls: WatchedFiles[Certificates] | None = None
    access: WatchedFiles[AccessList] | None = None

    @property
    def files(self) -> list[WatchedFiles[Certificates] | WatchedFiles[AccessList]]:
        """Those that may change."""
        return [files for files in (self.tls, self.access) if files is not None]


def security_of(tls: Mapping[str, Path], access_file: Path | None, metrics: CredentialMetrics) -> Security:
    """What the settings ask for.

    Args:
        tls: the files of certificates by setting; empty for clear text.
        access_file: says who may do what; None lets everybody do everything.
        metrics: what is told of both.

    Raises:
        StartError: a file cannot be used.
    """
    of_port = of_callers = None
    if tls:
        of_port = WatchedFiles("tls", tls, partial(_certificates, tls, metrics), metrics=metrics.reloads("tls"))
    if access_file is not None:
        read = partial(_access_list, access_file, CLIENT_CA in tls)
        of_callers = WatchedFiles(ACCESS, {ACCESS: access_file}, read, metrics=metrics.reloads(ACCESS))
    return Security(of_port, of_callers)


def _certificates(
    paths: Mapping[str, Path], metrics: CredentialMetrics, contents: Mapping[str, bytes]
) -> Certificates:
    found = certificates.read(contents, paths)
    metrics.expire(found.expiry_seconds)
    return found


def _access_list(path: Path, with_certificates: bool, contents: Mapping[str, bytes]) -> AccessList:
    try:
        return access.parsed(contents[ACCESS], with_certificates=with_certificates)
    except StartError as error:
        raise StartError(f"{ACCESS}: {path}: {error}") from None
