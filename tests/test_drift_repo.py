"""A rendered repository with more than twenty planted drifts: each is reported through its own nox, and healed by what
its line says, after which nothing is left."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from copier import run_copy
from rendering import ROOT, commit, git, lock, nox, release

COPIED = """from quality import data_quality_check_task
from prefect import flow


@flow
def our_own_check(data: object) -> object:
    return data_quality_check_task(data, rules=[])
"""
BY_HAND = """
from prefect.client.orchestration import get_client
from datetime import UTC, datetime, timedelta
from prefect.client.schemas.actions import BlockDocumentUpdate, DeploymentUpdate, WorkPoolUpdate
from prefect.states import Scheduled
from prefect.client.schemas.schedules import CronSchedule

with get_client(sync_client=True) as client:
    edited = client.read_block_document_by_name("flights-flights-dev", "data-quality-block")
    update = BlockDocumentUpdate(block_schema_id=edited.block_schema_id, data=edited.data | {"rules": []})
    client.update_block_document(edited.id, update)
    deleted = client.read_block_document_by_name("flights-flights-prod", "data-quality-block")
    client.delete_block_document(deleted.id)
    prod = client.read_deployment_by_name("flights-check-dataset/flights-flights-prod")
    cron = CronSchedule(cron="0 9 * * *", timezone="UTC")
    client.update_deployment_schedule(prod.id, prod.schedules[0].id, schedule=cron)
    client.update_deployment(prod.id, DeploymentUpdate(parameters=prod.parameters | {"fingerprint": "0" * 16}))
    client.create_deployment(flow_id=prod.flow_id, name="flights-old", tags=prod.tags, entrypoint=prod.entrypoint)
    twin = client.create_flow_from_name("another-flow")
    client.create_deployment(flow_id=twin, name="flights-flights-prod", tags=prod.tags, entrypoint=prod.entrypoint)
    dev = client.read_deployment_by_name("flights-check-dataset/flights-flights-dev")
    given = {"env": {"QUALITY_ENV": "dev", "DSN": "0paque-value"}, "stream_output": True}
    client.update_deployment(dev.id, DeploymentUpdate(job_variables=given))
    client.update_work_pool("flights-prod", WorkPoolUpdate(is_paused=True))
    due = Scheduled(scheduled_time=datetime.now(UTC) - timedelta(hours=1))
    client.create_flow_run_from_deployment(prod.id, state=due, name="overdue")
