"""Versions that are not what they say, buckets that go away, caches that are full: what was there stays."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assayd_server import bucket_content
from assayd_server.attempts import RETRY_SECONDS_MAX
from assayd_server.errors import ArtefactError
from assayd_server.locking import locked
from buckets import Bucket, cut_after, halted
from mirrors import GOOD, OTHER, Mirrored, Put, digest, files, hidden, manifest, put_with_pool, sync

pytestmark = pytest.mark.long

WAIT_SECONDS = 30.0
LARGE = bytes(3_000_000)


@pytest.fixture
def kept(put: Put, mirrored: Mirrored) -> Callable[..., str]:
    """Version 1 is there: kept(reason of 2's failure) syncs, sees that 1 is still there, and gives the reason."""
    put(1)
    mirror = mirrored()
    sync(mirror)

    def fails(**options: Any) -> str:
        came, went, (failure,) = sync(mirrored(**options) if options else mirror)
        assert (came, went, hidden(mirror)) == ([], [], [])
        assert set(files(mirror.root)) == {"m/1/bundle.json", "m/1/model.onnx"}
        return failure

    return fails


def test_a_file_with_another_digest_fails_by_name(bucket: Bucket, kept: Callable[..., str]) -> None:
    bucket.put("m/2/model.onnx", OTHER)
    bucket.put("m/2/bundle.json", manifest())
    assert kept() == (
        f"m/2: {bucket.url}/m/2/model.onnx: its digest is {digest(OTHER)}, its manifest says {digest(GOOD)}"
    )


def test_a_file_that_is_missing_fails_by_name(bucket: Bucket, kept: Callable[..., str]) -> None:
    bucket.put("m/2/bundle.json", manifest())
    assert kept() == f"m/2: {bucket.url}/m/2/model.onnx: is not there, although a manifest names it"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"{", "Invalid JSON"),
        (b'{"format": 2, "files": {}}', "format: Input should be less than or equal to 1"),
        (b'{"format": 1, "files": {"../x": "sha256:%064d"}}' % 0, "files names '../x', which is not a file"),
        (b'{"format": 1, "files": {"/x": "sha256:%064d"}}' % 0, "files names '/x', which is not a file"),
    ],
)
def test_a_manifest_that_is_none_fails_with_what_is_wrong(
    bucket: Bucket, kept: Callable[..., str], text: bytes, reason: str
) -> None:
    bucket.put("m/2/bundle.json", text)
    assert kept().startswith(f"m/2: {bucket.url}/m/2/bundle.json: {reason}")


def test_a_manifest_that_is_too_large_for_memory_is_not_read(
    bucket: Bucket, kept: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_content, "MANIFEST_BYTES_MAX", 1000)
    bucket.put("m/2/bundle.json", b" " * 1001)
    bucket.gets()
    assert kept() == f"m/2: {bucket.url}/m/2/bundle.json: has 1001 bytes, a manifest may have 1000"
    assert bucket.gets() == []


@pytest.mark.parametrize(
    ("name", "reason"), [("a" * 300, "File name too long"), ("model.onnx/weights", "File exists")]
)
def test_a_name_that_no_file_can_have_fails(
    bucket: Bucket, kept: Callable[..., str], name: str, reason: str
) -> None:
    bucket.put("m/2/model.onnx", GOOD)
    bucket.put(f"m/2/{name}", GOOD)
    bucket.put("m/2/bundle.json", manifest(**{name: GOOD}))
    failure = kept()
    assert failure.startswith(f"m/2: {bucket.url}/m/2/{name}: cannot be written to ")
    assert failure.endswith(f": {reason}")


def test_a_pool_with_another_manifest_fails(bucket: Bucket, tmp_path: Path, mirrored: Mirrored) -> None:
    put_with_pool(bucket, tmp_path)
    bucket.put("m/1/pool/pool.json", b"{}")
    _, _, (failure,) = sync(mirrored())
    assert failure.startswith(f"m/1: {bucket.url}/m/1/pool/pool.json: its digest is {digest(b'{}')}, ")


def test_a_pool_with_another_file_fails(bucket: Bucket, tmp_path: Path, mirrored: Mirrored) -> None:
    put_with_pool(bucket, tmp_path)
    bucket.put("m/1/pool/mean.npy", b"other")
    mirror = mirrored()
    _, _, (failure,) = sync(mirror)
    assert failure.startswith(f"m/1: {bucket.url}/m/1/pool/mean.npy: its digest is {digest(b'other')}, ")
    assert (files(mirror.root), hidden(mirror)) == ({}, [])


