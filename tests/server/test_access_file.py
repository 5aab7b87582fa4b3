"""The access file: what it may say, and sentences that repeat nothing of it where it is wrong."""

import hmac
from hashlib import sha256
from typing import Any

import pytest

from assayd_server import access
from assayd_server.access import ENTRIES_MAX, AccessList, Role, parsed
from assayd_server.errors import StartError
from entries import certificate_entry, entries, token_for

DIGEST = sha256(b"a token").hexdigest()
SECRET = "hunter2"  # noqa: S105  # what must not be repeated


def read(text: str, *, with_certificates: bool = True) -> AccessList:
    return parsed(text.encode(), with_certificates=with_certificates)


def token_entry(**changed: str) -> str:
    fields = {"name": '"a"', "sha256": f'"{DIGEST}"', "roles": '["score"]'} | changed
    return "[[token]]\n" + "".join(f"{name} = {value}\n" for name, value in fields.items() if value)


def test_a_token_has_the_roles_that_stand_beside_its_hash() -> None:
    listed = read(token_entry(roles='["score", "label"]'))
    assert listed.of_token("a token") == {Role.SCORE, Role.LABEL}
    assert listed.of_token("a token") == {Role.SCORE, Role.LABEL}  # the second time, from memory
    assert listed.of_token("another") is None


def test_a_hash_may_be_written_in_capital_letters() -> None:
    assert read(token_entry(sha256=f'"{DIGEST.upper()}"')).of_token("a token") == {Role.SCORE}


def test_a_certificate_has_the_roles_of_all_entries_for_its_names() -> None:
    listed = read(certificate_entry("a", "score") + certificate_entry("b", "label"))
    assert listed.of_certificate(["b", "c", "a"]) == {Role.SCORE, Role.LABEL}
    assert listed.of_certificate(["c"]) is None
    assert listed.of_certificate([]) is None


def test_a_token_that_is_not_known_is_compared_with_all(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []
    compare_digest = hmac.compare_digest

    def compare(known: bytes, given: bytes) -> bool:
        compared.append(known)
        return compare_digest(known, given)

    listed = read(entries("score", "monitor", "label"))
    monkeypatch.setattr(access.hmac, "compare_digest", compare)
    assert listed.of_token("another") is None
    assert listed.of_token(token_for("score")) == {Role.SCORE}  # it goes on after it has found it
    assert len(compared) == 6


def test_tokens_that_are_not_known_are_not_remembered() -> None:
    listed = read(entries("score"))
    for number in range(100):
        assert listed.of_token(f"guess {number}") is None
    assert listed.of_token(token_for("score")) is not None
    assert len(listed._met) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has neither a [[token]] nor a [[certificate]], so nobody could make a call"),
        ("# nobody\n", "has neither a [[token]] nor a [[certificate]], so nobody could make a call"),
        ("[[token]", "is not TOML: "),
        (token_entry(sha256=f'"{SECRET}"'), "token 1, sha256: String should match pattern "),
        (token_entry(sha256=""), "token 1, sha256: Field required"),
        (token_entry() + token_entry(), "token 2, sha256: is that of token 1 too"),
        (token_entry(roles=f'["{SECRET}"]'), "token 1, roles: Input should be 'score', 'monitor' or 'label'"),
        (token_entry(roles='"score"'), "token 1, roles: Input should be a valid frozenset"),
        (token_entry(roles=""), "token 1, roles: Field required"),
        (token_entry(name='""'), "token 1, name: String should have at least 1 character"),
        (token_entry(token=f'"{SECRET}"'), "token 1, token: Extra inputs are not permitted"),
        (f'[[tokens]]\nname = "{SECRET}"', "tokens: Extra inputs are not permitted"),
        (f'token = "{SECRET}"', "token: Input should be a valid tuple"),
        (certificate_entry("a", "score") * 2, "certificate 2, name: is that of certificate 1 too"),
        (certificate_entry("a", SECRET), "certificate 1, roles: Input should be 'score', 'monitor' or 'label'"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_the_place_and_nothing_of_what_stands_there(
    text: str, sentence: str
) -> None:
    with pytest.raises(StartError) as caught:
        read(text)
    assert str(caught.value).startswith(sentence)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_a_file_of_other_bytes_than_utf_8_is_refused() -> None:
    with pytest.raises(StartError, match="is not TOML: it is not UTF-8"):
        parsed(b"\xff", with_certificates=True)


def test_names_of_certificates_need_an_authority_to_be_asked_for() -> None:
    with pytest.raises(
        StartError, match="certificate: clients are asked for certificates only with tls_client_ca"
    ):
        read(certificate_entry("a", "score"), with_certificates=False)


def test_there_may_be_so_many_entries_and_no_more() -> None:
    texts = [token_entry(sha256=f'"{number:064x}"') for number in range(ENTRIES_MAX + 1)]
    assert len(read("".join(texts[:-1])).tokens) == ENTRIES_MAX
    with pytest.raises(StartError, match=f"token: Tuple should have at most {ENTRIES_MAX} items"):
        read("".join(texts))


@pytest.mark.parametrize("shown", [repr, str, lambda listed: f"{listed}"])
def test_the_list_shows_no_hash(shown: Any) -> None:
    listed = read(token_entry())
    listed.of_token("a token")
    text = shown(listed)
    assert DIGEST not in text
    assert str(bytes.fromhex(DIGEST)) not in text
