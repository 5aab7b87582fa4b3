"""TLS of the gRPC port, by certificates that may change while the server runs."""

from typing import Any

import grpc

from assayd_server.certificates import Certificates
from assayd_server.watched_files import WatchedFiles


def credentials_of(files: WatchedFiles[Certificates]) -> grpc.ServerCredentials:
    """What a port is encrypted with. Each new connection gets the certificate that there is then.

    Connections that are open keep theirs until they come of age.
    """
    given = files.current

    def newer() -> grpc.ServerCertificateConfiguration | None:
        """Asked by gRPC before each handshake, one at a time; None where nothing is new."""
        nonlocal given
        now = files.look()
        if now is given:
            return None
        given = now
        return _configuration(now)

    asks_clients = given.client_ca is not None
    fetch: Any = newer  # the types that there are for grpc do not know of None
    return grpc.dynamic_ssl_server_credentials(_configuration(given), fetch, asks_clients)


def _configuration(certificates: Certificates) -> grpc.ServerCertificateConfiguration:
    pairs = [(certificates.key, certificates.chain)]
    return grpc.ssl_server_certificate_configuration(pairs, root_certificates=certificates.client_ca)
