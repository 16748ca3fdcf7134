"""What only the data tells is a verdict on every rung: judged once, remembered, reported, and never green."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from quality import DataQualityBlock, DataQualityError, check_dataset, create_quality_flow
from quality.__main__ import main
from quality.contract import project
from quality.history import runs as history
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
