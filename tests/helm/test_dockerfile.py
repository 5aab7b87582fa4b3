"""The Dockerfile passes its linter and makes the image that the chart expects."""

import json
import re
import subprocess
import sysconfig
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HADOLINT = Path(sysconfig.get_path("scripts"), "hadolint")


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage; the first list holds what stands before any stage."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"(?m)^#.*\n", "", text).replace("\\\n", " ").splitlines()
    found: list[list[tuple[str, str]]] = [[]]
    for line in filter(None, map(str.strip, lines)):
        keyword, rest = line.split(maxsplit=1)
        if keyword == "FROM":
            found.append([])
        found[-1].append((keyword, " ".join(rest.split())))
    return found


def image(keyword: str) -> list[str]:
    """What the last stage, which is the image, says with this keyword."""
    return [rest for found, rest in stages()[-1] if found == keyword]


def test_hadolint_finds_nothing() -> None:
    run = subprocess.run(
        [HADOLINT, "--failure-threshold", "style", "Dockerfile"],
        cwd=ROOT, check=False, capture_output=True, text=True, timeout=30,
    )  # fmt: skip

    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_every_stage_stands_on_the_base_that_the_builder_chooses() -> None:
    before, *rest = stages()

    assert [keyword for keyword, _ in before] == ["ARG"]
    assert before[0][1].startswith("BASE=python:3.")
    assert [stage[0][1] for stage in rest] == ["${BASE} AS build", "${BASE}"]
    # Which the page says how to pin by its digest.
    page, tag = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8"), before[0][1].removeprefix("BASE=")
    assert "--build-arg BASE=python@sha256:" in page
    assert f"imagetools inspect {tag}`" in page


def test_the_image_adds_only_the_environment_to_its_base() -> None:
    assert image("COPY") == ["--from=build /opt/assayd /opt/assayd"]
    assert not image("RUN")


def test_the_image_runs_as_an_unprivileged_user_by_number() -> None:
    assert image("USER") == ["10001:10001"]


def test_the_server_is_the_images_first_process_and_so_gets_its_signals() -> None:
    assert [json.loads(rest) for rest in image("ENTRYPOINT")] == [["assayd"]]
    assert [json.loads(rest) for rest in image("CMD")] == [["serve"]]


def test_the_image_exposes_the_ports_of_the_chart() -> None:
    assert image("EXPOSE") == ["50051 9090"]


def test_python_writes_no_bytecode_and_buffers_no_output() -> None:
    assert {"PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1"} <= set(" ".join(image("ENV")).split())


def test_onnx_runtime_reports_nothing_to_its_makers() -> None:
    assert "ORT_DISABLE_TELEMETRY=1" in " ".join(image("ENV")).split()


def test_the_label_has_the_version_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (labels,) = image("LABEL")

    assert f'org.opencontainers.image.version="{project["version"]}"' in labels


def test_the_list_of_parts_has_every_extra_that_the_image_has() -> None:
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nsbom:")[2].partition("\n\n")[0]
    (listed,) = re.findall(r'"\.\[([\w,]+)\]"', recipe)
    (shipped,) = re.findall(r"\$1\[([\w,]+)\]", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    told = re.findall(r"assayd\[([\w,]+)\]", recipe)

    assert set(shipped.split(",")) <= set(listed.split(","))
    assert told == [listed]


def test_the_build_is_sent_exactly_what_it_copies() -> None:
    copied = {
        source
        for stage in stages()
        for keyword, rest in stage
        if keyword == "COPY" and not rest.startswith("--from=")
        for source in rest.split()[:-1]
    }
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()

    assert "*" in rules
    assert {rule.removeprefix("!") for rule in rules if rule.startswith("!")} == copied