def test_in_the_place_of_a_version_that_cannot_be_had_the_next_lower_one_comes(
    bucket: Bucket, put: Put, mirrored: Mirrored
) -> None:
    for version in (1, 2):
        put(version)
    bucket.put("m/3/bundle.json", manifest())
    mirror = mirrored()
    assert sync(mirror, versions_max=1)[0] == ["m/2"]
    bucket.put("m/3/model.onnx", GOOD)
    assert sync(mirror, versions_max=1) == (["m/3"], ["m/2"], [])


def test_a_version_that_was_spoilt_in_the_bucket_stays_as_it_was(
    bucket: Bucket, put: Put, mirrored: Mirrored
) -> None:
    folder, mirror = put(1), mirrored()
    sync(mirror)
    bucket.put("m/1/bundle.json", b"{")
    assert len(sync(mirror)[2]) == 1
    assert files(mirror.root / "m" / "1") == files(folder)


def test_a_version_that_failed_is_not_read_again_until_it_changes_or_some_time_has_passed(
    bucket: Bucket, mirrored: Mirrored
) -> None:
    now = [0.0]
    mirror = mirrored(clock=lambda: now[0])
    bucket.put("m/2/bundle.json", manifest())
    bucket.put("m/2/model.onnx", OTHER)
    first = sync(mirror)
    bucket.gets()
    assert sync(mirror) == first
    assert bucket.gets() == []
    now[0] = RETRY_SECONDS_MAX
    assert sync(mirror) == first
    assert bucket.gets() == ["m/2/bundle.json", "m/2/model.onnx"]
    bucket.put("m/2/model.onnx", GOOD)
    assert sync(mirror) == (["m/2"], [], [])


