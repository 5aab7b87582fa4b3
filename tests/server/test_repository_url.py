"""Addresses of repositories: what is a folder, what is a bucket, and what is neither."""

from pathlib import Path

import pytest

from assayd_server.repository_url import RepositoryUrl, repository_place


@pytest.mark.parametrize("text", ["models", "/srv/models", "./s3:/x", "C:models"])
def test_what_has_no_scheme_is_a_folder(text: str) -> None:
    assert repository_place(text) == Path(text)


def test_a_path_is_a_folder() -> None:
    assert repository_place(Path("models")) == Path("models")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("s3://bucket", RepositoryUrl("s3", "bucket")),
        ("s3://bucket/", RepositoryUrl("s3", "bucket")),
        ("gs://my-bucket.org/models", RepositoryUrl("gs", "my-bucket.org", "models")),
        ("az://container/a/b c/", RepositoryUrl("az", "container", "a/b c")),
    ],
)
def test_an_address_has_a_bucket_and_perhaps_a_folder(text: str, url: RepositoryUrl) -> None:
    assert repository_place(text) == url
    assert repository_place(str(url)) == url


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "http://host/models",
            "is an address that begins with http, allowed are a folder and s3://, gs:// or az://",
        ),
        ("S3://bucket", "is an address that begins with S3, allowed are a folder and s3://, gs:// or az://"),
        ("s3://", "names no bucket, expected is s3://bucket or s3://bucket/folder"),
        ("s3:///models", "names no bucket, expected is s3://bucket or s3://bucket/folder"),
        ("gs://-x", "names no bucket, expected is gs://bucket or gs://bucket/folder"),
    ],
)
def test_an_address_of_something_else_is_refused_with_what_is_allowed(text: str, reason: str) -> None:
    assert refusal(text) == reason


@pytest.mark.parametrize("path", ["a//b", "a/../b", "a/./b", "..", "a\nb"])
def test_a_folder_that_could_be_meant_in_two_ways_is_refused(path: str) -> None:
    assert refusal(f"s3://bucket/{path}") == (
        "has a folder with an empty part, a dot for a part, or a character that is not printable"
    )


@pytest.mark.parametrize("text", ["s3://key:secret@bucket/x", "az://c/x?sig=secret", "s3://bucket#secret"])
def test_credentials_have_no_place_in_an_address(text: str) -> None:
    assert refusal(text) == (
        "has more in it than a bucket and a folder: credentials and options come from the environment"
    )


def refusal(text: str) -> str:
    with pytest.raises(ValueError, match=r".+") as caught:
        repository_place(text)
    return str(caught.value)
