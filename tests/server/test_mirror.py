"""Repositories in buckets: what comes into the folder of this machine, what stays there, and what goes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from assayd_server.bundle import read_folder
from assayd_server.errors import ArtefactError
from assayd_server.mirror import Mirror
from assayd_server.pool_folder import read_pool
from assayd_server.repository_url import RepositoryUrl
from buckets import Bucket
from mirrors import GOOD, OTHER, Mirrored, Put, files, hidden, put_with_pool, sync


def test_a_version_comes_as_it_was_uploaded(put: Put, mirrored: Mirrored) -> None:
    folder, mirror = put(7, labels=["a", "b", "c", "d"]), mirrored()
    assert sync(mirror) == (["m/7"], [], [])
    assert files(mirror.root / "m" / "7") == files(folder)
    assert read_folder(mirror.root / "m" / "7").manifest.labels == ("a", "b", "c", "d")


def test_all_models_come(put: Put, mirrored: Mirrored) -> None:
    for name in ("b", "a"):
        put(1, name=name)
    assert sorted(sync(mirrored())[0]) == ["a/1", "b/1"]


def test_of_each_model_the_largest_versions_come_by_number(put: Put, mirrored: Mirrored) -> None:
    for version in (9, 10, 2):
        put(version)
    put(1, name="other")
    assert sorted(sync(mirrored(), versions_max=2)[0]) == ["m/10", "m/9", "other/1"]


def test_a_pool_comes_with_all_of_its_files(bucket: Bucket, tmp_path: Path, mirrored: Mirrored) -> None:
    pool = put_with_pool(bucket, tmp_path)
    mirror = mirrored()
    assert sync(mirror) == (["m/1"], [], [])
    assert files(mirror.root / "m" / "1" / "pool") == files(pool)
    read_pool(mirror.root / "m" / "1" / "pool")


def test_a_version_whose_manifest_is_not_there_yet_is_left_alone(
    bucket: Bucket, put: Put, mirrored: Mirrored
) -> None:
    put(1)
    bucket.put("m/2/model.onnx", OTHER)
    mirror = mirrored()
    assert sync(mirror) == (["m/1"], [], [])
    put(2, OTHER)
    assert sync(mirror) == (["m/2"], [], [])


def test_nothing_is_fetched_again_while_the_server_runs(bucket: Bucket, put: Put, mirrored: Mirrored) -> None:
    put(1)
    mirror = mirrored()
    sync(mirror)
    bucket.gets()
    assert sync(mirror) == ([], [], [])
    assert bucket.gets() == []


def test_of_versions_that_are_there_after_a_restart_manifests_alone_are_fetched(
    bucket: Bucket, tmp_path: Path, mirrored: Mirrored
) -> None:
    put_with_pool(bucket, tmp_path)
    sync(mirrored())
    assert len(bucket.gets()) == 6  # model, three files of the pool, and two manifests
    assert sync(mirrored()) == ([], [], [])
    assert sorted(bucket.gets()) == ["m/1/bundle.json", "m/1/pool/pool.json"]


def test_a_version_that_was_written_anew_takes_the_place_of_the_old_one(put: Put, mirrored: Mirrored) -> None:
    put(1)
    mirror = mirrored()
    sync(mirror)
    with (mirror.root / "m" / "1" / "model.onnx").open("rb") as old:
        folder = put(1, OTHER)
        assert sync(mirror) == (["m/1"], [], [])
        assert old.read() == GOOD
    assert files(mirror.root / "m" / "1") == files(folder)
    assert hidden(mirror) == []


def test_a_version_that_is_gone_from_the_bucket_goes(bucket: Bucket, put: Put, mirrored: Mirrored) -> None:
    put(1)
    put(2)
    put(1, name="other")
    mirror = mirrored()
    sync(mirror)
    bucket.delete("m/1/bundle.json", "other/1/bundle.json")
    assert sync(mirror) == ([], ["m/1", "other/1"], [])
    assert set(files(mirror.root)) == {"m/2/bundle.json", "m/2/model.onnx"}
    assert hidden(mirror) == []


def test_a_version_that_is_wanted_no_more_goes_when_its_successor_is_there(put: Put, mirrored: Mirrored) -> None:
    put(1)
    mirror = mirrored()
    sync(mirror, versions_max=1)
    put(2)
    assert sync(mirror, versions_max=1) == (["m/2"], ["m/1"], [])


def test_a_bucket_that_has_become_empty_takes_nothing_away(bucket: Bucket, put: Put, mirrored: Mirrored) -> None:
    put(1)
    mirror = mirrored()
    sync(mirror)
    bucket.delete("m/1/bundle.json", "m/1/model.onnx")
    with pytest.raises(ArtefactError) as caught:
        sync(mirror)
    assert str(caught.value) == f"{bucket.url}: has no model, expected are objects <name>/<version>/bundle.json"
    assert set(files(mirror.root)) == {"m/1/bundle.json", "m/1/model.onnx"}


def test_objects_that_are_no_models_are_passed_over(bucket: Bucket, put: Put, mirrored: Mirrored) -> None:
    put(1)
    for path in ("readme.md", "m/latest/bundle.json", "m/01/bundle.json", "-m/1/bundle.json", "m/1"):
        bucket.put(path, b"{}")
    assert sync(mirrored()) == (["m/1"], [], [])


def test_what_a_killed_process_left_goes(put: Put, mirrored: Mirrored) -> None:
    put(1)
    mirror = mirrored()
    sync(mirror)
    for name in (".incoming-x", ".outgoing-y"):
        (mirror.root.parent / name / "1").mkdir(parents=True)
        (mirror.root.parent / name / "1" / "model.onnx").write_bytes(b"half")
    assert sync(mirrored()) == ([], [], [])
    assert hidden(mirror) == []


@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), lambda path: path.write_bytes(b"half")])
def test_a_file_that_is_missing_or_short_after_a_restart_is_fetched_again(
    put: Put, mirrored: Mirrored, spoil: Callable[[Path], object]
) -> None:
    folder, mirror = put(1), mirrored()
    sync(mirror)
    spoil(mirror.root / "m" / "1" / "model.onnx")
    assert sync(mirrored()) == (["m/1"], [], [])
    assert files(mirror.root / "m" / "1") == files(folder)


def test_two_repositories_share_a_cache_and_nothing_in_it(bucket: Bucket, put: Put, tmp_path: Path) -> None:
    put(1)
    both = [
        Mirror(RepositoryUrl("s3", bucket.name, prefix), tmp_path / "cache", bytes_max=2**30)
        for prefix in ("models", "models/m")
    ]
    sync(both[0])
    with pytest.raises(ArtefactError, match="has no model"):
        sync(both[1])
    assert sync(both[0]) == ([], [], [])
