"""Authorities and certificates of our own, which servers and clients in tests read from files."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)
HERE = (x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1")))
"""What a certificate of a server in a test is for."""


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, in PEM."""

    certificate: bytes
    key: bytes

    def write(self, folder: Path, name: str) -> dict[str, Path]:
        """Put both into files, in place of what is there: the certificate, and the key."""
        paths = {"certificate": folder / f"{name}.crt", "key": folder / f"{name}.key"}
        replace(paths["certificate"], self.certificate)
        replace(paths["key"], self.key)
        return paths


class Authority:
    """Issues certificates."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)

    @cached_property
    def certificate(self) -> bytes:
        """Its own."""
        builder = _builder(self._name, self._name, self._key, (-DAY, 365 * DAY))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        return _pem(builder.sign(self._key, hashes.SHA256()))

    def issue(
        self,
        name: str,
        *alternative: x509.GeneralName,
        valid: tuple[timedelta, timedelta] = (-DAY, DAY),
    ) -> Issued:
        """A certificate with that common name and these alternative ones, for a time from now on."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(name), self._name, key, valid)
        if alternative:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternative), critical=False)
        return Issued(_pem(builder.sign(self._key, hashes.SHA256())), _key_pem(key))

    def write(self, path: Path) -> Path:
        """Put its certificate into a file, in place of what is there."""
        replace(path, self.certificate)
        return path


def replace(path: Path, content: bytes) -> None:
    """Let a file be another one from one moment to the next, as an operator should."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(content)
    beside.replace(path)


def encrypted(key: bytes) -> bytes:
    """A key behind a password."""
    loaded = serialization.load_pem_private_key(key, None)
    return loaded.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, valid: tuple[timedelta, timedelta]
) -> x509.CertificateBuilder:
    now = datetime.now(UTC).replace(microsecond=0)
    begin, end = valid
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now + begin,
        not_valid_after=now + end,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
