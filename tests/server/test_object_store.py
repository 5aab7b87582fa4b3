"""What object stores say, and what of it is shown; stores of each kind are made from the environment."""

import logging
import sys
from typing import Any

import pytest

from assayd_server import object_store
from assayd_server.errors import StartError
from assayd_server.object_store import ObjectStore, StoreError
from assayd_server.repository_url import repository_place
from buckets import SECRET, Bucket


def opened(url: str) -> ObjectStore:
    place = repository_place(url)
    return ObjectStore(place, request_seconds_max=10)  # type: ignore[arg-type]


def reason(url: str) -> str:
    with pytest.raises(StoreError) as caught:
        opened(url).objects()
    return str(caught.value)


def test_objects_are_those_below_the_folder_with_their_sizes(bucket: Bucket) -> None:
    bucket.put("m/1/a b+c.bin", b"123")
    bucket.put("x", b"")
    found = opened(bucket.url).objects()
    assert {path: one.size for path, one in found.items()} == {"m/1/a b+c.bin": 3, "x": 0}


def test_a_bucket_without_a_folder_is_read_from_its_top(bucket: Bucket) -> None:
    bucket.put("x", b"123")
    assert set(opened(f"s3://{bucket.name}").objects()) == {"models/x"}


def test_objects_beside_the_folder_are_not_seen(bucket: Bucket) -> None:
    bucket.put("x", b"123", folder="models-of-others")
    assert opened(bucket.url).objects() == {}


def test_an_object_that_is_written_anew_has_another_mark(bucket: Bucket) -> None:
    bucket.put("x", b"123")
    before = opened(bucket.url).objects()["x"].mark
    assert opened(bucket.url).objects()["x"].mark == before
    bucket.put("x", b"124")
    assert opened(bucket.url).objects()["x"].mark != before


def test_more_objects_than_are_read_are_refused(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_store, "OBJECTS_MAX", 2)
    for name in "abc":
        bucket.put(name, b"")
    assert reason(bucket.url) == f"{bucket.url}: has more than 2 objects, which is the most that is read"


def test_an_object_comes_whole(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_store, "PART_BYTES", 1000)
    content = bytes(range(256)) * 100
    bucket.put("x", content)
    parts = [bytes(part) for part in opened(bucket.url).parts("x")]
    assert b"".join(parts) == content


def test_a_bucket_that_is_not_there_is_named_with_what_the_store_says(bucket: Bucket) -> None:
    host = bucket.environ["AWS_ENDPOINT_URL"]
    assert reason("s3://nowhere/models") == (
        f"s3://nowhere/models: cannot be listed: GET {host}/nowhere - Server returned non-2xx status code: 404 "
        "Not Found: NoSuchBucket, The specified bucket does not exist"
    )


def test_a_host_that_refuses_is_named(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert reason(bucket.url).endswith("after 3 retries - error sending request: Connection refused")


def test_what_a_store_answers_is_shown_without_what_may_be_secret(bucket: Bucket) -> None:
    body = (
        "<Error><Code>SignatureDoesNotMatch</Code><Message>wrong key\nRequestId:8b1a\nTime:20:43</Message>"
        f"<StringToSign>{SECRET}</StringToSign></Error>"
    )

    def refuse(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("403 Forbidden", [("Content-Type", "application/xml")])
        return [body.encode()]

    bucket.answer(bucket.name, refuse)
    assert reason(bucket.url).endswith("status code: 403 Forbidden: SignatureDoesNotMatch, wrong key")


def test_credentials_in_an_endpoint_are_not_shown(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://user:{SECRET}@127.0.0.1:9")
    assert SECRET not in reason(bucket.url)


def test_secrets_are_not_logged(bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    bucket.go_away()
    with caplog.at_level(logging.DEBUG):
        assert SECRET not in reason(bucket.url)
    assert SECRET not in caplog.text


def test_without_obstore_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(StartError) as caught:
        opened("s3://bucket")
    assert str(caught.value) == (
        "s3://bucket: to read it, obstore is needed: pip install 'assayd[server,objectstore]'"
    )


def test_a_store_of_google_is_made_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
    assert store("gs://bucket/models") == 'GCSStore(bucket="bucket", prefix="models")'


def test_a_bucket_of_google_is_read(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the same server, which takes what Google's XML interface asks."""
    for name, value in (("BASE_URL", bucket.environ["AWS_ENDPOINT_URL"]), ("ALLOW_HTTP", "true")):
        monkeypatch.setenv(f"GOOGLE_{name}", value)
    monkeypatch.setenv("GOOGLE_BEARER_TOKEN", "AWS anybody:anything")  # the server wants to see a header
    bucket.put("m/1/x", b"123")
    google = opened(f"gs://{bucket.name}/models")
    assert set(google.objects()) == {"m/1/x"}
    assert b"".join(google.parts("m/1/x")) == b"123"


def test_a_store_of_azure_is_made_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")
    expected = 'AzureStore(container_name="container", account_name="account", prefix="models")'
    assert store("az://container/models") == expected


def test_without_an_account_a_store_of_azure_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(StoreError) as caught:
        opened("az://container")
    assert str(caught.value) == "az://container: cannot be read: AZURE_STORAGE_ACCOUNT_NAME is not set"


def test_what_a_store_does_not_take_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", "/no/such/file.json")
    with pytest.raises(StoreError) as caught:
        opened("gs://bucket")
    assert str(caught.value).startswith("gs://bucket: cannot be read: ")
    assert "/no/such/file.json" in str(caught.value)


def store(url: str) -> str:
    return repr(opened(url)._store)  # what it was made of shows nowhere else
