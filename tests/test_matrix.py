"""The parts of make test-matrix that decide what is tested; the matrix itself takes too long for every change."""

import tomllib
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import matrix

SETTINGS = tomllib.loads((matrix.ROOT / "pyproject.toml").read_text())
PROJECT = SETTINGS["project"]


def requiring(*dependencies: str, tables: tuple[str, ...] = (), **extras: list[str]) -> dict[str, Any]:
    project = {"dependencies": dependencies, "optional-dependencies": extras}
    return {"project": project, "dependency-groups": {"tables": tables, "dev": ["left-alone"]}}


def test_the_lowest_versions_are_lower_bounds_of_all_that_is_no_development_tool() -> None:
    found = requiring("numpy>=1.26", "grpcio<2,>=1.74", server=["scipy>=1.12"], cli=["x>=3"], tables=("p>=1",))
    assert matrix.lowest_pins(found) == ["grpcio==1.74", "numpy==1.26", "p==1", "scipy==1.12", "x==3"]


def test_of_two_lower_bounds_the_higher_one_counts_and_not_the_longer_text() -> None:
    assert matrix.lowest_pins(requiring("a>=1.10", x=["a>=1.9"], y=["a>=1.2"])) == ["a==1.10"]


def test_what_examples_train_with_is_left_out() -> None:
    found = requiring("a>=1", train=["torch>=9"], server=["b>=2"])
    assert list(matrix.extras(found["project"])) == ["server"]
    assert matrix.lowest_pins(found) == ["a==1", "b==2"]


def test_an_exact_version_is_its_own_lower_bound() -> None:
    assert matrix.lowest_pins(requiring("a==1.5")) == ["a==1.5"]


def test_a_requirement_without_a_lower_bound_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"^a<2: has no lower bound$"):
        matrix.lowest_pins(requiring("a<2"))


def test_the_lowest_versions_go_with_the_oldest_python_and_the_newest_with_each() -> None:
    classifiers = [f"Programming Language :: Python :: 3.{minor}" for minor in (9, 11, 10)]
    found = matrix.cells({"classifiers": [*classifiers, "Typing :: Typed"]})
    assert [cell.name for cell in found] == ["lowest-3.9", "newest-3.9", "newest-3.10", "newest-3.11"]


def test_every_requirement_admits_its_lowest_version() -> None:
    pins = {pin.name: pin.specifier for pin in map(Requirement, matrix.lowest_pins(SETTINGS))}
    for requirement in map(Requirement, PROJECT["dependencies"]):
        (pin,) = pins[requirement.name]
        assert Version(pin.version) in requirement.specifier


def test_the_oldest_python_of_the_matrix_is_the_one_that_is_required() -> None:
    assert PROJECT["requires-python"] == f">={matrix.cells(PROJECT)[0].python}"


def test_a_cell_whose_python_is_not_there_is_left_out() -> None:
    assert matrix.missing([matrix.Cell("newest", "2.0")]) == [matrix.Cell("newest", "2.0")]
