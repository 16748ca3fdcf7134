"""Tuples are offered once proved, the support table says what was run, and a broken newest release is named.

The packages are wheels made here, resolved and installed by uv as any others are.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from rendering import ROOT, files

from bisecting import first_bad, together
from release import tuples

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
TAG = f"py{sys.version_info.major}{sys.version_info.minor}"
OLD, NEW = f"{TAG}-prefect-1.0-polars-1.0", f"{TAG}-prefect-2.0-polars-2.0"
PROJECT = """[project]
name = "[[ domain ]]-quality"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["prefect>=1.0,<3.0", "polars>=1.0,<3.0", "steady>=1", "paint>=1", "brush>=1"]
[dependency-groups]
tests = []
"""
NEEDS = {"paint": "brush=={}", "polars": "polars-core=={}"}
VERSIONS = ("1.0", "2.0")


def wheel(folder: Path, name: str, version: str) -> None:
    """A package that says its version."""
    module = name.replace("-", "_")
    about = f"{module}-{version}.dist-info"
    needs = f"Requires-Dist: {NEEDS[name].format(version)}\n" if name in NEEDS else ""
    with zipfile.ZipFile(folder / f"{module}-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{module}.py", f"version = '{version}'\n")
        file.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        file.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{about}/RECORD", "")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for name in ("prefect", "polars", "polars-core", "steady", "paint", "brush"):
        for version in VERSIONS:
            wheel(folder, name, version)
    return folder


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """What a tuple is about: the noxfile's list, the pins, and what a repository asks for."""
    root = tmp_path / "template-project"
    (root / "template" / "constraints").mkdir(parents=True)
    (root / "template" / "pyproject.toml.jinja").write_text(PROJECT, "utf-8")
    (root / "template" / "noxfile.py").write_text(f'TUPLES = (\n    "{OLD}",\n)\nAFTER = 1\n', "utf-8")
    pins = "".join(f"{name}==1.0\n" for name in ("brush", "paint", "polars", "polars-core", "prefect", "steady"))
    (root / "template" / "constraints" / f"{OLD}.txt").write_text(pins, "utf-8")
    return root


def tuple_(root: Path, wheels: Path, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "hooks" / "tuples.py"), verb, *words]
    options = ["--root", str(root), "--find-links", str(wheels)]
    return subprocess.run([*command, *options], capture_output=True, text=True, check=False)


def test_a_tuple_is_offered_once_it_is_proved(template: Path, wheels: Path) -> None:
    look = "python -c \"assert 'prefect==2.0' in open(r'{pins}').read()\""
    done = tuple_(template, wheels, "add", NEW, "--prove", look)
    assert done.returncode == 0, done.stderr
    assert f'"{OLD}",\n    "{NEW}",\n)' in (template / "template" / "noxfile.py").read_text("utf-8")
    pins = (template / "template" / "constraints" / f"{NEW}.txt").read_text("utf-8")
    assert {"polars==2.0", "polars-core==2.0", "prefect==2.0"} <= set(pins.split())
    support = (template / "docs" / "support.md").read_text("utf-8")
    assert f"| {OLD} | not yet | not run |" in support
    assert f"| {NEW} | {datetime.now(UTC).date()} | proved |" in support
    again = tuple_(template, wheels, "add", NEW)
    assert again.returncode == 2
    assert "is offered already" in again.stderr


REFUSED = [
    ("not proved", NEW, ("--prove", "python -c 'raise SystemExit(3)'"), 1, "ended with 3"),
    ("not resolved", f"{TAG}-prefect-7.0-polars-1.0", ("--prove", "true"), 2, "uv pip compile"),
    ("no tuple", "prefect-2.0", (), 2, "write one such as"),
]