"""
HEALED_BY_RESTORE = {
    "src/quality/engine/judge.py": "edited",
    "src/quality/rollout/shapes.py": "missing",
    "src/quality/ours.py": "unknown",
    "src/quality/errors.py": "mode was changed to 755",
    "src/quality/texts.py": "is a link",
    "src/quality/manifest.json": "is not that of the release v1.0.1",
    "src/quality/.hidden.py": "unknown",
    "src/quality/rules/sourceless.pyc": "unknown",
    "tests/quality/ignored.log": "unknown",
    "src/quality/values.py": "edited",
    "waivers.yml": "expired on 2020-01-01",
}
HEALED_BY_RULES = {"docs/policy.md": "not current", "datasets/contract.schema.json": "not current"}
HEALED_BY_FIX = {
    "block flights-flights-dev": "rules",
    "block flights-flights-prod": "no such block",
    "deployment flights-flights-prod": "0 9 * * *",
    "deployment flights-old": "not in prefect.yaml",
    "deployment flights-flights-dev": "job_variables.env.DSN is stored in clear",
}
TWIN, LATE = "under another flow: another-flow", "the run overdue was due at"
HEALED_BY_COMMAND = {"work pool flights-prod": "prefect work-pool resume flights-prod"}
HEALED_BY_HAND = {
    "prefect.yaml, flights-flights-dev": "policy.yml",
    "src/domain/ours.py:6": "quality_checked_flow",
    "src/domain/tests/more.py:2": "check_dataset",
}


@pytest.fixture(scope="module")
def repository(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("template") / "template"
    shutil.copytree(template, source)
    lock(source)
    release(source, "v1.0.1")
    target = tmp_path_factory.mktemp("drift") / "flights"
    run_copy(str(source), target, defaults=True, quiet=True)
    commit(target)
    installed = nox(target, "environment")
    assert installed.returncode == 0, installed.stderr
    return target


@pytest.fixture(scope="module")
def prefect(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A Prefect server from the repository's own environment; it ends with its standard input."""
    home = tmp_path_factory.mktemp("prefect")
    serve = f"import sys, pathlib, quality.loopback as own\nwith own.loopback(pathlib.Path({str(home)!r})) as server:\n"
    serve += "    print(server.wait(), flush=True)\n    sys.stdin.read()\n"
    interpreter = repository / ".nox" / "environment" / ("Scripts" if os.name == "nt" else "bin") / "python"
    command = [str(interpreter), "-c", serve]
    with subprocess.Popen(command, cwd=repository, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdin
        yield {"PREFECT_API_URL": process.stdout.readline().strip(), "PREFECT_HOME": str(home)}
        process.stdin.close()
        process.wait(timeout=30)


def drift(repository: Path, prefect: dict[str, str], *arguments: str) -> tuple[int, dict[str, str], list[str]]:
    """The exit code, what drifted by subject, and what was healed."""
    done = nox(repository, "drift", "--json", *arguments, env=prefect)
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["exit_code"] == done.returncode
    found: dict[str, str] = {}
    for one in report["findings"]:
        if not one["note"]:
            about = f"{one['problem']} {one['field']} {one['found']} {one['fix']}"
            found[one["subject"]] = f"{found.get(one['subject'], '')} {about}"
    return done.returncode, found, report["healed"]


def plant(repository: Path, prefect: dict[str, str]) -> None:
    """Eleven drifts of managed files and two of written ones, six of blocks and deployments, two of pools, one of
    environments, two forks."""
    quality = repository / "src" / "quality"
    with (quality / "engine" / "judge.py").open("a", encoding="utf-8") as file:
        file.write("# our improvement\n")
    (quality / "rollout" / "shapes.py").unlink()
    (quality / "ours.py").write_text('"""Ours."""\n', encoding="utf-8")
    plant_unseen(repository)
    for name in ("docs/policy.md", "datasets/contract.schema.json"):
        (repository / name).write_text((repository / name).read_text(encoding="utf-8") + "\n", encoding="utf-8")
    deployments = repository / "prefect.yaml"
    text = deployments.read_text(encoding="utf-8")
    deployments.write_text(
        text.replace("name: flights-dev\n      work_queue", "name: mine\n      work_queue"), encoding="utf-8"
    )
    (repository / "src" / "domain" / "ours.py").write_text(COPIED, encoding="utf-8")
    (repository / "src" / "domain" / "tests").mkdir()
    hidden = "import importlib\nimportlib.import_module('quality.checking').check('flights')\n"
    (repository / "src" / "domain" / "tests" / "more.py").write_text(hidden, encoding="utf-8")
    commit(repository, "More than twenty drifts")
    interpreter = repository / ".nox" / "environment" / "bin" / "python"
    subprocess.run([str(interpreter), "-c", BY_HAND], cwd=repository, env=os.environ | prefect, check=True)


def plant_unseen(repository: Path) -> None:
    """What equal bytes, a matching manifest, a leading dot, a missing source and git's ignoring hide."""
    quality = repository / "src" / "quality"
    (quality / "errors.py").chmod(0o755)
    (quality / "texts.py").rename(repository / "elsewhere.txt")
    (quality / "texts.py").symlink_to(repository / "elsewhere.txt")
    (quality / "files.py").write_text((quality / "files.py").read_text(encoding="utf-8") + "# ours\n", "utf-8")
    manifest = json.loads((quality / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"]["src/quality/files.py"] = hashlib.sha256((quality / "files.py").read_bytes()).hexdigest()
    (quality / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    (quality / ".hidden.py").write_text("x = 1\n", encoding="utf-8")
    (quality / "rules" / "sourceless.pyc").write_bytes(b"compiled")
    (repository / "tests" / "quality" / "ignored.log").write_text("kept\n", encoding="utf-8")
    with (repository / ".git" / "info" / "exclude").open("a", encoding="utf-8") as file:
        file.write("*.log\n")
    (quality / "values.py").write_text((quality / "values.py").read_text(encoding="utf-8") + "# ours\n", "utf-8")
    waiver = "{path: src/quality/values.py, reason: for a while, until: 2020-01-01}"
    (repository / "waivers.yml").write_text(f"waivers:\n  - {waiver}\n", encoding="utf-8")


def heal_by_hand(repository: Path, prefect: dict[str, str], start: str, found: dict[str, str]) -> None:
    """What each line says to do: commands of nox and Prefect, and what only a person can decide."""
    restored = nox(repository, "restore")
    assert restored.returncode == 0, restored.stderr
    assert (repository / ".quality" / "removed" / "tests" / "quality" / "ignored.log").read_text("utf-8") == "kept\n"
    written = nox(repository, "rules")
    assert written.returncode == 0, written.stderr
    cli = str(repository / ".nox" / "environment" / "bin" / "prefect")
    cancel = re.search(r"prefect (flow-run cancel [0-9a-f-]{36})", found["work pool flights-prod"])
    assert cancel
    for words in ("work-pool resume flights-prod", cancel[1]):
        subprocess.run([cli, *words.split()], cwd=repository, env=os.environ | prefect, check=True, capture_output=True)
    git(repository, "checkout", "--quiet", start, "--", "prefect.yaml")
    (repository / "src" / "domain" / "ours.py").unlink()
    shutil.rmtree(repository / "src" / "domain" / "tests")


def test_more_than_twenty_planted_drifts_are_each_found_and_healed_by_what_their_line_says(
    repository: Path, prefect: dict[str, str]
) -> None:
    start = git(repository, "rev-parse", "HEAD").strip()
    code, found, healed = drift(repository, prefect, "--fix")
    assert (code, found) == (0, {}), "a repository as rendered has no drift once it is deployed"
    assert len(healed) == 4

    plant(repository, prefect)
    code, found, healed = drift(repository, prefect)
    assert code == 1
    assert healed == []
    planted = HEALED_BY_RESTORE | HEALED_BY_RULES | HEALED_BY_FIX | HEALED_BY_COMMAND | HEALED_BY_HAND
    for subject, word in planted.items():
        assert word in found.get(subject, "nothing"), (subject, found.get(subject))
    assert TWIN in found["deployment flights-flights-prod"]
    assert LATE in found["work pool flights-prod"]
    assert "0paque-value" not in str(found)
    assert len(planted) + 2 > 20

    heal_by_hand(repository, prefect, start, found)
    commit(repository, "Healed")
    managed = ("src/quality", "tests/quality", "constraints", "noxfile.py", "docs", "datasets")
    assert git(repository, "diff", "--name-only", start, "HEAD", "--", *managed) == ""
    assert not (repository / "src" / "quality" / "ours.py").exists()
    code, found, healed = drift(repository, prefect, "--fix")
    assert (code, found) == (0, {})
    names = {"flights-flights-dev", "flights-flights-prod", "flights-old"}
    assert {step.split()[-1] for step in healed} == names
    assert drift(repository, prefect) == (0, {}, [])


@pytest.fixture
def releases(small: Path, tmp_path: Path) -> Path:
    """The template with a second release, which changes a managed file and a shared one."""
    target = tmp_path / "template"
    shutil.copytree(small, target)
    with (target / "template" / "src" / "quality" / "errors.py").open("a", encoding="utf-8") as file:
        file.write("# of the second release\n")
    codeowners = target / "template" / "CODEOWNERS.jinja"
    codeowners.write_text("# The second release's.\n" + codeowners.read_text(encoding="utf-8"), encoding="utf-8")
    lock(target)
    release(target, "v1.1.0")
    return target


@pytest.fixture
def older(releases: Path, tmp_path: Path) -> Path:
    """A repository of the first release whose managed files were edited and deleted."""
    target = tmp_path / "flights"
    run_copy(str(releases), target, defaults=True, quiet=True, vcs_ref="v1.0.0")
    commit(target)
    errors = target / "src" / "quality" / "errors.py"
    errors.write_text(errors.read_text(encoding="utf-8") + "# ours\n", encoding="utf-8")
    (target / "src" / "quality" / "rollout" / "shapes.py").unlink()
    commit(target, "Ours")
    return target


def test_an_update_brings_the_release_and_heals_managed_files_without_trust(older: Path, releases: Path) -> None:
    done = nox(older, "update")
    assert done.returncode == 0, done.stderr
    shipped = releases / "template" / "src" / "quality"
    for name in ("errors.py", "rollout/shapes.py"):
        assert (older / "src" / "quality" / name).read_bytes() == (shipped / name).read_bytes()
    assert (older / "CODEOWNERS").read_text(encoding="utf-8").startswith("# The second release's.")
    assert not git(older, "diff", "--name-only", "--diff-filter=U")


def test_an_update_fails_when_a_shared_file_is_left_in_conflict(older: Path) -> None:
    codeowners = older / "CODEOWNERS"
    codeowners.write_text("# Our first line.\n" + codeowners.read_text(encoding="utf-8"), encoding="utf-8")
    commit(older, "Ours too")
    done = nox(older, "update")
    assert done.returncode == 1
    assert "left in conflict, resolve and `git add` them: CODEOWNERS" in done.stderr
    assert "<<<<<<<" not in (older / "src" / "quality" / "errors.py").read_text(encoding="utf-8")
    git(older, "reset", "--quiet", "--hard")
    git(older, "clean", "--quiet", "-d", "--force")
    done = nox(older, "update", "--conflict", "rej")
    assert done.returncode == 1
    assert "what did not fit is in CODEOWNERS.rej: put it in by hand" in done.stderr


def stopped(repository: Path, number: signal.Signals, to_all: bool) -> tuple[int, str]:
    """An update that waits in a migration of its release when the signal comes, to nox alone or to all it started."""
    command = [sys.executable, "-m", "nox", "--no-color", "-s", "update", "--", "--trust"]
    printed = repository.with_name("printed")
    with printed.open("w", encoding="utf-8") as file:
        update = subprocess.Popen(command, cwd=repository, stdout=file, stderr=file, start_new_session=True)
        while not (repository / "waits").exists():
            assert update.poll() is None, printed.read_text(encoding="utf-8")
            time.sleep(0.05)
        (os.killpg if to_all else os.kill)(update.pid, number)
        return update.wait(), printed.read_text(encoding="utf-8")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_an_update_that_is_told_to_stop_undoes_itself_and_one_that_was_killed_is_named(
    older: Path, releases: Path
) -> None:
    config = releases / "copier.yml"
    waits = [sys.executable, "-c", "import time; open('waits', 'w').close(); time.sleep(600)"]
    entry = f"_migrations:\n  - version: v1.2.0\n    command: {json.dumps(waits)}\n"
    config.write_text(config.read_text(encoding="utf-8").replace("_migrations:\n", entry), encoding="utf-8")
    release(releases, "v1.2.0")
    start = git(older, "rev-parse", "HEAD")
    for number, to_all in [(signal.SIGTERM, False), (signal.SIGHUP, False), (signal.SIGINT, True)]:
        code, said = stopped(older, number, to_all)
        assert code != 0
        assert "everything is as it was before" in said
        assert "Traceback" not in said
        assert (git(older, "rev-parse", "HEAD"), git(older, "status", "--porcelain")) == (start, "")
    stopped(older, signal.SIGKILL, to_all=True)
    refused = nox(older, "update")
    assert refused.returncode == 1
    assert "an update was stopped in the middle; do not commit what it left" in refused.stderr
    back = re.search(r"git reset --hard [0-9a-f]{40} && git clean -d --force", refused.stderr)
    assert back
    subprocess.run(back[0], shell=True, cwd=older, check=True, capture_output=True)
    assert (git(older, "rev-parse", "HEAD"), git(older, "status", "--porcelain")) == (start, "")


def test_an_update_loses_no_file_that_git_was_told_not_to_show(older: Path) -> None:
    git(older, "config", "status.showUntrackedFiles", "no")
    (older / "notes.txt").write_text("ours\n", encoding="utf-8")
    refused = nox(older, "update", "--vcs-ref", "v9.9")
    assert refused.returncode == 1
    assert "commit or stash first, so that nothing can be lost: notes.txt" in refused.stderr
    assert (older / "notes.txt").exists()


def test_an_update_changes_no_data_of_the_teams_and_says_what_did_not_fit(older: Path) -> None:
    rows = b"a,b\r\n1,2\r\n"
    (older / "data" / "auftr\u00e4ge.csv").write_bytes(rows)
    (older / "docs" / "\u00e9.md").write_bytes(b"ours\r\n")
    with (older / ".gitattributes").open("a", encoding="utf-8") as file:
        file.write("*.csv -text\ndocs/*.md -text\n")
    codeowners = older / "CODEOWNERS"
    codeowners.write_text("# Our first line.\n" + codeowners.read_text(encoding="utf-8"), encoding="utf-8")
    commit(older, "Ours too")
    done = nox(older, "update", "--conflict", "rej")
    assert done.returncode == 1
    assert "what did not fit is in CODEOWNERS.rej: put it in by hand, delete them; or the way back" in done.stderr
    assert (older / "data" / "auftr\u00e4ge.csv").read_bytes() == rows
    assert (older / "docs" / "\u00e9.md").read_bytes() == b"ours\n"


def test_an_update_across_a_migration_says_so_and_then_runs_it(older: Path, releases: Path) -> None:
    config = releases / "copier.yml"
    entry = "_migrations:\n  - version: v1.2.0\n    command: [git, --version]\n"
    config.write_text(config.read_text(encoding="utf-8").replace("_migrations:\n", entry), encoding="utf-8")
    release(releases, "v1.2.0")
    refused = nox(older, "update")
    assert refused.returncode == 4
    assert "nox -s update -- --trust" in refused.stderr
    assert git(older, "status", "--porcelain") == ""
    trusted = nox(older, "update", "--trust")
    assert trusted.returncode == 0, trusted.stderr


@pytest.mark.parametrize("verb", ["update", "restore"])
def test_nothing_is_replaced_that_git_could_not_bring_back(older: Path, verb: str) -> None:
    shutil.rmtree(older / ".git")
    ours = (older / "src" / "quality" / "errors.py").read_bytes()
    for _ in range(2):
        refused = nox(older, verb)
        assert refused.returncode == 1
        assert "nothing is committed here, so nothing could be brought back: git init" in refused.stderr
        git(older, "init", "--quiet")
    assert (older / "src" / "quality" / "errors.py").read_bytes() == ours


def test_restore_leaves_alone_what_is_waived_and_replaces_nothing_that_git_does_not_have(older: Path) -> None:
    errors = older / "src" / "quality" / "errors.py"
    until = date.today() + timedelta(days=9)
    waiver = f"waivers:\n  - {{path: src/quality/errors.py, reason: until 1.1 has it, until: {until}}}\n"
    (older / "waivers.yml").write_text(waiver, encoding="utf-8")
    extra = older / "src" / "quality" / "unsaved.py"
    extra.write_text("", encoding="utf-8")
    refused = nox(older, "restore")
    assert refused.returncode == 1
    assert "src/quality/unsaved.py" in refused.stderr
    extra.unlink()
    done = nox(older, "restore")
    assert done.returncode == 0, done.stderr
    assert errors.read_text(encoding="utf-8").endswith("# ours\n")
    assert (older / "src" / "quality" / "rollout" / "shapes.py").exists()


def constant(name: str) -> list[str]:
    """What the noxfile has under a name."""
    text = (ROOT / "template" / "noxfile.py").read_text(encoding="utf-8")
    [assigned] = [
        node.value
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
    ]
    return list(ast.literal_eval(assigned))


def test_the_commands_heal_the_files_that_the_manifest_lists() -> None:
    listed = json.loads((ROOT / "template" / "src" / "quality" / "manifest.json").read_text(encoding="utf-8"))
    assert constant("MANAGED") == listed["managed"]


def test_an_update_mends_line_endings_of_all_that_is_merged_and_of_nothing_of_the_teams(older: Path) -> None:
    teams = {"data", "datasets", "policy.yml", "src", "tests", "waivers.yml"}
    tops = {name.split("/")[0] for name in git(older, "ls-files").splitlines()}
    assert tops - teams - {name.split("/")[0] for name in constant("MANAGED")} == set(constant("SHARED")) - {
        ".dockerignore",
        "Dockerfile",
    }


def test_the_commands_install_the_copier_that_is_pinned() -> None:
    text = (ROOT / "template" / "noxfile.py").read_text(encoding="utf-8")
    [pin] = {
        line for line in (ROOT / "template" / "constraints" / "copier.txt").read_text().split() if "copier==" in line
    }
    assert f'"{pin}"' in text
    assert pin in (ROOT / "constraints.txt").read_text(encoding="utf-8").split()


def waive(repository: Path, name: str) -> None:
    until = date.today() + timedelta(days=9)
    waiver = f"waivers:\n  - {{path: {name}, reason: until 1.1 has it, until: {until}}}\n"
    (repository / "waivers.yml").write_text(waiver, encoding="utf-8")


def test_an_update_keeps_what_is_waived_where_the_release_has_it_no_more_and_names_what_it_replaces(
    older: Path, releases: Path
) -> None:
    (releases / "template" / "src" / "quality" / "loopback.py").unlink()
    lock(releases)
    release(releases, "v1.2.0")
    waived = older / "src" / "quality" / "loopback.py"
    waived.write_text(waived.read_text(encoding="utf-8") + "# ours\n", encoding="utf-8")
    waive(older, "src/quality/loopback.py")
    for path in [*(older / "datasets").glob("*.yml"), older / "CODEOWNERS"]:
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    commit(older, "Ours, on Windows")
    done = nox(older, "update")
    assert done.returncode == 0, done.stderr
    assert waived.read_text(encoding="utf-8").endswith("# ours\n")
    assert "kept src/quality/loopback.py, as it is waived, which this release has no more" in done.stderr
    assert "replaced your edits of managed files: src/quality/errors.py" in done.stderr
    start = re.search(r"git show ([0-9a-f]{12}):\./PATH", done.stderr)
    assert start
    assert git(older, "show", f"{start[1]}:src/quality/errors.py").endswith("# ours\n")
    assert (older / "CODEOWNERS").read_bytes().startswith(b"# The second release's.\n")
    assert all(b"\r\n" in path.read_bytes() for path in (older / "datasets").glob("*.yml")), "the team's stay"
    assert not git(older, "diff", "--name-only", "--diff-filter=U")


def test_a_template_that_moved_is_one_sentence_and_the_way_to_it_and_nothing_is_lost(
    older: Path, releases: Path
) -> None:
    moved = releases.rename(releases.with_name("moved"))
    start = git(older, "rev-parse", "HEAD")
    refused = nox(older, "update")
    assert refused.returncode not in (0, 4)
    assert "nox -s update -- --from URL" in refused.stderr
    assert "everything is as it was before" in refused.stderr
    assert "Traceback" not in refused.stderr + refused.stdout
    assert (git(older, "rev-parse", "HEAD"), git(older, "status", "--porcelain")) == (start, "")
    done = nox(older, "update", "--from", str(moved))
    assert done.returncode == 0, done.stderr
    assert "# of the second release" in (older / "src" / "quality" / "errors.py").read_text(encoding="utf-8")
    assert f"_src_path: {moved}" in (older / ".copier-answers.yml").read_text(encoding="utf-8")


BROKEN = [
    ("waivers.yml", "waivers: [{path: x", "waivers.yml cannot be read", 2),
    (".copier-answers.yml", "_commit: [v1.0.0\n", ".copier-answers.yml cannot be read", 2),
    (".copier-answers.yml", None, "an answer in .copier-answers.yml is refused by this release", None),
]


def test_files_that_an_update_cannot_read_are_one_sentence_before_anything_is_changed(older: Path) -> None:
    for name, text, said, code in BROKEN:
        path = older / name
        before = path.read_text(encoding="utf-8")
        invalid = re.sub(r"(?m)^work_pool_type: .*$", "work_pool_type: balloon", before)
        path.write_text(invalid if text is None else text, encoding="utf-8")
        assert path.read_text(encoding="utf-8") != before
        commit(older, "Broken")
        refused = nox(older, "update")
        assert refused.returncode == code if code else refused.returncode not in (0, 4), refused.stderr
        assert said in refused.stderr
        assert "Traceback" not in refused.stderr
        assert git(older, "status", "--porcelain") == ""
        path.write_text(before, encoding="utf-8")
        commit(older, "Mended")


UNUSABLE = [
    (None, "pyproject.toml cannot be read: it is not there"),
    ("<<<<<<< before\na = 1\n", "correct it (what an update left in conflict, too)"),
    ('[project]\nname = "mine"\n', "does not ask for polars and prefect, so it is not what the template renders"),
    ('extras = "excel"', "extras of [tool.quality] is a list of names"),
    ('extras = ["exel"]', "names the extra 'exel', which is not there; did you mean excel?"),
    ("tests = [3]", "the dependency group tests cannot be read"),
]
"""What pyproject.toml says, or what a line of it says, and what is said of it."""


def test_files_that_no_session_can_use_are_one_sentence_before_anything_is_installed(older: Path) -> None:
    path = older / "pyproject.toml"
    before = path.read_text(encoding="utf-8")
    for text, said in UNUSABLE:
        line = rf"(?ms)^{text.split()[0]} = \[.*?\]$" if text else ""
        if text is None:
            path.unlink()
        else:
            path.write_text(re.sub(line, text, before) if re.search(line, before) else text, encoding="utf-8")
        refused = nox(older, "task")
        assert refused.returncode != 0
        assert said in refused.stderr
        assert "Traceback" not in refused.stderr
        assert "installing" not in refused.stderr
    path.write_text(before, encoding="utf-8")
    python = f"py3{sys.version_info.minor}"
    pins = older / "constraints" / max(path.name for path in (older / "constraints").glob(f"{python}-*.txt"))
    kept = pins.rename(older / "kept")
    assert f"constraints/{pins.name} is not there: `nox -s restore`" in nox(older, "task").stderr
    kept.rename(pins)
    inputs = [pins, pins.with_name(f"extras-{pins.name}"), path]
    installed = hashlib.sha256(b"".join(one.read_bytes() for one in inputs if one.exists())).hexdigest()
    (older / ".nox" / "environment" / "installed").write_text(installed, encoding="utf-8")
    refused = nox(older, "task")
    assert "the package lacks src/quality/rollout/shapes.py: `nox -s restore`" in refused.stderr
    waive(older, "src/quality/rollout/shapes.py")
    assert "the package lacks" not in nox(older, "task").stderr
