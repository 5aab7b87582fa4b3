"""The server's certificate expires while clients call, and is replaced again and again while they connect."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from assayd import ChannelSettings, Client, Tls, UnavailableError
from benchmarks.chaos.calling import calling
from benchmarks.chaos.faults import Fault
from benchmarks.chaos.replica import Replica, running, wait_until
from benchmarks.soak.models import CLASSES, identity

VALID_SECONDS = 10
"""Long enough for all clients to connect."""
EXPIRED = "certificate has expired"
WORST_SECONDS_MAX = 2.0


class Files:
    """An authority, and the certificate and the key that a server reads."""

    def __init__(self, folder: Path) -> None:
        """Nothing of the server's is written yet."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate, self._private = folder / "server.crt", folder / "server.key"
        self.ca = folder / "ca.crt"
        builder = _builder("authority", self._key, timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.ca.write_bytes(self._signed(builder))

    @property
    def flags(self) -> list[str]:
        """Of the server."""
        return [f"--tls-certificate={self._certificate}", f"--tls-key={self._private}"]

    def issue(self, lasts: timedelta) -> None:
        """A new certificate and its key, each in place of the one before from one moment to the next."""
        key = ec.generate_private_key(ec.SECP256R1())
        here = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
        _replace(
            self._certificate, self._signed(_builder("server", key, lasts).add_extension(here, critical=False))
        )
        form = serialization.PrivateFormat.PKCS8
        _replace(self._private, key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))

    def _signed(self, builder: x509.CertificateBuilder) -> bytes:
        issued = builder.issuer_name(_name("authority")).sign(self._key, hashes.SHA256())
        return issued.public_bytes(serialization.Encoding.PEM)


def run(folder: Path, *, short: bool) -> list[Fault]:
    """Calls go on through both; nobody new is let in by a certificate that has expired."""
    (folder / "m.onnx").write_bytes(identity())
    return [_expired(folder), _replaced(folder, 3 if short else 20)]


def _expired(folder: Path) -> Fault:
    files = Files(folder)
    files.issue(timedelta(days=1))
    with running(Replica(folder / "expired", f"--model={folder / 'm.onnx'}", *files.flags)) as (replica,):
        files.issue(timedelta(seconds=VALID_SECONDS))
        tls = Tls(ca=files.ca)
        with calling(replica.address, tls=tls) as under_way:
            under_way.wait_for(500)
            wait_until(lambda: EXPIRED in _refusal(replica, tls), what="the end of the certificate")
            under_way.wait_for(500)
            files.issue(timedelta(days=1))
            let_in = not _refusal(replica, tls)
            under_way.wait_for(100)
    return Fault(
        name="certificate_expired",
        what="the server's certificate expires, and is replaced later",
        tally=under_way.tally,
        worst_seconds_max=WORST_SECONDS_MAX,
        holds={
            "open connections go on": True,  # or there would not have been 500 more answers
            f'new ones are refused, with "{EXPIRED}"': True,
            "once the file is replaced they are let in": let_in,
        },
    )


def _replaced(folder: Path, times: int) -> Fault:
    """Connections come of age after a second, so that there are handshakes all the time."""
    files = Files(folder)
    files.issue(timedelta(days=1))
    flags = [f"--model={folder / 'm.onnx'}", "--connection-age-max-seconds=1", *files.flags]
    with (
        running(Replica(folder / "replaced", *flags)) as (replica,),
        calling(replica.address, tls=Tls(ca=files.ca)) as under_way,
    ):
        for number in range(times):
            under_way.wait_for(200)
            files.issue(timedelta(days=1))
            wait_until(lambda number=number: _reloads(replica) > number, what="the new certificate")
        under_way.wait_for(200)
    return Fault(
        name="certificates_replaced",
        what=f"the server's certificate is replaced {times} times; connections live for a second",
        tally=under_way.tally,
        worst_seconds_max=WORST_SECONDS_MAX,
        holds={"each new one is read": True},
    )


def _refusal(replica: Replica, tls: Tls) -> str:
    """Why a new connection is refused; empty where it is not."""
    with Client(replica.address, tls=tls, settings=ChannelSettings(attempts_max=1)) as client:
        try:
            client.score(np.zeros((1, CLASSES), np.float32))
        except UnavailableError as error:
            return error.message
    return ""


def _reloads(replica: Replica) -> float:
    return replica.metric("assayd_credential_reloads_total", files="tls", result="ok")


def _builder(name: str, key: ec.EllipticCurvePrivateKey, lasts: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return x509.CertificateBuilder(
        subject_name=_name(name),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(days=1),
        not_valid_after=now + lasts,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _replace(path: Path, content: bytes) -> None:
    (beside := path.with_suffix(".new")).write_bytes(content)
    beside.replace(path)
