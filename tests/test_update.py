"""Updates: they converge to a fresh render, leave the team's files alone, and a second one changes nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from copier import run_copy, run_update
from rendering import commit, copier, files, git, release

TEAM = ("datasets/", "policy.yml", "waivers.yml", "data/", "docs/policy.md", "src/domain/", "tests/domain/")
COMPUTED = "prefect.yaml"
FIELD = (
    ("src/quality/ladder/entries.py", '"paused": False}', '"paused": False, "version_type": "prefect:simple"}'),
    ("prefect.yaml.jinja", "    paused: false\n", "    version_type: prefect:simple\n    paused: false\n"),
)
"""A field that the second release adds to every entry of a dataset."""


def second_release(template: Path, target: Path, *edits: tuple[str, str, str]) -> Path:
    """The template with a second release, in which files of every kind changed, came and went."""
    shutil.copytree(template, target)
    rendered = target / "template"
    shared = ("README.md.jinja", "pyproject.toml.jinja")
    for name in ("src/quality/errors.py", "noxfile.py", *shared):
        with (rendered / name).open("a", encoding="utf-8") as file:
            file.write("# of the second release\n")
    for name in ("policy.yml.jinja", "src/domain/rules.py", "datasets/[% if bundled %]flights.yml[% endif %].jinja"):
        with (rendered / name).open("a", encoding="utf-8") as file:
            file.write("# the second release's example\n")
    (rendered / "src" / "quality" / "added.py").write_text('"""New."""\n', encoding="utf-8")
    (rendered / "renovate.json").unlink()
    for name, old, new in edits:
        text = (rendered / name).read_text(encoding="utf-8")
        assert old in text
        (rendered / name).write_text(text.replace(old, new), encoding="utf-8")
    release(target, "v1.1.0")
    return target


def first_render(releases: Path, target: Path) -> Path:
    """A repository of the first release."""
    run_copy(str(releases), target, defaults=True, quiet=True, vcs_ref="v1.0.0")
    commit(target)
    return target


@pytest.fixture(scope="module")
def releases(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return second_release(small, tmp_path_factory.mktemp("releases") / "template")


@pytest.fixture(scope="module")
def first(releases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return first_render(releases, tmp_path_factory.mktemp("first") / "flights")


@pytest.fixture
def repository(first: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(first, tmp_path / "flights"))


def templates_own(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in files(folder).items() if not name.startswith((*TEAM, COMPUTED))}


@pytest.fixture(scope="module")
def whole(template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A repository with the whole package and a dataset of the team's, updated, and the second release as a copy."""
    folder = tmp_path_factory.mktemp("whole")
    releases = second_release(template, folder / "template", *FIELD)
    updated, fresh = first_render(releases, folder / "flights"), folder / "fresh" / "flights"
    orders = 'dataset: orders\nowner: "@us"\nsource: data/orders.csv\nrules: [{check: row_count, min: 1}]\n'
    (updated / "datasets" / "orders.yml").write_text(orders, encoding="utf-8")
    assert quality(updated, "entries").returncode == 0
    commit(updated, "A dataset of ours")
    run_update(updated, defaults=True, overwrite=True, quiet=True)
    run_copy(str(releases), fresh, defaults=True, quiet=True, vcs_ref="v1.1.0")
    return updated, fresh


def test_an_update_converges_to_a_fresh_render(whole: tuple[Path, Path]) -> None:
    updated, fresh = whole
    assert templates_own(updated) == templates_own(fresh)


def test_the_teams_edits_additions_and_deletions_survive(repository: Path) -> None:
    contract = repository / "datasets" / "flights.yml"
    contract.write_text(contract.read_text(encoding="utf-8").replace("max: 30000", "max: 40000"), encoding="utf-8")
    (repository / "datasets" / "orders.yml").write_text("dataset: orders\n", encoding="utf-8")
    (repository / "src" / "domain" / "flows.py").unlink()
    shutil.rmtree(repository / "data")
    readme = repository / "README.md"
    readme.write_text("Read this first.\n\n" + readme.read_text(encoding="utf-8"), encoding="utf-8")
    commit(repository, "Ours")
    ours = {name: content for name, content in files(repository).items() if name.startswith(TEAM)}

    run_update(repository, defaults=True, overwrite=True, quiet=True)

    assert {name: content for name, content in files(repository).items() if name.startswith(TEAM)} == ours
    text = readme.read_text(encoding="utf-8")
    assert text.startswith("Read this first.")
    assert text.endswith("# of the second release\n")
    assert not git(repository, "diff", "--name-only", "--diff-filter=U")


def test_the_command_line_updates_without_trust_and_a_second_update_changes_nothing(repository: Path) -> None:
    first = copier("update", "--defaults", folder=repository)
    assert first.returncode == 0, first.stderr
    assert "Yours" in first.stderr
    assert "v1.1.0" in (repository / ".copier-answers.yml").read_text(encoding="utf-8")
    commit(repository, "Update")
    assert copier("update", "--defaults", folder=repository).returncode == 0
    assert git(repository, "status", "--porcelain") == ""


def test_an_edited_managed_file_is_healed_by_a_recopy_of_the_same_release(repository: Path) -> None:
    managed = repository / "src" / "quality" / "errors.py"
    before = managed.read_bytes()
    managed.write_bytes(before + b"# edited\n")
    commit(repository, "Edited")
    only = ("--exclude", "*", "--exclude", "!src/quality/**")
    done = copier("recopy", "--vcs-ref=:current:", "--defaults", "--overwrite", *only, folder=repository)
    assert done.returncode == 0, done.stderr
    assert managed.read_bytes() == before


def test_a_new_answer_reaches_the_rendered_files(repository: Path) -> None:
    run_update(repository, data={"environments": ["dev", "staging"]}, defaults=True, overwrite=True, quiet=True)
    assert "deployment<br/>dev, staging" in (repository / "README.md").read_text(encoding="utf-8")


def quality(repository: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A verb of the repository's own code, as its session runs it."""
    env = {name: value for name, value in os.environ.items() if name != "QUALITY_ROOT"}
    command = [sys.executable, "-m", "quality", *words]
    env["PYTHONPATH"] = str(repository / "src")
    return subprocess.run(command, cwd=repository, env=env, capture_output=True, text=True, check=False)


def test_a_field_that_a_release_adds_to_every_entry_comes_with_the_update_and_one_command(
    whole: tuple[Path, Path],
) -> None:
    repository, fresh = whole
    stale = quality(repository, "entries", "--check")
    assert stale.returncode == 1, stale.stdout + stale.stderr
    assert 'flights-orders-prod: version_type is null, policy.yml says "prefect:simple"' in stale.stdout
    assert quality(repository, "entries").returncode == 0
    assert quality(repository, "entries", "--check").returncode == 0
    computed = (repository / COMPUTED).read_text(encoding="utf-8")
    assert computed.count("version_type: prefect:simple") == 4
    (repository / "datasets" / "orders.yml").unlink()
    assert quality(repository, "entries").returncode == 0
    assert (repository / COMPUTED).read_bytes() == (fresh / COMPUTED).read_bytes()