@pytest.mark.parametrize(("name", "words", "code", "said"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_a_tuple_that_is_not_proved_leaves_everything_as_it_was(
    name: str, words: tuple[str, ...], code: int, said: str, template: Path, wheels: Path
) -> None:
    before = files(template)
    done = tuple_(template, wheels, "add", name, *words)
    assert done.returncode == code
    assert said in done.stderr
    assert files(template) == before


def test_the_support_table_says_what_was_run_and_when(template: Path, wheels: Path) -> None:
    red = tuple_(template, wheels, "check", "--prove", "python -c 'raise SystemExit(5)'")
    assert red.returncode == 1
    row = (template / "docs" / "support.md").read_text("utf-8").splitlines()[-1]
    assert row.startswith(f"| {OLD} | {datetime.now(UTC).date()} | failed: ")
    assert tuple_(template, wheels, "check", OLD, "--prove", "true").returncode == 0
    assert (template / "docs" / "support.md").read_text("utf-8").splitlines()[-1].endswith("| proved | yes |")
    assert tuple_(template, wheels, "check", NEW).returncode == 2


NOWHERE = "py399-prefect-1.0-polars-1.0"
SESSIONS = f"""import nox


@nox.session(venv_backend="virtualenv")
@nox.parametrize("python, pins", [nox.param("3.99", "pins", id="{NOWHERE}")])
def tuples(session: nox.Session, pins: str) -> None:
    pass


@nox.session(venv_backend="none")
def demo(session: nox.Session) -> None:
    pass
"""


def test_a_tuple_whose_python_is_not_here_is_not_proved(
    template: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)  # with it, nox itself skips no session
    (template / "noxfile.py").write_text(SESSIONS, "utf-8")
    (template / "template" / "noxfile.py").write_text(f'TUPLES = (\n    "{NOWHERE}",\n)\n', "utf-8")
    done = tuple_(template, wheels, "check")
    assert done.returncode == 1
    assert f"failed: `nox --error-on-missing-interpreters -s 'tuples({NOWHERE})'`" in done.stdout


def test_the_ladder_of_a_tuple_is_climbed_by_its_own_python() -> None:
    code = "import runpy; print(runpy.run_path('noxfile.py')['demo'].python)"
    for name in (None, *tuples(ROOT / "template" / "noxfile.py")):
        env = {key: value for key, value in os.environ.items() if key != "QUALITY_TUPLE"}
        env |= {"QUALITY_TUPLE": name} if name else {}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True
        )
        python = done.stdout.strip()
        assert (python == "None") if name is None else name.startswith(f"py{python.replace('.', '')}-")


BREAKS = [
    ("nothing", "True", 0, "The newest of everything is proved"),
    ("one", "steady.version == '1.0'", 1, "breaks at: steady 1.0 → 2.0."),
    ("two that go together", "brush.version == '1.0'", 1, "breaks at: brush 1.0 → 2.0, paint 1.0 → 2.0."),
    ("above the bounds", "prefect.version == '1.0'", 1, "breaks at: prefect 1.0 → 2.0."),
]


@pytest.mark.parametrize(("holds", "code", "said"), [r[1:] for r in BREAKS], ids=[r[0] for r in BREAKS])
def test_a_broken_newest_release_is_named(holds: str, code: int, said: str, template: Path, wheels: Path) -> None:
    asked = template / "template" / "pyproject.toml.jinja"
    asked.write_text(asked.read_text("utf-8").replace("prefect>=1.0,<3.0", "prefect>=1.0,<1.1"), "utf-8")
    goes = f"assert paint.version == brush.version; assert {holds}"
    suite = f'{{python}} -c "import brush, paint, polars, prefect, steady; {goes}"'
    done = tuple_(template, wheels, "canary", "--python", PYTHON, "--suite", suite)
    assert done.returncode == code, done.stderr
    assert said in done.stdout
    assert ("What fails: AssertionError" in done.stdout) == bool(code)


def test_the_first_bad_of_many_is_found_wherever_it_is() -> None:
    units = [(f"package{number}",) for number in range(13)]
    for bad in range(13):
        asked: list[set[str]] = []

        def passes(taken: set[str], bad: int = bad, asked: list[set[str]] = asked) -> bool:
            asked.append(taken)
            return f"package{bad}" not in taken

        assert first_bad(units, passes) == (f"package{bad}",)
        assert len(asked) <= 5
    assert together(["a", "b"], {}, {}, {}, {}) == [("a",), ("b",)]


def test_a_tuple_ends_on_a_day_with_another_one_instead(template: Path, wheels: Path) -> None:
    words = ("--until", "2027-06-30", "--why", 'it is "old"\n| of 2025')
    refused = tuple_(template, wheels, "end", OLD, *words)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "cannot stand instead" in refused.stderr
    assert tuple_(template, wheels, "add", NEW, "--prove", "python -c 1").returncode == 0
    done = tuple_(template, wheels, "end", OLD, *words)
    assert done.returncode == 0, done.stderr
    written = tomllib.loads((template / "template" / "constraints" / "ending.toml").read_text("utf-8"))
    assert written == {OLD: {"until": date(2027, 6, 30), "instead": NEW, "why": 'it is "old" | of 2025'}}
    support = (template / "docs" / "support.md").read_text("utf-8")
    assert f'| {OLD} | not yet | not run | until 2027-06-30: it is "old" \\| of 2025 |' in support
    assert f"| {NEW} | {datetime.now(UTC).date()} | proved | yes |" in support
    assert tuple_(template, wheels, "check", OLD, "--prove", "python -c 1").returncode == 0
    again = (template / "docs" / "support.md").read_text("utf-8")
    assert "| proved | until 2027-06-30" in again
    assert again.count("of 2025") == 1
    assert tuple_(template, wheels, "end", "py39-prefect-1-polars-1", *words).returncode == 2
