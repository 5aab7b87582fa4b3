"""Certificates: pairs that go together and those that do not, and when they expire."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from assayd_server.certificate_expiry import expiry_seconds
from assayd_server.certificates import read
from assayd_server.errors import StartError
from certificates import DAY, HERE, Authority, Issued, encrypted, replace

AUTHORITY = Authority("authority")
GOOD = AUTHORITY.issue("server", *HERE)
OTHER = AUTHORITY.issue("server", *HERE)


def read_from(folder: Path, issued: Issued, client_ca: bytes | None = None) -> Any:
    paths = {f"tls_{name}": path for name, path in issued.write(folder, "server").items()}
    if client_ca is not None:
        paths["tls_client_ca"] = folder / "ca.crt"
        replace(paths["tls_client_ca"], client_ca)
    return read({name: path.read_bytes() for name, path in paths.items()}, paths)


def test_a_certificate_and_its_key_are_taken_as_they_are(tmp_path: Path) -> None:
    found = read_from(tmp_path, GOOD, AUTHORITY.certificate)
    assert (found.chain, found.key, found.client_ca) == (GOOD.certificate, GOOD.key, AUTHORITY.certificate)
    assert found.expiry_seconds.keys() == {"tls_certificate", "tls_client_ca"}


def test_without_an_authority_of_clients_there_is_none(tmp_path: Path) -> None:
    assert read_from(tmp_path, GOOD).client_ca is None


@pytest.mark.parametrize(
    ("issued", "why"),
    [
        (Issued(GOOD.certificate, OTHER.key), "key values mismatch"),
        (Issued(GOOD.certificate, encrypted(GOOD.key)), "the key is encrypted"),
        (Issued(GOOD.certificate, b""), ""),
        (Issued(GOOD.certificate, GOOD.key[:80]), ""),
        (Issued(b"", GOOD.key), ""),
        (Issued(b"\xff\x00 no PEM", GOOD.key), ""),
        (Issued(GOOD.key, GOOD.key), ""),
    ],
    ids=["another key", "encrypted", "no key", "half a key", "no certificate", "bytes", "a key twice"],
)
def test_files_that_are_no_pair_are_refused_and_nothing_of_them_is_repeated(
    tmp_path: Path, issued: Issued, why: str
) -> None:
    with pytest.raises(
        StartError, match=f"^tls_certificate and tls_key cannot be used together: .*{why}"
    ) as caught:
        read_from(tmp_path, issued)
    for line in (GOOD.key + OTHER.key).decode().splitlines():
        assert line.startswith("-----") or line not in str(caught.value)


@pytest.mark.parametrize("client_ca", [b"", b"no PEM", b"\xff", GOOD.key], ids=["empty", "text", "bytes", "a key"])
def test_a_file_without_authorities_is_refused(tmp_path: Path, client_ca: bytes) -> None:
    with pytest.raises(StartError, match=r"^tls_client_ca: holds no certificates: "):
        read_from(tmp_path, GOOD, client_ca)


def test_certificates_do_not_show_what_they_hold(tmp_path: Path) -> None:
    shown = repr(read_from(tmp_path, GOOD, AUTHORITY.certificate))
    assert "BEGIN" not in shown
    assert shown.startswith("Certificates(expiry_seconds={")


def test_the_first_of_several_certificates_to_expire_counts() -> None:
    short, long = (AUTHORITY.issue("server", valid=(-DAY, days * DAY)).certificate for days in (5, 50))
    assert expiry_seconds(short + long) == expiry_seconds(long + short) == expiry_seconds(short)


@pytest.mark.parametrize("days", [-1000, -1, 1, 400, 30_000])
def test_the_expiry_is_that_of_the_certificate(days: int) -> None:
    """30,000 days from now the time is written with four digits of the year."""
    pem = AUTHORITY.issue("server", valid=((days - 1) * DAY, days * DAY)).certificate
    assert expiry_seconds(pem) == x509.load_pem_x509_certificate(pem).not_valid_after_utc.timestamp()


@given(st.datetimes(datetime(1951, 1, 1), datetime(2400, 1, 1)))
def test_the_expiry_is_that_of_the_certificate_in_any_year(when: datetime) -> None:
    until = when.replace(microsecond=0, tzinfo=UTC) - datetime.now(UTC).replace(microsecond=0)
    pem = AUTHORITY.issue("server", valid=(until - timedelta(days=1), until)).certificate
    assert expiry_seconds(pem) == x509.load_pem_x509_certificate(pem).not_valid_after_utc.timestamp()


@pytest.mark.parametrize(
    "pem",
    [b"", b"text", GOOD.key, b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----"],
    ids=["empty", "text", "a key", "an empty certificate"],
)
def test_what_is_no_certificate_has_no_expiry(pem: bytes) -> None:
    with pytest.raises(ValueError, match="certificate"):
        expiry_seconds(pem)
