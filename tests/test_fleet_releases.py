"""Releases: made by one command that refuses what disagrees; every tag updates to the newest and converges."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from copier import run_copy, run_update
from rendering import ROOT, commit, files, git
from test_update import TEAM, templates_own

PROJECT = Path("template", "src", "quality", "contract", "project.py")
STAMP = ("--step", "python hooks/lock_managed.py", "--step", "python hooks/lock_managed.py --check")
HEADING = "## [Unreleased]\n"


def release(folder: Path, version: str, *steps: str) -> subprocess.CompletedProcess[str]:
    """The command as `nox -s release` runs it, with other steps than an hour of lint and tests."""
    command = [sys.executable, str(ROOT / "hooks" / "release.py"), version, "--root", str(folder), *(steps or STAMP)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def unreleased(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working tree on top of this project's own history and tags, as it would be released next."""
    target = tmp_path_factory.mktemp("unreleased") / "template"
    git(ROOT, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(target))
    for path in target.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(template, target, ignore=shutil.ignore_patterns(".git"), dirs_exist_ok=True)
    commit(target, "As it is")
    return target


@pytest.fixture
def ready(unreleased: Path, tmp_path: Path) -> Path:
    target = tmp_path / "template"
    shutil.copytree(unreleased, target)
    return target


def next_version(folder: Path) -> str:
    """The first release is 1.0.0; after it, the next minor one."""
    numbers = [[*map(int, tag[1:].split("."))] for tag in git(folder, "tag").split()]
    major, minor, _ = max(numbers, default=[1, -1, 0])
    return f"{major}.{minor + 1}.0"


def test_the_next_release_of_this_project_is_ready_to_be_made(ready: Path) -> None:
    version = next_version(ready)
    done = release(ready, version)
    assert done.returncode == 0, done.stderr
    assert f'VERSION = "{version}"' in (ready / PROJECT).read_text("utf-8")
    changelog = (ready / "CHANGELOG.md").read_text("utf-8")
    assert changelog.index(HEADING) < changelog.index(f"\n## [{version}] - 20") < changelog.index("### Added")
    assert git(ready, "describe", "--exact-match").strip() == f"v{version}"
    assert git(ready, "status", "--porcelain") == ""
    again = release(ready, version)
    assert again.returncode == 2
    assert "is tagged already" in again.stderr


def append(name: str, text: str) -> Callable[[Path], None]:
    def vary(folder: Path) -> None:
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(text)

    return vary


def emptied(folder: Path) -> None:
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n\n## [0.9.0] - 2025-01-01\n- Old.\n", "utf-8")


