"""dbt's schema.yml: the tests of models, sources, seeds and snapshots, dbt-utils and dbt-expectations included."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from quality.cli.exchange.expectations import expectation
from quality.cli.exchange.found import Found, Given, NoCounterpartError, Rule, both, bounds, exclusive, quoted

Written = Mapping[str, Any]
PACKAGES = re.compile(r"^(dbt_utils|dbt_expectations|dbt)\.")
ABOUT: tuple[str, ...] = (
    "severity",
    "where",
    "name",
    "tags",
    "meta",
    "config",
    "description",
    "limit",
    "store_failures",
    "enabled",
    "arguments",
    "quote",
    "quote_columns",
    "quote_values",
    "store_failures_as",
    "database",
    "schema",
    "alias",
    "column_name",
    "row_condition",
)
CHANGES = ("error_if", "warn_if", "fail_calc", "group_by_columns")
"""What changes a verdict, and has no counterpart."""
AGES = {"minute": "m", "hour": "h", "day": "d", "week": "w"}
TESTS: dict[str, Callable[[Written, str], Rule]] = {
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
        "exclusive": None
        if of.get("inclusive", True)
        else exclusive(of.get("min_value") is not None, of.get("max_value") is not None),
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
    "not_empty_string": lambda of, column: {
        "check": "regex",
        "column": column,
        "pattern": "[^ ]" if of.get("trim_whitespace", True) else "(?s).",
    },
    "equal_rowcount": lambda of, column: {"check": "cross_table_row_count", "reference": referred(of["compare_model"])},
    "recency": lambda of, column: {
        "check": "freshness",
        "column": of["field"],
        "max_age": _age(of["interval"], of["datepart"]),
    },
    "expect_column_quantile_values_to_be_between": lambda of, column: {
        "check": "quantile",
        "column": column,
        "q": of["quantile"],
        **bounds(of.get("min_value"), of.get("max_value"), ("at_least", "at_most")),
    },
    "expect_column_pair_values_to_be_equal": lambda of, column: {
        "check": "expression",
        "expression": f"{quoted(of['column_A'])} = {quoted(of['column_B'])}",
    },
    "expect_column_pair_values_A_to_be_greater_than_B": lambda of, column: {
        "check": "expression",
        "expression": f"{quoted(of['column_A'])} {'>=' if of.get('or_equal') else '>'} {quoted(of['column_B'])}",
    },
}
SORTED = "it sorts the rows first, and here they are judged as they lie"
OTHERWISE = {
    "expect_column_values_to_be_increasing": SORTED,
    "expect_column_values_to_be_decreasing": SORTED,
    "expect_multicolumn_sum_to_equal": "it adds whole columns, and nothing here does",
    "expect_table_columns_to_match_set": "that there are no other columns is a schema rule with their dtypes",
}
"""Tests of dbt-expectations that say something else than the expectation of their name."""


def models(document: Written) -> list[Found]:
    """A contract for each model, source table, seed and snapshot that is described."""
    kinds = ("models", "seeds", "snapshots")
    nodes = [node for kind in kinds for node in document.get(kind) or []]
    made = [_model(node) for node in nodes]
    taken = [one.dataset for one in made]
    sources = [(source, table) for source in document.get("sources") or [] for table in source.get("tables") or []]
    taken += [Found(str(table["name"])).dataset for _, table in sources]
    for source, table in sources:
        one = _model({**{key: source[key] for key in FRESH if key in source}, **table})
        if taken.count(one.dataset) > 1:  # a table has the name of a model, or of another source's
            one.dataset = Found(f"{source['name']} {table['name']}").dataset
        made.append(one)
    return made


FRESH = ("freshness", "loaded_at_field")
"""What a source says for each of its tables."""


def _model(node: Written) -> Found:
    found = Found(str(node["name"]))
    found.description = str(node.get("description") or "") or None
    owner = (node.get("meta") or (node.get("config") or {}).get("meta") or {}).get("owner")
    found.owner = owner if isinstance(owner, str) and owner else None
    for test in _tests(node):
        _take(found, test, "")
    for column in node.get("columns") or []:
        for test in _tests(column):
            _take(found, test, str(column["name"]))
        _constraints(found, column, f" of {column['name']}")
    _constraints(found, node, "")
    if node.get("freshness") or (node.get("config") or {}).get("freshness"):
        found.leave(f"freshness of {node['name']}", "write a freshness rule with the column that says when")
    if node.get("versions"):
        found.leave(f"versions of {node['name']}", "tests of one version are not read; import the columns they add")
    return found


def _constraints(found: Found, node: Written, where: str) -> None:
    for one in node.get("constraints") or []:
        kind = one.get("type") if isinstance(one, Mapping) else one
        found.leave(f"constraint {kind}{where}", "what the database refuses is no test; write the rule, or test it too")


def _tests(node: Written) -> list[Any]:
    return [*(node.get("data_tests") or []), *(node.get("tests") or [])]


def _take(found: Found, test: Any, column: str) -> None:
    if isinstance(test, Mapping) and "test_name" not in test and len(test) != 1:
        found.leave(f"{next(iter(test), 'a test')}({column})", "what it is given is not indented below it")
        return
    name, given = (test, {}) if isinstance(test, str) else _named(test)
    column = column or str(given.get("column_name") or "")
    told = f"{name}({column})" if column else name
    if changed := [word for word in CHANGES if word in given]:
        found.leave(told, f"{changed[0]} has no counterpart")
    else:
        found.take(told, _rules(PACKAGES.sub("", name), given, column))


def _named(test: Written) -> tuple[str, Written]:
    """The name of a test and what it is given: beside it, within `arguments`, and within `config`."""
    if "test_name" in test:
        name, given = str(test["test_name"]), {key: value for key, value in test.items() if key != "test_name"}
    else:
        name, given = next(iter(test.items()))
    given = given or {}
    return str(name), {**given, **(given.get("arguments") or {}), **(given.get("config") or {})}


def _rules(name: str, given: Written, column: str) -> Iterator[Rule]:
    if given.get("enabled") is False:
        raise NoCounterpartError("it is not enabled")
    if column and not WORDS.fullmatch(column):
        raise NoCounterpartError(f"its column {column} is an expression")
    for field, value in given.items():
        if field not in SAID and re.search(r"\{\{|\{%", str(value)):
            raise NoCounterpartError(f"what it says as `{field}` is known to dbt only, when it runs")
    severity = str(given.get("severity", "error")).lower()
    shared = {
        "severity": {"warn": "warning", "error": None}[severity],
        "name": given.get("name"),
        "description": given.get("description"),
    }
    own = Given({key: _literal(value) if key in LITERALS else value for key, value in given.items()})
    for rule in _tested(name, own, column):
        where = both(given.get("where"), rule.get("where") or given.get("row_condition"))
        yield {**rule, **{key: value for key, value in {**shared, "where": where}.items() if value is not None}}
    own.all_asked(ABOUT)


def _tested(name: str, own: Given, column: str) -> Iterator[Rule]:
    if name in OTHERWISE:
        raise NoCounterpartError(OTHERWISE[name])
    if name in TESTS:
        yield TESTS[name](own, column)
    elif name.startswith("expect_"):
        yield from expectation(name, _Beside(own, column) if column else own)
    else:
        raise NoCounterpartError("nothing here says it")


class _Beside(Given):
    """What a test is given, and the column that it stands below."""

    def __init__(self, given: Given, column: str) -> None:
        super().__init__({**dict.fromkeys(given), "column": column})
        self._beside = given

    def __getitem__(self, field: str) -> Any:
        return super().__getitem__(field) if field == "column" else self._beside[field]


LITERALS = ("min_value", "max_value", "sum_total", "value")
WORDS = re.compile(r"[^()|:'+*/,]+")
SAID = ("to", "compare_model", "config", "arguments", "name", "description", "meta", "tags")
"""Where a template of dbt's decides no verdict, or is read: those of `config` and `arguments` are seen one by one."""


def _literal(written: Any) -> Any:
    """A bound that is SQL: a number, a text in quotes, or a date; NoCounterpartError for what a database computes."""
    if not isinstance(written, str):
        return written
    if re.fullmatch(r"-?\d+", written.strip()):
        return int(written)
    if re.fullmatch(r"-?\d*\.\d+", written.strip()):
        return float(written)
    if found := re.fullmatch(r"\s*'((?:[^']|'')*)'\s*", written):
        return found[1].replace("''", "'")
    if found := re.fullmatch(r"\s*date\s*'(\d{4}-\d\d-\d\d)'\s*", written, re.IGNORECASE):
        return found[1]
    raise NoCounterpartError(f"its bound {written} is computed by the database; write an expression")


def _age(interval: Any, part: Any) -> str:
    if part not in AGES:
        raise NoCounterpartError(f"an age in {part}s has no counterpart; write it in days")
    return f"{interval}{AGES[part]}"


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