def test_a_download_that_breaks_off_once_goes_on_where_it_was(bucket: Bucket, mirrored: Mirrored) -> None:
    bucket.put("m/1/model.onnx", GOOD)
    bucket.put("m/1/large.bin", LARGE)
    bucket.put("m/1/bundle.json", manifest(large_bin=LARGE))
    bucket.answer_once("large.bin", cut_after(LARGE, len(LARGE) // 2, etag=bucket.etag("m/1/large.bin")))
    assert sync(mirrored()) == (["m/1"], [], [])
    assert bucket.gets().count("m/1/large.bin") == 2


def test_a_download_that_breaks_off_fails(bucket: Bucket, kept: Callable[..., str]) -> None:
    bucket.put("m/2/model.onnx", GOOD)
    bucket.put("m/2/large.bin", LARGE)
    bucket.put("m/2/bundle.json", manifest(large_bin=LARGE))
    bucket.answer("large.bin", cut_after(LARGE, len(LARGE) // 2))
    assert kept().startswith(f"m/2: {bucket.url}/m/2/large.bin: cannot be read: ")


def test_a_bucket_that_goes_away_in_the_middle_fails_each_version_that_had_not_come(
    bucket: Bucket, put: Put, mirrored: Mirrored
) -> None:
    for version in (1, 2):
        put(version)
    bucket.answer("m/1/model.onnx", bucket.gone)
    came, _, (failure,) = sync(mirrored())
    assert came == ["m/2"]
    assert failure.startswith(f"m/1: {bucket.url}/m/1/model.onnx: cannot be read: GET http://127.0.0.1:")


def test_a_file_that_was_written_anew_meanwhile_fails(bucket: Bucket, kept: Callable[..., str]) -> None:
    bucket.put("m/2/model.onnx", GOOD)
    bucket.put("m/2/bundle.json", manifest())
    bucket.answer("m/2/model.onnx", cut_after(GOOD + b"longer", 10**6))
    assert kept() == f"m/2: {bucket.url}/m/2/model.onnx: was written anew while it was read"


def test_a_version_that_has_no_room_fails_before_it_is_downloaded(
    bucket: Bucket, kept: Callable[..., str]
) -> None:
    bucket.put("m/2/model.onnx", GOOD)
    bucket.put("m/2/large.bin", LARGE)
    bucket.put("m/2/bundle.json", manifest(large_bin=LARGE))
    bucket.gets()
    needed, used = len(GOOD) + len(LARGE) + len(manifest(large_bin=LARGE)), len(GOOD) + len(manifest())
    assert kept(bytes_max=len(LARGE)) == (
        f"m/2: {bucket.url}/m/2: has {needed} bytes, for which repository_cache_bytes_max, {len(LARGE)}, leaves "
        f"no room: the cache holds {used}"
    )
    assert "m/2/large.bin" not in bucket.gets()


def test_versions_that_are_wanted_no_more_make_room(bucket: Bucket, mirrored: Mirrored) -> None:
    for version in (1, 2):
        bucket.put(f"m/{version}/model.onnx", GOOD)
        bucket.put(f"m/{version}/large.bin", LARGE)
    bucket.put("m/1/bundle.json", manifest(large_bin=LARGE))
    mirror = mirrored(bytes_max=len(LARGE) * 3 // 2)
    assert sync(mirror, versions_max=1) == (["m/1"], [], [])
    bucket.put("m/2/bundle.json", manifest(large_bin=LARGE))
    assert sync(mirror, versions_max=1) == (["m/2"], ["m/1"], [])


FULL_DISK = """
import json, resource, sys
from pathlib import Path
from assayd_server.mirror import Mirror
from assayd_server.repository_url import RepositoryUrl
import mirrors
mirror = Mirror(RepositoryUrl("s3", sys.argv[1], "models"), Path(sys.argv[2]), bytes_max=2**30)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
print(json.dumps(mirrors.sync(mirror)))
"""


def test_a_disk_that_takes_no_more_fails_the_version(
    bucket: Bucket, kept: Callable[..., str], tmp_path: Path
) -> None:
    """By a limit to the size of files, which needs no disk of its own: writes fail as those to a full one do."""
    bucket.put("m/2/model.onnx", GOOD)
    bucket.put("m/2/large.bin", LARGE)
    bucket.put("m/2/bundle.json", manifest(large_bin=LARGE))
    command = [sys.executable, "-c", FULL_DISK, bucket.name, str(tmp_path / "cache")]
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    came, went, (failure,) = json.loads(done.stdout)
    assert (came, went) == ([], [])
    assert failure.startswith(f"m/2: {bucket.url}/m/2/large.bin: cannot be written to {tmp_path}/cache/")
    assert failure.endswith(": File too large")
    bucket.answer("large.bin", bucket.gone)
    kept()


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, put: Put, mirrored: Mirrored) -> None:
    put(1)
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(ArtefactError, match=rf"^{tmp_path}/cache/s3-.*: cannot be written: "):
        sync(mirrored())


def test_a_cache_that_something_else_lies_in_is_named(put: Put, mirrored: Mirrored) -> None:
    put(1)
    mirror = mirrored()
    mirror.root.parent.mkdir(parents=True)
    mirror.root.write_text("no folder")
    with pytest.raises(ArtefactError) as caught:
        sync(mirror)
    assert str(caught.value) == f"{mirror.root.parent}: cannot be written: File exists"


def test_another_process_at_work_in_the_cache_is_waited_for(put: Put, mirrored: Mirrored) -> None:
    put(1)
    mirror = mirrored()
    done = threading.Event()

    def work() -> None:
        sync(mirror)
        done.set()

    with locked(mirror.root.parent):
        threading.Thread(target=work).start()
        assert not done.wait(0.3)
    assert done.wait(WAIT_SECONDS)


def test_another_process_is_not_waited_for_longer_than_a_sync_may_take(put: Put, mirrored: Mirrored) -> None:
    put(1)
    mirror = mirrored(seconds_max=0.2)
    with locked(mirror.root.parent), pytest.raises(ArtefactError, match="another run is at work there"):
        sync(mirror)


def test_a_sync_begins_nothing_more_when_its_time_is_over(bucket: Bucket, put: Put, mirrored: Mirrored) -> None:
    times = iter([0.0, 1.0, 2.0, *[100.0] * 100])
    mirror = mirrored(seconds_max=10, clock=lambda: next(times))
    for version in (1, 2):
        put(version)
    bucket.gets()
    assert sync(mirror)[2] == [
        f"m/{version}: {bucket.url}: took more than 10 seconds to bring up to date" for version in (2, 1)
    ]
    assert bucket.gets() == []


def test_a_mirror_that_is_closed_ends_the_download_that_is_under_way(
    bucket: Bucket, put: Put, mirrored: Mirrored
) -> None:
    bucket.put("m/1/model.onnx", GOOD)
    bucket.put("m/1/large.bin", LARGE)
    bucket.put("m/1/bundle.json", manifest(large_bin=LARGE))
    reached, go_on = threading.Event(), threading.Event()
    bucket.answer("large.bin", halted(LARGE, reached, go_on))
    mirror = mirrored()
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(sync(mirror)))
    thread.start()
    assert reached.wait(WAIT_SECONDS)
    mirror.close()
    go_on.set()
    thread.join(WAIT_SECONDS)
    assert results == [([], [], [f"m/1: {bucket.url}: is not read on, because the server stops"])]
    with pytest.raises(ArtefactError, match="because the server stops"):
        sync(mirror)
