"""Migrations: an answer and a policy key renamed between two tags, the team's edits kept, trust asked for once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from copier import run_copy
from rendering import ROOT, commit, copier, files, git, release
from ruamel.yaml import YAML

MIGRATIONS = ROOT / "hooks" / "migrations"
BEFORE = [
    ("\nsource:\n", "\ndataset:\n"),
    ("[[ source", "[[ dataset"),
    ("(source)", "(dataset)"),
    ("reuse_seconds", "expiration_seconds"),
]


def replace(path: Path, *pairs: tuple[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    for old, new in pairs:
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def releases(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """v0.9.0 with the names of before 1.0.0, then v1.0.0, then v1.1.0 that renames nothing."""
    folder = tmp_path_factory.mktemp("releases")
    old, target = folder / "old", folder / "template"
    shutil.copytree(small, old, ignore=shutil.ignore_patterns(".git"))
    for path in (old / "copier.yml", *(old / "template").rglob("*.jinja")):
        replace(path, *BEFORE)
    config = (old / "copier.yml").read_text(encoding="utf-8")
    migrations = config[config.index("_migrations:") : config.index("_message_after_copy:")]
    (old / "copier.yml").write_text(config.replace(migrations, ""), encoding="utf-8")
    release(old, "v0.9.0")
    shutil.copytree(small, target, ignore=shutil.ignore_patterns(".git"))
    shutil.copytree(old / ".git", target / ".git")
    release(target, "v1.0.0")
    (target / "template" / "renovate.json").unlink()
    release(target, "v1.1.0")
    return target


@pytest.fixture(scope="module")
def before(releases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of before 1.0.0, with the team's own data and edits."""
    target = tmp_path_factory.mktemp("before") / "orders"
    answers = {"dataset": "lake/orders.csv"}
    run_copy(str(releases), target, data=answers, defaults=True, quiet=True, vcs_ref="v0.9.0")
    policy = target / "policy.yml"
    replace(
        policy, ("expiration_seconds: null", "expiration_seconds: 600  # ours"), ("sample_rows: 5", "sample_rows: 7")
    )
    with policy.open("a", encoding="utf-8") as file:
        file.write("  lab:\n    cache: {enabled: true, expiration_seconds : 60, reason: a lab}\n    work_pool: lab\n")
    commit(target)
    return target


@pytest.fixture
def repository(before: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(before, tmp_path / "orders"))


def test_an_update_that_crosses_a_migration_asks_for_trust_and_changes_nothing(repository: Path) -> None:
    before = files(repository)
    done = copier("update", "--defaults", "--vcs-ref", "v1.0.0", folder=repository)
    assert done.returncode == 4
    assert "migrations" in done.stderr
    assert "--trust" in done.stderr
    assert files(repository) == before


def test_a_trusted_update_renames_the_answer_and_the_key_and_keeps_the_teams_edits(repository: Path) -> None:
    before = (repository / "policy.yml").read_text(encoding="utf-8")
    done = copier("update", "--defaults", "--trust", "--vcs-ref", "v1.0.0", folder=repository)
    assert done.returncode == 0, done.stderr
    answers = YAML(typ="safe").load(repository / ".copier-answers.yml")
    assert answers["source"] == "lake/orders.csv"
    assert "dataset" not in answers
    assert answers["_commit"] == "v1.0.0"
    policy = (repository / "policy.yml").read_text(encoding="utf-8")
    assert policy == before.replace("expiration_seconds", "reuse_seconds")
    assert "reuse_seconds: 600  # ours" in policy
    assert "lake/orders.csv" in (repository / "datasets" / "orders.yml").read_text(encoding="utf-8")
    assert not git(repository, "diff", "--name-only", "--diff-filter=U")


def test_the_next_update_needs_no_trust(repository: Path) -> None:
    assert copier("update", "--defaults", "--trust", "--vcs-ref", "v1.0.0", folder=repository).returncode == 0
    commit(repository, "Update")
    done = copier("update", "--defaults", folder=repository)
    assert done.returncode == 0, done.stderr
    assert not (repository / "renovate.json").exists()


def test_a_fresh_copy_of_any_release_needs_no_trust(releases: Path, tmp_path: Path) -> None:
    for tag in ("v0.9.0", "v1.0.0", "v1.1.0"):
        done = copier("copy", "--defaults", "--vcs-ref", tag, str(releases), str(tmp_path / tag))
        assert done.returncode == 0, done.stderr


def test_a_migration_twice_is_as_good_as_once_and_keeps_every_other_byte(tmp_path: Path) -> None:
    (tmp_path / ".copier-answers.yml").write_bytes(b"# dataset: a comment\r\ndataset: a.csv\r\nowner: '@dataset:x'\r\n")
    (tmp_path / "policy.yml").write_bytes(b"defaults:\n  cache: {expiration_seconds: 5, reason: expiration_seconds}\n")
    for _ in range(2):
        subprocess.run([sys.executable, MIGRATIONS / "v1_0_0.py"], cwd=tmp_path, check=True)
    answers = (tmp_path / ".copier-answers.yml").read_bytes()
    assert answers == b"# dataset: a comment\r\nsource: a.csv\r\nowner: '@dataset:x'\r\n"
    policy = (tmp_path / "policy.yml").read_bytes()
    assert policy == b"defaults:\n  cache: {reuse_seconds: 5, reason: expiration_seconds}\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".copier-answers.yml", "policy.yml"]


def test_every_migration_has_its_script_and_belongs_to_a_release() -> None:
    declared = YAML(typ="safe").load(ROOT / "copier.yml")["_migrations"]
    versions = [entry["version"] for entry in declared]
    scripts = sorted(path.name for path in MIGRATIONS.glob("v*.py"))
    assert scripts == sorted(f"{version.replace('.', '_')}.py" for version in versions)
    for entry in declared:
        assert entry["version"].replace(".", "_") in entry["command"][-1]
