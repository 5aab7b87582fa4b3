"""Versions that come and go while a server runs: what is loaded, what is kept, and what is tried again."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import onnx_models
from assayd_server import logs, servable
from assayd_server.bundle import Bundle
from assayd_server.errors import ArtefactError
from assayd_server.model_log import ModelLog
from assayd_server.reloading import Reloading, ReloadOptions
from assayd_server.repository import Failure
from assayd_server.servable import Servable

GOOD = onnx_models.identity()
BAD = b"no model"


class Bench:
    """A folder of bundles, what was loaded of it, and a clock that is set by hand."""

    def __init__(self, root: Path, **options: Any) -> None:
        self.root = root
        self.now = 0.0
        self.loads: list[str] = []
        self.arrived: list[Failure] | ArtefactError = []
        self.reloading = Reloading(
            root, self._load, options=ReloadOptions(**options), sync=self._sync, clock=lambda: self.now
        )
        self.repository = self.reloading.repository

    def _load(self, bundle: Bundle) -> Servable:
        self.loads.append(f"{bundle.identity.name}/{bundle.identity.version}")
        return servable.load(bundle, threads=1)

    def _sync(self) -> list[Failure]:
        if isinstance(self.arrived, ArtefactError):
            raise self.arrived
        return self.arrived

    def put(self, version: int, content: bytes = GOOD, *, name: str = "m", **manifest: Any) -> Path:
        return onnx_models.write_bundle(self.root, content, name=name, version=version, **manifest)

    def poll(self) -> list[str]:
        """Look once; what was loaded for it."""
        self.loads.clear()
        self.reloading.poll()
        return list(self.loads)

    @property
    def served(self) -> list[int]:
        """The versions of m."""
        return sorted(self.repository.versions("m"))

    @property
    def reasons(self) -> list[tuple[int, str]]:
        return [(failure.version, failure.reason) for failure in self.repository.failures]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """With version 1 loaded."""
    bench = Bench(tmp_path)
    bench.put(1)
    bench.reloading.begin()
    return bench


def rewrite(folder: Path, content: bytes = GOOD, **manifest: Any) -> None:
    """Put another bundle in the place of one."""
    shutil.rmtree(folder)
    onnx_models.write_bundle(
        folder.parents[1], content, name=folder.parent.name, version=int(folder.name), **manifest
    )


def test_a_new_version_is_loaded_and_the_old_one_stays_for_those_who_pin_it(bench: Bench) -> None:
    bench.put(2)
    assert bench.poll() == ["m/2"]
    assert [bench.repository.find("m", version).identity.version for version in (0, 1, 2)] == [2, 1, 2]


def test_what_is_loaded_already_is_not_loaded_again(bench: Bench) -> None:
    first = bench.repository.find("m", 1)
    assert bench.poll() == []
    assert bench.repository.find("m", 1) is first


def test_a_version_whose_manifest_has_changed_is_loaded_in_the_place_of_the_old_one(bench: Bench) -> None:
    rewrite(bench.root / "m" / "1", temperature=2.0)
    assert bench.poll() == ["m/1"]
    assert bench.repository.find("m", 0).temperature == 2.0


def test_a_version_that_is_gone_is_found_no_more_which_is_the_way_back(bench: Bench) -> None:
    bench.put(2)
    bench.poll()
    shutil.rmtree(bench.root / "m" / "2")
    assert (bench.poll(), bench.served) == ([], [1])


def test_no_more_versions_are_loaded_than_there_may_be(tmp_path: Path) -> None:
    bench = Bench(tmp_path, versions_max=2)
    for version in (1, 2, 3):
        bench.put(version)
    bench.reloading.begin()
    assert bench.loads == ["m/3", "m/2"]
    bench.put(4)
    assert (bench.poll(), bench.served) == (["m/4"], [3, 4])


def test_a_version_that_fails_does_not_count_among_those_that_are_loaded(tmp_path: Path) -> None:
    bench = Bench(tmp_path, versions_max=2)
    for version, content in ((1, GOOD), (2, GOOD), (3, BAD)):
        bench.put(version, content)
    bench.reloading.begin()
    assert bench.served == [1, 2]


def test_a_folder_without_its_manifest_is_not_loaded_and_no_failure(bench: Bench) -> None:
    folder = bench.put(2)
    text = (folder / "bundle.json").read_text()
    (folder / "bundle.json").unlink()
    assert (bench.poll(), bench.served, bench.reasons) == ([], [1], [])
    (folder / "bundle.json").write_text(text)
    assert (bench.poll(), bench.served) == (["m/2"], [1, 2])


def test_a_model_of_which_only_incomplete_versions_are_left_stays(bench: Bench) -> None:
    (bench.root / "m" / "1" / "bundle.json").unlink()
    assert (bench.poll(), bench.served) == ([], [1])


def test_a_version_that_fails_leaves_the_others_serving_and_says_why(bench: Bench) -> None:
    folder = bench.put(2, BAD)
    bench.poll()
    ((version, reason),) = bench.reasons
    assert (bench.served, version) == ([1], 2)
    assert reason.startswith(f"{folder}: ONNX Runtime cannot load it: ")


def test_a_version_that_breaks_in_its_place_is_served_on_as_it_was(bench: Bench) -> None:
    first = bench.repository.find("m", 1)
    rewrite(bench.root / "m" / "1", BAD)
    bench.poll()
    assert bench.repository.find("m", 0) is first
    assert [version for version, _ in bench.reasons] == [1]


def test_a_version_that_is_replaced_by_a_broken_one_serves_on(bench: Bench) -> None:
    shutil.rmtree(bench.root / "m" / "1")
    bench.put(2, BAD)
    bench.poll()
    assert (bench.served, [version for version, _ in bench.reasons]) == ([1], [2])


def test_a_file_that_is_not_what_the_manifest_says_is_not_loaded(bench: Bench) -> None:
    (bench.put(2) / "model.onnx").write_bytes(onnx_models.identity(5))
    assert bench.poll() == []
    assert "its digest is sha256:" in bench.reasons[0][1]


def test_a_broken_version_is_tried_again_after_a_while_that_doubles(bench: Bench) -> None:
    bench.put(2, BAD)
    tried = []
    for now in range(0, 400, 5):
        bench.now = float(now)
        tried += [now] * len(bench.poll())
        assert [version for version, _ in bench.reasons] == [2]
    assert tried == [0, 10, 30, 70, 150, 310]


def test_a_broken_version_is_tried_again_at_once_when_its_files_change(bench: Bench) -> None:
    folder = bench.put(2, BAD)
    assert bench.poll() == ["m/2"]
    rewrite(folder)
    assert (bench.poll(), bench.served, bench.reasons) == (["m/2"], [1, 2], [])


def test_a_failure_is_forgotten_with_its_folder(bench: Bench) -> None:
    folder = bench.put(2, BAD)
    bench.poll()
    shutil.rmtree(folder)
    bench.poll()
    assert bench.reasons == []
    bench.put(2, BAD)
    assert bench.poll() == ["m/2"]


def test_a_new_model_is_found_and_one_whose_folder_is_gone_is_not(bench: Bench) -> None:
    bench.put(1, name="other")
    bench.poll()
    assert bench.repository.names == ("m", "other")
    shutil.rmtree(bench.root / "m")
    bench.poll()
    assert bench.repository.names == ("other",)


def test_a_new_model_that_fails_is_listed_until_its_folder_is_gone(bench: Bench) -> None:
    folder = bench.put(1, BAD, name="other")
    bench.poll()
    assert [failure.name for failure in bench.repository.failures] == ["other"]
    shutil.rmtree(folder.parent)
    bench.poll()
    assert bench.repository.failures == ()


@pytest.mark.parametrize("lost", ["the folder", "what is in it", "all versions"])
def test_a_repository_that_is_lost_or_empty_leaves_the_models_as_they_are(bench: Bench, lost: str) -> None:
    away = {"the folder": bench.root, "what is in it": bench.root / "m", "all versions": bench.root / "m" / "1"}
    shutil.rmtree(away[lost])
    with pytest.raises(ArtefactError, match=f"^{bench.root}: "):
        bench.reloading.poll()
    assert bench.served == [1]


def test_a_source_that_cannot_be_reached_leaves_the_models_as_they_are(bench: Bench) -> None:
    bench.put(2)
    bench.arrived = ArtefactError("s3://bucket: cannot be reached")
    with pytest.raises(ArtefactError, match="cannot be reached"):
        bench.reloading.poll()
    assert bench.served == [1]


def test_a_source_that_cannot_be_reached_at_the_start_leaves_what_is_there_already(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.arrived = ArtefactError("s3://bucket: cannot be reached")
    with pytest.raises(ArtefactError, match="cannot be reached"):
        bench.reloading.begin()
    bench.put(1)
    bench.reloading.begin()
    assert bench.served == [1]


def test_versions_that_could_not_be_brought_are_failures(bench: Bench) -> None:
    bench.arrived = [Failure("m", 2, "the disk is full"), Failure("other", 1, "the disk is full")]
    bench.poll()
    assert bench.served == [1]
    assert [(failure.name, failure.version) for failure in bench.repository.failures] == [("m", 2), ("other", 1)]


def test_a_version_with_another_contract_is_refused_and_not_loaded_at_every_look(bench: Bench) -> None:
    folder = bench.put(2, onnx_models.identity(5))
    assert (bench.poll(), bench.poll(), bench.served) == (["m/2"], [], [1])
    ((version, reason),) = bench.reasons
    assert version == 2
    assert reason.startswith(f"{folder}: inputs: it has x: float32 (any, 5), version 1 has x: float32 (any, 4); ")
    assert "contract_changes" in reason


def test_at_the_start_too_a_version_is_held_against_the_one_before_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.put(1)
    bench.put(2, onnx_models.identity(5))
    bench.reloading.begin()
    assert (bench.served, [version for version, _ in bench.reasons]) == ([1], [2])


def test_a_version_in_the_place_of_another_is_held_against_that(bench: Bench) -> None:
    first = bench.repository.find("m", 1)
    rewrite(bench.root / "m" / "1", onnx_models.identity(5))
    bench.poll()
    assert bench.repository.find("m", 1) is first
    assert [version for version, _ in bench.reasons] == [1]


def test_the_version_before_is_held_against_also_where_it_goes_away_for_the_new_one(tmp_path: Path) -> None:
    bench = Bench(tmp_path, versions_max=1)
    bench.put(1)
    bench.reloading.begin()
    bench.put(2, onnx_models.identity(5))
    bench.poll()
    assert bench.served == [1]


def test_another_contract_is_taken_where_that_is_allowed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, allow_contract_changes=True)
    bench.put(1)
    bench.put(2, onnx_models.identity(5))
    bench.reloading.begin()
    assert (bench.served, bench.reasons) == ([1, 2], [])


def test_what_comes_and_goes_is_logged_once(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    bench.repository.follow(ModelLog())
    bench.put(2)
    bench.put(3, BAD)
    (bench.root / "m" / "4").mkdir()
    (bench.root / "m" / "latest").mkdir()
    for _ in range(3):
        bench.poll()
    shutil.rmtree(bench.root / "m" / "1")
    bench.poll()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert sorted((line["event"], line.get("version")) for line in lines if line["event"] != "folder ignored") == [
        ("model failed to load", 3),
        ("model loaded", 1),
        ("model loaded", 2),
        ("model unloaded", 1),
        ("version not complete", None),
    ]


def test_followers_hear_of_a_model_before_it_is_found_and_after_it_is_gone(bench: Bench) -> None:
    heard: list[tuple[str, int, bool]] = []

    class Listener:
        def added(self, model: Servable) -> None:
            self._hear("added", model)

        def removed(self, model: Servable) -> None:
            self._hear("removed", model)

        def failed(self, failure: Failure) -> None:
            heard.append(("failed", failure.version, False))

        def _hear(self, event: str, model: Servable) -> None:
            version = model.identity.version
            heard.append((event, version, bench.repository.versions("m").get(version) is model))

    bench.repository.follow(Listener())
    bench.put(2)
    bench.put(3, BAD)
    for _ in range(3):
        bench.poll()
    shutil.rmtree(bench.root / "m" / "1")
    bench.poll()
    assert heard == [("added", 1, True), ("added", 2, False), ("failed", 3, False), ("removed", 1, False)]


def test_a_version_that_is_refused_takes_no_place_from_those_that_are_served(tmp_path: Path) -> None:
    bench = Bench(tmp_path, versions_max=2)
    for version in (1, 2):
        bench.put(version)
    bench.reloading.begin()
    bench.put(3, onnx_models.identity(5))
    served = []
    for now in range(0, 100, 5):
        bench.now = float(now)
        bench.poll()
        served.append(bench.served)
        assert [version for version, _ in bench.reasons] == [3]
    assert served == [[1, 2]] * len(served)


def test_a_version_that_is_refused_at_the_start_makes_room_for_one_more(tmp_path: Path) -> None:
    bench = Bench(tmp_path, versions_max=2)
    for version, content in ((1, GOOD), (2, GOOD), (3, onnx_models.identity(5))):
        bench.put(version, content)
    bench.reloading.begin()
    assert bench.served == [1, 2]


def test_a_version_whose_folder_cannot_be_looked_into_keeps_no_other_from_being_loaded(bench: Bench) -> None:
    (bench.put(2) / "bundle.json").unlink()
    (bench.root / "m" / "2" / "bundle.json").symlink_to("x" * 256)  # a name that is too long: not merely not there
    bench.put(3)
    assert (bench.poll(), bench.served) == (["m/3"], [1, 3])
    assert [version for version, _ in bench.reasons] == [2]
