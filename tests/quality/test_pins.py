"""The supported tuples: known by their files, compared as numbers, and proposed where another one runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from quality.cli import doctor
from quality.cli.answers import Looked
from quality.contract import project
from quality.rollout import pins

HERE = f"py{sys.version_info.major}{sys.version_info.minor}"
NAMES = (
    "prefect-3.9.12-polars-2.1",
    "prefect-3.10.0-polars-2.1",
    "prefect-3.9.2-polars-2.10",
    "prefect-3.9.2-polars-2.9",
)
OLDEST_FIRST = [f"{HERE}-{NAMES[number]}" for number in (3, 2, 0, 1)]


@pytest.fixture
def constraints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of tuples for this Python, of a newer one, and of files that are no tuples."""
    folder = tmp_path / "constraints"
    folder.mkdir()
    for name in (
        *(f"{HERE}-{name}" for name in NAMES),
        "py399-prefect-4.0.0-polars-3.0",
        "lint",
        "copier",
        f"{HERE}-old",
    ):
        (folder / f"{name}.txt").write_text("prefect==3.9.2\n", "utf-8")
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    return folder


def said() -> Looked:
    (finding,) = doctor.environment()
    return finding


def test_versions_are_compared_as_numbers(constraints: Path) -> None:
    assert list(pins.supported()) == [*OLDEST_FIRST, "py399-prefect-4.0.0-polars-3.0"]
    assert pins.newest() == f"{HERE}-prefect-3.10.0-polars-2.1"


def test_doctor_proposes_the_newest_tuple_of_this_python(constraints: Path) -> None:
    assert said().code == 2
    assert f"pip install -r constraints/{HERE}-prefect-3.10.0-polars-2.1.txt" in said().said


def test_doctor_names_every_tuple_where_this_python_has_none(constraints: Path) -> None:
    for path in constraints.glob(f"{HERE}-*.txt"):
        path.unlink()
    assert said().code == 2
    assert "use a Python of one of these: py399-prefect-4.0.0-polars-3.0" in said().said


def test_the_tuple_that_runs_is_found_by_its_file(constraints: Path) -> None:
    (constraints / f"{pins.running()}.txt").write_text(f"polars=={project.installed('polars')}\n", "utf-8")
    assert said().code == 0
    assert pins.unpinned() == []
    (constraints / f"{pins.running()}.txt").write_text("polars==0.1.0\n", "utf-8")
    assert pins.unpinned() == [("polars", "0.1.0", project.installed("polars"))]


@pytest.mark.parametrize(
    ("prefect", "fastapi", "code"),
    [
        ("3.8.8", "0.150.0", 0),
        ("3.8.8", "0.151.0", 2),
        ("3.7.8", "0.160.1", 2),
        ("3.9.1", "0.150.0", 0),
        ("3.10.0", "0.155.0", 0),
        ("none", "0.155.0", 0),
    ],
)
def test_a_fastapi_that_is_too_new_for_this_prefect_is_named(
    prefect: str, fastapi: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = {"prefect": prefect, "fastapi": fastapi}
    monkeypatch.setattr(project, "installed", versions.__getitem__)
    (finding,) = doctor.packages()
    assert finding.code == code
    assert ("'fastapi<0.151'" in finding.said) == (code == 2)
