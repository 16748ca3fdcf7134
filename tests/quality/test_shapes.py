"""Representative shapes: the same data judges the same in every container, and hollow data is not green."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from quality import checking
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.file_states.nights import nights
from quality.file_states.store import Store
from quality.rollout.evidence import Check
from quality.rollout.shapes import shapes
from quality.rules.catalogue import parse_rules


def shape(config: CheckConfig, name: str) -> Check:
    return next(check for check in shapes(config)[1] if check.name.startswith(name))


@pytest.fixture
def config(repository: Path) -> CheckConfig:
    return project.load("users", "dev")


SHAPES = {
    "lazy": "WARNING, as the frame",
    "arrow": "WARNING, as the frame",
    "pandas": "WARNING, as the frame",
    "parquet": "WARNING, as the frame",
    "partitioned files": "WARNING, as the frame",
    "csv": "WARNING, as the frame",
    "extra column": "WARNING, as the frame",
    "empty": "SKIPPED: 0 passed, 0 failed, 2 skipped",
    "one row": "PASSED: 2 passed, 0 failed, 0 skipped",
    "all null": "FAILED: 0 passed, 1 failed, 1 skipped",
    "missing column id": "ERROR: 0 passed, 1 failed, 0 skipped",
    "integers widened to floats": "WARNING: 1 passed, 1 failed, 0 skipped",
}


def test_every_shape_has_its_stated_outcome(config: CheckConfig) -> None:
    base, checks = shapes(config)
    assert {check.name: check.seen for check in checks} == SHAPES
    assert all(check.ok for check in checks), checks
    assert base.row_count == 3


@pytest.mark.parametrize(("others", "seen"), [([], "SKIPPED"), ([{"check": "not_null", "column": "id"}], "PASSED")])
def test_a_closed_schema_refuses_an_extra_column_as_it_says(
    config: CheckConfig, others: list[dict[str, Any]], seen: str
) -> None:
    schema = {"check": "schema", "columns": {"id": "Int64", "email": "String"}, "closed": True}
    found = shape(config.override(rules=[schema, *others]), "extra column")
    assert (found.ok, found.seen, found.fix) == (
        True,
        f"refused by schema([id, email]); {seen}, as the frame by the other rules",
        None,
    )


def test_a_closed_schema_does_not_hide_that_another_rule_does_not_fit(config: CheckConfig) -> None:
    schema = {"check": "schema", "columns": {"id": "Int64", "email": "String"}, "closed": True}
    none = {"check": "expression", "name": "none", "expression": "an_extra_column IS NULL"}
    found = shape(config.override(rules=[schema, none]), "extra column")
    assert (found.ok, found.fix) == (False, "make the rule fit this shape")
    assert found.seen.startswith("none: ")


@pytest.mark.parametrize(
    "value", [[[1, 2]], [{"a": 1}], [b"x"], [timedelta(seconds=1)]], ids=["list", "struct", "binary", "duration"]
)
def test_rows_that_no_csv_file_holds_arrive_in_the_other_shapes(repository: Path, value: list[Any]) -> None:
    rows = pl.DataFrame({"id": [1], "other": value})
    rows.write_parquet("a.parquet")
    _, checks = shapes(CheckConfig(source="a.parquet", rules=parse_rules([{"check": "not_null", "column": "id"}])))
    assert all(check.ok for check in checks), checks
    (csv,) = [check for check in checks if check.name == "csv"]
    assert csv.seen.startswith("these rows are never in one: ")


def test_an_empty_frame_may_be_green_only_where_the_contract_says_so(config: CheckConfig, repository: Path) -> None:
    assert shape(config.override(allow_empty=True), "empty").ok
    always = config.override(rules=[{"check": "row_count", "min": 0}])
    pl.DataFrame({"id": [1], "email": ["a@b"]}).write_parquet(repository / "data" / "users.parquet")
    assert shape(always, "empty").seen.startswith(("PASSED", "SKIPPED"))


def test_a_contract_of_many_dtypes_keeps_its_counts_in_every_container(repository: Path, config: CheckConfig) -> None:
    rows = pl.DataFrame(
        {
            "id": [1, 2, None],
            "email": ["a@b", None, "c"],
            "seen": pl.Series(["2024-01-01T00:00:00", None, "2030-01-01T00:00:00"]).str.to_datetime(),
            "rate": [0.1, float("nan"), None],
            "kind": pl.Series(["x", "y", None], dtype=pl.Categorical),
            "ok": [True, None, False],
        }
    )
    rows.write_parquet(repository / "data" / "users.parquet")
    many = config.override(
        rules=[
            {"check": "not_null", "column": "id"},
            {"check": "not_future", "column": "seen"},
            {"check": "in_range", "column": "rate", "max": 1},
            {"check": "in_set", "column": "kind", "values": ["x"]},
            {"check": "equal", "column": "ok", "value": True},
        ]
    )
    for name in ("lazy", "arrow", "parquet", "partitioned files"):
        assert shape(many, name).ok, shape(many, name)


def test_numbers_with_exponents_and_moments_with_zones_are_the_same_from_a_csv_file(repository: Path) -> None:
    rows = pl.DataFrame({"x": [1e-9, 1e20], "t": [datetime(2024, 1, 1, tzinfo=UTC)] * 2, "e": [None, None]})
    rules = [{"check": "positive", "column": "x"}, {"check": "not_future", "column": "t"}]
    rows.write_parquet("a.parquet")
    _, checks = shapes(CheckConfig(source="a.parquet", rules=parse_rules(rules)))
    assert {check.name: check.ok for check in checks}["csv"]


def test_no_state_and_no_night_is_kept_of_a_shape(repository: Path) -> None:
    """A shape is a test of the rules: in replay it was a night that never was."""
    (repository / "data" / "more").mkdir()
    for number in range(3):
        pl.DataFrame({"id": range(number * 10, number * 10 + 10)}).write_parquet(
            repository / "data" / "more" / f"{number}.parquet"
        )
    (repository / "datasets" / "more.yml").write_text(
        "dataset: more\nowner: '@us'\nsource: {path: data/more/}\nrules:\n  - {check: unique, column: id}\n", "utf-8"
    )
    config = project.load("more", "prod")
    store = Store(config.states.path, "more", "prod")
    assert all(check.ok for check in shapes(config)[1])
    assert nights(store) == []
    checking.check(None, config)
    assert len(nights(store)) == 1
    shapes(config)
    assert len(nights(store)) == 1
