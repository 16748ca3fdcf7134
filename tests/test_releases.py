"""Releases of the template, taken by a promoted repository: what each does to what was proved."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from copier import run_copy, run_update
from rendering import ROOT, commit, git, release

DOCUMENTED, JUDGES, FIELD = "v1.1.0", "v1.2.0", "v1.3.0"
PROMOTE = """
from promoted import promote
from quality.rollout.evidence import Rung
promote("flights", "dev", Rung.TASK, Rung.BLOCK)
promote("flights", "prod")
"""
CLIMB = """
from quality.__main__ import main
assert main(["climb", "flights", "--env", "dev"]) == 0
"""
LOOK = """
from quality.__main__ import main
from quality.rollout.gate import unproved
assert main(["status", "--check"]) == 0
print("----")
assert main(["status"]) == 0
print("----")
print(unproved("flights", "prod"))
"""


def replace(folder: Path, name: str, pattern: str, new: str) -> None:
    path = folder / "template" / name
    text, found = re.subn(pattern, new, path.read_text("utf-8"), flags=re.MULTILINE)
    assert found, f"{name} has no {pattern}"
    path.write_text(text, "utf-8")


def released(folder: Path, tag: str) -> None:
    replace(folder, "src/quality/contract/project.py", r'^VERSION = ".*"$', f'VERSION = "{tag[1:]}"')
    release(folder, tag)


@pytest.fixture(scope="module")
def releases(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template with three releases more, each on top of the first one."""
    target = tmp_path_factory.mktemp("releases") / "template"
    shutil.copytree(template, target)
    for name in ("README.md.jinja", "docs/operators.md"):
        with (target / "template" / name).open("a", encoding="utf-8") as file:
            file.write("\nSaid more clearly.\n")
    for name in ("rules/values.py", "engine/judge.py", "checking.py", "contract/config.py"):
        replace(target, f"src/quality/{name}", r'\A"""', '# Said first.\n"""Said more clearly. ')
    replace(target, "src/quality/rules/distributions.py", r'description="', 'description="More clearly: ')
    released(target, DOCUMENTED)
    git(target, "checkout", "--quiet", "--detach", "v1.0.0")
    replace(target, "src/quality/rules/outliers.py", r"\b3\.0\b", "3.5")
    released(target, JUDGES)
    git(target, "checkout", "--quiet", "--detach", "v1.0.0")
    entries = (target / "template" / "prefect.yaml.jinja").read_text("utf-8")
    said = r"^(    parameters: .*)$" if "    description:" not in entries else r"^(    )description: .*$"
    line = r"\1\n    description: Checked each night." if "    description:" not in entries else r"\1description: New."
    replace(target, "prefect.yaml.jinja", said, line)
    released(target, FIELD)
    return target


def python(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of the repository's own code, in the environment of the tests."""
    paths = os.pathsep.join(map(str, (folder / "src", ROOT / "tests" / "quality")))
    own = {"PYTHONPATH": paths, "COLUMNS": "250", "QUALITY_ROOT": str(folder)}
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=folder, env=os.environ | own, capture_output=True, text=True, check=False)


def script(folder: Path, text: str) -> str:
    done = python(folder, "-c", text)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def looked(folder: Path, before: str = "") -> tuple[str, str]:
    """What `status` says and why the gate lets no deployment of prod become active, after a script; CI is content."""
    _, said, unmet = script(folder, before + LOOK).split("----\n")
    return said, unmet.strip()


@pytest.fixture(scope="module")
def promoted(releases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of the first release, promoted to block in dev and to the top in prod."""
    target = tmp_path_factory.mktemp("promoted") / "flights"
    run_copy(str(releases), target, defaults=True, quiet=True, vcs_ref="v1.0.0")
    commit(target)
    script(target, f"{PROMOTE}from quality.rollout import scorecard\nscorecard.save(scorecard.scorecard())")
    commit(target, "Promoted")
    return target


@pytest.fixture(scope="module")
def before(promoted: Path) -> str:
    said, unmet = looked(promoted)
    assert unmet == "None"
    return said


@pytest.fixture
def repository(promoted: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(promoted, tmp_path / "flights"))


def update(repository: Path, tag: str) -> None:
    run_update(repository, defaults=True, overwrite=True, quiet=True, vcs_ref=tag)
    assert f'VERSION = "{tag[1:]}"' in (repository / "src/quality/contract/project.py").read_text("utf-8")


def rollout_changes(repository: Path) -> str:
    return git(repository, "status", "--porcelain", "--", "rollout")


def test_a_release_of_documentation_leaves_what_was_proved(repository: Path, before: str) -> None:
    update(repository, DOCUMENTED)
    assert looked(repository) == (before, "None")
    assert looked(repository, PROMOTE) == (before, "None")
    assert rollout_changes(repository) == "", "to prove it again is no news"


def test_a_release_that_judges_otherwise_asks_for_proof_and_climb_gives_it(repository: Path, before: str) -> None:
    update(repository, JUDGES)
    said, unmet = looked(repository)
    for environment in ("dev", "prod"):
        assert re.search(
            rf"^flights +{environment} .*proved on 1.0.0, prove again +nox -s climb -- flights", said, re.M
        )
    assert "prove again" in unmet, "what is not active yet needs this proof"
    assert rollout_changes(repository) == ""
    climbed = script(repository, CLIMB + LOOK)
    assert "1 of 1 · flights in dev: proved again: task, block" in climbed
    dev, prod = (line for line in climbed.split("----\n")[1].splitlines() if line.startswith("flights  "))
    assert "prove again" not in dev
    assert "prove again" in prod


def test_a_release_that_adds_a_field_to_every_deployment_leaves_what_was_proved(repository: Path, before: str) -> None:
    update(repository, FIELD)
    assert looked(repository) == (before, "None")
    assert "description:" in (repository / "prefect.yaml").read_text("utf-8")
    assert rollout_changes(repository) == ""
