"""Drift is denied by default: what a name, a position or a pattern would have let through."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.client.schemas.objects import State
from prefect.states import Scheduled

from quality.__main__ import main
from quality.cli import documents
from quality.drift.finding import Layer
from quality.drift.report import local, look
from quality.drift.rules import rule_differences
from quality.drift.standstill import standstill
from quality.ladder.deployment import deploy, ensure_pool
from quality.ladder.prefect_file import load_prefect_file

MANIFEST = "src/quality/manifest.json"
NAME = "src/quality/rule.py"
A, B = {"check": "not_null", "column": "id"}, {"check": "in_range", "column": "amount", "min": 0, "max": 9}


@pytest.fixture
def managed(repository: Path) -> Path:
    """A repository with one managed file, as its manifest says."""
    (repository / NAME).parent.mkdir(parents=True)
    (repository / NAME).write_text("x = 1\n", "utf-8")
    write_manifest(repository)
    return repository


def write_manifest(root: Path) -> None:
    digest = hashlib.sha256((root / NAME).read_bytes()).hexdigest()
    (root / MANIFEST).write_text(json.dumps({"managed": ["src/quality"], "files": {NAME: digest}}), "utf-8")


def drifted(root: Path) -> dict[str, str]:
    return {one.subject: one.problem for one in local(root, [Layer.FILES])[0] if not one.note}


def test_a_mode_a_link_and_a_linked_folder_are_named_whatever_the_bytes(managed: Path) -> None:
    path = managed / NAME
    path.chmod(0o755)
    assert drifted(managed) == {NAME: "its mode was changed to 755"}
    path.chmod(0o644)
    path.rename(managed / "elsewhere.py")
    path.symlink_to(managed / "elsewhere.py")
    assert "is a link" in drifted(managed)[NAME]
    path.unlink()
    (managed / "elsewhere.py").rename(path)
    (managed / "src" / "quality").rename(managed / "away")
    (managed / "src" / "quality").symlink_to(managed / "away")
    assert "is a link" in drifted(managed)[NAME]


@pytest.mark.parametrize("name", [".hidden.py", "extra.pyc", ".cache/x", "__pycache__/note.txt", "deep/.x/y.so"])
def test_what_hides_in_a_managed_folder_is_unknown_there(name: str, managed: Path) -> None:
    path = managed / "src" / "quality" / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(b"x")
    assert drifted(managed) == {f"src/quality/{name}": "unknown in a managed folder"}


def test_compiled_code_is_the_tools_own_unless_it_runs_whatever_its_source_says(managed: Path) -> None:
    cache = managed / "src" / "quality" / "__pycache__"
    cache.mkdir()
    (cache / "rule.cpython-311.pyc").write_bytes(b"\xa7\r\r\n\x00\x00\x00\x00code")
    assert drifted(managed) == {}
    (cache / "rule.cpython-311.pyc").write_bytes(b"\xa7\r\r\n\x01\x00\x00\x00code")
    assert drifted(managed) == {"src/quality/__pycache__/rule.cpython-311.pyc": "unknown in a managed folder"}


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def test_a_manifest_that_was_made_to_match_is_not_that_of_its_release(
    managed: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    template = tmp_path_factory.mktemp("template")
    (template / "template" / "src" / "quality").mkdir(parents=True)
    (template / "template" / MANIFEST).write_bytes((managed / MANIFEST).read_bytes())
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "x"), ("tag", "v1.0.0")):
        git(template, *words)
    answers = managed / ".copier-answers.yml"
    answers.write_text(f"_commit: v1.0.0\n_src_path: {template}\n", "utf-8")
    documents.write(managed)
    assert drifted(managed) == {}
    (managed / NAME).write_text("x = 2\n", "utf-8")
    write_manifest(managed)
    assert drifted(managed) == {MANIFEST: "is not that of the release v1.0.0"}
    answers.write_text(f"_commit: v1.0.0\n_src_path: file://{template}\n", "utf-8")
    assert drifted(managed) == {MANIFEST: "is not that of the release v1.0.0"}
    answers.write_text("_commit: v1.0.0\n_src_path: /nowhere/at/all\n", "utf-8")
    assert drifted(managed) == {}
    notes = [str(one) for one in local(managed, [Layer.FILES])[0] if one.note]
    assert "was not compared with its release" in notes[0]


def test_a_waiver_that_has_expired_is_no_drift_once_its_file_is_healed(managed: Path) -> None:
    (managed / "waivers.yml").write_text(f"waivers: [{{path: {NAME}, reason: x, until: 2020-01-01}}]\n", "utf-8")
    (managed / NAME).write_text("x = 2\n", "utf-8")
    assert drifted(managed).keys() == {NAME, "waivers.yml"}
    (managed / NAME).write_text("x = 1\n", "utf-8")
    assert drifted(managed) == {}


def test_stale_schemas_and_pages_are_named_with_what_writes_them(managed: Path) -> None:
    documents.write(managed)
    assert main(["drift", "files"]) == 0
    for name in ("docs/policy.md", "datasets/policy.schema.json", "docs/schemas/task.json"):
        path = managed / name
        path.write_text(path.read_text("utf-8") + "\n", "utf-8")
        found = look([Layer.FILES], stale=documents.stale).findings
        assert [(one.subject, one.fix) for one in found] == [(name, "write it with `nox -s rules`")]
        assert main(["rules"]) == 0
        assert main(["drift", "files"]) == 0


@pytest.mark.parametrize(
    ("git", "found", "said"),
    [
        ([A, B], [B, A], ["rules"]),
        ([A, B], [A, {"check": "between", "column": "amount", "min_value": 0, "max_value": 9.0}], []),
        ([A, B], [B], ["rules[0]"]),
        ([A], [A, B], ["rules"]),
        ([A, B], [A, B | {"max": 10}], ["rules[1].max"]),
        ([A, B], [B | {"severity": "warning"}, A], ["rules[1].severity", "rules"]),
        ([A, B], [A, "nonsense"], ["rules[1]", "rules"]),
    ],
    ids=["another order", "another spelling", "removed", "added", "changed", "changed and moved", "unreadable"],
)
def test_rules_are_compared_by_their_names(git: list[object], found: list[object], said: list[str]) -> None:
    assert [field for field, _, _ in rule_differences(git, found)] == said


def test_what_keeps_runs_from_starting_is_said_with_its_fix(
    repository: Path, api: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = load_prefect_file(repository / "prefect.yaml")
    entry = file.deployments[0]

    def said(client: SyncPrefectClient) -> list[tuple[str, str]]:
        return [(one.problem, one.fix) for one in standstill(client, file.deployments)]

    with get_client(sync_client=True) as client:
        ensure_pool(client, entry.work_pool)
        made = deploy(client, file, entry)
        assert said(client) == []
        client.update_work_pool(entry.work_pool.name, WorkPoolUpdate(is_paused=True))
        assert said(client) == [("is paused, so no run starts", f"prefect work-pool resume {entry.work_pool.name}")]
        client.update_work_pool(entry.work_pool.name, WorkPoolUpdate(is_paused=False))
        due: State[Any] = Scheduled(scheduled_time=datetime.now(UTC) - timedelta(hours=2))
        run = client.create_flow_run_from_deployment(made, state=due)
        problems = [problem for problem, _ in said(client)]
        assert problems[0] == "no worker is online, so no run starts"
        assert f"the run {run.name} was due at" in problems[1]
        main(["doctor"])
        assert f"the run {run.name} was due at" in capsys.readouterr().out
        client.delete_flow_run(run.id)
        client.delete_deployment(made)


SENT = """
import os, signal, sys, threading
sys.path.insert(0, {root!r})
import importlib.util
spec = importlib.util.spec_from_file_location("noxfile", {noxfile!r})
noxfile = importlib.util.module_from_spec(spec)
spec.loader.exec_module(noxfile)
child = "import signal, time, pathlib; "
child += "signal.signal(signal.SIGINT, lambda *_: (pathlib.Path('heard').touch(), exit(3))); "
child += "pathlib.Path('up').touch(); time.sleep(60)"
print(noxfile.passing_signals_on([sys.executable, "-c", child]), flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_nox_passes_signals_on_and_waits_for_the_end(name: str, tmp_path: Path) -> None:
    import signal
    import time

    pytest.importorskip("nox")
    noxfile = Path(__file__).parents[2] / "template" / "noxfile.py"
    code = SENT.format(root=str(noxfile.parent), noxfile=str(noxfile))
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "up").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(getattr(signal, name))
        told, _ = process.communicate(timeout=60)
    assert told.strip() == "3"
    assert (tmp_path / "heard").exists()
