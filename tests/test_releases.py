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
UNMET = """
from quality.contract import project
from quality.rollout.gate import unproved
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


def quality(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return python(folder, "-m", "quality", *words)


def script(folder: Path, text: str) -> str:
    done = python(folder, "-c", text)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def promoted(releases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of the first release, promoted to block in dev and to the top in prod."""
    target = tmp_path_factory.mktemp("promoted") / "flights"
    run_copy(str(releases), target, defaults=True, quiet=True, vcs_ref="v1.0.0")
    commit(target)
    script(target, PROMOTE)
    assert quality(target, "status").returncode == 0
    commit(target, "Promoted")
    return target


@pytest.fixture
def repository(promoted: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(promoted, tmp_path / "flights"))


def updated(repository: Path, tag: str) -> str:
    """The repository with a release: CI looks at it, and it leaves rollout/ alone. What `status` says."""
    run_update(repository, defaults=True, overwrite=True, quiet=True, vcs_ref=tag)
    checked = quality(repository, "status", "--check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    done = quality(repository, "status")
    assert done.returncode == 0, done.stderr
    assert git(repository, "status", "--porcelain", "--", "rollout") == ""
    assert f'VERSION = "{tag[1:]}"' in (repository / "src/quality/contract/project.py").read_text("utf-8")
    return done.stdout


def test_a_release_of_documentation_leaves_what_was_proved(repository: Path) -> None:
    before = quality(repository, "status").stdout
    assert updated(repository, DOCUMENTED) == before
    assert script(repository, UNMET).strip() == "None"
    script(repository, PROMOTE)
    assert git(repository, "status", "--porcelain", "--", "rollout") == "", "to prove it again is no news"


def test_a_release_that_judges_otherwise_asks_for_proof_and_climb_gives_it(repository: Path) -> None:
    said = updated(repository, JUDGES)
    for environment in ("dev", "prod"):
        assert re.search(
            rf"^flights +{environment} .*proved on 1.0.0, prove again +nox -s climb -- flights", said, re.M
        )
    assert "prove again" in script(repository, UNMET), "what is not active yet needs this proof"
    done = quality(repository, "climb", "flights", "--env", "dev")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 1 · flights in dev: proved again: task, block" in done.stdout
    assert quality(repository, "status", "--check").returncode == 0
    said = quality(repository, "status").stdout
    assert [line.split()[1] for line in said.splitlines() if line.startswith("flights ") and "prove again" in line] == [
        "prod"
    ]


def test_a_release_that_adds_a_field_to_every_deployment_leaves_what_was_proved(repository: Path) -> None:
    before = quality(repository, "status").stdout
    assert updated(repository, FIELD) == before
    assert script(repository, UNMET).strip() == "None"
    assert "description:" in (repository / "prefect.yaml").read_text("utf-8")
