"""The rule table: every rule of the vocabulary, with its aliases, on data that it passes and data that it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from checking import counts, judge, judge_one
from rule_table import ABOUT_HISTORY, ABOUT_THE_TABLE, ROW_RULES, ROWS, TABLE_RULES, Row, write_references

from quality.errors import ConfigurationError
from quality.rules.catalogue import BUILT_IN, canonical, check_name, parse_rule
from quality.rules.trends import METRICS
from quality.values import Status

VOCABULARY: dict[str, tuple[tuple[str, ...], dict[str, tuple[str, ...]]]] = {
    "not_null": (("required",), {}),
    "not_empty": ((), {}),
    "unique": ((), {}),
    "unique_combination": ((), {}),
    "primary_key": ((), {}),
    "in_set": (("accepted_values",), {"values": ("value_set", "allowed_values")}),
    "not_in_set": (("rejected_values",), {"values": ()}),
    "in_range": (("range", "between"), {"min": ("min_value",), "max": ("max_value",), "exclusive": ()}),
    "greater_than": (("gt",), {"value": ("threshold", "min_value")}),
    "greater_than_or_equal": (("gte",), {"value": ()}),
    "less_than": (("lt",), {"value": ("threshold", "max_value")}),
    "less_than_or_equal": (("lte",), {"value": ()}),
    "equal": (("eq",), {"value": ()}),
    "not_equal": (("neq",), {"value": ()}),
    "positive": ((), {}),
    "negative": ((), {}),
    "non_negative": ((), {}),
    "non_positive": ((), {}),
    "length": ((), {"min": (), "max": ()}),
    "min_length": ((), {"value": ("min_length", "min_len", "length")}),
    "max_length": ((), {"value": ("max_length", "max_len")}),
    "regex": (("pattern",), {"pattern": ("regex",)}),
    "email_format": (("email",), {}),
    "url_format": (("url",), {}),
    "uuid_format": (("uuid",), {}),
    "phone_format": (("phone",), {}),
    "ipv4_format": (("ipv4",), {}),
    "date_format": ((), {"format": ()}),
    "not_future": ((), {}),
    "not_past": ((), {}),
    "increasing": ((), {"strict": ()}),
    "decreasing": ((), {"strict": ()}),
    "z_score_outlier": (("zscore", "z_score"), {"threshold": ("z_threshold", "sigma")}),
    "referential_integrity": (
        ("foreign_key", "ref_integrity"),
        {
            "reference": ("reference_table", "ref_table", "foreign_table", "to_model"),
            "reference_column": ("ref_column", "foreign_column", "to_column"),
        },
    ),
    "conditional_null": (("conditional_not_null",), {"condition": ("when", "predicate")}),
    "expression": (("custom_expression", "custom", "satisfies"), {"expression": ("expr", "formula", "sql")}),
    "column_exists": ((), {}),
    "dtype": ((), {"dtype": ("data_type", "type_")}),
    "schema": ((), {"columns": (), "closed": (), "ordered": ()}),
    "row_count": (("row_count_range",), {"min": (), "max": ()}),
    "completeness_ratio": (("completeness", "null_rate"), {"min_ratio": ("ratio", "min_completeness")}),
    "distinct_count": ((), {"min": (), "max": ()}),
    "mean": ((), {"at_least": (), "at_most": ()}),
    "median": ((), {"at_least": (), "at_most": ()}),
    "sum": ((), {"at_least": (), "at_most": ()}),
    "stddev": ((), {"at_least": (), "at_most": ()}),
    "min": ((), {"at_least": (), "at_most": ()}),
    "max": ((), {"at_least": (), "at_most": ()}),
    "quantile": ((), {"q": (), "at_least": (), "at_most": ()}),
    "freshness": ((), {"max_age": (), "max_ahead": ()}),
    "cross_table_row_count": (("row_count_match",), {"reference": (), "tolerance": ()}),
    "reconcile": ((), {"reference": (), "key": (), "columns": (), "tolerance": ()}),
    "statistical_drift": (("drift", "stat_drift"), {"baseline": (), "method": (), "threshold": ()}),
    "distribution_change": (("dist_change",), {"baseline": (), "method": (), "threshold": ()}),
    "volume": ((), {"max_change": (), "window": ()}),
    "trend": (("change_over_time", "metric_change"), {"metric": (), "q": (), "max_change": (), "window": ()}),
    "anomaly": (
        ("anomaly_detection", "metric_z_score"),
        {"metric": (), "q": (), "threshold": ("z_threshold", "sigma"), "window": (), "min_runs": ()},
    ),
}
"""The canonical name of every rule, its aliases, and its parameters with theirs."""

TREND: dict[str, Any] = {"check": "trend", "column": "a", "max_change": 0.1}
every_rule = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.check)
every_rule_by = pytest.mark.parametrize(
    "row", [row for row in ROWS if row.check not in ABOUT_HISTORY], ids=lambda row: row.check
)
every_row_rule = pytest.mark.parametrize("row", ROW_RULES, ids=lambda row: row.check)


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("references")
    write_references(folder)
    return folder


@pytest.fixture(autouse=True)
def _repository(references: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(references)
    monkeypatch.setenv("QUALITY_ROOT", str(references))


def outcome(row: Row) -> tuple[str, int, int]:
    return "FAILED", row.failed, row.judged


def twice(row: Row, **column: tuple[Any, Any]) -> pl.DataFrame:
    """The bad data two times, told apart by the values of one more column."""
    ((name, (first, second)),) = column.items()
    one, other = (row.bad.with_columns(pl.lit(value).alias(name)) for value in (first, second))
    return pl.concat([one, other])


def test_the_table_has_one_row_for_each_rule_of_the_vocabulary() -> None:
    assert [row.check for row in ROWS] == [check_name(rule) for rule in BUILT_IN] == list(VOCABULARY)


@every_rule
def test_good_data_passes(row: Row) -> None:
    result = judge(row.good, row.rule)
    assert (result.status, result.rules[0].status) == (Status.PASSED, Status.PASSED), result.rules[0].message


@every_rule
def test_bad_data_fails_with_the_exact_counts(row: Row) -> None:
    result = judge_one(row.bad, row.rule)
    assert counts(result) == outcome(row), result.message
    if isinstance(row.value, float):
        assert result.value == pytest.approx(row.value)
    else:
        assert result.value == row.value
    assert result.message


@every_row_rule
def test_the_rows_shown_are_the_rows_that_fail(row: Row) -> None:
    shown = judge_one(row.bad, row.rule, sample_rows=100).samples
    assert tuple(sample["row"] for sample in shown) == row.failing


@every_row_rule
def test_a_null_is_judged_by_the_rules_about_nulls_and_by_no_other(row: Row) -> None:
    more = pl.concat([row.bad, pl.DataFrame({name: [None] for name in row.bad.columns}, schema=row.bad.schema)])
    extra = 1 if row.judges_nulls else 0
    assert counts(judge_one(more, row.rule)) == ("FAILED", row.failed + extra, row.judged + extra)


@pytest.mark.parametrize("row", [row for row in ROWS if row.check not in ABOUT_THE_TABLE], ids=lambda row: row.check)
def test_a_column_of_nulls_fails_the_rules_about_nulls_and_is_skipped_by_all_others(row: Row) -> None:
    nothing = pl.DataFrame({name: [None, None] for name in row.bad.columns}, schema=row.bad.schema)
    result = judge(nothing, row.rule)
    assert result.status is (Status.FAILED if row.judges_nulls or row.check == "completeness_ratio" else Status.SKIPPED)


@every_rule
def test_where_leaves_rows_out(row: Row) -> None:
    assert counts(judge_one(twice(row, kept=(True, False)), {**row.rule, "where": "kept"})) == outcome(row)


@pytest.mark.parametrize("row", [row for row in ROWS if row.check not in ABOUT_THE_TABLE], ids=lambda row: row.check)
def test_where_that_leaves_no_row_skips_the_rule(row: Row) -> None:
    result = judge(row.good, {**row.rule, "where": f"{row.good.columns[0]} IS NULL AND FALSE"})
    assert (result.status, result.exit_code) == (Status.SKIPPED, 3)


@every_rule_by
def test_by_gives_one_result_for_each_segment(row: Row) -> None:
    results = judge(twice(row, part=("x", "y")), {**row.rule, "by": "part"}).rules
    assert [(result.segment, *counts(result)) for result in results] == [("x", *outcome(row)), ("y", *outcome(row))]


@every_row_rule
def test_by_shows_the_failing_rows_of_the_segment(row: Row) -> None:
    results = judge(twice(row, part=("x", "y")), {**row.rule, "by": "part"}, sample_rows=100).rules
    offset, failing = row.bad.height, row.failing or ()
    shown = [tuple(sample["row"] for sample in result.samples) for result in results]
    assert shown == [failing, tuple(offset + number for number in failing)]


@every_rule_by
def test_half_the_rows_of_a_segment_may_fail_where_the_rule_says_so(row: Row) -> None:
    rate = row.failed / row.judged
    assert judge_one(row.bad, {**row.rule, "max_failure_rate": rate}).status is Status.PASSED
    warned = {**row.rule, "max_failure_rate": rate, "warn_failure_rate": rate / 2}
    assert judge(row.bad, warned).status is Status.WARNING
    assert judge_one(row.bad, {**row.rule, "max_failure_rate": rate * 0.999}).status is Status.FAILED


@pytest.mark.parametrize(
    ("canonical_name", "alias"),
    [(name, alias) for name, (aliases, _) in VOCABULARY.items() for alias in aliases],
)
def test_an_alias_is_accepted_and_written_back_canonically(canonical_name: str, alias: str) -> None:
    rule = next(row.rule for row in ROWS if row.check == canonical_name)
    for spelling in ("check", "type"):
        written = {**{k: v for k, v in rule.items() if k != "check"}, spelling: alias}
        assert parse_rule(written) == parse_rule(rule)
        assert canonical(parse_rule(written))["check"] == canonical_name


VALUES: dict[str, Any] = {"strict": True, "exclusive": "both", "closed": True, "ordered": True, "window": 3} | {
    "tolerance": 0.5,
    "threshold": 0.5,
    "min_runs": 2,
    "max_ahead": "2h",
    "max": 9,
    "at_least": 0,
    "at_most": 5,
    "columns": ["name"],
}


@pytest.mark.parametrize(
    ("check", "field", "alias"),
    [
        (check, field, alias)
        for check, (_, fields) in VOCABULARY.items()
        for field, aliases in fields.items()
        for alias in (field, *aliases)
    ],
)
def test_a_parameter_alias_is_accepted_and_written_back_canonically(check: str, field: str, alias: str) -> None:
    rule = next(row.rule for row in ROWS if row.check == check)
    value = VALUES.get(field, rule.get(field)) if check != "schema" else rule.get(field, True)
    others = {k: v for k, v in rule.items() if k != field}
    expected, found = parse_rule({**others, field: value}), parse_rule({**others, alias: value})
    assert found == expected
    assert field in canonical(found)
    assert alias == field or alias not in canonical(found)


def test_no_rule_has_parameters_or_aliases_that_the_vocabulary_does_not_name() -> None:
    common = set(BUILT_IN[0].model_fields)
    for rule in BUILT_IN:
        aliases, fields = VOCABULARY[check_name(rule)]
        assert aliases == rule.ALIASES
        assert set(rule.model_fields) - common - {"columns"} == set(fields) - {"columns"}


@every_rule
def test_what_is_written_back_reads_as_the_same_rule(row: Row) -> None:
    rule = parse_rule(row.rule)
    assert parse_rule(canonical(rule)) == rule
    assert parse_rule(rule) is rule


@every_rule
def test_a_rule_has_a_docstring_and_a_sentence(row: Row) -> None:
    rule = parse_rule(row.rule)
    assert (type(rule).__doc__ or "").strip().endswith(".")
    assert rule.says()


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"check": "not_nul", "column": "a"}, "unknown rule 'not_nul'; did you mean 'not_null'?"),
        ({"check": "not_null"}, "rule 'not_null' needs the field 'column'"),
        ({"check": "not_null", "colum": "a", "column": "a"}, "has no field 'colum'; did you mean 'column'?"),
        ({"check": "not_null", "type": "unique", "column": "a"}, "check 'not_null' and type 'unique' contradict"),
        ({"column": "a"}, "a rule names its check"),
        ("not_null", "a rule is a mapping"),
        (
            {"check": "not_null", "column": "a", "severity": "eror"},
            "severity must be one of critical, error, warning, info, not 'eror'; did",
        ),
        (
            {"check": "not_null", "column": "a", "max_failure_rate": 5},
            "max_failure_rate must be a fraction from 0 to 1, not 5",
        ),
        ({"check": "in_range", "column": "a"}, "give min, max or both"),
        ({"check": "in_range", "column": "a", "min": 5, "max": 1}, "nothing lies between 5 and 1"),
        ({"check": "in_range", "column": "a", "min": [1]}, "min: a value is a number, a text, a date, true or false"),
        ({"check": "in_range", "column": "a", "min": float("inf")}, "min: a value is a number"),
        ({"check": "in_set", "column": "a", "values": []}, "values is empty; give at least one"),
        ({"check": "in_set", "column": "a", "values": [None]}, "values 1: a value is a number"),
        ({"check": "length", "column": "a"}, "give min, max or both"),
        ({"check": "mean", "column": "a"}, "give at_least, at_most or both"),
        ({"check": "quantile", "column": "a", "q": 75, "at_most": 1}, "q must be a fraction from 0 to 1, not 75"),
        ({"check": "regex", "column": "a", "pattern": "(?=x)"}, "look-around"),
        ({"check": "regex", "column": "a", "pattern": "("}, "the pattern '(' cannot be compiled"),
        ({"check": "date_format", "column": "a", "format": "foo"}, "names no part of a date"),
        ({"check": "freshness", "column": "a", "max_age": "1y"}, "write 90s, 30m, 26h, 7d or 2w"),
        ({"check": "dtype", "column": "a", "dtype": "integr"}, "unknown dtype 'integr'; did you mean 'integer'?"),
        ({"check": "unique_combination", "columns": ["a", "a"]}, "a column is named twice"),
        (
            {"check": "drift", "column": "a", "baseline": "x", "method": "foo"},
            "method must be one of psi, ks, chi2, not 'foo'",
        ),
        (TREND | {"metric": "meen"}, "rule 'trend': metric: unknown metric 'meen'; did you mean 'mean'?"),
        (TREND | {"metric": "mean", "column": None}, "the metric mean needs the field `column`"),
        (TREND | {"metric": "row_count"}, "the metric row_count takes no `column`; only completeness_ratio, "),
        (TREND | {"metric": "quantile"}, "the metric quantile needs the field `q`"),
        (TREND | {"metric": "mean", "q": 0.5}, "the metric mean takes no `q`; only quantile can"),
        (TREND | {"metric": "mean", "max_change": -0.1}, "max_change must be at least 0, not -0.1"),
        (TREND | {"metric": "mean", "max_chang": 1}, "has no field 'max_chang'; did you mean 'max_change'?"),
        ({"check": "anomaly", "metric": "row_count", "window": 4}, "the last 4 runs never have min_runs=5 numbers"),
        ({"check": "anomaly", "metric": "row_count", "min_runs": 1}, "min_runs must be at least 2, not 1"),
    ],
    ids=str,
)
def test_a_rule_that_cannot_be_is_refused_in_one_sentence(rule: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_rule(rule)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_row_rules_and_table_rules_are_told_apart() -> None:
    assert {row.check for row in ROW_RULES}.isdisjoint(row.check for row in TABLE_RULES)


@pytest.mark.parametrize("row", [row for row in ROWS if row.check in ABOUT_HISTORY], ids=lambda row: row.check)
def test_a_rule_about_history_remembers_no_segments(row: Row) -> None:
    with pytest.raises(ConfigurationError, match=f"write one {row.check} rule with `where` for each"):
        judge(row.good, {**row.rule, "by": "a"})


@pytest.mark.parametrize("metric", ["mean", "median", "sum", "stddev", "min", "max"])
@pytest.mark.parametrize("dtype", ["String", "Date", "Boolean"])
def test_what_is_no_number_has_no_trend(metric: str, dtype: str) -> None:
    nothing = pl.DataFrame({"a": []}, schema={"a": getattr(pl, dtype)})
    result = judge_one(nothing, TREND | {"metric": metric})
    assert result.status.value == "ERROR"
    assert f"column 'a' is {dtype}" in result.message
    assert f"{metric} over time judges number" in result.message


NUMBERS: dict[str, tuple[dict[str, Any], Any]] = {
    "row_count": ({}, 5),
    "completeness_ratio": ({"column": "a"}, 0.8),
    "distinct_count": ({"column": "a"}, 4),
    "mean": ({"column": "a"}, 4.0),
    "median": ({"column": "a"}, 2.5),
    "sum": ({"column": "a"}, 16),
    "stddev": ({"column": "a"}, pytest.approx(4.0824829)),
    "min": ({"column": "a"}, 1),
    "max": ({"column": "a"}, 10),
    "quantile": ({"column": "a", "q": 0.25}, 1.75),
}


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_is_the_number_of_the_rule_that_it_is_named_as(metric: str) -> None:
    assert check_name(METRICS[metric]) == metric
    fields, number = NUMBERS[metric]
    rule = {"check": "trend", "metric": metric, "max_change": 0.1, **fields}
    assert judge_one(pl.DataFrame({"a": [1, 2, 3, 10, None]}), rule).value == number
