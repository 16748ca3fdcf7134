"""Great Expectations suites, and the tests of dbt-expectations, which have the same names and fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from quality.cli.exchange.found import (
    Found,
    Given,
    NoCounterpartError,
    Rule,
    bounds,
    dtype,
    exclusive,
    quoted,
    rate,
    text,
)

AGGREGATES = {"mean": "mean", "median": "median", "sum": "sum", "stdev": "stddev", "min": "min", "max": "max"}
ABOUT: tuple[str, ...] = (
    "batch_id",
    "result_format",
    "catch_exceptions",
    "include_config",
    "meta",
    "notes",
    "description",
    "severity",
    "condition_parser",
    "output_strftime_format",
    "auto",
    "profiler_config",
)
"""What is said of an expectation, and changes no verdict."""
EACH: dict[str, Callable[[Mapping[str, Any]], Rule]] = {
    "expect_column_to_exist": lambda of: {"check": "column_exists"},
    "expect_column_values_to_not_be_null": lambda of: {"check": "not_null"},
    "expect_column_values_to_be_unique": lambda of: {"check": "unique"},
    "expect_column_values_to_be_in_set": lambda of: {"check": "in_set", "values": of["value_set"]},
    "expect_column_distinct_values_to_be_in_set": lambda of: {"check": "in_set", "values": of["value_set"]},
    "expect_column_values_to_not_be_in_set": lambda of: {"check": "not_in_set", "values": of["value_set"]},
    "expect_column_values_to_be_between": lambda of: {
        "check": "in_range",
        **bounds(of.get("min_value"), of.get("max_value")),
        "exclusive": exclusive(*_strict(of)),
    },
    "expect_column_value_lengths_to_be_between": lambda of: {
        "check": "length",
        **_counted(of),
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
        **_counted(of),
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
WHOLE: dict[str, Callable[[Mapping[str, Any]], Rule]] = {
    "expect_table_row_count_to_be_between": lambda of: {
        "check": "row_count",
        **_counted(of),
    },
    "expect_table_row_count_to_equal": lambda of: {"check": "row_count", "min": of["value"], "max": of["value"]},
    "expect_table_row_count_to_equal_other_table": lambda of: {
        "check": "cross_table_row_count",
        "reference": of.get("other_table_name") or of["compare_model"],
    },
    "expect_compound_columns_to_be_unique": lambda of: {
        "check": "unique_combination",
        "columns": _columns(of, "any_value_is_missing"),
    },
    "expect_column_pair_values_to_be_equal": lambda of: _pair(of, "="),
    "expect_column_pair_values_a_to_be_greater_than_b": lambda of: _pair(of, ">=" if of.get("or_equal") else ">"),
    "expect_multicolumn_sum_to_equal": lambda of: _expression(
        _null_fails(f"{' + '.join(map(quoted, _columns(of)))} = {of['sum_total']}", of["column_list"])
    ),
}
"""Expectations about several columns, or the table."""


def suite(document: Mapping[str, Any], name: str) -> Found:
    """A suite of Great Expectations, in the form of any of its releases."""
    found = Found(str(document.get("expectation_suite_name") or document.get("name") or name))
    for one in document["expectations"]:
        kind, given = str(one.get("expectation_type") or one.get("type")), {**one.get("kwargs", {})}
        where = f"{kind}({', '.join(_about(given))})"
        if given.get("row_condition"):
            found.leave(where, f"its row_condition {given['row_condition']!r} is written for another parser")
            continue
        severity = one.get("severity") or given.get("severity")
        found.take(where, _whole(expectation(kind, read := Given(given), severity), read))
    return found


def _whole(rules: Iterator[Rule], given: Given) -> Iterator[Rule]:
    yield from rules
    given.all_asked(ABOUT)


def _about(given: Mapping[str, Any]) -> Iterator[str]:
    for field in ("column", "column_A", "column_B", "column_list"):
        if field in given:
            yield from map(str, given[field] if isinstance(given[field], list) else [given[field]])


def expectation(kind: str, given: Mapping[str, Any], severity: Any = None) -> Iterator[Rule]:
    """The rules that one expectation is here."""
    shared = {
        "max_failure_rate": rate(given.get("mostly")),
        "where": given.get("row_condition"),
        "severity": severity if severity in ("critical", "error", "warning", "info") else None,
    }
    if kind == "expect_table_columns_to_match_set":
        if given.get("exact_match", True) is not False:
            raise NoCounterpartError(
                "that there are no other columns is a schema rule with closed: true and their dtypes"
            )
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


def _strict(of: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether the lower bound, and the upper one, is not allowed itself."""
    low, high = (of.get(f"{end}_value") is not None for end in ("min", "max"))
    strictly = of.get("strictly")
    return bool(low and (of.get("strict_min") or strictly)), bool(high and (of.get("strict_max") or strictly))


def _counted(of: Mapping[str, Any]) -> Rule:
    """Bounds of a number that is whole, where more than 0 is at least 1."""
    low, high = of.get("min_value"), of.get("max_value")
    over, under = _strict(of)
    return bounds(of["min_value"] + 1 if over else low, of["max_value"] - 1 if under else high)


def _columns(of: Mapping[str, Any], ignored: str = "all_values_are_missing") -> list[str]:
    """The columns together; NoCounterpartError where rows are left out that are not left out here."""
    if of.get("ignore_row_if") not in (None, "all_values_are_missing", ignored):
        raise NoCounterpartError(f"ignore_row_if: {of['ignore_row_if']} has no counterpart")
    return list(of["column_list"])


def _pair(of: Mapping[str, Any], sign: str) -> Rule:
    """Two columns compared, where a null beside a value fails unless the expectation leaves such rows out."""
    columns = (of["column_A"], of["column_B"])
    condition = f" {sign} ".join(map(quoted, columns))
    ignored = of.get("ignore_row_if") or "both_values_are_missing"
    if ignored == "either_value_is_missing":
        return _expression(condition)
    if ignored != "both_values_are_missing":
        raise NoCounterpartError(f"ignore_row_if: {ignored} has no counterpart")
    return _expression(_null_fails(condition, columns))


def _null_fails(condition: str, columns: Iterable[str]) -> str:
    """The condition, false where only some of its columns are null; rows where all are null are no failures."""
    return f"COALESCE({condition}, {' AND '.join(f'{quoted(one)} IS NULL' for one in columns)})"


def _column(given: Mapping[str, Any]) -> Rule:
    return {"column": given["column"]}


def _type(of: Mapping[str, Any]) -> str:
    return dtype(of.get("type_") or of["column_type"])


def _ratio(of: Mapping[str, Any]) -> Rule:
    if of.get("max_value") not in (None, 1, 1.0):
        raise NoCounterpartError("a ratio of values has no upper bound here")
    return {"check": "completeness_ratio", "min_ratio": of["min_value"]}


def _expression(condition: str) -> Rule:
    return {"check": "expression", "expression": condition}
