"""The fleet on one page: twenty repositories in different states, read without a checkout and judged by the tags."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fleet_states import STATES, State, fleet, releases, replace
from rendering import ROOT, commit, files, git

sys.path[:0] = [str(ROOT / "hooks")]

from repositories.places import Place  # noqa: E402 - the scripts in place
from repositories.reading import Reader  # noqa: E402
from repositories.snapshot import is_marked  # noqa: E402
from repositories.template import Template  # noqa: E402
from repositories.waves import telling  # noqa: E402

SCRIPT = ROOT / "hooks" / "fleet.py"


def run_fleet(*words: str | Path, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """The command as `nox -s fleet` runs it, at a terminal that is wide enough."""
    command = [sys.executable, str(SCRIPT), *map(str, words)]
    env = os.environ | {"COLUMNS": "240", "NO_COLOR": "1"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def tagged(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return releases(small, tmp_path_factory.mktemp("releases") / "template")


@pytest.fixture(scope="module")
def folder(tagged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fleet(tagged, tmp_path_factory.mktemp("fleet") / "repositories")


@pytest.fixture(scope="module")
def report(folder: Path, tagged: Path) -> dict[str, Any]:
    """The page as data, after a page that is its past."""
    target = folder.parent / "fleet.json"
    for _ in range(2):
        done = run_fleet(folder, "--template", tagged, "--json", target, "--csv", folder.parent / "fleet.csv",
                         "--html", folder.parent / "fleet.html")  # fmt: skip
        assert done.returncode == 0, done.stderr
    written: dict[str, Any] = json.loads(target.read_text("utf-8")) | {"printed": done.stdout}
    return written


def card(report: dict[str, Any], name: str) -> dict[str, Any]:
    [found] = [one for one in report["repositories"] if one["repository"] == name]
    assert isinstance(found, dict)
    return found


def failed(found: dict[str, Any]) -> dict[str, str]:
    """What was seen by each check that is not met."""
    return {check["name"]: check["seen"] for check in found["checks"] if not check["ok"]}


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_a_repository_in_any_state_is_a_row_that_says_so(state: State, report: dict[str, Any]) -> None:
    found = card(report, state.name)
    assert found["state"] == state.state
    assert failed(found).keys() == state.failed
    assert state.said in " ".join(failed(found).values())
    assert all(check["fix"] for check in found["checks"] if not check["ok"])
    assert found["release"] == (state.tag if found["state"] != "no answers" else "")


def test_what_cannot_be_read_is_a_row_with_its_reason(report: dict[str, Any], folder: Path, tagged: Path) -> None:
    nothing = card(report, "nothing")
    assert nothing["state"] == "unreachable"
    assert "is no git repository" in failed(nothing)["reachable"]
    damaged = folder.parent / "damaged"
    shutil.copytree(folder / "current", damaged / "one")
    shutil.rmtree(damaged / "one" / ".git" / "objects")
    subprocess.run(["git", "init", "-q", str(damaged / "empty")], check=True)
    gone, address = folder.parent / "gone", f"file://{folder.parent}/nowhere.git"
    target = folder.parent / "unread.json"
    done = run_fleet(damaged, gone, address, "--template", tagged, "--json", target, "--fail-on", "unreachable")
    assert done.returncode == 1, done.stderr
    unread = json.loads(target.read_text("utf-8"))["repositories"]
    assert [one["state"] for one in unread] == ["unreachable"] * 4
    said = [failed(one)["reachable"] for one in unread]
    assert all(said)
    assert said.count("it has no commit yet") == 1


def test_repositories_of_one_domain_are_told_with_where_they_lie(report: dict[str, Any]) -> None:
    places = [one["repository"] for one in report["repositories"] if one["domain"] == "flights"]
    assert len(places) > 1
    said = f"flights is the domain of {len(places)} repositories, which take each other's blocks and deployments"
    assert said in report["printed"]
    assert f"call all but one otherwise: {', '.join(sorted(places))}" in report["printed"]


def test_the_page_is_worst_first_and_counts_by_file_release_tuple_and_owner(report: dict[str, Any]) -> None:
    order = ["unreachable", "no answers", "conflict markers", "needs trust", "behind", "current"]
    states = [order.index(one["state"]) for one in report["repositories"]]
    assert states == sorted(states)
    by_file = {row["file"]: row["where"] for row in report["by_file"]}
    assert sorted(by_file["src/quality/errors.py"]) == ["flights"] * 4
    by_release = {row["release"]: row["repositories"] for row in report["by_release"]}
    assert by_release == {
        tag: sum(one["release"] == tag for one in report["repositories"]) for tag in ("v1.0.0", "v1.1.0", "v1.2.0")
    } | {"unknown": 4}
    assert {row["tuple"] for row in report["by_tuple"]} == {"no run is recorded", "py311-prefect-3.9.1-polars-2.1"}
    assert {row["owner"]: row["repositories"] for row in report["by_owner"]} == {"@flights-team": 23, "nobody": 4}


def test_waivers_rungs_and_trend_are_told(report: dict[str, Any]) -> None:
    waived = card(report, "waived")
    assert [one["until"] for one in waived["waivers"]] == ["2099-01-31"]
    assert waived["drift"]["waived"] == ["src/quality/values.py"]
    assert "waived" in waived["flags"]
    [standing] = [one for one in card(report, "promoted")["standings"] if one["environment"] == "prod"]
    assert (standing["claimed"], standing["proved"], standing["stale"]) == ("task", "task", None)
    assert [point["failed"] for point in waived["trend"]] == [2, 2]
    assert card(report, "behind_two")["releases_behind"] == 2
    assert card(report, "behind_two")["days_behind"] > card(report, "behind_one")["days_behind"]


def test_a_tuple_whose_support_ends_is_told_until_its_day_and_fails_after_it(folder: Path, tagged: Path) -> None:
    for year, ok, said in ((2026, True, ", supported until 2099-12-31"), (2100, False, ", which was supported until")):
        reader = Reader(Template(tagged), folder.parent / "mirrors", datetime(year, 6, 1, tzinfo=UTC))
        [check] = [one for one in reader.card(Place("promoted", folder / "promoted")).checks if one.name == "tuple"]
        assert (check.ok, said in check.seen) == (ok, True)
    assert check.fix == "QUALITY_TUPLE=py313-prefect-3.9.1-polars-2.1 nox -s climb"


def test_a_tuple_that_the_newest_release_lacks_is_told_with_one_that_it_has(
    folder: Path, tagged: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder / "promoted", tmp_path / "promoted")
    edited_evidence(tmp_path / "promoted", compatibility="py3.12-prefect-3.1.0-polars-1.9.0")
    commit(tmp_path / "promoted", "Of a tuple of long ago")
    reader = Reader(Template(tagged), tmp_path / "mirrors", datetime(2026, 6, 1, tzinfo=UTC))
    [check] = [one for one in reader.card(Place("promoted", tmp_path / "promoted")).checks if one.name == "tuple"]
    assert "which the newest release lacks" in check.seen
    assert check.fix == "QUALITY_TUPLE=py312-prefect-3.9.1-polars-2.1 nox -s climb"


def edited_evidence(folder: Path, **about: Any) -> None:
    """Every piece of a repository's evidence says this, too."""
    for path in (folder / "rollout" / "evidence").glob("*.json"):
        said = json.loads(path.read_text("utf-8"))
        for one in said["environments"].values():
            one |= about
        path.write_text(json.dumps(said), "utf-8")


