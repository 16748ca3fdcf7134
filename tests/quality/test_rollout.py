"""Where a dataset stands: computed from evidence about the current configuration, never declared."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from quality import checking
from quality.__main__ import main
from quality.contract import project
from quality.files import write_whole
from quality.rollout import evidence
from quality.rollout import scorecard as rollout
from quality.rollout.evidence import Check, Evidence, Rung
from quality.values import Status


@pytest.fixture
def ran(repository: Path) -> Evidence:
    """The evidence of a task that ran on the repository's dataset."""
    found = evidence.of(checking.check(None, project.load("users", "dev")), "task")
    evidence.record(found)
    return found


def standing(environment: str = "dev") -> rollout.Standing:
    return rollout.standing("users", environment)


def promoted(rung: Rung, ok: bool = True) -> Evidence:
    config = project.load("users", "dev")
    return evidence.checked(
        config, f"checklist-{rung}", (Check(name="a line", ok=ok, seen="what was seen", fix="this"),)
    )


def test_without_evidence_a_dataset_stands_on_the_ground(repository: Path) -> None:
    assert (standing().current_level, standing().next_level) == (None, Rung.TASK)
    assert standing().checks[0].fix == "nox -s task -- users --env dev"


def test_the_evidence_of_a_run_is_what_the_result_says(ran: Evidence) -> None:
    assert (ran.status, ran.passed_count, ran.failed_count, ran.row_count) == (Status.WARNING, 1, 1, 3)
    assert ran.fingerprint == project.load("users", "dev").fingerprint
    assert ran.compatibility == project.compatibility()
    assert evidence.read("users", "task") == {"dev": ran}


def test_a_run_proves_the_first_rung_in_its_environment_only(ran: Evidence) -> None:
    assert standing("dev").current_level is Rung.TASK
    assert standing("prod").current_level is None


def test_a_rung_above_needs_its_run_and_its_promotion(ran: Evidence) -> None:
    evidence.record(ran.model_copy(update={"rung": "block"}))
    assert standing().current_level is Rung.TASK
    assert standing().checks[1].fix == "nox -s promote -- block users --env dev"
    evidence.record(promoted(Rung.BLOCK))
    assert standing().current_level is Rung.BLOCK


def test_a_promotion_with_an_unmet_line_proves_nothing(ran: Evidence) -> None:
    evidence.record(ran.model_copy(update={"rung": "block"}))
    evidence.record(promoted(Rung.BLOCK, ok=False))
    assert standing().current_level is Rung.TASK
    assert "what was seen" in standing().checks[1].seen


def test_a_rung_is_not_stood_on_where_one_below_is_missing(ran: Evidence) -> None:
    evidence.record(ran.model_copy(update={"rung": "flow"}))
    evidence.record(promoted(Rung.FLOW))
    assert standing().current_level is Rung.TASK


def test_changing_a_rule_drops_the_rung_at_once(ran: Evidence, repository: Path) -> None:
    contract = repository / "datasets" / "users.yml"
    contract.write_text(contract.read_text("utf-8") + "  - {check: row_count, min: 1}\n", "utf-8")
    assert standing().current_level is None
    assert "the configuration changed since" in standing().checks[0].seen


STALE = {
    "a clock that is ahead": ({"recorded": datetime.now(UTC) + timedelta(days=2)}, "dated in the future"),
    "a failed verdict": ({"status": Status.FAILED}, "its verdict was FAILED"),
    "nothing judged": ({"status": Status.SKIPPED}, "its verdict was SKIPPED"),
}


@pytest.mark.parametrize(("change", "seen"), STALE.values(), ids=STALE.keys())
def test_evidence_does_not_count(ran: Evidence, change: dict[str, object], seen: str) -> None:
    evidence.place("users", "task").unlink()
    evidence.record(ran.model_copy(update=change))
    assert standing().current_level is None
    assert seen in standing().checks[0].seen


def test_half_written_evidence_is_named_and_proves_nothing(ran: Evidence) -> None:
    path = evidence.place("users", "task")
    path.write_text(path.read_text("utf-8")[:100], "utf-8")
    assert standing().current_level is None
    assert "rollout/evidence/users.task.json is incomplete" in standing().checks[0].seen


def test_a_run_that_proves_the_same_leaves_the_file_alone(ran: Evidence) -> None:
    before = evidence.place("users", "task").read_bytes()
    evidence.record(evidence.of(checking.check(None, project.load("users", "dev")), "task"))
    assert evidence.place("users", "task").read_bytes() == before


def test_a_crash_while_writing_leaves_the_old_file(ran: Evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    path = evidence.place("users", "task")
    before = path.read_bytes()

    def crash(descriptor: int) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("os.fsync", crash)
    with pytest.raises(OSError, match="the disk is full"):
        write_whole(path, "half")
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_status_that_claims_more_than_the_evidence_is_refused(
    ran: Evidence, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--check"]) == 1
    assert main(["status"]) == 0
    assert main(["status", "--check"]) == 0
    path = repository / "rollout" / "status.json"
    claim = json.loads(path.read_text("utf-8"))
    claim["standings"][0]["current_level"] = "deployment"
    path.write_text(json.dumps(claim), "utf-8")
    capsys.readouterr()
    assert main(["status", "--check"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "users in dev: rollout/status.json says deployment, the evidence says task" in said


def test_equal_evidence_gives_an_equal_status_file(ran: Evidence, repository: Path) -> None:
    assert rollout.save(rollout.scorecard()) is True
    assert rollout.save(rollout.scorecard()) is False


def test_deleted_data_drops_nothing_until_it_is_judged_again(ran: Evidence, repository: Path) -> None:
    (repository / "data" / "users.parquet").unlink()
    assert standing().current_level is Rung.TASK
    evidence.record(evidence.of(checking.check(None, project.load("users", "dev")), "task"))
    assert standing().checks[0].seen == "its run does not count: its verdict was ERROR"


def test_evidence_of_one_environment_leaves_that_of_another(ran: Evidence) -> None:
    evidence.record(
        evidence.of(checking.check(pl.DataFrame({"id": [1], "email": ["@"]}), project.load("users", "prod")), "task")
    )
    assert list(evidence.read("users", "task")) == ["dev", "prod"]
