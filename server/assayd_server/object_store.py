"""The one file that speaks with object stores: obstore lists and reads, with limits to how long that may take.

Credentials, region and endpoint come from the environment as each store defines it: AWS_*, GOOGLE_*, AZURE_*.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from assayd_server.errors import ArtefactError, StartError
from assayd_server.repository_url import RepositoryUrl

if TYPE_CHECKING:
    from obstore.store import AzureStore, GCSStore, S3Store

CONNECT_SECONDS_MAX = 5.0
READ_SECONDS_MAX = 30.0
"""For the next bytes of an answer."""
RETRIES_MAX = 3
RETRY_SECONDS_MAX = 60.0
"""From the first attempt of a request on; later none begins."""
OBJECTS_MAX = 200_000
"""In one listing."""
PART_BYTES = 4 * 1024 * 1024
"""Of a file that comes in parts: no more than about this is in memory."""

_OBJECTS_AT_ONCE = 1000
_CAUSE_LENGTH_MAX = 400
_METADATA_SERVICE = "//169.254.169.254/"
_ASKED_THE_MACHINE = "as the environment holds no credentials, the machine was asked for some"
_VARIABLES = {"s3": "AWS", "gs": "GOOGLE", "az": "AZURE"}
_AZURE_ACCOUNT = "AZURE_STORAGE_ACCOUNT_NAME"
_CLIENT_OPTIONS = ("allow_http", "proxy_url", "proxy_excludes")
"""Of the HTTP client, and left out of what obstore reads from the environment once it is given any."""


class StoreError(ArtefactError):
    """A bucket or an object cannot be read; the message names it, and holds no secrets."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object, as a listing has it."""

    size: int
    """In bytes."""
    mark: str
    """Another one when the object was written anew."""


class ObjectStore:
    """A folder in a bucket. Paths are those below it, with slashes."""

    def __init__(self, url: RepositoryUrl, *, request_seconds_max: float) -> None:
        """Nothing is asked of the bucket yet.

        Args:
            url: of the folder.
            request_seconds_max: for the whole of an answer.

        Raises:
            StartError: obstore is not installed, or does not take what stands in the environment.
        """
        self._url = url
        try:
            import obstore
        except ImportError:
            raise StartError(
                f"{url}: to read it, obstore is needed: pip install 'assayd[server,objectstore]'"
            ) from None
        self._obstore: Any = obstore
        try:
            self._store = _opened(url, request_seconds_max)
        except Exception as error:
            raise StoreError(f"{url}: cannot be read: {_cause(error)}") from None

    def objects(self) -> dict[str, StoredObject]:
        """Every object, by path.

        Raises:
            StoreError: the bucket cannot be listed, or has too many objects.
        """
        found: dict[str, StoredObject] = {}
        try:
            for several in self._obstore.list(self._store, chunk_size=_OBJECTS_AT_ONCE):
                for one in several:
                    mark = f"{one['e_tag']} {one['last_modified'].isoformat()} {one['size']}"
                    found[one["path"]] = StoredObject(one["size"], mark)
                if len(found) > OBJECTS_MAX:
                    break
        except Exception as error:
            raise StoreError(f"{self._url}: cannot be listed: {_cause(error)}") from None
        if len(found) > OBJECTS_MAX:
            raise StoreError(f"{self._url}: has more than {OBJECTS_MAX} objects, which is the most that is read")
        return found

    def parts(self, path: str) -> Iterator[bytes]:
        """An object, from its beginning to its end.

        Raises:
            StoreError: it is not there, or is not read to its end.
        """
        try:
            yield from self._obstore.get(self._store, path).stream(min_chunk_size=PART_BYTES)
        except Exception as error:
            raise StoreError(f"{self._url}/{path}: cannot be read: {_cause(error)}") from None


def _opened(url: RepositoryUrl, request_seconds_max: float) -> "S3Store | GCSStore | AzureStore":
    from obstore.store import AzureStore, GCSStore, S3Store

    options: Any = {
        "prefix": url.prefix or None,
        "client_options": _client_options(url.scheme, request_seconds_max),
        "retry_config": {
            "max_retries": RETRIES_MAX,
            "retry_timeout": timedelta(seconds=RETRY_SECONDS_MAX),
            "backoff": {"max_backoff": timedelta(seconds=READ_SECONDS_MAX / 2)},
        },
    }
    if url.scheme == "s3":
        return S3Store(url.bucket, **options)
    if url.scheme == "gs":
        return GCSStore(url.bucket, **options)
    account = os.environ.get(_AZURE_ACCOUNT)
    if not account:  # obstore itself would panic
        raise ValueError(f"{_AZURE_ACCOUNT} is not set")
    return AzureStore(url.bucket, account_name=account, **options)


def _client_options(scheme: str, request_seconds_max: float) -> dict[str, Any]:
    variables = {option: f"{_VARIABLES[scheme]}_{option.upper()}" for option in _CLIENT_OPTIONS}
    return {
        "timeout": timedelta(seconds=request_seconds_max),
        "connect_timeout": timedelta(seconds=CONNECT_SECONDS_MAX),
        "read_timeout": timedelta(seconds=READ_SECONDS_MAX),
    } | {option: os.environ[variable] for option, variable in variables.items() if os.environ.get(variable)}


_NOISE = re.compile(
    r"^Generic \S+ error: |Error performing (list request: )?|HTTP error: | in [\d.]+[µnm]?s\b"
    r"|, max_retries: \d+|, retry_timeout: [\d.]+\w+|\b(RequestId|Time):\S*"
)
"""Words about obstore itself, and what differs each time, by which a log would take a cause for a new one."""
_SECRETS = re.compile(r"(?<=//)[^/@\s]*@|\?\S*")
"""User names and passwords in addresses, and queries, which may hold keys."""
_SYSTEM = re.compile(r'message: "(?P<refused>[^"\\]*)"|kind: (?P<late>Timeout)|(?P<unknown>dns error)')
"""What obstore tells programmers alone: why a host was not reached."""


def _cause(error: Exception) -> str:
    """What a store says, in a line."""
    text, _, source = str(error).partition("\n\nDebug source:")
    answer = re.search(
        r"<Code>(?P<code>[^<]*)</Code>(?:.*?<Message>(?P<message>[^<]*)</Message>)?", text, re.DOTALL
    )
    if answer:
        text = f"{text.partition('<')[0]}{answer['code']}, {answer['message'] or ''}"
    elif system := _SYSTEM.search(source):
        text = f"{text.strip()}: {system['refused'] or (system['late'] and 'no answer in time') or 'unknown host'}"
    said = " ".join(_NOISE.sub("", _SECRETS.sub("", text)).split())[:_CAUSE_LENGTH_MAX].rstrip(" ,.:")
    return f"{said} ({_ASKED_THE_MACHINE})" if _METADATA_SERVICE in said else said
