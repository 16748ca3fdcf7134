"""Great Expectations suites, and the tests of dbt-expectations, which have the same names and fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from quality.cli.exchange.found import Found, NoCounterpartError, Rule, bounds, dtype, exclusive, quoted, rate, text

Given = Mapping[str, Any]
AGGREGATES = {"mean": "mean", "median": "median", "sum": "sum", "stdev": "stddev", "min": "min", "max": "max"}
EACH: dict[str, Callable[[Given], Rule]] = {
    "expect_column_to_exist": lambda of: {"check": "column_exists"},
    "expect_column_values_to_not_be_null": lambda of: {"check": "not_null"},
    "expect_column_values_to_be_unique": lambda of: {"check": "unique"},
    "expect_column_values_to_be_in_set": lambda of: {"check": "in_set", "values": of["value_set"]},
    "expect_column_distinct_values_to_be_in_set": lambda of: {"check": "in_set", "values": of["value_set"]},
    "expect_column_values_to_not_be_in_set": lambda of: {"check": "not_in_set", "values": of["value_set"]},
    "expect_column_values_to_be_between": lambda of: {
        "check": "in_range",
        **bounds(of.get("min_value"), of.get("max_value")),
        "exclusive": exclusive(of.get("strict_min") or of.get("strictly"), of.get("strict_max") or of.get("strictly")),
    },
    "expect_column_value_lengths_to_be_between": lambda of: {
        "check": "length",
        **bounds(of.get("min_value"), of.get("max_value")),
    },
    "expect_column_value_lengths_to_equal": lambda of: {"check": "length", "min": of["value"], "max": of["value"]},
    "expect_column_values_to_match_regex": lambda of: {"check": "regex", "pattern": of["regex"]},
    "expect_column_values_to_match_strftime_format": lambda of: {
        "check": "date_format",
        "format": of["strftime_format"],
    },
    "expect_column_values_to_be_of_type": lambda of: {"check": "dtype", "dtype": _type(of)},
    "expect_column_values_to_be_increasing": lambda of: {"check": "increasing", "strict": bool(of.get("strictly"))},
    "expect_column_values_to_be_decreasing": lambda of: {"check": "decreasing", "strict": bool(of.get("strictly"))},
    "expect_column_unique_value_count_to_be_between": lambda of: {
        "check": "distinct_count",
        **bounds(of.get("min_value"), of.get("max_value")),
    },
    "expect_column_proportion_of_non_null_values_to_be_between": lambda of: _ratio(of),
    "expect_column_values_to_be_null": lambda of: _expression(f"{quoted(of['column'])} IS NULL"),
    "expect_column_values_to_not_match_regex": lambda of: _expression(
        f"NOT {quoted(of['column'])} ~ {text(of['regex'])}"
    ),
    "expect_column_values_to_match_like_pattern": lambda of: _expression(
        f"{quoted(of['column'])} LIKE {text(of['like_pattern'])}"
    ),
}
"""Expectations about one column."""
WHOLE: dict[str, Callable[[Given], Rule]] = {
    "expect_table_row_count_to_be_between": lambda of: {
        "check": "row_count",
        **bounds(of.get("min_value"), of.get("max_value")),
    },
    "expect_table_row_count_to_equal": lambda of: {"check": "row_count", "min": of["value"], "max": of["value"]},
    "expect_table_row_count_to_equal_other_table": lambda of: {
        "check": "cross_table_row_count",
        "reference": of.get("other_table_name") or of["compare_model"],
    },
    "expect_compound_columns_to_be_unique": lambda of: {"check": "unique_combination", "columns": of["column_list"]},
    "expect_column_pair_values_to_be_equal": lambda of: _expression(
        f"{quoted(of['column_A'])} = {quoted(of['column_B'])}"
    ),
    "expect_column_pair_values_a_to_be_greater_than_b": lambda of: _expression(
        f"{quoted(of['column_A'])} {'>=' if of.get('or_equal') else '>'} {quoted(of['column_B'])}"
    ),
    "expect_multicolumn_sum_to_equal": lambda of: _expression(
        f"{' + '.join(map(quoted, of['column_list']))} = {of['sum_total']}"
    ),
}
"""Expectations about several columns, or the table."""


def suite(document: Given, name: str) -> Found:
    """A suite of Great Expectations, in the form of any of its releases."""
    found = Found(str(document.get("expectation_suite_name") or document.get("name") or name))
    for one in document["expectations"]:
        kind, given = str(one.get("expectation_type") or one.get("type")), {**one.get("kwargs", {})}
        where = f"{kind}({', '.join(_about(given))})"
        if given.get("row_condition"):
            found.leave(where, f"its row_condition {given['row_condition']!r} is written for another parser")
            continue
        severity = one.get("severity") or given.get("severity")
        found.take(where, expectation(kind, given, severity))
    return found


def _about(given: Given) -> Iterator[str]:
    for field in ("column", "column_A", "column_B", "column_list"):
        if field in given:
            yield from map(str, given[field] if isinstance(given[field], list) else [given[field]])


def expectation(kind: str, given: Given, severity: Any = None) -> Iterator[Rule]:
    """The rules that one expectation is here."""
    shared = {
        "max_failure_rate": rate(given.get("mostly")),
        "where": given.get("row_condition"),
        "severity": severity if severity in ("critical", "error", "warning", "info") else None,
    }
    if kind == "expect_table_columns_to_match_set" and given.get("exact_match") in (None, False):
        yield from ({"check": "column_exists", "column": column} for column in given["column_set"])
    elif kind in EACH:
        yield {**EACH[kind](given), **({} if EACH[kind](given)["check"] == "expression" else _column(given)), **shared}
    elif kind in WHOLE:
        yield {**WHOLE[kind](given), **shared}
    elif (name := kind.removeprefix("expect_column_").removesuffix("_to_be_between")) in AGGREGATES:
        if given.get("strict_min") or given.get("strict_max") or given.get("strictly"):
            raise NoCounterpartError("bounds of a column's number are included here")
        both = bounds(given.get("min_value"), given.get("max_value"), ("at_least", "at_most"))
        yield {"check": AGGREGATES[name], **_column(given), **both, **shared}
    elif kind == "expect_column_quantile_values_to_be_between":
        ranges = given["quantile_ranges"]
        for q, (low, high) in zip(ranges["quantiles"], ranges["value_ranges"], strict=True):
            yield {
                "check": "quantile",
                **_column(given),
                "q": q,
                **bounds(low, high, ("at_least", "at_most")),
                **shared,
            }
    else:
        raise NoCounterpartError("nothing here says it")


def _column(given: Given) -> Rule:
    return {"column": given["column"]}


def _type(of: Given) -> str:
    return dtype(of.get("type_") or of["column_type"])


def _ratio(of: Given) -> Rule:
    if of.get("max_value") not in (None, 1, 1.0):
        raise NoCounterpartError("a ratio of values has no upper bound here")
    return {"check": "completeness_ratio", "min_ratio": of["min_value"]}


def _expression(condition: str) -> Rule:
    return {"check": "expression", "expression": condition}
