"""An update of the fleet: each repository ends current or named with its reason, and none of them is written to."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fleet_states import MIDDLE, NEWEST, STATES, State, add_migration, change, fleet, head, releases, stamp
from rendering import ROOT, commit, copier, files, git, release
from test_fleet import run_fleet

SCRIPT = ROOT / "hooks" / "fleet_update.py"
PROVE = ("--test", f"{sys.executable} -m compileall -q src/domain", "--evidence", "")


def command(verb: str, *words: str | Path) -> list[str]:
    return [sys.executable, str(SCRIPT), verb, *map(str, words)]


def run_update(*words: str | Path, verb: str = "update") -> subprocess.CompletedProcess[str]:
    env = os.environ | {"COLUMNS": "240", "NO_COLOR": "1"}
    return subprocess.run(command(verb, *words), cwd=ROOT, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def tagged(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return releases(small, tmp_path_factory.mktemp("releases") / "template")


@pytest.fixture(scope="module")
def folder(tagged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fleet(tagged, tmp_path_factory.mktemp("fleet") / "repositories")


def everything(folder: Path) -> dict[str, tuple[dict[str, bytes], str]]:
    """The files of every repository, and its branches."""
    repositories = (path for path in folder.iterdir() if (path / ".git").exists())
    return {path.name: (files(path), git(path, "for-each-ref")) for path in repositories}


@pytest.fixture(scope="module")
def updated(folder: Path, tagged: Path) -> dict[str, Any]:
    """The outcomes of an update of them all, after which every repository is as it was."""
    before, target = everything(folder), folder.parent / "update.json"
    opens = 'echo "https://git.example/$FLEET_REPOSITORY/$FLEET_BRANCH"'
    done = run_update(folder, "--template", tagged, "--work", folder.parent / "work", "--json", target,
                      "--canary", "2", "--wave", "5", "--open", opens, *PROVE)  # fmt: skip
    assert done.returncode == 1, done.stderr + done.stdout
    assert everything(folder) == before
    return {one["repository"]: one for one in json.loads(target.read_text("utf-8"))["repositories"]}


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_an_update_of_any_state_ends_current_or_named_with_its_reason(
    state: State, updated: dict[str, Any], folder: Path
) -> None:
    outcome = updated[state.name]
    assert outcome["kind"] == state.updated, outcome
    assert outcome["reason"] or outcome["conflicts"] or outcome["kind"] in ("updated", "current")
    clone = folder.parent / "work" / state.name
    assert clone.is_dir() == (state.updated in ("updated", "tests failed"))
    assert outcome["opened"] == (f"https://git.example/{state.name}/template-{NEWEST}" if clone.is_dir() and
                                 state.updated == "updated" else "")  # fmt: skip


def test_every_repository_has_an_outcome_and_what_is_none_is_skipped(updated: dict[str, Any], folder: Path) -> None:
    assert updated.keys() == {path.name for path in folder.iterdir()}
    assert updated["nothing"]["kind"] == "skipped"
    assert "is no git repository" in updated["nothing"]["reason"]


def test_an_updated_clone_is_whole_committed_on_its_branch_and_without_drift(
    updated: dict[str, Any], folder: Path, tagged: Path
) -> None:
    target = folder.parent / "after.json"
    names = [name for name, one in updated.items() if one["kind"] == "updated"]
    assert len(names) > 8
    for name in names:
        clone = folder.parent / "work" / name
        assert git(clone, "branch", "--show-current").strip() == f"template-{NEWEST}"
        assert git(clone, "status", "--porcelain") == ""
        assert git(clone, "rev-list", "--count", "main..HEAD").strip() == "1"
    clones = [folder.parent / "work" / name for name in names]
    words = [sys.executable, str(ROOT / "hooks" / "fleet.py"), *map(str, clones)]
    options = ["--template", str(tagged), "--json", str(target), "--fail-on", "behind,drifted,conflict"]
    assert subprocess.run([*words, *options], capture_output=True, check=False).returncode == 0
    assert not list((folder.parent / "work").glob("*.partial"))
    assert not list((folder.parent / "work").glob("*.cache"))


def test_the_pull_request_says_what_changed_and_what_was_overwritten(updated: dict[str, Any], folder: Path) -> None:
    body = (folder.parent / "work" / "behind_two.md").read_text("utf-8")
    assert "What v1.2.0 brings to you." in body
    assert "What v1.1.0 brings to you." in body
    assert "The first." not in body
    assert "`src/quality/errors.py`" not in body
    edited = (folder.parent / "work" / "edited.md").read_text("utf-8")
    assert "What v1.1.0 brings" not in edited
    assert "## What was overwritten" in edited
    assert "- `src/quality/errors.py`" in edited
    assert updated["edited"]["overwritten"] == ["src/quality/errors.py"]
    waived = (folder.parent / "work" / "waived.md").read_text("utf-8")
    assert "- `src/quality/values.py`, waived until 2099-01-31: a trial" in waived
    assert "# ours" in (folder.parent / "work" / "waived" / "src" / "quality" / "values.py").read_text("utf-8")
    assert updated["conflicting"]["conflicts"] == ["README.md"]
    assert updated["torn"]["conflicts"] == ["src/quality/errors.py"]
    assert "src/domain/ours.py" in updated["red"]["reason"] or "SyntaxError" in updated["red"]["reason"]


def test_a_second_run_goes_on_where_the_first_was_and_a_rollback_removes_it(
    folder: Path, tagged: Path, tmp_path: Path
) -> None:
    chosen = tmp_path / "fleet.txt"
    chosen.write_text(f"{folder / 'behind_one'}\n{folder / 'behind_two'}\n", "utf-8")
    work, log = tmp_path / "work", tmp_path / "log"
    slow = f'echo "$PWD" >> {log}; case "$PWD" in *behind_two*) test -e {tmp_path / "go"} || sleep 300;; esac'
    words = command("update", chosen, "--template", tagged, "--work", work, "--jobs", "1", "--test", slow,
                    "--evidence", "")  # fmt: skip
    running = subprocess.Popen(words, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while log.read_text("utf-8").count("\n") < 2 if log.exists() else True:
        assert time.monotonic() < deadline
        assert running.poll() is None
        time.sleep(0.2)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert [path.suffix for path in work.glob("*.partial")] == [".partial"]
    (tmp_path / "go").touch()
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 updated" in done.stdout
    ran = log.read_text("utf-8").splitlines()
    assert [("behind_one" in line, "behind_two" in line) for line in ran] == [
        (True, False),
        (False, True),
        (False, True),
    ]
    assert not list(work.glob("*.partial"))
    both = run_update(chosen, "--template", tagged, "--work", work, "--rollback", "--dry-run")
    assert (both.returncode, both.stdout) == (2, ""), "what only tells takes nothing back"
    assert "argument --dry-run: not allowed with argument --rollback" in both.stderr
    back = run_update(chosen, "--template", tagged, "--work", work, "--rollback")
    assert back.returncode == 0, back.stderr
    assert back.stdout.count("is removed") == 2
    assert list(work.iterdir()) == []


def test_no_wave_goes_on_after_a_canary_that_is_not_green(folder: Path, tagged: Path, tmp_path: Path) -> None:
    names = ("red", "behind_one", "behind_two")
    target = tmp_path / "update.json"
    done = run_update(*(folder / name for name in names), "--template", tagged, "--work", tmp_path / "work", "--json",
                      target, "--canary", "1", *PROVE)  # fmt: skip
    assert done.returncode == 1, done.stderr
    said = json.loads(target.read_text("utf-8"))
    assert re.search(r"red: tests failed: .*ours.py", said["stopped"])
    assert [one["kind"] for one in said["repositories"]] == ["tests failed", "skipped", "skipped"]
    assert "the canaries are not green" in said["repositories"][1]["reason"]
    assert "--rollback" in done.stdout
    assert [path for path in (tmp_path / "work").iterdir() if "behind" in path.name] == []


def test_a_dry_run_says_the_waves_and_makes_no_clone(folder: Path, tagged: Path, tmp_path: Path) -> None:
    done = run_update(folder, "--template", tagged, "--work", tmp_path / "work", "--dry-run", "--canary", "2")
    assert done.returncode == 0, done.stderr
    assert "canaries: behind_one, behind_two\n" in done.stdout
    assert "unanswered: skipped because there is no .copier-answers.yml" in done.stdout
    assert not (tmp_path / "work").exists()
    to_middle = run_update(folder, "--template", tagged, "--dry-run", "--release", MIDDLE)
    assert "canaries: behind_two\n" in to_middle.stdout
    wrong = run_update(folder, "--template", tagged, "--release", "v9.9.9")
    assert wrong.returncode == 2
    assert "there are v1.0.0, v1.1.0, v1.2.0" in wrong.stderr


def test_a_migration_is_named_with_what_it_does_and_runs_only_when_trusted(
    folder: Path, tagged: Path, tmp_path: Path
) -> None:
    target = tmp_path / "template"
    shutil.copytree(tagged, target)
    change(target, NEWEST.replace("2", "3"))
    add_migration(target, "v1.3.0")
    stamp(target)
    release(target, "v1.3.0")
    shutil.copytree(folder / "current", tmp_path / "current")
    answers = tmp_path / "current" / ".copier-answers.yml"
    answers.write_text(answers.read_text("utf-8").replace(str(tagged), str(target)), "utf-8")
    commit(tmp_path / "current", "Another template")
    words: tuple[str | Path, ...] = (tmp_path / "current", "--template", target, "--work", tmp_path / "work", *PROVE)
    asked = run_update(*words)
    assert asked.returncode == 0, asked.stderr
    page = [sys.executable, str(ROOT / "hooks" / "fleet.py"), *map(str, words[:3]), "--fail-on", "trust"]
    seen = subprocess.run(page, env=os.environ | {"COLUMNS": "240"}, capture_output=True, text=True, check=False)
    assert seen.returncode == 1, seen.stderr
    assert "needs trust" in seen.stdout
    assert "1 behind v1.3.0; nox -s update -- --trust\n" in seen.stdout
    assert "needs trust: v1.3.0: hooks/migrations/v1_2_0.py (To 1.2.0: nothing is renamed" in asked.stdout
    trusted = run_update(*words, "--trust")
    assert trusted.returncode == 0, trusted.stdout + trusted.stderr
    assert "1 updated" in trusted.stdout


def test_repositories_move_to_another_address_by_one_line(folder: Path, tagged: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(tagged), "new.git")
    new = f"file://{tmp_path / 'new.git'}"
    names = ("crlf", "moved", "unanswered")
    chosen = [folder / name for name in names]
    words: list[str | Path] = [*chosen, "--template", tagged, "--work", tmp_path / "work"]
    done = run_update(*words, "--from", tagged, "--to", new, verb="move")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 moved" in done.stdout
    assert "2 skipped" in done.stdout
    clone = tmp_path / "work" / next((tmp_path / "work").glob("*crlf*.json")).stem
    assert git(clone, "diff", "--stat", "HEAD~1").splitlines()[0].strip().startswith(".copier-answers.yml | 2 +-")
    assert f"_src_path: {new}" in (clone / ".copier-answers.yml").read_text("utf-8")
    told = run_fleet(folder, "--template", new, "--cache", tmp_path / "cache", "--only", "moved")
    pasted = [
        shlex.split(line.partition("nox -s fleet -- ")[2]) for line in told.stdout.splitlines() if " -- move" in line
    ]
    [page] = [line for line in pasted if str(folder / "moved") in line]
    fixed = run_update(*page[1:], "--template", tagged, "--work", tmp_path / "pasted", verb="move")
    assert "1 moved" in fixed.stdout, fixed.stdout + fixed.stderr
    nowhere = run_update(*words, "--from", tagged, "--to", f"file://{tmp_path}/nowhere.git", verb="move")
    assert nowhere.returncode == 2
    assert nowhere.stderr.count("\n") == 1


def test_what_a_hosted_bot_runs_updates_without_trust(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "behind_two", tmp_path / "behind_two")
    done = copier("update", "--skip-answered", "--defaults", folder=tmp_path / "behind_two")
    assert done.returncode == 0, done.stderr
    assert f"_commit: {NEWEST}" in (tmp_path / "behind_two" / ".copier-answers.yml").read_text("utf-8")
    assert head(tmp_path / "behind_two") == head(folder / "behind_two")


def test_what_the_hosted_bot_is_told_is_valid_by_its_own_schema(tmp_path: Path) -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.renovate"]
    told = ROOT / "template" / "renovate.json"
    done = subprocess.run([*check, str(told)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    wrong = json.loads(told.read_text("utf-8")) | {"enabledManagers": "copier"}
    (tmp_path / "renovate.json").write_text(json.dumps(wrong), "utf-8")
    assert subprocess.run([*check, str(tmp_path / "renovate.json")], capture_output=True, check=False).returncode == 1


def test_the_hosted_bot_leaves_the_templates_workflow_to_the_template() -> None:
    rules = json.loads((ROOT / "template" / "renovate.json").read_text("utf-8"))["packageRules"]
    [rule] = [one for one in rules if one["matchManagers"] == ["github-actions"]]
    assert rule["enabled"] is False
    workflows = (ROOT / "template" / ".github" / "workflows").iterdir()
    named = [path.relative_to(ROOT / "template").as_posix().removesuffix(".jinja") for path in workflows]
    assert rule["matchFileNames"] == named


def test_repositories_of_one_name_are_updated_apart_and_their_clones_are_not_shared(
    folder: Path, tagged: Path, tmp_path: Path
) -> None:
    for team, name in (("a", "behind_one"), ("b", "behind_two")):
        shutil.copytree(folder / name, tmp_path / team / "orders")
    done = run_update(tmp_path / "a", tmp_path / "b", "--template", tagged, "--work", tmp_path / "work", *PROVE)
    assert done.returncode == 0, done.stdout + done.stderr
    kept = [path for path in (tmp_path / "work").iterdir() if path.is_dir()]
    assert sorted(git(path, "rev-parse", "HEAD~1").strip() for path in kept) == sorted(
        head(tmp_path / team / "orders") for team in "ab"
    )


def test_what_somebody_did_in_a_clone_that_was_kept_is_not_lost(folder: Path, tagged: Path, tmp_path: Path) -> None:
    words: list[str | Path] = [folder / "red", folder / "behind_one", "--template", tagged, "--work", tmp_path / "work"]
    words += ["--canary", "0", "--json", tmp_path / "update.json", *PROVE]
    assert run_update(*words).returncode == 1
    kept = {
        path.stem.rpartition("-")[0].rpartition("-")[2]: path.with_suffix("")
        for path in (tmp_path / "work").glob("*.md")
    }
    (kept["red"] / "src" / "domain" / "ours.py").write_text('"""Ours."""\n', "utf-8")
    git(kept["red"], "commit", "--quiet", "--all", "--message", "Mend it")
    (kept["red"] / "notes.txt").write_text("ours\n", "utf-8")
    (kept["behind_one"] / "notes.txt").write_text("ours\n", "utf-8")
    mended = head(kept["red"])
    for more in ((), ("--release", MIDDLE)):
        run_update(*words, *more)
        [red] = [
            one
            for one in json.loads((tmp_path / "update.json").read_text("utf-8"))["repositories"]
            if "red" in one["repository"]
        ]
        assert (head(kept["red"]), red["kind"]) == (mended, "skipped" if not more else "current"), red
        assert more or "holds work that no run did (1 commit and 1 file): push it, or delete the clone" in red["reason"]
    back = run_update(*words, "--rollback")
    assert back.stdout.count("it is kept") == 2, back.stdout
    assert (kept["behind_one"] / "notes.txt").exists()
    git(tmp_path, "clone", "--quiet", "--bare", str(folder / "red"), "red.git")
    git(kept["red"], "remote", "set-url", "origin", str(tmp_path / "red.git"))
    git(kept["red"], "push", "--quiet", "origin", "HEAD")
    (kept["red"] / "notes.txt").unlink()
    (kept["behind_one"] / "notes.txt").unlink()
    assert run_update(*words, "--rollback").stdout.count("is removed") == 2
    assert list((tmp_path / "work").iterdir()) == []


def test_two_runs_are_never_at_work_in_one_folder_of_clones(folder: Path, tagged: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    words: list[str | Path] = [folder / "behind_one", "--template", tagged, "--work", work, "--evidence", ""]
    slow = f"touch {tmp_path / 'began'}; while ! test -e {tmp_path / 'go'}; do sleep 0.1; done"
    with subprocess.Popen(command("update", *words, "--test", slow), cwd=ROOT, stdout=subprocess.DEVNULL) as first:
        deadline = time.monotonic() + 120
        while not (tmp_path / "began").exists():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        for more in (("--test", "true"), ("--rollback",)):
            second = run_update(*words, *more)
            assert (second.returncode, second.stderr.count("\n")) == (2, 1), second.stderr
            assert (
                f"another run is at work in {tmp_path / 'work'}: wait until it ends, or name another" in second.stderr
            )
        assert run_update(*words, "--dry-run").returncode == 0
        (tmp_path / "go").touch()
    assert first.returncode == 0


@pytest.mark.parametrize(
    "form", ['"_src_path": {old}\n', "_src_path: >-\n  {old}\n", "{{_src_path: {old}, _commit: v1.1.0}}\n"]
)
def test_an_address_that_no_one_line_says_is_not_said_to_be_moved(
    folder: Path, tagged: Path, tmp_path: Path, form: str
) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(tagged), "new.git")
    shutil.copytree(folder / "behind_one", tmp_path / "one")
    more = "" if form.startswith("{{") else "_commit: v1.1.0\n"
    (tmp_path / "one" / ".copier-answers.yml").write_text(form.format(old=tagged) + more, "utf-8")
    commit(tmp_path / "one", "Another form")
    done = run_update(tmp_path / "one", "--template", tagged, "--work", tmp_path / "work", "--from", tagged,
                      "--to", f"file://{tmp_path}/new.git", "--json", tmp_path / "move.json", verb="move")  # fmt: skip
    assert (done.returncode, "1 skipped" in done.stdout) == (0, True), done.stdout + done.stderr
    [one] = json.loads((tmp_path / "move.json").read_text("utf-8"))["repositories"]
    assert "does not say _src_path in a line of its own" in one["reason"]


def test_what_breaks_one_repository_leaves_the_others_their_outcome(folder: Path, tagged: Path, tmp_path: Path) -> None:
    """As a disk that is full does: the note of one cannot be written."""
    (tmp_path / "work" / "one.new").mkdir(parents=True)
    for name, state in (("one", "behind_one"), ("two", "behind_two")):
        shutil.copytree(folder / state, tmp_path / "repositories" / name)
    target = tmp_path / "update.json"
    done = run_update(tmp_path / "repositories", "--template", tagged, "--work", tmp_path / "work", "--json", target,
                      "--canary", "0", *PROVE)  # fmt: skip
    assert done.returncode == 0, done.stderr
    ends = {
        one["repository"]: (one["kind"], one["reason"]) for one in json.loads(target.read_text("utf-8"))["repositories"]
    }
    assert ends["two"] == ("updated", "")
    assert ends["one"][0] == "skipped"
    assert "one.new" in ends["one"][1]
