"""Checks as tasks: the same call in sync and in async code, and only machinery is retried."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from prefect import flow

from quality import (
    CheckResult,
    ConfigurationError,
    DataQualityBlock,
    DataQualityError,
    Files,
    Status,
    create_check_task,
    data_quality_check_task,
    data_quality_learn_task,
    data_quality_profile_task,
)
from quality.ladder.states import settling
from quality.ladder.tasks import QualityTask, check, check_task

GOOD = pl.DataFrame({"id": [1, 2]})
BAD = pl.DataFrame({"id": [1, None]})
WITH_CHECK: list[dict[str, Any]] = [{"column": "id", "check": "not_null"}]
WITH_TYPE: list[dict[str, Any]] = [{"column": "id", "type": "not_null"}]


@pytest.mark.parametrize("rules", [WITH_CHECK, WITH_TYPE], ids=["check", "type"])
def test_the_published_snippet_runs_in_an_async_flow(api: str, rules: list[dict[str, Any]]) -> None:
    @flow
    async def validate_users(data: Any) -> Any:
        return await data_quality_check_task(data, rules=rules)

    assert asyncio.run(validate_users(GOOD)).status is Status.PASSED


def test_the_same_call_is_plain_in_a_sync_flow(api: str) -> None:
    @flow
    def validate_users(data: Any) -> Any:
        return data_quality_check_task(data, rules=WITH_CHECK)

    found: Any = validate_users(GOOD)
    assert found["status"] == "PASSED"


def test_checks_and_profiles_are_submitted_side_by_side(api: str) -> None:
    @flow
    async def full_quality_flow() -> Any:
        check_future = data_quality_check_task.submit(GOOD, rules=WITH_TYPE)
        profile_future = data_quality_profile_task.submit(GOOD)
        return {"check": check_future.result(), "profile": profile_future.result()}

    found = asyncio.run(full_quality_flow())
    assert (found["check"].status, found["profile"].count) == (Status.PASSED, 2)


def test_a_failed_verdict_reaches_the_caller_and_names_the_state(api: str) -> None:
    @flow
    @settling
    def validate_users(data: Any) -> Any:
        return data_quality_check_task(data, rules=WITH_CHECK)

    with pytest.raises(DataQualityError, match=r"not_null\(id\) \(1 of 2 rows\)"):
        validate_users(BAD)
    state: Any = validate_users(BAD, return_state=True)
    assert (state.name, state.message) == (
        "Failed",
        "data: FAILED — 0 of 1 rules passed; failed: not_null(id) (1 of 2 rows)",
    )


def test_a_submitted_failure_is_raised_by_its_future(api: str) -> None:
    @flow
    def validate_users() -> Any:
        return data_quality_check_task.submit(BAD, rules=WITH_CHECK).result()

    with pytest.raises(DataQualityError):
        validate_users()


def test_outside_runs_and_without_an_api_no_server_is_asked() -> None:
    assert data_quality_check_task(GOOD, rules=WITH_CHECK).status is Status.PASSED
    with pytest.raises(DataQualityError):
        data_quality_check_task(BAD, rules=WITH_CHECK)

    async def awaited() -> Any:
        return await data_quality_check_task(BAD, rules=WITH_CHECK, fail_on_error=False)

    assert asyncio.run(awaited()).status is Status.FAILED


def test_nothing_to_judge_is_no_success() -> None:
    with pytest.raises(DataQualityError, match="there are no rules"):
        data_quality_check_task(GOOD, block=DataQualityBlock(engine_name="truthound"))


def test_auto_schema_judges_by_what_the_data_suggests() -> None:
    assert data_quality_check_task(GOOD, auto_schema=True).total_count > 1


def test_learned_rules_hold_on_what_they_were_learned_from() -> None:
    rules = data_quality_learn_task(GOOD)
    assert data_quality_check_task(GOOD, rules=rules).status is Status.PASSED


@pytest.mark.parametrize(
    ("call", "expected"), [({}, False), ({"fail_on_error": True}, True)], ids=["the block's", "the call's"]
)
def test_the_call_goes_before_the_block(call: dict[str, Any], expected: bool) -> None:
    block = DataQualityBlock(rules=WITH_CHECK, fail_on_error=False)
    if expected:
        with pytest.raises(DataQualityError):
            data_quality_check_task(BAD, block=block, **call)
    else:
        assert data_quality_check_task(BAD, block=block, **call).status is Status.FAILED


def test_an_unknown_engine_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="there is no engine 'great_expectations'"):
        data_quality_check_task(GOOD, rules=WITH_CHECK, engine_name="great_expectations")


def test_a_failed_verdict_is_never_retried(api: str) -> None:
    calls: list[int] = []
    task = create_check_task(rules=WITH_CHECK, retries=2).with_options(retry_delay_seconds=0)
    counted: Any = QualityTask(_counting(calls, task.fn), retries=2, retry_condition_fn=task.retry_condition_fn)
    _ended(counted, BAD)
    assert len(calls) == 1


def test_what_could_not_be_judged_is_retried(api: str, repository: Path) -> None:
    calls: list[int] = []
    task = create_check_task(rules=WITH_CHECK, retries=2)
    counted: Any = QualityTask(_counting(calls, task.fn), retries=2, retry_condition_fn=task.retry_condition_fn)
    error = _ended(counted, "data/absent.parquet")
    assert (len(calls), error.result.status) == (3, Status.ERROR)


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        pytest.param({"check": "not_null", "column": "absent"}, DataQualityError, id="a column is gone"),
        pytest.param({"check": "regex", "column": "id", "pattern": "x"}, DataQualityError, id="another dtype"),
        pytest.param({"check": "foreign_key", "column": "id", "reference": "usrs"}, ConfigurationError, id="wrong use"),
    ],
)
def test_what_no_retry_mends_is_not_retried(
    api: str, repository: Path, rule: dict[str, Any], error: type[Exception]
) -> None:
    calls: list[int] = []
    task = create_check_task(rules=[rule], retries=2)
    counted: Any = QualityTask(_counting(calls, task.fn), retries=2, retry_condition_fn=task.retry_condition_fn)

    @flow
    def once() -> Any:
        return counted(GOOD)

    with pytest.raises(error):
        once()
    assert len(calls) == 1


def _counting(calls: list[int], function: Any) -> Any:
    def counted(data: Any) -> Any:
        calls.append(1)
        return function(data)

    return counted


def _ended(task: QualityTask[..., Any], data: Any) -> DataQualityError:
    @flow
    def once() -> Any:
        return task(data)

    with pytest.raises(DataQualityError) as raised:
        once()
    return raised.value


def test_the_retries_of_the_policy_are_those_of_the_task(repository: Path) -> None:
    from quality.contract import project

    task = check_task(project.load("users"))
    assert task.retries == 2
    assert str(task.retry_delay_seconds) in ("0", "0.0")


def test_with_options_keeps_what_a_check_task_can_do() -> None:
    task = data_quality_check_task.with_options(name="mine", retries=1)
    assert isinstance(task, QualityTask)
    assert task(GOOD, rules=WITH_CHECK).status is Status.PASSED


def names_of_two_runs(task: QualityTask[..., Any], data: Any, between: Any = None) -> tuple[str, str]:
    @flow
    def twice() -> Any:
        call: Any = task
        first = call(data, return_state=True)
        if between:
            between()
        return first.name, call(data, return_state=True).name

    names: Any = twice()
    return (names[0], names[1])


def test_a_cached_verdict_is_reused_until_the_source_changes(api: str, repository: Path) -> None:
    file = repository / "data" / "users.parquet"
    task = create_check_task(rules=WITH_CHECK, retries=1, cache_key=str(repository), cache_expiration_seconds=300)
    assert names_of_two_runs(task, file) == ("Completed", "Cached")
    assert _ended(task, repository / "absent.parquet").result.status is Status.ERROR
    later = file.stat().st_mtime + 5
    assert names_of_two_runs(task, str(file), lambda: os.utime(file, (later, later))) == ("Cached", "Completed")


def test_a_frame_and_a_failed_verdict_are_never_cached(api: str, repository: Path) -> None:
    task = create_check_task(rules=WITH_CHECK, cache_key="frames")
    assert names_of_two_runs(task, GOOD) == ("Completed", "Completed")
    pl.DataFrame({"id": [None]}).write_parquet(repository / "bad.parquet")
    assert names_of_two_runs(task, str(repository / "bad.parquet")) == ("Failed", "Failed")


AT = pl.DataFrame({"id": [1], "at": [datetime(2026, 1, 1, tzinfo=UTC)]})


@pytest.mark.parametrize("other", ["folder", "separator", "moment", "for ever"])
def test_a_cached_verdict_is_about_what_was_judged_and_when(
    api: str, repository: Path, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the same words mean other data, another reading of it or another moment, it is judged anew."""
    (repository / "sub").mkdir()
    for place, frame in {"at.parquet": AT, "sub/at.parquet": BAD}.items():
        frame.write_parquet(repository / place)
    (repository / "at.csv").write_text("id;at\n1;2\n", "utf-8")
    now, later = datetime(2026, 1, 1, 2, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    age = "1d" if other == "moment" else "36500d"
    fresh: list[dict[str, Any]] = [{"check": "freshness", "column": "at", "max_age": age}]
    calls: dict[str, tuple[Any, Any]] = {
        "folder": ({"data": "at.parquet"}, {"data": "at.parquet"}),
        "separator": ({"data": Files(path="at.csv", separator=";")}, {"data": Files(path="at.csv", separator=",")}),
        "moment": ({"data": "at.parquet", "now": now}, {"data": "at.parquet", "now": later}),
        "for ever": ({"data": "at.parquet"}, {"data": "at.parquet"}),
    }
    rules = fresh if other in ("moment", "for ever") else WITH_CHECK
    task: Any = create_check_task(rules=rules, cache_key=f"{repository} {other}")

    @flow
    def twice() -> Any:
        first, second = calls[other]
        names = [task(**first, return_state=True).name]
        if other == "folder":
            monkeypatch.chdir(repository / "sub")
        return [*names, task(**second, return_state=True).name]

    expected: Any = "Failed" if other != "for ever" else "Completed"
    assert twice() == ["Completed", expected]


def test_a_misspelt_default_of_a_task_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'fail_on_error'"):
        create_check_task(fail_on_eror=False)


def test_the_plain_function_and_the_task_judge_alike() -> None:
    plain, task = check(GOOD, rules=WITH_CHECK), data_quality_check_task(GOOD, rules=WITH_CHECK)
    assert isinstance(plain, CheckResult)
    assert plain.comparable() == task.comparable()
