"""Rules mean what they say: one order, one precision, named keys, enough rows, numbers that are numbers."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from checking import NOW, counts, judge, judge_one
from rule_table import write_references

from quality.checking import check as checked
from quality.contract.config import CheckConfig
from quality.contract.contract import parse_source
from quality.contract.policy import EnvironmentPolicy
from quality.errors import ConfigurationError
from quality.rules.catalogue import canonical, parse_rule
from quality.rules.profile import profile
from quality.values import Status

Frame = pl.DataFrame


@pytest.fixture(autouse=True)
def _repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_references(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))


def about(check: str, **fields: Any) -> dict[str, Any]:
    return {"check": check, "column": "a", **fields}


def verdict(column: pl.Series, rule: dict[str, Any]) -> str:
    return judge_one(column.alias("a").to_frame(), rule).status.value


NEW, OLD = NOW.replace(tzinfo=None), NOW.replace(tzinfo=None) - timedelta(days=3)


@pytest.mark.parametrize(
    ("newest", "fields", "status"),
    [
        pytest.param(NEW, {}, "PASSED", id="now"),
        pytest.param(NEW + timedelta(minutes=59), {}, "PASSED", id="clocks that differ"),
        pytest.param(NEW + timedelta(hours=1, seconds=1), {}, "FAILED", id="an hour and a second ahead"),
        pytest.param(NEW + timedelta(days=400), {}, "FAILED", id="400 days ahead"),
        pytest.param(datetime(9999, 12, 31), {}, "FAILED", id="the end of time"),
        pytest.param(date(9999, 12, 31), {}, "FAILED", id="the last date"),
        pytest.param(NEW + timedelta(days=2), {"max_ahead": "7d"}, "PASSED", id="a week ahead is allowed"),
        pytest.param(NEW + timedelta(seconds=1), {"max_ahead": "0s"}, "FAILED", id="nothing ahead is allowed"),
        pytest.param(NOW.date(), {}, "PASSED", id="today"),
        pytest.param(NOW.date() + timedelta(1), {}, "FAILED", id="tomorrow"),
        pytest.param((NOW + timedelta(hours=2)).astimezone(UTC), {}, "FAILED", id="with a zone"),
        pytest.param(OLD, {}, "FAILED", id="too old"),
    ],
)
def test_the_newest_value_is_neither_too_old_nor_too_far_ahead(newest: Any, fields: Any, status: str) -> None:
    rule = about("freshness", max_age="48h", **fields)
    assert verdict(pl.Series([newest, None]), rule) == status
    if isinstance(newest, datetime) and newest.tzinfo:
        assert verdict(pl.Series([newest]).dt.convert_time_zone("Asia/Tokyo"), rule) == status


def test_freshness_says_that_the_newest_value_is_in_the_future_even_beyond_python_s_years() -> None:
    said = judge_one(Frame({"a": [NEW + timedelta(days=2)]}), about("freshness", max_age="1d")).message
    assert said.endswith("the newest is of 2024-06-03 12:00 UTC, more than 1h in the future if it is in UTC")
    beyond = pl.Series([10**7], dtype=pl.Int32).cast(pl.Date)
    assert verdict(beyond, about("freshness", max_age="1d")) == "FAILED"


LEVELS = pl.Enum(["low", "mid", "high"])
RANKS = pl.Series(["high", "low", "mid", None], dtype=LEVELS)


@pytest.mark.parametrize(
    ("rule", "failed"),
    [
        (about("in_range", min="low", max="high"), 0),
        (about("in_range", min="mid"), 1),
        (about("in_range", min="low", max="high", exclusive="both"), 2),
        (about("greater_than", value="low"), 1),
        (about("greater_than_or_equal", value="mid"), 1),
        (about("less_than", value="high"), 1),
        (about("less_than_or_equal", value="mid"), 1),
        (about("equal", value="mid"), 2),
        (about("not_equal", value="none of them"), 0),
        (about("increasing"), 1),
        (about("decreasing"), 1),
        (about("min", at_least="mid"), 1),
        (about("min", at_least="low"), 0),
        (about("max", at_most="mid"), 1),
        (about("max", at_most="high"), 0),
        ({"check": "expression", "expression": "a >= 'mid'"}, 1),
    ],
    ids=str,
)
def test_an_enum_is_ordered_by_its_categories_in_every_rule(rule: dict[str, Any], failed: int) -> None:
    assert judge_one(RANKS.alias("a").to_frame(), rule).failed_count == failed
    if rule["check"] in ("min", "max"):
        assert judge_one(RANKS.alias("a").to_frame(), rule).value == {"min": "low", "max": "high"}[rule["check"]]


def test_extremes_of_an_enum_are_by_category_in_every_segment_and_file() -> None:
    data = Frame({"a": RANKS, "g": ["x", "x", "y", "y"]})
    assert [r.value for r in judge(data, about("max", at_most="high", by="g")).rules] == ["high", "mid"]
    assert profile(data.lazy()).column("a").max == "high"


def test_a_bound_that_is_none_of_the_categories_has_no_place_in_their_order() -> None:
    result = judge_one(RANKS.alias("a").to_frame(), about("in_range", min="medium"))
    assert (result.status, "its categories are [low, mid, high]" in result.message) == (Status.ERROR, True)


THIRD = pl.Series([0.3, 0.1], dtype=pl.Float32)
NOON = pl.Series([datetime(2024, 1, 1, 12)])


@pytest.mark.parametrize(
    ("column", "bound", "inside"),
    [
        pytest.param(THIRD, 0.3, True, id="Float32 at its precision"),
        pytest.param(THIRD, 0.29999, False, id="Float32 below"),
        pytest.param(pl.Series([2**53]), 2**53 + 0.5, True, id="integer below a fraction"),
        pytest.param(pl.Series([2], dtype=pl.UInt8), 1.5, False, id="integer above a fraction"),
        pytest.param(pl.Series([255], dtype=pl.UInt8), 256, True, id="bound beyond UInt8"),
        pytest.param(pl.Series([0], dtype=pl.UInt64), -1, False, id="unsigned above a negative bound"),
        pytest.param(pl.Series([2**64 - 1], dtype=pl.UInt64), 2**64 - 2, False, id="UInt64 by one"),
        pytest.param(pl.Series([2**100], dtype=pl.Int128), 2**100 - 1, False, id="Int128 by one"),
        pytest.param(pl.Series([2**100], dtype=pl.Int128), 10**60, True, id="bound beyond Int128"),
        pytest.param(pl.Series([Decimal("1.00")]), 1.005, True, id="decimal below a finer bound"),
        pytest.param(pl.Series([Decimal("1.01")]), "1.005", False, id="decimal above a finer bound"),
        pytest.param(pl.Series([Decimal("1.01")], dtype=pl.Decimal(38, 37)), 100, True, id="bound beyond the decimal"),
        pytest.param(NOON.cast(pl.Datetime("ms")), "2024-01-01T12:00:00.0005", True, id="milliseconds below"),
        pytest.param(NOON.cast(pl.Datetime("ns")), "2024-01-01T11:59:59.999999999", False, id="nanoseconds above"),
        pytest.param(
            (NOON.cast(pl.Datetime("ns")).to_physical() + 1).cast(pl.Datetime("ns")),
            "2024-01-01T12:00",
            False,
            id="a nanosecond above",
        ),
        pytest.param(NOON.cast(pl.Datetime("ns")), "9999-12-31", True, id="bound beyond nanoseconds"),
        pytest.param(NOON.dt.replace_time_zone("Asia/Tokyo"), "2024-01-01T03:00:00Z", True, id="same moment"),
        pytest.param(NOON.dt.replace_time_zone("Asia/Tokyo"), "2024-01-01T02:59:59.9Z", False, id="another zone"),
        pytest.param(pl.Series([date(2024, 1, 1)]), "2024-01-01T12:00:00", True, id="date below a time of its day"),
        pytest.param(pl.Series([date(2024, 1, 2)]), "2024-01-01T12:00:00", False, id="date after a time of the day"),
        pytest.param(pl.Series([timedelta(1)]), "1d", True, id="duration"),
        pytest.param(pl.Series([NOON[0].time()]), "11:59:59.5", False, id="time of day"),
    ],
)
def test_a_bound_means_the_same_in_row_and_table_rules(column: pl.Series, bound: Any, inside: bool) -> None:
    wanted, other = ("PASSED", "FAILED") if inside else ("FAILED", "PASSED")
    for rule in (about("in_range", max=bound), about("less_than_or_equal", value=bound), about("max", at_most=bound)):
        assert verdict(column, rule) == wanted, rule
    assert verdict(column, about("greater_than", value=bound)) == other or len(column) > 1


def test_a_bound_between_two_values_of_the_column_is_equal_to_neither() -> None:
    column = NOON.cast(pl.Datetime("ms"))
    for finer in ("2024-01-01T12:00:00.0005", "2024-01-01T11:59:59.9999"):
        assert verdict(column, about("equal", value=finer)) == "FAILED"
        assert verdict(column, about("not_equal", value=finer)) == "PASSED"
        assert verdict(column, about("in_set", values=[finer] * 9)) == "FAILED"
    assert verdict(column, about("less_than", value="2024-01-01T12:00:00.0005")) == "PASSED"
    assert verdict(column, about("greater_than_or_equal", value="2024-01-01T11:59:59.9999")) == "PASSED"


def test_numbers_of_a_narrow_float_are_judged_and_shown_at_its_precision() -> None:
    for check in ("mean", "median", "max", "min"):
        result = judge_one(Frame({"a": THIRD[:1]}), about(check, at_least=0.3, at_most=0.3))
        assert (result.status, result.value) == (Status.PASSED, None if check == "median" else 0.3)


@pytest.mark.parametrize(
    "fields",
    [
        {"min": "2024-02-01", "max": "2024-01-01"},
        {"min": date(2024, 2, 1), "max": date(2024, 1, 1)},
        {"min": "2024-01-01T12:00:00.5", "max": "2024-01-01 12:00:00"},
        {"min": "2024-01-01T12:00:00Z", "max": "2024-01-01T12:00:00+02:00"},
        {"min": 2, "max": 1.5},
        {"min": 1, "max": 1, "exclusive": "min"},
        {"min": "2024-01-01", "max": "2024-01-01", "exclusive": "both"},
    ],
    ids=str,
)
def test_bounds_between_which_nothing_lies_are_refused_when_they_are_read(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="nothing lies between"):
        parse_rule(about("in_range", **fields))


@pytest.mark.parametrize(
    ("column", "fields"),
    [
        (pl.Series(["x"]), {"min": "b", "max": "a"}),
        (RANKS, {"min": "high", "max": "low"}),
        (pl.Series([timedelta(1)]), {"min": "2d", "max": "30h"}),
        (pl.Series([Decimal("1.0")]), {"min": "10", "max": "9"}),
    ],
    ids=["text", "enum", "duration", "decimal"],
)
def test_bounds_that_only_the_dtype_orders_are_refused_by_it(column: pl.Series, fields: dict[str, Any]) -> None:
    result = judge_one(column.alias("a").to_frame(), about("in_range", **fields))
    assert (result.status, result.message[:20]) == (Status.ERROR, "nothing lies between")


@pytest.mark.parametrize("dtype", [pl.String, pl.Categorical])
@pytest.mark.parametrize("bound", ["2024-01-01", date(2024, 1, 1), "31.12.2023", "12/31/2023", "2024-01-01T00:00:00"])
def test_dates_are_not_compared_with_text_by_alphabet(bound: Any, dtype: Any) -> None:
    data = Frame({"a": ["31.12.2023"]}, schema={"a": dtype})
    for rule in (about("in_range", min=bound), about("less_than", value=bound), about("max", at_most=bound)):
        result = judge_one(data, rule)
        assert result.status is Status.ERROR
        assert "ordered by alphabet" in result.message
    assert judge_one(data, about("equal", value="31.12.2023")).status is Status.PASSED


def test_a_german_date_is_no_bound_of_a_date_and_the_message_says_how_to_write_it() -> None:
    result = judge_one(Frame({"a": [date(2024, 1, 1)]}), about("in_range", min="31.12.2023"))
    assert result.message == (
        "the value '31.12.2023' cannot be compared with Date: write it as 2024-01-31 or 2024-01-31T12:30:00"
    )


def test_a_column_of_nulls_has_no_order_that_bounds_could_break() -> None:
    asked: dict[str, dict[str, Any]] = {
        "in_range": {"min": 1, "max": "2024-01-01"},
        "max": {"at_least": "b", "at_most": "a"},
    }
    for check, fields in asked.items():
        assert verdict(pl.Series([None, None]), about(check, **fields)) == "SKIPPED"


THEIRS = Frame({"id": [1, 2, 3, 3], "v": [1.0, 2.0, 3.0, 3.0], "only there": [0] * 4})


def reconciled(ours: Frame, theirs: Frame, **fields: Any) -> Any:
    theirs.write_parquet("theirs.parquet")
    return judge_one(ours, {"check": "reconcile", "reference": "theirs.parquet", "key": ["id"], **fields})


def test_keys_that_repeat_on_either_side_fail_and_are_named() -> None:
    ours = Frame({"id": [1, 1, 2, 4, None, None], "v": [1.0] * 6})
    result = reconciled(ours, THEIRS)
    assert counts(result) == ("FAILED", 5, 5)
    assert "2 repeat here: 1, null" in result.message or "2 repeat here: None, 1" in result.message
    assert "1 repeat there: 3" in result.message
    assert "not compared: only there (only there)" in result.message
    passed = reconciled(Frame({"id": [1, 2], "v": [1.0, 2.0], "mine": [0, 0]}), THEIRS[:2])
    assert passed.status is Status.PASSED
    assert passed.message.endswith("(not compared: mine (only here), only there (only there))")


@pytest.mark.parametrize(
    ("ours", "theirs", "status"),
    [
        ([1], pl.Series([1], dtype=pl.Int8), "PASSED"),
        ([2**63], pl.Series([2**63], dtype=pl.UInt64), "PASSED"),
        (pl.Series([-1]), pl.Series([2**64 - 1], dtype=pl.UInt64), "FAILED"),
        ([Decimal("1.50")], [Decimal("1.5")], "PASSED"),
        ([Decimal("1.50")], pl.Series([1]), "FAILED"),
        (pl.Series([1], dtype=pl.Int32), [1.0], "PASSED"),
        (pl.Series([1]), [1.0], "ERROR"),
        ([Decimal("1.5")], [1.5], "ERROR"),
        (["x"], pl.Series(["x"], dtype=pl.Categorical), "PASSED"),
        (["1"], [1], "ERROR"),
        ([date(2024, 1, 1)], [datetime(2024, 1, 1)], "PASSED"),
        (NOON.cast(pl.Datetime("ms")), NOON.cast(pl.Datetime("ns")), "PASSED"),
        (NOON, NOON.dt.replace_time_zone("UTC"), "ERROR"),
        (
            NOON.dt.replace_time_zone("UTC"),
            NOON.dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo"),
            "PASSED",
        ),
        ([None], [1], "FAILED"),
        ([float("nan")], [float("nan")], "PASSED"),
        ([float("inf")], [1e308], "FAILED"),
    ],
    ids=str,
)
def test_cells_are_compared_in_a_dtype_that_loses_nothing_or_not_at_all(ours: Any, theirs: Any, status: str) -> None:
    result = reconciled(Frame({"id": [1], "v": ours}), Frame({"id": [1], "v": theirs}), tolerance=0.5)
    exact = reconciled(Frame({"id": [1], "v": ours}), Frame({"id": [1], "v": theirs}))
    keys = reconciled(Frame({"id": ours, "v": [1]}), Frame({"id": theirs, "v": [1]}))
    assert exact.status.value == keys.status.value == status
    near = "PASSED" if list(ours) == [Decimal("1.50")] and status == "FAILED" else status
    assert result.status.value == near
    if status == "ERROR":
        assert "'v' is " in exact.message
        assert " here and " in exact.message


def test_nothing_left_to_compare_is_no_success() -> None:
    alone = reconciled(Frame({"id": [1], "mine": [1]}), Frame({"id": [1], "yours": [1]}))
    assert (alone.status, "nothing to compare" in alone.message) == (Status.ERROR, True)
    with pytest.raises(ConfigurationError, match="'id' is in `key`"):
        parse_rule({"check": "reconcile", "reference": "x", "key": ["id"], "columns": ["id"]})
    with pytest.raises(ConfigurationError, match="a column is named twice"):
        parse_rule({"check": "reconcile", "reference": "x", "key": ["id", "id"]})


def test_a_primary_key_has_no_null_and_no_combination_twice_and_each_row_fails_once() -> None:
    data = Frame({"id": [1, 1, 2, None, None, 3], "n": ["x", "x", "x", "y", "y", None]})
    rule = {"check": "primary_key", "columns": ["id", "n"]}
    result = judge_one(data, rule, sample_rows=9)
    assert counts(result) == ("FAILED", 5, 6)
    assert [sample["row"] for sample in result.samples] == [0, 1, 3, 4, 5]
    assert counts(judge_one(data, {**rule, "where": "id IS NOT NULL AND n IS NOT NULL"})) == ("FAILED", 2, 3)
    assert counts(judge_one(data, {**rule, "check": "unique_combination"})) == ("FAILED", 2, 3)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (about("not_null", max_failure_rate=True), "true is not a number"),
        (about("not_null", max_failure_rate=5), "5 % is 0.05"),
        (
            about("not_null", max_failure_rate="0.1"),
            "'0.1' is not a number; write one such as 5 or 0.05, without quotes",
        ),
        (about("not_null", warn_failure_rate=False), "false is not a number"),
        ({"check": "row_count", "min": True}, "true is not a whole number"),
        ({"check": "row_count", "min": "5"}, "'5' is not a whole number; write one such as 7, without quotes"),
        ({"check": "row_count", "max": 5.0}, "5.0 is not a whole number"),
        (about("distinct_count", max=True), "true is not a whole number"),
        (about("max_length", value=True), "true is not a whole number"),
        (about("length", min="3"), "'3' is not a whole number"),
        (about("in_range", min=True), "true is not a bound"),
        (about("less_than", value=False), "false is not a bound"),
        (about("mean", at_most=True), "true is not a number"),
        (about("mean", at_most="5"), "'5' is not a number"),
        (about("sum", at_most="much"), "'much' is not a number"),
        (about("sum", at_most="NaN"), "a value is a number"),
        (about("quantile", q=50, at_most=1), "50 % is 0.5"),
        (about("quantile", q=True, at_most=1), "true is not a number"),
        (about("z_score_outlier", threshold=True), "true is not a number"),
        (about("drift", baseline="x", threshold="0.2"), "'0.2' is not a number"),
        (about("completeness_ratio", min_ratio=95), "95 % is 0.95"),
        ({"check": "volume", "max_change": True}, "true is not a number"),
        ({"check": "volume", "max_change": 0.1, "window": 7.0}, "7.0 is not a whole number"),
        ({"check": "anomaly", "metric": "row_count", "min_runs": True}, "true is not a whole number"),
        ({"check": "cross_table_row_count", "reference": "x", "tolerance": 2}, "2 % is 0.02"),
        ({"check": "reconcile", "reference": "x", "key": ["id"], "tolerance": True}, "true is not a number"),
        (about("increasing", strict="yes"), "must be true or false, not 'yes'"),
        (about("freshness", max_age="1d", max_ahead="soon"), "write 90s, 30m, 26h, 7d or 2w"),
        (about("freshness", max_age="999999999999d"), "longer than any age"),
    ],
    ids=str,
)
def test_what_is_no_number_is_refused_where_one_is_wanted(rule: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_rule(rule)
    assert said in str(refused.value)


@pytest.mark.parametrize("field", ["warning_threshold", "sample_rows", "remind_after_hours"])
def test_the_policy_takes_no_boolean_for_a_number(field: str) -> None:
    reason = {"reason": "so"}
    with pytest.raises(ValueError, match="true is no"):
        EnvironmentPolicy.model_validate({"retries": reason, "cache": reason, "work_pool": "w", field: True})


@pytest.mark.parametrize("field", ["warning_threshold", "sample_rows"])
def test_a_call_takes_no_boolean_for_a_number(field: str) -> None:
    with pytest.raises(ValueError, match="true is no"):
        judge(Frame({"a": [1]}), about("not_null"), **{field: True})


def test_numbers_stay_as_they_are_written() -> None:
    assert canonical(parse_rule(about("mean", at_least=1, at_most=1e3))) == about("mean", at_least=1, at_most=1000.0)
    assert canonical(parse_rule(about("not_null", max_failure_rate=1))) == about("not_null", max_failure_rate=1.0)


@pytest.mark.parametrize(("rows", "status"), [(1, "SKIPPED"), (2, "SKIPPED"), (10, "SKIPPED"), (11, "PASSED")])
def test_a_z_score_that_no_row_can_reach_is_skipped(rows: int, status: str) -> None:
    result = judge_one(Frame({"a": range(rows)}), about("z_score_outlier"))
    assert result.status.value == status
    assert status == "PASSED" or "too few rows" in result.message
    assert judge_one(Frame({"a": [*range(10), 10**6]}), about("z_score_outlier")).failed_count == 1
    assert judge_one(Frame({"a": [1.0, float("nan")]}), about("z_score_outlier")).failed_count == 1


@pytest.mark.parametrize("method", ["psi", "ks", "chi2"])
def test_a_drift_that_few_rows_show_by_chance_is_skipped(method: str) -> None:
    rule = about("drift", baseline="baseline.parquet", method=method)
    for few in ([50], [10, 90], [3, 40, 80]):
        result = judge_one(Frame({"a": few}), rule)
        assert (result.status, "too few rows" in result.message) == (Status.SKIPPED, True), result.message
    assert judge_one(Frame({"a": range(100)}), rule).status is Status.PASSED
    assert judge_one(Frame({"a": [1000] * 9}), rule).status is Status.FAILED


@pytest.mark.parametrize("saved", [True, False], ids=["saved profile", "source"])
@pytest.mark.parametrize(
    "values",
    [[date(2026, 1, 1)] * 99, [timedelta(days=1)] * 99, [[1]] * 99, [b"1"] * 99, [float("nan")] * 99],
    ids=["dates", "durations", "lists", "bytes", "NaN"],
)
@pytest.mark.parametrize("ours", [[1] * 99, ["1"] * 99, [True] * 99], ids=["numbers", "texts", "booleans"])
def test_a_baseline_that_holds_no_value_to_compare_with_is_an_error(
    ours: list[Any], values: list[Any], saved: bool
) -> None:
    Frame({"a": values}).write_parquet("theirs.parquet")
    Path("theirs.json").write_text(profile(Frame({"a": values}).lazy()).model_dump_json(), "utf-8")
    rule = about("drift", baseline="theirs.json" if saved else "theirs.parquet", method="chi2")
    result = judge_one(Frame({"a": ours}), rule)
    assert result.status is Status.ERROR
    assert f"none of the 99 values of its baseline, which is {Frame({'a': values}).schema['a']}, is" in result.message


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [([1], [], "its baseline has no value to compare with"), ([], [1], "no value to compare")],
)
def test_a_drift_without_values_on_one_side_is_skipped(ours: list[int], theirs: list[int], said: str) -> None:
    Frame({"a": theirs}, schema={"a": pl.Int64}).write_parquet("theirs.parquet")
    result = judge_one(Frame({"a": ours}, schema={"a": pl.Int64}), about("drift", baseline="theirs.parquet"))
    assert result.status is Status.SKIPPED
    assert result.message.endswith(said)


def test_schema_rules_fail_with_the_difference_column_by_column() -> None:
    data = Frame({"prices": [1], "b": ["x"]})
    assert judge_one(data, {"check": "dtype", "column": "price", "dtype": "integer"}).message.endswith(
        "column 'price' is gone; the data has 'prices'"
    )
    assert judge_one(data, {"check": "column_exists", "column": "zzz"}).message.endswith("the data has [prices, b]")
    schema = {"check": "schema", "columns": {"price": "Int64", "b": "Int64"}, "closed": True}
    result = judge_one(data, schema)
    assert (result.status, result.value) == (Status.FAILED, 3)
    assert result.message.endswith("price is missing (the data has 'prices'); b is String, not Int64; prices is extra")


@pytest.mark.parametrize(
    ("dtype", "value", "rows"),
    [(pl.Decimal(38, 10), 10**27, 120), (pl.Decimal(38, 0), -(10**37), 11), (pl.Int128(), 2**126, 2)],
    ids=str,
)
@pytest.mark.parametrize("by", [{}, {"by": "g"}], ids=["whole", "by"])
def test_a_sum_that_its_dtype_cannot_hold_is_no_verdict(
    dtype: pl.DataType, value: int, rows: int, by: dict[str, str]
) -> None:
    data = Frame({"v": pl.Series([value] * rows, dtype=dtype), "g": ["x"] * rows})
    assert judge_one(data, {"check": "sum", "column": "v", "at_most": 10**38, **by}).status is Status.ERROR
    assert judge_one(data[:1], {"check": "sum", "column": "v", "at_most": 10**38, **by}).status is Status.PASSED


SPREADS: dict[str, list[float]] = {
    "alike": [7.25] * 40,
    "close": [1000.0 + n / 1024 for n in range(40)],
    "few": [179_512.0, 179_513.0, -990.0, 204.0],
    "tiny": [n * 1e-9 for n in range(9)],
    "far": [3e11, -1e12, 5e11],
    "lonely": [5.0],
}
"""Values of segments whose sizes differ by many orders: the first of the column lies far from all others."""


@pytest.mark.parametrize("rows", [1, 10, 10_000])
@pytest.mark.parametrize("wide", [False, True])
def test_a_spread_is_that_of_the_judged_values_however_far_the_others_lie(
    rows: int, wide: bool, tmp_path: Path
) -> None:
    values = [(6e15, "first"), *((value, name) for name, some in SPREADS.items() for value in some)]
    frame = pl.DataFrame(values * (20 if wide else 1), ["a", "g"], orient="row")
    (tmp_path / "spread").mkdir()
    for start in range(0, frame.height, rows * 20):
        frame[start : start + rows * 20].write_parquet(tmp_path / f"spread/{start:06}.parquet", row_group_size=rows * 5)
    rule = about("stddev", at_least=0)
    rules = [rule | {"where": f"g = '{name}'", "name": name} for name in SPREADS] + [rule | {"by": "g"}]
    source = {"path": str(tmp_path / "spread/*.parquet")}
    for states in ({"enabled": False}, {"enabled": True, "path": "kept", "full_every_days": None}):
        config = CheckConfig().override(dataset="spread", source=parse_source(source), rules=rules, states=states)
        found = checked(None, config, now=NOW).rules
        told = [{one.rule_name: one.value for one in found if one.by is None}]
        told += [{str(one.segment): one.value for one in found if one.by and one.segment != "first"}]
        for said in told:
            assert said.keys() == SPREADS.keys()
            for name, some in SPREADS.items():
                some = some * (20 if wide else 1)
                expected = statistics.stdev(some) if len(some) > 1 else None
                assert said[name] == (expected if expected in (None, 0) else pytest.approx(expected, rel=1e-9))


def seconds(data: Frame, rules: list[dict[str, Any]]) -> float:
    start = time.perf_counter()
    judge(data, *rules)
    return time.perf_counter() - start


def test_rules_that_fail_cost_little_more_than_rules_that_pass() -> None:
    good = Frame({f"c{n}": [1, 2] for n in range(3000)})
    rules = [{"check": "positive", "column": f"c{n}"} for n in range(3000)]
    assert judge(good[:, :2], *rules[:2]).status is Status.PASSED
    passing, failing = (min(seconds(data, rules) for _ in range(2)) for data in (good, good * -1))
    assert failing < 3 * passing
    assert len(judge(good * -1, *rules).metadata.explain.queries) < 10
