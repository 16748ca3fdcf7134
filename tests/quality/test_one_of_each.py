"""What is said in one place and followed everywhere: a policy's fields, the moment of a check, what is computed."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import polars as pl
import pytest
from pydantic import PositiveFloat

from quality import CheckConfig, DataQualityBlock, check, check_dataset, data_quality_check_task
from quality.contract import project
from quality.contract.contract import Contract
from quality.contract.policy import EnvironmentPolicy
from quality.drift.environments import POLICY, SAME
from quality.engine.frame import Frame
from quality.history.runs import append
from quality.ladder.block import stored
from quality.loopback import importable
from quality.values import Fraction, Frozen, Status

FIELD = """
import datetime
from pydantic import Field
from quality.contract import policy
from quality.values import Frozen

class Grace(Frozen):
    hours: float

class EnvironmentPolicy(policy.EnvironmentPolicy):
    grace: Grace | None = Field(None, description="How late is not late.")
    graces: tuple[Grace, ...] = Field((), description="More of them.")
    limit: float | None = Field(None, description="A plain value.")

policy.EnvironmentPolicy = EnvironmentPolicy

from quality.contract.config import CheckConfig, resolve
from quality.contract.contract import Contract
from quality.drift.environments import POLICY, SAME
from quality.ladder.block import DataQualityBlock

new = ["grace", "graces", "limit"]
assert set(new) <= POLICY and not set(new) & set(SAME)
assert list(DataQualityBlock.model_fields)[-3:] == new, "fields are appended"
said = {"grace": {"hours": 2}, "graces": [{"hours": 1}], "limit": 0.5}
needed = {"retries": {"reason": "none"}, "cache": {"reason": "none"}, "work_pool": "pool"}
contract = Contract.model_validate({"dataset": "a", "owner": "b", "source": {"path": "c"}, "rules": []})
plain, more = (resolve(contract, EnvironmentPolicy.model_validate(needed | one), "dev") for one in ({}, said))
assert more.grace == Grace(hours=2) and plain.fingerprint != more.fingerprint
block = DataQualityBlock.from_config(more)
assert block.graces == ({"hours": 1.0},) and block.config == more
old = block.model_dump(include=set(DataQualityBlock.model_fields) - set(new))
assert DataQualityBlock.model_validate(old).grace is None
shown = DataQualityBlock.model_json_schema()["properties"]
assert all(shown[name]["description"] for name in new)
"""


class Part(Frozen):
    hours: float


class Longer(EnvironmentPolicy):
    part: Part
    parts: tuple[Part, ...] = ()
    words: tuple[str, ...] = ()
    share: Fraction | None = None
    seconds: PositiveFloat = 5.0
    pool: str


def test_a_field_of_a_policy_is_one_of_configuration_block_and_drift() -> None:
    fields = set(EnvironmentPolicy.model_fields)
    assert fields <= set(CheckConfig.model_fields)
    assert fields <= set(DataQualityBlock.model_fields)
    assert fields == POLICY
    assert set(SAME) == set(Contract.model_fields) - POLICY - {"dataset", "description", "sources"}


def test_a_field_that_a_policy_gains_is_followed() -> None:
    """In a process of its own, in which the policy has three fields more before anything else is imported."""
    done = subprocess.run(
        [sys.executable, "-c", FIELD], env={"PYTHONPATH": importable()}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "kind", "default"),
    [
        ("part", dict, None),
        ("parts", tuple, ()),
        ("words", tuple, ()),
        ("share", float, None),
        ("seconds", float, 5.0),
        ("pool", str, None),
    ],
)
def test_a_field_of_a_policy_is_stored_as_what_it_is(name: str, kind: type, default: Any) -> None:
    annotation, field = stored(Longer.model_fields[name])
    kinds = [getattr(one, "__origin__", one) for one in (annotation, *get_args(annotation))]
    assert kind in [getattr(one, "__origin__", one) for one in kinds]
    assert field.get_default() == default


def test_every_path_judges_as_of_the_moment_that_it_is_given(repository: Any) -> None:
    """A trend has nothing to compare with before the first run, and an age is counted to that moment."""
    contract = repository / "datasets" / "users.yml"
    rules = "  - {check: volume, max_change: 0.5}\n  - {check: freshness, column: at, max_age: 1h}\n"
    contract.write_text(contract.read_text("utf-8") + rules, "utf-8")
    then = datetime(2026, 1, 1, 12, tzinfo=UTC)
    rows = {"id": [1, 2, 3], "email": ["a@b", "c@d", "e@f"], "at": [then - timedelta(minutes=30)] * 3}
    pl.DataFrame(rows).write_parquet(repository / "data" / "users.parquet")
    config = project.load("users", "dev").override(fail_on_error=False)
    append(check(None, config), config, "an earlier run")
    pl.DataFrame(rows).write_parquet(repository / "data" / "users.parquet")
    expected = check(None, config, now=then)
    assert [rule.status for rule in expected.rules[-2:]] == [Status.SKIPPED, Status.PASSED]
    assert [rule.status for rule in check(None, config).rules[-2:]] == [Status.PASSED, Status.FAILED]
    block = DataQualityBlock.from_config(config)
    paths = [
        data_quality_check_task.fn(config=config, now=then),
        block.check(now=then),
        check_dataset.fn("users", "dev", now=then),
    ]
    assert [path.comparable() for path in paths[:2]] == [expected.comparable()] * 2
    assert paths[2].rules == expected.rules


def twice(frame: Frame, column: str, *more: Any) -> list[Any]:
    return [column, *more]


def test_what_is_computed_once_is_known_by_function_and_arguments() -> None:
    from quality.checking import open_frame

    frame = open_frame(pl.DataFrame({"a": [1]}), CheckConfig())
    first = frame.once(twice, "a")
    assert frame.once(twice, "a") is first
    assert frame.once(twice, "a", None) is not first
    one = frame.once(twice, "a", {"path": "x", "dtypes": {"b": "Int64"}, "columns": ["b"]})
    assert frame.once(twice, "a", {"dtypes": {"b": "Int64"}, "columns": ["b"], "path": "x"}) is one
    assert frame.once(twice, "a", {"dtypes": {"b": "Int32"}, "columns": ["b"], "path": "x"}) is not one


def test_rules_on_one_key_are_counted_together_and_a_rule_by_segment_alone() -> None:
    rules = [
        {"check": "unique", "column": "id"},
        {"check": "unique", "column": "id", "where": "shop = 'a'"},
        {"check": "unique_combination", "columns": ["id"], "name": "again"},
        {"check": "unique", "column": "id", "by": "shop", "name": "in its shop"},
    ]
    data = pl.DataFrame({"id": ["x", "x", "y", "z"], "shop": ["a", "b", "a", "b"]})
    result = check(data, CheckConfig().override(rules=rules))
    assert [(rule.failed_count, rule.total_count) for rule in result.rules] == [(2, 4), (0, 2), (2, 4), (0, 2), (0, 2)]
    marked = [query for query in result.metadata.explain.queries if query == "unique(id): id"]
    assert len(marked) == 1 + 2, "the whole once, and each segment once"
