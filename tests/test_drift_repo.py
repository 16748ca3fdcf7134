"""A rendered repository with nine planted drifts: each is reported through its own nox, and healed where it can be."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from copier import run_copy
from rendering import ROOT, commit, git, nox, release

COPIED = """from quality import data_quality_check_task
from prefect import flow


@flow
def our_own_check(data: object) -> object:
    return data_quality_check_task(data, rules=[])
"""
BY_HAND = """
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import BlockDocumentUpdate, DeploymentUpdate
from prefect.client.schemas.schedules import CronSchedule

with get_client(sync_client=True) as client:
    edited = client.read_block_document_by_name("flights-dev", "data-quality-block")
    update = BlockDocumentUpdate(block_schema_id=edited.block_schema_id, data=edited.data | {"rules": []})
    client.update_block_document(edited.id, update)
    deleted = client.read_block_document_by_name("flights-prod", "data-quality-block")
    client.delete_block_document(deleted.id)
    prod = client.read_deployment_by_name("check-dataset/flights-prod")
    cron = CronSchedule(cron="0 9 * * *", timezone="UTC")
    client.update_deployment_schedule(prod.id, prod.schedules[0].id, schedule=cron)
    client.update_deployment(prod.id, DeploymentUpdate(parameters=prod.parameters | {"fingerprint": "0" * 16}))
    client.create_deployment(flow_id=prod.flow_id, name="flights-old", tags=prod.tags, entrypoint=prod.entrypoint)
"""
HEALED_BY_RESTORE = {
    "src/quality/engine/judge.py": "edited",
    "src/quality/rollout/shapes.py": "missing",
    "src/quality/ours.py": "unknown",
}
HEALED_BY_FIX = {
    "block flights-dev": "rules",
    "block flights-prod": "no such block",
    "deployment flights-prod": "0 9 * * *",
    "deployment flights-old": "not in prefect.yaml",
}
HEALED_BY_HAND = {
    "prefect.yaml, flights-dev": "policy.yml",
    "src/domain/ours.py:6": "quality_checked_flow",
}


def lock(template: Path) -> None:
    """Make the manifest of a template current."""
    subprocess.run([sys.executable, "hooks/lock_managed.py"], cwd=template, check=True)


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
    """Three drifts of managed files, two of blocks, two of deployments, one of environments, one fork."""
    quality = repository / "src" / "quality"
    with (quality / "engine" / "judge.py").open("a", encoding="utf-8") as file:
        file.write("# our improvement\n")
    (quality / "rollout" / "shapes.py").unlink()
    (quality / "ours.py").write_text('"""Ours."""\n', encoding="utf-8")
    deployments = repository / "prefect.yaml"
    text = deployments.read_text(encoding="utf-8")
    deployments.write_text(
        text.replace("name: flights-dev\n      work_queue", "name: mine\n      work_queue"), encoding="utf-8"
    )
    (repository / "src" / "domain" / "ours.py").write_text(COPIED, encoding="utf-8")
    commit(repository, "Nine drifts")
    interpreter = repository / ".nox" / "environment" / "bin" / "python"
    subprocess.run([str(interpreter), "-c", BY_HAND], cwd=repository, env=os.environ | prefect, check=True)


def test_nine_planted_drifts_are_reported_and_healed(repository: Path, prefect: dict[str, str]) -> None:
    start = git(repository, "rev-parse", "HEAD").strip()
    code, found, healed = drift(repository, prefect, "--fix")
    assert (code, found) == (0, {}), "a repository as rendered has no drift once it is deployed"
    assert len(healed) == 4

    plant(repository, prefect)
    code, found, healed = drift(repository, prefect)
    assert code == 1
    assert healed == []
    for subject, word in (HEALED_BY_RESTORE | HEALED_BY_FIX | HEALED_BY_HAND).items():
        assert word in found[subject], (subject, found.get(subject))

    restored = nox(repository, "restore")
    assert restored.returncode == 0, restored.stderr
    commit(repository, "Healed")
    managed = ("src/quality", "tests/quality", "constraints", "noxfile.py")
    assert git(repository, "diff", "--name-only", start, "HEAD", "--", *managed) == ""
    assert not (repository / "src" / "quality" / "ours.py").exists()

    git(repository, "checkout", "--quiet", start, "--", "prefect.yaml")
    (repository / "src" / "domain" / "ours.py").unlink()
    code, found, healed = drift(repository, prefect, "--fix")
    assert (code, found) == (0, {})
    assert {step.split()[-1] for step in healed} == {"flights-dev", "flights-prod", "flights-old"}
    assert drift(repository, prefect) == (0, {}, [])


@pytest.fixture
def releases(template: Path, tmp_path: Path) -> Path:
    """The template with a second release, which changes a managed file and a shared one."""
    target = tmp_path / "template"
    shutil.copytree(template, target)
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


def test_the_commands_heal_the_files_that_the_manifest_lists() -> None:
    listed = json.loads((ROOT / "template" / "src" / "quality" / "manifest.json").read_text(encoding="utf-8"))
    text = (ROOT / "template" / "noxfile.py").read_text(encoding="utf-8")
    [assigned] = [
        node.value
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "MANAGED"
    ]
    assert list(ast.literal_eval(assigned)) == listed["managed"]


def test_the_commands_install_the_copier_that_is_pinned() -> None:
    text = (ROOT / "template" / "noxfile.py").read_text(encoding="utf-8")
    [pin] = {
        line for line in (ROOT / "template" / "constraints" / "copier.txt").read_text().split() if "copier==" in line
    }
    assert f'"{pin}"' in text
    assert pin in (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
