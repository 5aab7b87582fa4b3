"""Where files from buckets are kept unless somebody says where."""

import os
import tempfile
from pathlib import Path

import pytest

from assayd_server.default_cache import default_cache
from assayd_server.errors import StartError


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home, a place for temporary files, and no cache of the user's choice."""
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))


def test_it_is_in_the_users_cache(tmp_path: Path) -> None:
    assert default_cache() == tmp_path / "home" / ".cache" / "assayd"


def test_it_is_in_the_cache_that_the_user_chose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "mine"))
    assert default_cache() == tmp_path / "mine" / "assayd"


def test_a_relative_choice_counts_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    assert default_cache() == temporary(tmp_path)


def test_where_the_users_cache_cannot_be_written_it_is_among_the_temporary_files(tmp_path: Path) -> None:
    (tmp_path / "home" / ".cache").write_text("no folder")
    assert default_cache() == temporary(tmp_path)


def test_nobody_else_can_look_into_it(tmp_path: Path) -> None:
    assert default_cache().stat().st_mode & 0o077 == 0


def test_a_folder_that_somebody_else_has_put_there_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(StartError) as caught:
        default_cache()
    assert str(caught.value) == "repository_cache: no folder can be written to keep models in: name one"


def test_where_nothing_can_be_written_a_folder_is_to_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_folder() -> str:
        raise FileNotFoundError

    (tmp_path / "home" / ".cache").write_text("no folder")
    monkeypatch.setattr(tempfile, "gettempdir", no_folder)
    with pytest.raises(StartError, match=r"^repository_cache: no folder can be written"):
        default_cache()


def temporary(tmp_path: Path) -> Path:
    return tmp_path / "tmp" / f"assayd-{os.geteuid()}"
