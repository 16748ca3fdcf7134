"""The blessed flow and the flows of the factories: checked where they say, failed by a verdict, never retried."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from prefect import flow as prefect_flow
from prefect.client.orchestration import get_client
from prefect.states import Completed, Failed
from prefect.utilities.hashing import file_hash

from quality import (
    CheckConfig,
    ConfigurationError,
    DataQualityBlock,
    DataQualityError,
    QualityCheckMode,
    QualityFlowConfig,
    Status,
    check,
    check_dataset,
    create_check_task,
    create_quality_flow,
    quality_checked_flow,
)
from quality.contract import project
from quality.reporting.artifacts import artifact_key, cell, rule_rows, summary
from quality.server import latest_artifacts, result_of

RULES: list[dict[str, Any]] = [{"column": "id", "check": "not_null"}]
GOOD = pl.DataFrame({"id": [1, 2]})
BAD = pl.DataFrame({"id": [1, None]})

module_flow = create_quality_flow("users_quality", cfg=QualityFlowConfig(rules=tuple(RULES), engine_name="truthound"))


def test_the_blessed_flow_gives_what_the_engine_gives_and_writes_its_artifacts(api: str, repository: Path) -> None:
    found = check_dataset("users", "prod")
    assert found.comparable() == check(None, project.load("users", "prod")).comparable()
    keys = ["users-users-prod-quality", "users-users-prod-quality-rules", "users-users-prod-quality-result"]
    with get_client(sync_client=True) as client:
        written = latest_artifacts(client, keys)
    assert sorted(written) == sorted(keys)
    assert result_of(written[keys[2]]) == found
    assert "# users in prod: WARNING" in str(written[keys[0]].data)
    assert "secret" not in str(written)
    assert len(json.loads(str(written[keys[1]].data))) == 2


def test_a_failed_verdict_fails_the_flow_with_the_verdict_as_its_message(api: str, repository: Path) -> None:
    BAD.with_columns(email=pl.lit("a@b")).write_parquet(repository / "data" / "users.parquet")
    with pytest.raises(DataQualityError):
        check_dataset("users")
    state: Any = check_dataset("users", return_state=True)
    assert (state.name, state.message) == (
        "Failed",
        "users: FAILED — 1 of 2 rules passed; failed: not_null(id) (1 of 2 rows)",
    )


def test_data_that_is_not_there_fails_the_flow(api: str, repository: Path) -> None:
    (repository / "data" / "users.parquet").unlink()
    with pytest.raises(DataQualityError, match="ERROR") as raised:
        check_dataset("users")
    assert raised.value.result.status is Status.ERROR


def test_another_fingerprint_than_that_of_the_files_is_refused(api: str, repository: Path) -> None:
    with pytest.raises(ConfigurationError, match="deployed with fingerprint 0123456789abcdef"):
        check_dataset("users", "dev", fingerprint="0123456789abcdef")
    assert check_dataset("users", "dev", project.load("users", "dev").fingerprint).status is Status.WARNING


@pytest.mark.parametrize("argument", ["config", "cfg"])
def test_a_flow_of_the_factory_checks_its_argument(api: str, argument: str) -> None:
    given: Any = {argument: QualityFlowConfig(rules=tuple(RULES))}
    flow = create_quality_flow("validate_users", **given)
    assert flow(GOOD).status is Status.PASSED
    with pytest.raises(DataQualityError, match="validate_users: FAILED"):
        flow(BAD)


def test_a_flow_of_the_factory_can_be_awaited(api: str) -> None:
    async def awaited() -> Any:
        return await module_flow(GOOD)

    assert asyncio.run(awaited()).status is Status.PASSED


@pytest.mark.parametrize("kind", ["task", "block", "flow"])
def test_what_a_thread_of_async_code_asks_for_is_checked_there_and_then(api: str, kind: str) -> None:
    call: dict[str, Any] = {
        "task": create_check_task(rules=RULES),
        "block": DataQualityBlock(rules=RULES).check,
        "flow": create_quality_flow("threaded", rules=RULES),
    }

    @prefect_flow
    async def parent() -> None:
        await asyncio.to_thread(call[kind], BAD)

    with pytest.raises(DataQualityError, match="FAILED"):
        asyncio.run(parent())


def test_a_flow_takes_the_parameters_of_its_loader(api: str) -> None:
    def load_users(rows: int = 3) -> pl.DataFrame:
        return GOOD.head(rows)

    async def aload_users(rows: int = 3) -> pl.DataFrame:
        return GOOD.head(rows)

    flow = create_quality_flow("loaded", load_users, rules=RULES)
    assert list(flow.parameters.properties) == ["rows"]
    assert flow(rows=1).row_count == 1
    awaited: Any = create_quality_flow("aloaded", aload_users, rules=RULES)
    assert asyncio.run(awaited(rows=1)).row_count == 1


def test_a_flow_takes_a_block_a_contract_and_a_configuration(api: str, repository: Path) -> None:
    by_block = create_quality_flow("by_block", block=DataQualityBlock(rules=RULES))
    by_contract = create_quality_flow("by_contract", dataset="users")
    by_config = create_quality_flow("by_config", config=project.load("users"))
    assert [by_block(GOOD).status, by_contract().status, by_config().status] == ["PASSED", "WARNING", "WARNING"]


def test_retries_are_those_of_the_tasks_and_never_of_the_flow(api: str, repository: Path) -> None:
    loads: list[int] = []

    def load_users() -> pl.DataFrame:
        loads.append(1)
        if len(loads) < 3:
            raise ConnectionError("the warehouse is away")
        return BAD

    cfg = QualityFlowConfig(rules=tuple(RULES), retries=2, retry_delay_seconds=0)
    flow = create_quality_flow("retried", load_users, cfg=cfg)
    assert flow.retries == 0
    with pytest.raises(DataQualityError, match="FAILED"):
        flow()
    assert len(loads) == 3
    with pytest.raises(ConfigurationError, match="would repeat failed verdicts"):
        create_quality_flow("wrong", rules=RULES, retries=2)


CASES = [
    ("before", BAD, GOOD, True, False),
    ("before", GOOD, BAD, False, True),
    ("after", BAD, GOOD, False, True),
    ("after", GOOD, BAD, True, True),
    ("both", GOOD, GOOD, False, True),
    ("both", GOOD, BAD, True, True),
    ("none", BAD, BAD, False, True),
]
NAMES = [
    f"{mode}: {'good' if x is GOOD else 'bad'} in, {'good' if y is GOOD else 'bad'} out" for mode, x, y, *_ in CASES
]


@pytest.mark.parametrize("sync", [True, False], ids=["sync", "async"])
@pytest.mark.parametrize(("mode", "given", "made", "stopped", "ran"), CASES, ids=NAMES)
def test_a_decorated_function_is_checked_when_it_says(
    api: str, sync: bool, mode: str, given: pl.DataFrame, made: pl.DataFrame, stopped: bool, ran: bool
) -> None:
    calls: list[int] = []

    def transform(data: Any) -> Any:
        calls.append(1)
        return made

    async def atransform(data: Any) -> Any:
        return transform(data)

    decorate = quality_checked_flow(rules=RULES, check_mode=mode)
    flow: Any = decorate(transform if sync else atransform)

    def run() -> Any:
        return flow(given) if sync else asyncio.run(flow(given))

    if stopped:
        with pytest.raises(DataQualityError):
            run()
    else:
        assert run() is made
    assert bool(calls) is ran


class Loads:
    """Functions of a class, whose first argument after `self` or `cls` is the data."""

    @quality_checked_flow(rules=RULES, check_mode="both")
    def own(self, data: Any) -> Any:
        return data

    @quality_checked_flow(rules=RULES, check_mode="both")
    @classmethod
    def of_class(cls, data: Any) -> Any:
        return data

    @quality_checked_flow(rules=RULES, check_mode="both")
    @staticmethod
    async def alone(data: Any) -> Any:
        return data


@pytest.mark.parametrize("call", [Loads().own, Loads.of_class, Loads.alone], ids=["own", "of the class", "alone"])
def test_functions_of_a_class_are_checked_by_their_data(api: str, call: Any) -> None:
    run = asyncio.run if call.isasync else lambda returned: returned
    assert run(call(GOOD)) is GOOD
    with pytest.raises(DataQualityError):
        run(call(BAD))


def yields() -> Any:
    yield GOOD


async def ayields() -> Any:
    yield GOOD


@pytest.mark.parametrize("function", [yields, ayields])
def test_what_yields_its_data_is_refused_where_the_flow_is_made(function: Any) -> None:
    for make in (quality_checked_flow(rules=RULES), lambda made: create_quality_flow("yielding", made, rules=RULES)):
        with pytest.raises(ConfigurationError, match="yields yields its data"):
            make(function)


def test_a_state_that_a_function_returns_stays_as_it_says(api: str) -> None:
    returns: list[Any] = [Failed(message="the warehouse is closed"), Completed(data=BAD)]

    @quality_checked_flow(rules=RULES)
    def load(number: int) -> Any:
        return returns[number]

    call: Any = load
    state = call(0, return_state=True)
    assert (state.name, state.message) == ("Failed", "the warehouse is closed")
    assert "FAILED" in call(1, return_state=True).message


def test_a_copy_of_a_flow_has_no_retries_either() -> None:
    for flow in (module_flow, check_dataset):
        with pytest.raises(ConfigurationError, match="would repeat failed verdicts"):
            flow.with_options(retries=2)
        copy = flow.with_options(timeout_seconds=5)
        assert (type(copy), copy.name, copy.retries, copy.timeout_seconds) == (type(flow), flow.name, 0, 5)
    assert create_quality_flow("none", rules=RULES, retries=None).retries == 0


def test_the_version_of_a_flow_tells_of_the_file_that_its_function_is_in() -> None:
    def load() -> Any:
        return GOOD

    made: list[Any] = [quality_checked_flow(rules=RULES)(load), create_quality_flow("made", load, rules=RULES)]
    assert {flow.version for flow in made} == {file_hash(__file__)}


def test_a_check_mode_that_does_not_exist_or_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'before'"):
        QualityCheckMode("befor")
    with pytest.raises(ConfigurationError, match="has no argument to check"):
        quality_checked_flow(rules=RULES, check_mode="before")(lambda **options: GOOD)


def test_a_wrong_rule_is_refused_where_the_flow_is_made() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'not_null'"):
        create_quality_flow("wrong", rules=[{"check": "not_nul", "column": "id"}])


def test_a_flow_is_deployed_under_the_variable_that_holds_it() -> None:
    deployment = module_flow.to_deployment("here")
    assert (deployment.flow_name, deployment.entrypoint.rpartition(":")[2]) == ("users_quality", "module_flow")


def test_a_flow_that_no_worker_could_import_is_not_deployed() -> None:
    with pytest.raises(ConfigurationError, match="is not a module-level variable"):
        create_quality_flow("local", rules=RULES).to_deployment("nowhere")


def test_an_artifact_key_is_one_that_prefect_takes(repository: Path) -> None:
    result = check(GOOD, CheckConfig(dataset="Daily_Users.v2", environment="prod"))
    assert artifact_key(result, "table") == "users-daily-users-v2-prod-quality-rules"


def test_values_stay_text_in_the_summary_and_plain_in_the_table() -> None:
    from quality.rules.catalogue import parse_rules

    rules = parse_rules(
        [{"check": "in_set", "column": "x", "values": ["a"]}, {"check": "max", "column": "y", "at_most": 1}]
    )
    data = pl.DataFrame({"x": ["a|b\n# <script>"], "y": [float("inf")]})
    result = check(data, CheckConfig(rules=rules))
    assert "<script>" not in summary(result).replace("\\<script\\>", "")
    json.dumps(rule_rows(result), allow_nan=False)
    assert cell("[a](b)|c") == r"\[a\](b)\|c"
    assert cell("not_null(__index__) & R&amp;D") == r"not_null(\_\_index\_\_) & R\&amp;D"