DISAGREE = [
    ("uncommitted", append("notes.txt", "ours\n"), False, "9.0.0", "1 file is not committed, notes.txt first"),
    ("no version", append("notes.txt", ""), True, "9.0", "'9.0' is no version"),
    ("nothing said", emptied, True, "9.0.0", "says nothing under Unreleased"),
    ("heading above", append("CHANGELOG.md", "\n## [9.1.0]\n- Later.\n"), True, "9.0.0", "a heading for 9.1.0"),
    ("said twice", append("CHANGELOG.md", "\n## [9.0.0]\n- Twice.\n"), True, "9.0.0", "leave them in one place"),
    ("script unnamed", append("hooks/migrations/v9_0_0.py", ""), True, "9.0.0", "v9_0_0.py is not named in copier.yml"),
    ("script above", append("copier.yml", "# hooks/migrations/v9_1_0.py\n"), True, "9.0.0", "in a release above 9.0.0"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("vary", "is_committed", "version", "said"), [row[1:] for row in DISAGREE], ids=[row[0] for row in DISAGREE]
)
def test_a_release_that_disagrees_is_refused_in_one_line_and_changes_nothing(
    vary: Callable[[Path], None], is_committed: bool, version: str, said: str, ready: Path
) -> None:
    vary(ready)
    if is_committed:
        commit(ready, "Ours")
    before = files(ready), git(ready, "tag")
    done = release(ready, version)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert (files(ready), git(ready, "tag")) == before


def unpinned(folder: Path) -> None:
    pinned = next((folder / "template" / "constraints").glob("py311-prefect-3.9*"))
    pinned.write_text(pinned.read_text("utf-8").replace("polars==2.1.", "polars==3.1."), "utf-8")


FAILS = [
    ("a step", append("notes.txt", ""), ("--step", "python -c 'raise SystemExit(7)'"), "ended with 7"),
    ("a tuple without pins", lambda folder: next((folder / "template" / "constraints").glob("py313*")).unlink(), STAMP,
     "has no pinned file: run `nox -s lock`"),
    ("pins that do not fit", unpinned, STAMP, "the template asks for polars"),
]  # fmt: skip


@pytest.mark.parametrize(("vary", "steps", "said"), [row[1:] for row in FAILS], ids=[row[0] for row in FAILS])
def test_a_release_whose_step_fails_leaves_every_file_as_it_was(
    vary: Callable[[Path], None], steps: tuple[str, ...], said: str, ready: Path
) -> None:
    vary(ready)
    commit(ready, "Ours")
    before = files(ready), git(ready, "tag"), git(ready, "rev-parse", "HEAD")
    done = release(ready, "9.0.0", *steps)
    assert done.returncode == 1
    assert said in done.stderr
    assert (files(ready), git(ready, "tag"), git(ready, "rev-parse", "HEAD")) == before


MINE = "python -c \"open('mine.txt', 'a').write('mine\\n'); open('README.md', 'a').write('mine\\n'); {then}\""


@pytest.mark.parametrize("then", ["", "raise SystemExit(7)"], ids=["the steps pass", "a step fails"])
def test_what_somebody_writes_while_the_steps_run_is_neither_released_nor_lost(then: str, ready: Path) -> None:
    before = files(ready), git(ready, "tag"), git(ready, "rev-parse", "HEAD")
    done = release(ready, "9.0.0", *STAMP[:2], "--step", MINE.format(then=then))
    assert done.returncode == 1
    assert ("ended with 7" if then else "README.md, mine.txt changed while the steps ran") in done.stderr
    assert (files(ready), git(ready, "tag"), git(ready, "rev-parse", "HEAD")) == before
    assert "what was written meanwhile is in git's stash" in done.stderr
    assert "mine.txt" in git(ready, "stash", "show", "--include-untracked")


@pytest.mark.parametrize(
    ("vary", "steps", "said"),
    [
        (lambda folder: git(folder, "config", "tag.gpgSign", "true"), STAMP, "git tag: "),
        (lambda folder: git(folder, "config", "user.useConfigOnly", "true"), STAMP, "git commit: no email was given"),
        (lambda folder: None, ("--step", "nosuchprogram"), "No such file or directory: 'nosuchprogram'"),
    ],
    ids=["no key to sign by", "nobody", "no such program"],
)
def test_a_release_that_git_refuses_says_its_words_and_takes_the_commit_back(
    vary: Callable[[Path], None], steps: tuple[str, ...], said: str, ready: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL", "EMAIL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    if said.startswith("git tag"):
        git(ready, "config", "user.email", "somebody@example.com")
        git(ready, "config", "user.name", "somebody")
    vary(ready)
    before = files(ready), git(ready, "tag"), git(ready, "rev-parse", "HEAD")
    done = release(ready, "9.0.0", *steps)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert (files(ready), git(ready, "tag"), git(ready, "rev-parse", "HEAD")) == before


def test_a_template_without_git_is_refused_in_one_line(ready: Path) -> None:
    shutil.rmtree(ready / ".git")
    done = release(ready, "9.0.0")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "git status: not a git repository" in done.stderr.replace("fatal: ", "")


def test_every_released_tag_updates_to_the_newest_and_converges_to_a_fresh_render(
    unreleased: Path, tmp_path: Path
) -> None:
    tagged = tmp_path / "template"
    shutil.copytree(unreleased, tagged)
    for _ in range(2):
        version = next_version(tagged)
        text = (tagged / "CHANGELOG.md").read_text("utf-8").replace(HEADING, f"{HEADING}\n- Of {version}.\n", 1)
        (tagged / "CHANGELOG.md").write_text(text, "utf-8")
        append("template/src/quality/errors.py", f"# of {version}\n")(tagged)
        append("template/README.md.jinja", f"Of {version}.\n")(tagged)
        commit(tagged, "A change")
        assert release(tagged, version).returncode == 0
    *earlier, newest = sorted(git(tagged, "tag").split(), key=lambda tag: [*map(int, tag[1:].split("."))])
    fresh = tmp_path / "fresh" / "flights"
    run_copy(str(tagged), fresh, defaults=True, quiet=True, vcs_ref=newest)
    assert earlier
    for tag in earlier:
        target = tmp_path / tag / "flights"
        run_copy(str(tagged), target, defaults=True, quiet=True, vcs_ref=tag)
        append("policy.yml", "# ours\n")(target)
        append("src/domain/ours.py", '"""Ours."""\n')(target)
        commit(target)
        ours = {name: content for name, content in files(target).items() if name.startswith(TEAM)}
        run_update(target, defaults=True, overwrite=True, quiet=True, unsafe=True)
        assert templates_own(target) == templates_own(fresh), tag
        assert {name: content for name, content in files(target).items() if name.startswith(TEAM)} == ours, tag
