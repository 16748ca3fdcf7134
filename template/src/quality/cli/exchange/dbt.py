"""dbt's schema.yml: the tests of models, sources, seeds and snapshots, dbt-utils and dbt-expectations included."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from quality.cli.exchange.expectations import expectation
from quality.cli.exchange.found import Found, NoCounterpartError, Rule, bounds, exclusive, quoted

Given = Mapping[str, Any]
PACKAGES = re.compile(r"^(dbt_utils|dbt_expectations|dbt)\.")
ABOUT = ("severity", "where", "name", "tags", "meta", "config", "description", "limit", "store_failures", "enabled")
CHANGES = ("error_if", "warn_if", "fail_calc", "group_by_columns")
"""What changes a verdict, and has no counterpart."""
AGES = {"minute": "m", "hour": "h", "day": "d", "week": "w"}
TESTS: dict[str, Callable[[Given, str], Rule]] = {
    "not_null": lambda of, column: {"check": "not_null", "column": column},
    "unique": lambda of, column: {"check": "unique", "column": column},
    "accepted_values": lambda of, column: {"check": "in_set", "column": column, "values": of["values"]},
    "not_accepted_values": lambda of, column: {"check": "not_in_set", "column": column, "values": of["values"]},
    "relationships": lambda of, column: _reference(of["to"], of["field"], column),
    "relationships_where": lambda of, column: {
        **_reference(of["to"], of["field"], column),
        "where": _unless(of.get("to_condition"), of.get("from_condition")),
    },
    "accepted_range": lambda of, column: {
        "check": "in_range",
        "column": column,
        **bounds(of.get("min_value"), of.get("max_value")),
        "exclusive": None if of.get("inclusive", True) else exclusive("min_value" in of, "max_value" in of),
    },
    "expression_is_true": lambda of, column: {
        "check": "expression",
        "expression": f"{quoted(column)} {of['expression']}" if column else of["expression"],
    },
    "unique_combination_of_columns": lambda of, column: {
        "check": "unique_combination",
        "columns": of["combination_of_columns"],
    },
    "not_null_proportion": lambda of, column: {
        "check": "completeness_ratio",
        "column": column,
        "min_ratio": of["at_least"],
    },
    "at_least_one": lambda of, column: {"check": "distinct_count", "column": column, "min": 1},
    "not_constant": lambda of, column: {"check": "distinct_count", "column": column, "min": 2},
    "not_empty_string": lambda of, column: {"check": "not_empty", "column": column},
    "equal_rowcount": lambda of, column: {"check": "cross_table_row_count", "reference": referred(of["compare_model"])},
    "recency": lambda of, column: {
        "check": "freshness",
        "column": of["field"],
        "max_age": f"{of['interval']}{AGES[of['datepart']]}",
    },
}


def models(document: Given) -> list[Found]:
    """A contract for each model, source table, seed and snapshot that is described."""
    kinds = ("models", "seeds", "snapshots")
    nodes = [node for kind in kinds for node in document.get(kind) or []]
    tables = [table for source in document.get("sources") or [] for table in source.get("tables") or []]
    return [_model(node) for node in [*nodes, *tables]]


def _model(node: Given) -> Found:
    found = Found(str(node["name"]))
    found.description = node.get("description") or None
    found.owner = ((node.get("meta") or (node.get("config") or {}).get("meta") or {}).get("owner")) or None
    for test in _tests(node):
        _take(found, test, "")
    for column in node.get("columns") or []:
        for test in _tests(column):
            _take(found, test, str(column["name"]))
    if node.get("freshness"):
        found.leave(f"freshness of {node['name']}", "write a freshness rule with the column that says when")
    return found


def _tests(node: Given) -> list[Any]:
    return [*(node.get("data_tests") or []), *(node.get("tests") or [])]


def _take(found: Found, test: Any, column: str) -> None:
    name, given = (test, {}) if isinstance(test, str) else _named(test)
    told = f"{name}({column})" if column else name
    if changed := [word for word in CHANGES if word in given]:
        found.leave(told, f"{changed[0]} has no counterpart")
    else:
        found.take(told, _rules(PACKAGES.sub("", name), given, column))


def _named(test: Given) -> tuple[str, Given]:
    """The name of a test and what it is given: beside it, within `arguments`, and within `config`."""
    if "test_name" in test:
        name, given = str(test["test_name"]), {key: value for key, value in test.items() if key != "test_name"}
    else:
        name, given = next(iter(test.items()))
    given = given or {}
    return str(name), {**given, **(given.get("arguments") or {}), **(given.get("config") or {})}


def _rules(name: str, given: Given, column: str) -> Iterator[Rule]:
    if given.get("enabled") is False:
        raise NoCounterpartError("it is not enabled")
    shared = {
        "where": given.get("where"),
        "severity": {"warn": "warning", "error": None}.get(str(given.get("severity", "error")).lower()),
        "name": given.get("name"),
        "description": given.get("description"),
    }
    own = {key: value for key, value in given.items() if key not in ABOUT}
    if name.startswith("expect_"):
        rules: Iterator[Rule] = expectation(name, {"column": column, **own} if column else own)
    elif name in TESTS:
        rules = iter([TESTS[name](own, column)])
    else:
        raise NoCounterpartError("nothing here says it")
    for rule in rules:
        yield {**rule, **{key: value for key, value in shared.items() if value is not None}}


def referred(to: str) -> str:
    """The name in `ref('orders')` or `source('shop', 'orders')`."""
    found = re.findall(r"['\"]([^'\"]+)['\"]", to)
    return found[-1] if found else to


def _reference(to: str, field: str, column: str) -> Rule:
    return {"check": "referential_integrity", "column": column, "reference": referred(to), "reference_column": field}


def _unless(to: Any, condition: Any) -> Any:
    if to not in (None, "1=1"):
        raise NoCounterpartError("a condition on the other table has no counterpart")
    return None if condition in (None, "1=1") else condition