VARIED: dict[str, Callable[[Path], object]] = {
    "as_it_ran": lambda folder: None,
    "other_code": lambda folder: edited_evidence(folder, judged_by="0" * 16, template_version="0.9.0"),
    "documentation": lambda folder: edited_evidence(folder, template_version="0.9.0"),
    "failed": lambda folder: edited_evidence(folder, status="FAILED"),
    "not_met": lambda folder: edited_evidence(folder, checks=[{"name": "x", "ok": False, "seen": "y"}]),
    "of_tomorrow": lambda folder: edited_evidence(folder, recorded="2999-01-01T00:00:00Z"),
    "contract_changed": lambda folder: append(folder / "datasets" / "flights.yml", "allow_empty: true\n"),
}


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text("utf-8") + text, "utf-8")


def test_the_page_says_of_every_rung_what_the_repositorys_own_status_says(
    folder: Path, tagged: Path, template: Path, tmp_path: Path
) -> None:
    base, said = tmp_path / "base", {}
    shutil.copytree(folder / "current", base)
    package = Path("src", "quality")
    shutil.copytree(template / "template" / package, base / package, dirs_exist_ok=True)  # the whole of it runs
    assert own(base, "task").returncode in (0, 1)
    for name, vary in VARIED.items():
        target = tmp_path / "repositories" / name
        shutil.copytree(base, target)
        vary(target)
        said[name] = json.loads(own(target, "status", "--json").stdout)
        commit(target, "Evidence")
    done = run_fleet(tmp_path / "repositories", "--template", tagged, "--json", tmp_path / "fleet.json")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "fleet.json").read_text("utf-8"))
    proved = {}
    for name, status in said.items():
        again = {(one["dataset"], one["environment"]) for one in status["again"]}
        for one in card(report, name)["standings"]:
            place = one["dataset"], one["environment"]
            [own_word] = [s for s in status["standings"] if (s["dataset"], s["environment"]) == place]
            assert one["proved"] == own_word["current_level"], (name, place)
            is_again = "prove again" in (one["stale"] or "")
            assert is_again == (place in again), (name, place)
        proved[name] = sum(one["proved"] == "task" for one in card(report, name)["standings"])
    assert proved["as_it_ran"] == proved["other_code"] == proved["documentation"] == 1
    assert {proved[name] for name in ("failed", "not_met", "of_tomorrow", "contract_changed")} == {0}


