"""The package itself: its public names, and what an import costs."""

import subprocess
import sys

import pytest

import assayd
from assayd import errors

PUBLIC = [
    "AssaydError",
    "AssessOptions",
    "AsyncClient",
    "Boundaries",
    "BoundaryOptions",
    "CallCancelledError",
    "CandidateOptions",
    "CandidateSelection",
    "Candidates",
    "Change",
    "ChannelSettings",
    "Client",
    "ColumnDrift",
    "DeadlineExceededError",
    "Decisions",
    "DriftOptions",
    "DriftReport",
    "EvaluateOptions",
    "Evaluation",
    "ExpandOptions",
    "FailedModel",
    "FailedPreconditionError",
    "InternalError",
    "InvalidArgumentError",
    "LabelAssessment",
    "LabelProposals",
    "LabelSums",
    "ModelIdentity",
    "ModelInfo",
    "ModelList",
    "Neighbors",
    "NotFoundError",
    "Novelty",
    "PermissionDeniedError",
    "PoolInfo",
    "PoolOptions",
    "ProposeOptions",
    "RankOptions",
    "Ranking",
    "ReferenceColumn",
    "ReferenceInfo",
    "ResourceExhaustedError",
    "ScoreOptions",
    "Scores",
    "SearchOptions",
    "SelectOptions",
    "TensorSpec",
    "Tls",
    "TopClasses",
    "UnauthenticatedError",
    "UnavailableError",
    "UnimplementedError",
    "WatchOptions",
    "WatchReport",
    "WindowDrift",
    "merge_rankings",
]


def loaded_by(code: str) -> set[str]:
    """The modules that a fresh interpreter has after some code."""
    return printed_by(f"{code}; import sys; print(*sys.modules)")


def printed_by(code: str) -> set[str]:
    """The words that a fresh interpreter prints."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return set(run.stdout.split())


def test_the_public_names_are_these() -> None:
    assert sorted(assayd.__all__) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_a_class_or_a_function_of_that_name(name: str) -> None:
    found = getattr(assayd, name)
    assert isinstance(found, type) or callable(found)
    assert found.__name__ == name


def test_every_error_is_public() -> None:
    kinds = {kind.__name__ for kind in errors.AssaydError.__subclasses__()}
    assert kinds | {"AssaydError"} <= set(assayd.__all__)


def test_a_star_import_gives_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from assayd import *", names)  # noqa: S102 - a star import is only allowed at module level
    assert set(PUBLIC) <= set(names)


def test_dir_lists_the_public_names_and_the_version() -> None:
    assert set(PUBLIC) | {"__version__", "__all__"} <= set(dir(assayd))


def test_dir_lists_names_that_were_not_used_yet() -> None:
    assert set(PUBLIC) <= printed_by("import assayd; print(*dir(assayd))")


def test_dir_is_sorted() -> None:
    assert dir(assayd) == sorted(dir(assayd))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'assayd' has no attribute 'Nothing'$"):
        assayd.Nothing  # noqa: B018 - the access is the test


def test_a_public_name_that_no_module_defines_is_an_attribute_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assayd, "__all__", [*assayd.__all__, "Forgotten"])
    with pytest.raises(AttributeError, match=r"^module 'assayd' has no attribute 'Forgotten'$"):
        assayd.Forgotten  # noqa: B018 - the access is the test


def test_a_name_is_the_same_object_each_time() -> None:
    assert assayd.Client is assayd.Client


def test_a_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(vars(assayd), "Scores", raising=False)
    found = assayd.Scores
    assert vars(assayd)["Scores"] is found


def test_importing_the_package_loads_neither_grpc_nor_numpy() -> None:
    assert not loaded_by("import assayd") & {"grpc", "numpy", "assayd.client", "assayd.errors"}


def test_importing_the_messages_does_not_load_the_client() -> None:
    modules = loaded_by("import assayd.v1")
    assert "assayd.v1" in modules
    assert not {name for name in modules if name.startswith("assayd.")} - {"assayd.v1"}


def test_importing_one_message_module_loads_neither_numpy_nor_the_client() -> None:
    modules = loaded_by("import assayd.v1.scoring_pb2")
    assert not modules & {"numpy", "grpc", "assayd.client", "assayd.errors"}


def test_using_every_name_loads_no_library_of_tables() -> None:
    modules = loaded_by("from assayd import *")
    assert {"assayd.client", "assayd.tables.detection"} <= modules
    assert not {name for name in modules if name.split(".")[0] in {"pandas", "polars", "pyarrow"}}


def test_using_a_name_loads_the_client_and_nothing_of_the_server() -> None:
    modules = loaded_by("from assayd import Client")
    assert "assayd.client" in modules
    assert not {name for name in modules if name.split(".")[0] in {"assayd_server", "onnxruntime", "scipy"}}
