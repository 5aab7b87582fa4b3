"""How alerts are posted: to real receivers that answer, fail, forward, or never say a word."""

import base64

import pytest
import typer

from assayd.cli.posting import Endpoint, NotDeliveredError, http_urls
from client.cli.receiving import receiving

DOCUMENT = {"alert": True, "text": "schön"}


def endpoint(url: str, **limits: float) -> Endpoint:
    """One that does not pause."""
    return Endpoint(url=url, pause_seconds=0, **limits)  # type: ignore[arg-type]


def refusal(url: str, **limits: float) -> str:
    with pytest.raises(NotDeliveredError) as caught:
        endpoint(url, **limits).post(DOCUMENT)
    return str(caught.value)


def test_a_document_is_posted_once_as_json() -> None:
    with receiving() as receiver:
        endpoint(f"{receiver.address}/hooks/1?a=b").post(DOCUMENT)
    assert receiver.documents == [DOCUMENT]
    assert receiver.paths == ["/hooks/1?a=b"]
    assert receiver.headers[0]["Content-Type"] == "application/json"
    assert "Authorization" not in receiver.headers[0]


def test_a_user_and_a_password_are_sent_as_credentials() -> None:
    with receiving() as receiver:
        endpoint(receiver.address.replace("http://", "http://us%40er:pass%3Aword@")).post(DOCUMENT)
    scheme, credentials = receiver.headers[0]["Authorization"].split()
    assert (scheme, base64.b64decode(credentials)) == ("Basic", b"us@er:pass:word")


def test_a_user_needs_no_password() -> None:
    with receiving() as receiver:
        endpoint(receiver.address.replace("http://", "http://user@")).post(DOCUMENT)
    assert base64.b64decode(receiver.headers[0]["Authorization"].split()[1]) == b"user:"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again(status: int) -> None:
    with receiving(status, status) as receiver:
        endpoint(receiver.address).post(DOCUMENT)
    assert receiver.documents == [DOCUMENT] * 3


def test_but_not_without_end() -> None:
    with receiving(*[503] * 9) as receiver:
        sentence = refusal(f"{receiver.address.replace('//', '//user:secret@')}/secret")
    assert sentence == f"{receiver.address} did not take it: HTTP 503 Service Unavailable (3 attempts)"
    assert len(receiver.documents) == 3


@pytest.mark.parametrize(("status", "phrase"), [(404, "Not Found"), (401, "Unauthorized")])
def test_what_will_not_pass_is_not_tried_again(status: int, phrase: str) -> None:
    with receiving(status) as receiver:
        assert refusal(receiver.address) == f"{receiver.address} did not take it: HTTP {status} {phrase}"
    assert len(receiver.documents) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with receiving(status) as receiver:
        assert f"HTTP {status}" in refusal(receiver.address)
    assert len(receiver.documents) == 1


def test_nobody_there_is_told(refusing_address: str) -> None:
    assert refusal(f"http://{refusing_address}") == (
        f"http://{refusing_address} did not take it: Connection refused (3 attempts)"
    )


def test_a_receiver_that_never_answers_is_given_up(silent_address: str) -> None:
    sentence = refusal(f"http://{silent_address}", timeout_seconds=0.05)
    assert sentence == f"http://{silent_address} did not take it: timed out (3 attempts)"


def test_one_attempt_is_not_counted(refusing_address: str) -> None:
    assert refusal(f"http://{refusing_address}", attempts_max=1).endswith("Connection refused")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:9093",
        "ftp://localhost",
        "http://",
        "http://:9093",
        "http://a:b",
        "http://a:99999",
        "http://[a",
    ],
)
def test_what_is_no_address_is_a_wrong_flag(url: str) -> None:
    with pytest.raises(typer.BadParameter, match="is no address, allowed are http"):
        http_urls([url])


def test_addresses_pass() -> None:
    urls = ["http://localhost:9093", "https://user:pass@example.org/prefix/"]
    assert http_urls(urls) == urls
    assert http_urls(None) is None