def own(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A verb of a repository, with the packages of these tests."""
    env = os.environ | {"PYTHONPATH": str(folder / "src"), "QUALITY_ROOT": str(folder)}
    command = [sys.executable, "-m", "quality", *words]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_a_bare_mirror_is_judged_as_its_clone_is(report: dict[str, Any], folder: Path, tagged: Path) -> None:
    mirrors = folder.parent / "mirrors" / "group"
    mirrors.mkdir(parents=True)
    for name in ("edited", "crlf", "forged"):
        git(mirrors, "clone", "--quiet", "--mirror", str(folder / name), f"{name}.git")
    done = run_fleet(mirrors.parent, "--template", tagged, "--json", mirrors.parent / "fleet.json")
    assert done.returncode == 0, done.stderr
    for one in json.loads((mirrors.parent / "fleet.json").read_text("utf-8"))["repositories"]:
        assert failed(one) == failed(card(report, one["repository"].removeprefix("group/")))


def test_a_list_of_addresses_is_mirrored_one_commit_deep(folder: Path, tagged: Path) -> None:
    listed = folder.parent / "fleet.txt"
    listed.write_text(f"# ours\nfile://{folder / 'edited'}\nfile://{folder / 'crlf'}  # windows\n", "utf-8")
    target = folder.parent / "listed.json"
    for _ in range(2):
        done = run_fleet(listed, "--template", tagged, "--json", target, "--cache", folder.parent / "cache")
        assert done.returncode == 0, done.stderr
    assert [one["state"] for one in json.loads(target.read_text("utf-8"))["repositories"]] == ["behind", "behind"]
    [mirror] = (folder.parent / "cache").glob("*edited-*.git")
    assert git(mirror, "rev-list", "--count", "HEAD").strip() == "1"


def test_only_owner_and_fail_on_choose(folder: Path, tagged: Path) -> None:
    target = folder.parent / "only.json"
    chosen = ("--template", tagged, "--json", target)
    done = run_fleet(folder, *chosen, "--only", "waived,conflict", "--fail-on", "unproved")
    assert done.returncode == 0, done.stderr
    assert {one["repository"] for one in json.loads(target.read_text("utf-8"))["repositories"]} == {
        "waived",
        "torn",
        "marked",
    }
    assert run_fleet(folder, *chosen, "--fail-on", "unproved").returncode == 1
    assert run_fleet(folder, *chosen, "--owner", "@nobody", "--fail-on", "behind").returncode == 0
    assert json.loads(target.read_text("utf-8"))["repositories"] == []
    wrong = run_fleet(folder, "--only", "drift")
    assert wrong.returncode == 2
    assert "did you mean drifted?" in wrong.stderr
    for written in ("/", str(folder)):
        wrong = run_fleet(folder, "--template", tagged, "--only", "behind", "--json", written)
        assert (wrong.returncode, wrong.stderr.splitlines()[-1]) == (
            2,
            f"fleet: {written} is a folder; name a file to write",
        )


def test_every_repository_is_one_line_of_csv_and_a_row_at_the_terminal(report: dict[str, Any], folder: Path) -> None:
    with (folder.parent / "fleet.csv").open(encoding="utf-8", newline="") as file:
        lines = {line["repository"]: line for line in csv.DictReader(file)}
    assert lines.keys() == {one["repository"] for one in report["repositories"]}
    assert lines["waived"]["next_waiver"] == "2099-01-31"
    assert "a file of" not in report["printed"]
    assert "src/quality/errors.py differs in 4 of 27 repositories" in report["printed"]


def test_reading_changes_nothing_and_runs_nothing_of_a_repository(folder: Path, tagged: Path) -> None:
    hostile = folder.parent / "hostile" / "one"
    shutil.copytree(folder / "edited", hostile)
    program = hostile.parent / "program"
    program.write_text(f"#!/bin/sh\ntouch {hostile.parent / 'ran'}\n", "utf-8")
    program.chmod(0o755)
    Path(os.fsdecode(os.fsencode(hostile / "datasets") + b"/\xff.yml")).write_text("dataset: x\n", "utf-8")
    append(hostile / ".gitattributes", "*.md filter=theirs\n")
    git(hostile, "add", "--all")
    git(hostile, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},datasets/a_submodule")
    git(hostile, "commit", "--quiet", "--message", "A name that is no text, and a submodule that is not here")
    git(hostile, "config", "core.fsmonitor", str(program))
    for kind in ("clean", "smudge", "process"):
        git(hostile, "config", f"filter.theirs.{kind}", str(program))
    git(hostile, "config", "filter.theirs.required", "true")
    (hostile / "README.md").write_text("Another text.\n", "utf-8")
    before = files(hostile), (hostile / ".git" / "index").read_bytes()
    done = run_fleet(hostile, "--template", tagged, "--json", hostile.parent / "fleet.json", "--fail-on", "unreachable")
    assert done.returncode == 0, done.stderr
    assert (files(hostile), (hostile / ".git" / "index").read_bytes()) == before
    assert not (hostile.parent / "ran").exists()


def test_forks_of_a_team_are_told_as_its_own_drift_tells_them(folder: Path, tagged: Path) -> None:
    own = folder.parent / "forks" / "one"
    shutil.copytree(folder / "current", own)
    fork = "from quality.checking import check\n\n\ndef ours(data):\n    return check(data)\n"
    (own / "src" / "domain" / "ours.py").write_text(fork, "utf-8")
    git(own, "add", "--all")
    git(own, "commit", "--quiet", "--message", "A fork")
    target = folder.parent / "forks.json"
    done = run_fleet(own, "--template", tagged, "--json", target, "--only", "forked")
    assert done.returncode == 0, done.stderr
    [found] = json.loads(target.read_text("utf-8"))["repositories"]
    assert found["forks"] == ["src/domain/ours.py:5: uses quality.checking.check, past retries, artifacts and verdict"]


def test_a_template_without_a_release_is_refused_in_one_line(folder: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    done = run_fleet(folder, "--template", tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "has no release" in done.stderr


def test_what_the_command_says_of_the_last_drift_job_is_told(folder: Path, tagged: Path, tmp_path: Path) -> None:
    target = tmp_path / "jobs.json"
    done = run_fleet(folder / "current", "--template", tagged, "--json", target, "--job-log", "echo 2026-05-04 green")
    assert done.returncode == 0, done.stderr
    [found] = json.loads(target.read_text("utf-8"))["repositories"]
    assert found["drift_job"].startswith("2026-05-04 green")


def test_two_repositories_of_one_name_are_two_rows_that_say_which_is_which(
    folder: Path, tagged: Path, tmp_path: Path
) -> None:
    for team, name in (("a", "current"), ("b", "behind_two")):
        shutil.copytree(folder / name, tmp_path / team / "orders")
    git(tmp_path, "clone", "--quiet", "--bare", str(folder / "behind_one"), "b/orders.git")
    target = tmp_path / "fleet.json"
    done = run_fleet(tmp_path / "a", tmp_path / "b", "--template", tagged, "--json", target)
    assert done.returncode == 0, done.stderr
    found = {one["repository"]: one["release"] for one in json.loads(target.read_text("utf-8"))["repositories"]}
    assert found == {
        f"{tmp_path}/a/orders": "v1.2.0",
        f"{tmp_path}/b/orders": "v1.0.0",
        f"{tmp_path}/b/orders.git": "v1.1.0",
    }


def test_no_other_repository_is_read_than_the_one_that_is_named(
    folder: Path, tagged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the one around a folder whose own is damaged, nor the one whose hook began this."""
    around, target = tmp_path / "around", tmp_path / "fleet.json"
    shutil.copytree(folder / "current", around)
    (around / "clones" / "damaged" / ".git").mkdir(parents=True)
    shutil.copytree(folder / "behind_two", around / "clones" / "whole")
    monkeypatch.setenv("GIT_DIR", str(around / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(around / ".git" / "index"))
    done = run_fleet(around / "clones", "--template", tagged, "--json", target)
    assert done.returncode == 0, done.stderr
    found = {
        one["repository"]: (one["state"], one["release"])
        for one in json.loads(target.read_text("utf-8"))["repositories"]
    }
    assert found == {"damaged": ("unreachable", ""), "whole": ("behind", "v1.0.0")}


def test_what_gives_access_to_an_address_is_on_no_page(folder: Path, tagged: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "current", tmp_path / "repositories" / "one")
    replace(".copier-answers.yml", "_src_path: ", "_src_path: https://robot:hush@git.example/")(
        tmp_path / "repositories" / "one"
    )
    commit(tmp_path / "repositories" / "one", "Another address")
    gone = "https://robot:hush@127.0.0.1:1/team/orders.git"
    written = {kind: tmp_path / f"fleet.{kind}" for kind in ("json", "html", "csv")}
    options = [word for kind, path in written.items() for word in (f"--{kind}", path)]
    done = run_fleet(tmp_path / "repositories", gone, "--template", tagged, "--cache", tmp_path / "cache", *options)
    assert done.returncode == 0, done.stderr
    pages = [path.read_text("utf-8") for path in written.values()]
    assert all("git.example" in page for page in pages[:2])
    assert not [page for page in (*pages, done.stdout, done.stderr) if "hush" in page]


@pytest.mark.parametrize(
    ("listed", "said"),
    [(b"\xe4.git\n", "is not UTF-8 text: it lists paths and addresses"), (b"fleet.txt\n", "lists itself")],
)
def test_a_list_that_cannot_be_read_is_one_line(tagged: Path, tmp_path: Path, listed: bytes, said: str) -> None:
    (tmp_path / "fleet.txt").write_bytes(listed)
    done = run_fleet("fleet.txt", "--template", tagged, folder=tmp_path)
    assert (done.returncode, done.stderr.count("\n"), said in done.stderr) == (2, 2, True), done.stderr


def test_what_git_rejected_is_told_and_not_its_hint() -> None:
    rejected = ["To ../old.git", " ! [rejected]  HEAD -> ours (fetch first)", "error: failed to push", "hint: see"]
    assert telling(rejected) == "! [rejected]  HEAD -> ours (fetch first)"
    assert telling(["fatal: no", "hint: ask"]) == "fatal: no"
    assert telling(["hint: ask"]) == "hint: ask"


def test_many_half_conflicts_are_looked_at_once() -> None:
    lines = b"<<<<<<< ours\n" * 60_000 + b"=======\n" * 60_000
    start = time.monotonic()
    assert not is_marked(lines)
    assert is_marked(lines + b">>>>>>> theirs\n")
    assert not is_marked(b">>>>>>> theirs\n=======\n<<<<<<< ours\n")
    assert time.monotonic() - start < 5
