"""Never silently green: whatever is wrong ends in a refusal or in a verdict that is not a success."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import polars as pl
import pytest
from checking import counts, judge, judge_one
from rule_table import ROWS, Row, write_references

from quality.errors import ConfigurationError
from quality.values import Status

Frame = pl.DataFrame
NOT_NULL: dict[str, Any] = {"check": "not_null", "column": "a"}
ONE = Frame({"a": [1]})
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def _repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_references(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))


def about(check: str, **fields: Any) -> dict[str, Any]:
    return {"check": check, "column": "a", **fields}


@pytest.mark.parametrize(
    ("data", "rule", "said"),
    [
        pytest.param(ONE, {"check": "not_nul", "column": "a"}, "did you mean 'not_null'?", id="unknown rule"),
        pytest.param(ONE, about("not_null", colum="a"), "did you mean 'column'?", id="unknown field"),
        pytest.param(ONE, about("not_null", where="a >"), "cannot read the SQL", id="where that is not SQL"),
        pytest.param(ONE, about("not_null", where="a > avg(a)"), "several rows", id="where over several rows"),
        pytest.param(ONE, {"check": "expression", "expression": "sum(a) > 1"}, "several rows", id="sum in expression"),
        pytest.param(
            ONE, {"check": "expression", "expression": "lag(a) over (order by a) < a"}, "several rows", id="window"
        ),
    ],
)
def test_what_is_wrong_whatever_the_data_is_refused_before_it_is_read(data: Any, rule: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match="rule 1") as refused:
        judge(data, rule)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("data", "rule", "said"),
    [
        pytest.param(ONE, {"check": "not_null", "column": "A"}, "column 'A' is gone", id="unknown column"),
        pytest.param(ONE, about("not_null", by="b"), "column 'b' is gone", id="unknown by"),
        pytest.param(ONE, about("not_null", where="b > 1"), "column 'b' is gone", id="unknown column in where"),
        pytest.param(
            ONE, {"check": "expression", "expression": "b > 1"}, "column 'b' is gone", id="unknown in expression"
        ),
        pytest.param(ONE, about("conditional_null", when="b > 1"), "column 'b' is gone", id="unknown in condition"),
        pytest.param(ONE, about("not_null", where="a"), "not a condition", id="where that is not a condition"),
        pytest.param(ONE, about("not_null", where="a = 'x'"), "cannot be computed", id="where that compares badly"),
        pytest.param(ONE, about("regex", pattern="x"), "is Int64 where regex judges text", id="regex on numbers"),
        pytest.param(ONE, about("length", min=1), "is Int64 where length judges text", id="length of numbers"),
        pytest.param(ONE, about("not_empty"), "is Int64 where not_empty judges text", id="not_empty on numbers"),
        pytest.param(ONE, about("not_future"), "is Int64 where not_future judges time", id="not_future on numbers"),
        pytest.param(
            ONE, about("freshness", max_age="1d"), "is Int64 where freshness judges time", id="freshness of 1"
        ),
        pytest.param(ONE, about("in_range", min="abc"), "'abc' cannot be compared with Int64", id="text bound"),
        pytest.param(ONE, about("in_set", values=["1"]), "'1' cannot be compared with Int64", id="text in number set"),
        pytest.param(ONE, about("equal", value=True), "True cannot be compared with Int64", id="true is not a number"),
        pytest.param(
            Frame({"a": ["1"]}), about("equal", value=1), "cannot be compared with String", id="1 is not a text"
        ),
        pytest.param(
            Frame({"a": ["1"]}), about("positive"), "is String where positive judges number", id="sign of text"
        ),
        pytest.param(Frame({"a": ["1"]}), about("mean", at_most=1), "mean judges number", id="mean of text"),
        pytest.param(Frame({"a": [True]}), about("in_range", min=0), "in_range judges", id="range of booleans"),
        pytest.param(Frame({"a": [[1]]}), about("in_set", values=[1]), "is List(Int64)", id="set of lists"),
        pytest.param(Frame({"a": [{"x": 1}]}), about("in_range", min=1), "is Struct", id="range of structs"),
        pytest.param(
            Frame({"a": [[1]], "b": [1]}), {"check": "not_null", "column": "b", "by": "a"}, "by", id="by list"
        ),
        pytest.param(Frame({"a": [b"x"]}), about("regex", pattern="x"), "is Binary", id="regex on bytes"),
        pytest.param(Frame({"a": [b"x"]}), about("in_set", values=["x"]), "is Binary", id="set of bytes"),
        pytest.param(
            Frame({"a": [timedelta(1)]}), about("not_past"), "not_past judges dates", id="duration in the past"
        ),
        pytest.param(
            Frame({"a": [Decimal("1.0")]}), about("in_range", min="NaN"), "'NaN' cannot be compared", id="decimal NaN"
        ),
        pytest.param(
            Frame({"a": [datetime(2024, 1, 1)]}),
            about("in_range", min="2024-01-01T00:00:00Z"),
            "cannot be compared",
            id="time zone against none",
        ),
        pytest.param(
            Frame({"a": [datetime(2024, 1, 1, tzinfo=BERLIN)]}),
            about("in_range", min="2024-10-27T02:30:00"),
            "Berlin show it twice; write it with its offset from UTC, such as 2024-10-27T02:30:00+02:00",
            id="an hour that comes twice",
        ),
        pytest.param(
            Frame({"a": [datetime(2024, 1, 1, tzinfo=BERLIN)]}),
            about("in_range", min="2024-03-31T02:30:00"),
            "Berlin show it never; write it with its offset from UTC, such as 2024-03-31T02:30:00+01:00",
            id="an hour that never comes",
        ),
        pytest.param(
            Frame({"a": [date(2024, 1, 1)]}), about("equal", value="1.1.2024"), "cannot be compared", id="German date"
        ),
        pytest.param(
            Frame({"a": [date(2024, 1, 1)]}),
            about("drift", baseline="baseline.parquet"),
            "is Date",
            id="drift of dates",
        ),
        pytest.param(Frame({"a": ["x"]}), about("drift", baseline="baseline.parquet"), "baseline is", id="drift kinds"),
        pytest.param(
            Frame({"a": ["x"]}), about("drift", baseline="profile.json", method="ks"), "use chi2", id="ks of text"
        ),
        pytest.param(
            ONE, about("foreign_key", reference="reference.parquet", reference_column="nme"), "'name'", id="key column"
        ),
        pytest.param(
            ONE,
            about("foreign_key", reference="reference.parquet", reference_column="name"),
            "a is Int64 but name",
            id="key of another kind",
        ),
        pytest.param(
            Frame({"id": [1]}),
            {"check": "reconcile", "reference": "reference.parquet", "key": ["idd"]},
            "column 'idd' is gone",
            id="reconcile without key",
        ),
    ],
)
def test_what_only_the_data_tells_is_an_error_of_that_rule_and_the_others_are_judged(
    data: Any, rule: Any, said: str
) -> None:
    other = {"check": "row_count", "min": 1}
    for severity in ("critical", "info"):
        result = judge(data, {**rule, "severity": severity}, other)
        assert [one.status.value for one in result.rules] == ["ERROR", "PASSED"]
        assert (result.status, result.is_success, result.exit_code) == (Status.ERROR, False, 3)
        assert said in result.rules[0].message
        assert "\n" not in result.rules[0].message
        assert not result.retry_helps


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        pytest.param((NOT_NULL, NOT_NULL), "two rules are named 'not_null(a)'", id="a rule written twice"),
        pytest.param((NOT_NULL, {**NOT_NULL, "check": "required"}), "two rules are named", id="twice by its alias"),
        pytest.param(({**NOT_NULL, "severity": "info"}, NOT_NULL), "two rules are named", id="twice in two severities"),
        pytest.param(({**NOT_NULL, "name": "x"}, about("unique", name="x")), "named 'x'", id="one name for two rules"),
    ],
)
def test_rules_that_cannot_be_told_apart_are_refused(rules: tuple[dict[str, Any], ...], said: str) -> None:
    with pytest.raises(ConfigurationError, match="rule 2") as refused:
        judge(ONE, *rules)
    assert said in str(refused.value)


@pytest.mark.parametrize("field", ["key", "sensitive"])
def test_a_key_or_sensitive_column_that_is_gone_is_an_error_and_the_rules_are_judged(field: str) -> None:
    result = judge(ONE, NOT_NULL, **{field: ("b",)})
    assert [(one.rule_name, one.status.value) for one in result.rules] == [("not_null(a)", "PASSED"), (field, "ERROR")]
    assert result.rules[1].message.startswith(f"{field}: column 'b' is gone; the data has a")
    assert (result.status, result.exit_code, result.retry_helps) == (Status.ERROR, 3, False)


def test_where_a_sensitive_column_is_gone_no_value_of_any_column_is_shown() -> None:
    renamed = Frame({"e_mail": ["secret@x", None], "id": ["k1", "k2"]})
    rules = {"check": "not_null", "column": "e_mail"}, {"check": "in_set", "column": "id", "values": ["k3"], "by": "id"}
    lowest = {"check": "min", "column": "e_mail", "at_least": "z"}
    result = judge(renamed, *rules, lowest, key=("id",), sensitive=("email",))
    assert result.status is Status.FAILED
    assert result.rules[-1].message.endswith("the data has 'e_mail'; until it is back, every value is masked")
    for value in ("secret@x", "k1", "k2"):
        assert value not in result.model_dump_json()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.check)
def test_no_rule_is_green_on_a_frame_without_rows(row: Row) -> None:
    for data in (row.good.clear(), row.good.lazy().filter(pl.lit(False)), row.good.clear().to_pandas()):
        result = judge(data, row.rule)
        assert not result.is_success
        assert result.exit_code != 0


@pytest.mark.parametrize("allowed", [True, False])
def test_a_frame_without_rows_is_a_success_only_where_the_contract_allows_it(allowed: bool) -> None:
    rules = NOT_NULL, about("dtype", dtype="integer"), {"check": "row_count", "max": 5}
    result = judge(ONE.clear(), *rules, allow_empty=allowed)
    assert (result.status, result.is_success, result.reason) == (Status.SKIPPED, allowed, "there are no rows")


@pytest.mark.parametrize("allowed", [True, False])
def test_a_check_without_rules_is_a_success_only_where_the_contract_allows_it(allowed: bool) -> None:
    result = judge(ONE, allow_empty=allowed)
    assert (result.status, result.is_success, result.reason) == (Status.SKIPPED, allowed, "there are no rules")


def test_an_empty_frame_that_breaks_a_rule_is_failed_even_where_emptiness_is_allowed() -> None:
    assert judge(ONE.clear(), {"check": "row_count", "min": 1}, allow_empty=True).status is Status.FAILED


NAN, INF = math.nan, math.inf
FLOATS = Frame({"a": [1.0, NAN, INF, -INF, None]})


@pytest.mark.parametrize(
    ("rule", "failed", "judged"),
    [
        pytest.param(about("not_null"), 1, 5, id="not_null"),
        pytest.param(about("in_range", min=0), 2, 4, id="in_range from"),
        pytest.param(about("in_range", max=5), 2, 4, id="in_range to"),
        pytest.param(about("in_range", min=0, max=5), 3, 4, id="in_range"),
        pytest.param(about("greater_than", value=0), 2, 4, id="greater_than"),
        pytest.param(about("greater_than_or_equal", value=0), 2, 4, id="greater_than_or_equal"),
        pytest.param(about("less_than", value=5), 2, 4, id="less_than"),
        pytest.param(about("less_than_or_equal", value=5), 2, 4, id="less_than_or_equal"),
        pytest.param(about("equal", value=1), 3, 4, id="equal"),
        pytest.param(about("not_equal", value=5), 1, 4, id="not_equal"),
        pytest.param(about("positive"), 2, 4, id="positive"),
        pytest.param(about("negative"), 3, 4, id="negative"),
        pytest.param(about("non_negative"), 2, 4, id="non_negative"),
        pytest.param(about("non_positive"), 3, 4, id="non_positive"),
        pytest.param(about("in_set", values=[1]), 3, 4, id="in_set"),
        pytest.param(about("z_score_outlier"), 3, 4, id="z_score_outlier"),
        pytest.param(about("increasing"), 3, 4, id="increasing"),
        pytest.param(about("mean", at_least=0), 1, 1, id="mean"),
        pytest.param(about("sum", at_least=0), 1, 1, id="sum"),
        pytest.param(about("stddev", at_most=9), 1, 1, id="stddev"),
        pytest.param(about("min", at_most=9), 1, 1, id="min"),
        pytest.param(about("max", at_least=0), 1, 1, id="max"),
    ],
)
def test_nan_and_infinity_are_values_that_fail(rule: dict[str, Any], failed: int, judged: int) -> None:
    assert counts(judge_one(FLOATS, rule)) == ("FAILED", failed, judged)


@pytest.mark.parametrize("rule", [about("unique"), {"check": "unique_combination", "columns": ["a"]}])
def test_nan_equals_nan_and_zero_equals_minus_zero_where_keys_repeat(rule: dict[str, Any]) -> None:
    repeated = Frame({"a": [NAN, NAN, 0.0, -0.0, INF, -INF, None, None]})
    assert counts(judge_one(repeated, rule)) == ("FAILED", 4, 6)


@pytest.mark.parametrize(
    ("column", "rule", "failed", "judged"),
    [
        pytest.param(pl.Series(["x", "y", None], dtype=pl.Categorical), about("in_set", values=["x"]), 1, 2, id="set"),
        pytest.param(
            pl.Series(["b", "a"], dtype=pl.Categorical), about("increasing"), 1, 2, id="categories ordered as text"
        ),
        pytest.param(
            pl.Series(["b", "a"], dtype=pl.Enum(["b", "a"])),
            about("in_range", min="a"),
            1,
            2,
            id="enum compared by its categories",
        ),
        pytest.param(
            pl.Series(["b"], dtype=pl.Enum(["b"])), about("equal", value="z"), 1, 1, id="value outside of the enum"
        ),
        pytest.param(pl.Series(["x", "x"], dtype=pl.Categorical), about("unique"), 2, 2, id="categories repeat"),
        pytest.param(pl.Series(["x1"], dtype=pl.Categorical), about("regex", pattern="^[a-z]$"), 1, 1, id="regex"),
        pytest.param(
            pl.Series(["x"], dtype=pl.Categorical), about("dtype", dtype="String"), 1, 1, id="categories are no String"
        ),
        pytest.param(pl.Series([Decimal("1.01")]), about("less_than", value=1.005), 1, 1, id="decimal to float"),
        pytest.param(pl.Series([Decimal("0.3")]), about("equal", value=0.1), 1, 1, id="decimal equals"),
        pytest.param(
            pl.Series([Decimal("1.01"), Decimal("2.00")]),
            about("in_set", values=[1.005, 2, 3, 4, 5, 6, 7, 8, 9]),
            1,
            2,
            id="decimal set is not rounded",
        ),
        pytest.param(pl.Series([1, 2]), about("in_set", values=[1.5, 2, 3, 4, 5, 6, 7, 8, 9]), 1, 2, id="1.5 is not 1"),
        pytest.param(
            pl.Series([1, 44], dtype=pl.UInt8), about("in_set", values=[1, 300, 3, 4, 5, 6, 7, 8, 9]), 1, 2, id="300"
        ),
        pytest.param(pl.Series([1], dtype=pl.Int8), about("greater_than", value=300), 1, 1, id="Int8 above 300"),
        pytest.param(pl.Series([1], dtype=pl.UInt64), about("less_than", value=-1), 1, 1, id="unsigned below zero"),
        pytest.param(pl.Series([2**63 - 1, 1]), about("sum", at_most=5), 1, 1, id="sum beyond Int64"),
        pytest.param(pl.Series([2**64 - 1, 1], dtype=pl.UInt64), about("sum", at_most=5), 1, 1, id="sum beyond UInt64"),
        pytest.param(pl.Series([100, 100], dtype=pl.Int8), about("sum", at_most=100), 1, 1, id="sum beyond Int8"),
        pytest.param(pl.Series([2**53 + 1]), about("less_than_or_equal", value=2**53), 1, 1, id="beyond a float"),
        pytest.param(pl.Series([2**53 + 1]), about("sum", at_most=2**53), 1, 1, id="sum beyond a float"),
        pytest.param(
            pl.Series([datetime(2024, 6, 1, 13, 30, tzinfo=UTC)]).dt.convert_time_zone("Europe/Berlin"),
            about("not_future"),
            1,
            1,
            id="future in another zone",
        ),
        pytest.param(
            pl.Series([datetime(2024, 6, 1, 13, 30, tzinfo=UTC)]).dt.convert_time_zone("Europe/Berlin"),
            about("less_than", value="2024-06-01T14:00:00"),
            1,
            1,
            id="naive bound is in the zone of the column",
        ),
        pytest.param(
            pl.Series([datetime(2024, 6, 1, 13, 30, tzinfo=UTC)]),
            about("max", at_most="2024-06-01T14:00:00+02:00"),
            1,
            1,
            id="bound in another zone",
        ),
        pytest.param(pl.Series([date(2024, 6, 2)]), about("not_future"), 1, 1, id="tomorrow"),
        pytest.param(pl.Series([[1], [1], None]), about("unique"), 2, 2, id="lists repeat"),
        pytest.param(pl.Series([{"x": 1}, {"x": 1}, None]), about("unique"), 2, 2, id="structs repeat"),
        pytest.param(pl.Series([[1], None]), about("not_null"), 1, 2, id="list that is null"),
        pytest.param(pl.Series([[1], None]), about("completeness_ratio", min_ratio=1), 1, 1, id="lists completeness"),
        pytest.param(pl.Series([b"x", b"x"]), about("unique"), 2, 2, id="bytes repeat"),
        pytest.param(pl.Series([True, False]), about("equal", value=True), 1, 2, id="booleans"),
        pytest.param(pl.Series([timedelta(2)]), about("less_than", value="1d"), 1, 1, id="durations"),
        pytest.param(pl.Series([None, None]), about("not_null"), 2, 2, id="a column of dtype Null"),
        pytest.param(pl.Series([5] * 100), about("drift", baseline="baseline.parquet"), 1, 1, id="drift to a constant"),
        pytest.param(pl.Series([NAN] * 9), about("drift", baseline="baseline.parquet"), 1, 1, id="drift to NaN"),
        pytest.param(pl.Series([-1] * 9), about("drift", baseline="profile.json"), 1, 1, id="drift below"),
    ],
)
def test_unusual_columns_are_judged_rightly(column: pl.Series, rule: dict[str, Any], failed: int, judged: int) -> None:
    result = judge(column.alias("a").to_frame(), rule)
    assert (counts(result.rules[0]), result.status) == (("FAILED", failed, judged), Status.FAILED)


@pytest.mark.parametrize("baseline", [[5] * 9, [NAN] * 9, [None] * 9], ids=["constant", "NaN", "null"])
def test_a_baseline_that_says_little_never_proves_that_all_is_well(baseline: list[float | None]) -> None:
    Frame({"a": baseline}, schema={"a": pl.Float64}).write_parquet("poor.parquet")
    assert not judge(Frame({"a": [0.0] * 9}), about("drift", baseline="poor.parquet")).is_success


def test_a_reference_of_fractions_does_not_hold_whole_numbers() -> None:
    Frame({"a": [1.5, 2.0]}).write_parquet("fractions.parquet")
    assert counts(judge_one(Frame({"a": [1, 2]}), about("foreign_key", reference="fractions.parquet"))) == (
        "FAILED",
        1,
        2,
    )


def test_a_reference_without_rows_holds_no_value() -> None:
    Frame({"a": [1]}).clear().write_parquet("none.parquet")
    assert counts(judge_one(ONE, about("foreign_key", reference="none.parquet"))) == ("FAILED", 1, 1)


def test_where_is_heeded_by_uniqueness_over_a_sorted_key() -> None:
    assert judge_one(Frame({"a": [1, 2, 3]}), about("unique", where="a > 2")).total_count == 1


def test_a_where_that_is_null_leaves_the_row_out() -> None:
    data = Frame({"a": [None, None, 1], "b": [None, 1, 1]})
    assert counts(judge_one(data, about("not_null", where="b = 1"))) == ("FAILED", 1, 2)


def write(name: str, content: str | bytes) -> None:
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)


def write_parquet(name: str, cut: int) -> None:
    Frame({"a": range(1000)}).write_parquet(name)
    write(name, Path(name).read_bytes()[:-cut])


def folder_with_a_broken_file() -> None:
    Path("part").mkdir()
    Frame({"a": [1]}).write_parquet("part/1.parquet")
    write_parquet("part/2.parquet", 20)


def folder_of_two_schemas() -> None:
    Path("part").mkdir()
    Frame({"a": [1]}).write_parquet("part/1.parquet")
    Frame({"b": [1]}).write_parquet("part/2.parquet")


def broken_ipc() -> None:
    Frame({"a": range(1000)}).write_ipc("a.arrow")
    write("a.arrow", Path("a.arrow").read_bytes()[:-20])


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"


@pytest.mark.parametrize(
    ("path", "prepare", "said"),
    [
        pytest.param("none.parquet", lambda: None, "does not exist", id="missing file"),
        pytest.param("none", lambda: None, "does not exist", id="misspelt dataset"),
        pytest.param("none/*.parquet", lambda: None, "no file matches", id="glob without a match"),
        pytest.param("part", lambda: Path("part").mkdir(), "no file matches", id="empty folder"),
        pytest.param("a.parquet", lambda: write("a.parquet", b""), "0 bytes", id="parquet of 0 bytes"),
        pytest.param("a.csv", lambda: write("a.csv", b""), "0 bytes", id="CSV of 0 bytes"),
        pytest.param("a.ndjson", lambda: write("a.ndjson", b""), "0 bytes", id="ndjson of 0 bytes"),
        pytest.param("a.csv", lambda: write("a.csv", LFS), "a.csv is a pointer of Git LFS", id="CSV not fetched"),
        pytest.param("a.parquet", lambda: write("a.parquet", LFS), "git lfs pull", id="parquet not fetched"),
        pytest.param("a.ndjson", lambda: write("a.ndjson", LFS), "git lfs pull", id="ndjson not fetched"),
        pytest.param("a.parquet", lambda: write_parquet("a.parquet", 20), "cannot be read as parquet", id="truncated"),
        pytest.param("a.parquet", lambda: write_parquet("a.parquet", 1000), "cannot be read", id="truncated more"),
        pytest.param("a.parquet", lambda: write("a.parquet", "a,b\n1,2\n"), "cannot be read", id="CSV named parquet"),
        pytest.param("part", folder_with_a_broken_file, "", id="folder with a truncated file"),
        pytest.param("part/*.parquet", folder_of_two_schemas, "", id="files of two schemas"),
        pytest.param("a.arrow", broken_ipc, "cannot be read as ipc", id="truncated Arrow file"),
        pytest.param("a.csv", lambda: write("a.csv", "a,b,a\n1,2,3\n"), "'a' more than once", id="CSV names twice"),
        pytest.param("a.csv", lambda: write("a.csv", 'a,"a"\n1,2\n'), "'a' more than once", id="quoted name twice"),
        pytest.param("a.csv", lambda: write("a.csv", "a,b\n1,2\n3"), "truncated?", id="truncated CSV"),
        pytest.param("a.csv", lambda: write("a.csv", "a,b\n" + "1,2\n" * 20_000 + "x,2\n"), "", id="late text in CSV"),
        pytest.param("a.csv", lambda: write("a.csv", "a,b\nä,ö\n".encode("latin-1")), "utf-8", id="CSV in Latin-1"),
        pytest.param("a.csv", lambda: write("a.csv", "a" * 200_000), "cannot be read as csv", id="endless CSV header"),
        pytest.param("a.ndjson", lambda: write("a.ndjson", '{"a": 1}\n{"a": '), "", id="truncated ndjson"),
        pytest.param("a.ndjson", lambda: write("a.ndjson", "not json\n"), "cannot be read as ndjson", id="no ndjson"),
    ],
)
def test_a_source_that_cannot_be_read_is_an_error_of_every_rule(
    path: str, prepare: Callable[[], object], said: str
) -> None:
    prepare()
    result = judge(path, NOT_NULL)
    assert (result.status, result.exit_code, result.rules[0].status) == (Status.ERROR, 3, Status.ERROR)
    assert said in result.rules[0].message
    assert "\n" not in result.rules[0].message


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(ONE.lazy().select("b"), id="LazyFrame whose plan is broken"),
        pytest.param(pl.scan_parquet("none.parquet"), id="LazyFrame of a missing file"),
        pytest.param({"a": [1, "x"]}, id="columns of mixed values"),
        pytest.param(pd.DataFrame([[1, 2]], columns=["a", "a"]), id="pandas columns named twice"),
        pytest.param(pd.DataFrame({"a": [1, "x", {}]}), id="pandas objects of mixed types"),
        pytest.param([ONE, ONE], id="a list of frames"),
        pytest.param((ONE.to_pandas(), 1), id="a frame and a number"),
        pytest.param({"sheet": ONE.lazy(), "other": ONE}, id="frames by name"),
        pytest.param(["data/a.csv", "data/b.csv"], id="a list of paths"),
        pytest.param(ONE.to_arrow().to_reader(), id="a stream that can be read once"),
    ],
)
def test_data_that_cannot_be_read_as_a_table_is_an_error(data: Any) -> None:
    result = judge(data, NOT_NULL, {"check": "row_count", "min": 1})
    assert (result.status, result.exit_code) == (Status.ERROR, 3)
    assert {rule.status for rule in result.rules} == {Status.ERROR}
    assert "\n" not in (result.reason or "")


def test_a_lazyframe_that_breaks_while_it_runs_is_an_error_and_no_traceback() -> None:
    lazy = Frame({"a": ["1", "x"]}).lazy().with_columns(pl.col("a").cast(pl.Int64))
    result = judge(lazy, NOT_NULL, {"check": "row_count", "min": 1})
    assert result.status is Status.ERROR
    assert "conversion from `str` to `i64` failed" in result.rules[0].message


@pytest.mark.parametrize("data", [5, "", None, object()], ids=["number", "no path", "none", "object"])
def test_what_is_no_data_is_refused(data: Any) -> None:
    with pytest.raises(ConfigurationError, match="give a frame, a path or a dataset's name"):
        judge(data, NOT_NULL)


def test_a_lazyframe_is_judged_as_its_frame_is() -> None:
    data = Frame({"a": [1, None, 3], "b": ["x", "x", "y"]})
    rules = NOT_NULL, about("in_range", max=2), {"check": "unique", "column": "b"}
    assert judge(data.lazy(), *rules).comparable() == judge(data, *rules).comparable()
    assert judge(data.lazy(), *rules).failed_count == 3


def test_one_rule_that_cannot_be_computed_is_an_error_and_the_others_are_still_judged() -> None:
    missing = about("foreign_key", reference="gone.parquet")
    result = judge(Frame({"a": [1, None]}), NOT_NULL, missing, about("positive"))
    assert [rule.status.value for rule in result.rules] == ["FAILED", "ERROR", "PASSED"]
    assert result.rules[1].message == "the file gone.parquet does not exist"
    assert judge(ONE, NOT_NULL, missing).status is Status.ERROR
