"""Drift that needs no server: managed files, waivers, files that are incomplete, environments."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from quality.__main__ import main
from quality.contract import project
from quality.drift.finding import Layer
from quality.drift.report import local, look
from quality.rollout import evidence
from quality.rollout.evidence import Evidence

MANAGED = {"noxfile.py": "# commands\n", "src/quality/engine.py": "RULES = 1\n", "src/quality/deep/rule.py": "x = 1\n"}


@pytest.fixture
def managed(repository: Path) -> Path:
    """A repository whose managed files are as its manifest says."""
    for name, text in MANAGED.items():
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(text, "utf-8", newline="\n")
    hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in MANAGED.items()}
    manifest = {"managed": ["noxfile.py", "src/quality"], "files": hashes}
    (repository / "src/quality/manifest.json").write_text(json.dumps(manifest), "utf-8")
    return repository


def said(root: Path, *layers: Layer) -> dict[str, str]:
    """What drifted, by subject."""
    findings, _ = local(root, layers or tuple(Layer))
    return {finding.subject: str(finding) for finding in findings if not finding.note}


def notes(root: Path) -> str:
    return "\n".join(str(finding) for finding in local(root, tuple(Layer))[0] if finding.note)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_a_repository_as_rendered_has_no_drift(managed: Path) -> None:
    assert said(managed) == {}


def test_an_edited_a_missing_and_an_unknown_managed_file_are_each_named(managed: Path) -> None:
    (managed / "noxfile.py").write_text("# ours\n", "utf-8")
    (managed / "src/quality/engine.py").unlink()
    (managed / "src/quality/ours.py").write_text("", "utf-8")
    found = said(managed)
    assert found.keys() == {"noxfile.py", "src/quality/engine.py", "src/quality/ours.py"}
    assert "edited" in found["noxfile.py"]
    assert "missing" in found["src/quality/engine.py"]
    assert "unknown" in found["src/quality/ours.py"]
    assert all("nox -s restore" in line for line in found.values())


def test_line_endings_and_what_python_and_editors_leave_are_no_drift(managed: Path) -> None:
    (managed / "noxfile.py").write_bytes(b"# commands\r\n")
    (managed / "src/quality/__pycache__").mkdir()
    (managed / "src/quality/__pycache__/engine.cpython-311.pyc").write_bytes(b"")
    (managed / "src/quality/.DS_Store").write_bytes(b"")
    assert said(managed) == {}


@pytest.mark.parametrize(("text", "word"), [(None, "missing"), ('{"managed": [', "incomplete"), ("{}", "incomplete")])
def test_a_manifest_that_is_not_whole_is_named(text: str | None, word: str, managed: Path) -> None:
    path = managed / "src/quality/manifest.json"
    path.unlink() if text is None else path.write_text(text, "utf-8")
    assert word in said(managed)["src/quality/manifest.json"]


def waive(root: Path, *entries: str) -> None:
    (root / "waivers.yml").write_text("waivers:\n" + "".join(f"  - {one}\n" for one in entries), "utf-8")


TODAY = date.today()
SOON, PAST = TODAY + timedelta(days=1), TODAY - timedelta(days=1)


@pytest.mark.parametrize("until", [TODAY, SOON])
def test_a_waived_file_is_a_note_until_its_last_day(until: date, managed: Path) -> None:
    (managed / "noxfile.py").write_text("# ours\n", "utf-8")
    waive(managed, f"{{path: noxfile.py, reason: until 1.3 has it, until: {until}}}")
    assert said(managed) == {}
    assert "until 1.3 has it" in notes(managed)


BAD_WAIVERS = [
    ("expired", f"{{path: noxfile.py, reason: until 1.3, until: {PAST}}}", f"expired on {PAST}"),
    ("no reason", f"{{path: noxfile.py, until: {SOON}}}", "needs the field 'reason'"),
    ("empty reason", f"{{path: noxfile.py, reason: ' ', until: {SOON}}}", "waivers.yml:2"),
    ("no last day", "{path: noxfile.py, reason: ours}", "needs the field 'until'"),
    (
        "no date",
        "{path: noxfile.py, reason: ours, until: for ever}",
        "until must be a date, such as 2026-12-31, not 'for ever'",
    ),
    ("unknown field", f"{{path: noxfile.py, reason: ours, until: {SOON}, by: me}}", "has no field 'by'"),
    ("no mapping", "noxfile.py", "waivers.yml:2"),
]


@pytest.mark.parametrize(("case", "entry", "word"), BAD_WAIVERS, ids=[row[0] for row in BAD_WAIVERS])
def test_a_waiver_that_does_not_count_is_reported_and_so_is_its_file(
    case: str, entry: str, word: str, managed: Path
) -> None:
    (managed / "noxfile.py").write_text("# ours\n", "utf-8")
    waive(managed, entry)
    found = said(managed)
    assert "edited" in found.pop("noxfile.py")
    [line] = found.values()
    assert word in line


def test_a_waiver_of_a_file_that_does_not_differ_is_noted(managed: Path) -> None:
    waive(managed, f"{{path: noxfile.py, reason: until 1.3, until: {SOON}}}")
    assert said(managed) == {}
    assert "delete the waiver" in notes(managed)


CONFLICT = "<<<<<<< before updating\n"


@pytest.mark.parametrize("name", ["datasets/users.yml", "policy.yml", "prefect.yaml", "waivers.yml"])
@pytest.mark.parametrize(("spoil", "word"), [(CONFLICT, "conflict"), ("a: [\n", "not valid YAML")])
def test_a_yaml_file_in_conflict_or_not_whole_is_named(name: str, spoil: str, word: str, managed: Path) -> None:
    path = managed / name
    path.write_text((path.read_text("utf-8") if path.exists() else "") + spoil, "utf-8")
    assert word in said(managed, Layer.FILES)[name]
    assert look([Layer.FILES]).exit_code == 1


def test_a_misspelt_key_of_prefect_yaml_is_named_with_its_line(managed: Path) -> None:
    edit(managed / "prefect.yaml", "paused:", "pausd:")
    assert "prefect.yaml:21: there is no key 'pausd'; did you mean 'paused'?" in said(managed)["prefect.yaml"]


def record(recorded: datetime) -> Path:
    config = project.load("users", "dev")
    about = {"fingerprint": config.fingerprint, "template_version": "1.0.0", "compatibility": "x"}
    one = Evidence(dataset="users", environment="dev", rung="task", recorded=recorded, **about)
    return evidence.record(one)


def test_half_written_evidence_is_named(managed: Path) -> None:
    path = record(datetime.now(UTC))
    assert said(managed) == {}
    path.write_text(path.read_text("utf-8")[:60], "utf-8")
    assert "incomplete" in said(managed)["rollout/evidence/users.task.json"]


def test_evidence_from_the_future_is_named_as_a_wrong_clock(managed: Path) -> None:
    record(datetime.now(UTC) + timedelta(minutes=1))
    assert said(managed) == {}, "clocks differ a little"
    evidence.place("users", "task").unlink()
    record(datetime.now(UTC) + timedelta(days=1))
    assert "clock" in said(managed)["rollout/evidence/users.task.json"]


def schedule_later(root: Path) -> None:
    edit(root / "prefect.yaml", "0 6 * * *", "0 7 * * *")


def other_pool(root: Path) -> None:
    edit(root / "prefect.yaml", "name: users-dev\n      work", "name: users-prod\n      work")


def schedule_in_the_policy(root: Path) -> None:
    edit(root / "policy.yml", "0 6 * * *", "0 8 * * *")


def unknown_environment(root: Path) -> None:
    edit(root / "prefect.yaml", "environment: prod", "environment: live")


def no_deployment(root: Path) -> None:
    path = root / "prefect.yaml"
    path.write_text(path.read_text("utf-8").split("  - name: users-prod")[0], "utf-8")


def no_file(root: Path) -> None:
    (root / "prefect.yaml").unlink()


ENVIRONMENTS: list[tuple[Callable[[Path], None], str, str]] = [
    (schedule_later, "prefect.yaml, users-prod", 'schedules is [{"cron": "0 7 * * *"'),
    (other_pool, "prefect.yaml, users-dev", 'work_pool.name is "users-prod", policy.yml says "users-dev"'),
    (schedule_in_the_policy, "prefect.yaml, users-prod", 'policy.yml says [{"cron": "0 8 * * *"'),
    (unknown_environment, "prefect.yaml, users-prod", 'parameters.environment is "live"'),
    (no_deployment, "prefect.yaml, users-prod", "is missing; run `nox -s entries`"),
    (no_file, "prefect.yaml", "there is no such file; run `nox -s entries`"),
]


@pytest.mark.parametrize(("plant", "subject", "word"), ENVIRONMENTS, ids=[row[0].__name__ for row in ENVIRONMENTS])
def test_environments_on_which_two_files_disagree_are_named(
    plant: Callable[[Path], None], subject: str, word: str, managed: Path
) -> None:
    plant(managed)
    assert word in said(managed, Layer.ENVIRONMENTS)[subject]


def test_policies_that_differ_are_listed_and_are_no_drift(managed: Path) -> None:
    line = notes(managed)
    assert "users, dev → prod" in line
    assert "schedule None → '0 6 * * *'" in line


def test_layers_that_nobody_looked_at_are_named(managed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    report = look()
    assert report.exit_code == 0
    assert "no PREFECT_API_URL" in report.unseen[Layer.SERVER]
    assert "server: not looked at" in report.text()
    assert look([Layer.FORKS]).unseen.keys() == {Layer.FILES, Layer.ENVIRONMENTS, Layer.SERVER}


def test_a_server_that_is_asked_for_and_silent_is_exit_code_3(managed: Path) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    (managed / "noxfile.py").write_text("# ours\n", "utf-8")
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        report = look()
    assert report.exit_code == 3
    assert report.drifted == 1, "what can be seen is still said"
    assert "127.0.0.1:9" in report.unseen[Layer.SERVER]


def test_environments_that_cannot_be_read_are_never_called_equal(managed: Path) -> None:
    edit(managed / "policy.yml", "defaults:", CONFLICT + "defaults:")
    assert look([Layer.ENVIRONMENTS]).exit_code == 2


def test_the_report_is_json_on_request(managed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (managed / "noxfile.py").write_text("# ours\n", "utf-8")
    assert main(["drift", "files", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["findings"][0]["subject"] == "noxfile.py"
    assert (report["exit_code"], report["drifted"]) == (1, 1)


@pytest.mark.parametrize(("layers", "env", "word"), [(["file"], None, "'files'"), ([], "prd", "'prod'")])
def test_wrong_use_is_refused_with_the_nearest(
    layers: list[str], env: str | None, word: str, managed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["drift", *layers, *(["--env", env] if env else [])]) == 2
    assert word in capsys.readouterr().err
