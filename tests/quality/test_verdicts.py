"""What only the data tells is a verdict on every rung: judged once, remembered, reported, and never green."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from prefect import flow

from quality import DataQualityBlock, DataQualityError, check_dataset, create_quality_flow
from quality.__main__ import main
from quality.checking import check
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.engine.frame import Frame
from quality.errors import (
    CannotJudgeError,
    ConfigurationError,
    MalformedError,
    QuarantineError,
    SourceError,
    retry_helps,
)
from quality.history import runs as history
from quality.ladder.tasks import check_task
from quality.rules.presence import NotNull
from quality.values import Status

RENAMED = pl.DataFrame({"id": [1, 2, 3], "e_mail": ["a@b", "c@d", "secret@x"]})
GONE = "column 'email' is gone; the data has 'e_mail'"


@pytest.fixture
def renamed(repository: Path) -> Path:
    """The repository after its data has lost the name of a sensitive column."""
    RENAMED.write_parquet(repository / "data" / "users.parquet")
    return repository


def test_a_person_sees_which_column_is_gone_and_the_run_is_remembered(
    renamed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["task"]) == 3
    said = capsys.readouterr().out
    assert "is gone; the data has" in " ".join(said.split())
    assert "secret@x" not in said
    past = history.metrics(project.load("users"))
    assert (past["run"].n_unique(), set(past["status"])) == (1, {"ERROR"})
    assert any((renamed / "rollout").rglob("*task*"))


def test_a_flow_of_the_repository_judges_once_and_leaves_history_and_report(api: str, renamed: Path) -> None:
    with pytest.raises(DataQualityError) as ended:
        check_dataset("users")
    result = ended.value.result
    assert [rule.status.value for rule in result.rules] == ["PASSED", "ERROR", "ERROR"]
    assert (result.status, result.retry_helps) == (Status.ERROR, False)
    assert result.rules[1].message == GONE
    assert history.metrics(project.load("users"))["run"].n_unique() == 1
    assert any((renamed / "reports").rglob("*.html"))


def test_the_block_and_the_factories_raise_the_same_verdict(api: str, renamed: Path) -> None:
    block = DataQualityBlock.from_config(project.load("users"))
    made = create_quality_flow("renamed", dataset="users")
    found = []
    calls: list[Any] = [lambda: block.check(), lambda: made(None)]
    for call in calls:
        with pytest.raises(DataQualityError) as ended:
            call()
        found.append(ended.value.result.comparable())
    assert found[0] == found[1]
    assert found[0]["rules"][1]["message"] == GONE


@pytest.mark.parametrize("fails", [True, False], ids=["the verdict fails the run", "it is only returned"])
def test_rows_that_cannot_be_set_apart_as_a_column_is_gone_are_told_once(api: str, renamed: Path, fails: bool) -> None:
    rules = [{"check": "in_set", "column": "id", "values": [1]}, {"check": "regex", "column": "email", "pattern": "@"}]
    config = project.load("users").override(rules=rules, quarantine={"path": "out"}, fail_on_error=fails)

    @flow
    def once() -> Any:
        return check_task(config)()

    with pytest.raises(DataQualityError if fails else QuarantineError) as ended:
        once()
    assert history.metrics(config)["run"].n_unique() == 1
    assert not retry_helps(ended.value)
    assert not any(renamed.rglob("split.json"))


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "helps"),
    [
        (SourceError("it changed while it was read"), True),
        (SourceError("the file a.parquet does not exist"), True),
        (MalformedError("a.csv is empty"), False),
        (CannotJudgeError("column 'a' is gone"), False),
        (ConfigurationError("unknown rule"), False),
        (OSError("connection reset by peer"), True),
        (pl.exceptions.ComputeError("Generic S3 object-store error: 503"), True),
        (pl.exceptions.ComputeError("conversion from `str` to `i64` failed"), False),
        (caused(SourceError("cannot be read"), pl.exceptions.ComputeError("File out of specification")), False),
        (caused(SourceError("cannot be read"), OSError("stale file handle")), True),
        (caused(QuarantineError("rows were not quarantined"), CannotJudgeError("column 'a' is gone")), False),
        (ZeroDivisionError("in a rule of the team's own"), False),
    ],
    ids=str,
)
def test_a_retry_helps_with_what_passes_and_with_no_fact_about_data(error: Exception, helps: bool) -> None:
    assert retry_helps(error) is helps


class Broken(NotNull):
    """A rule whose author divides by zero."""

    def bind(self, frame: Frame) -> None:
        raise ZeroDivisionError("by hand")


def test_a_rule_of_the_teams_own_that_raises_is_an_error_of_that_rule_alone() -> None:
    rules = (Broken(check="not_null", column="id", name="broken"), NotNull(column="id"))
    result = check(RENAMED, CheckConfig(rules=rules))
    assert [rule.status.value for rule in result.rules] == ["ERROR", "PASSED"]
    assert result.rules[0].message == "it could not be computed: ZeroDivisionError: by hand"
    assert (result.status, result.retry_helps) == (Status.ERROR, False)
