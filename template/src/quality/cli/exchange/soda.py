"""Soda: checks in SodaCL, and data contracts of its later releases."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from quality.cli.exchange.found import Found, Given, NoCounterpartError, Rule, both, bounds, dtype

Written = Mapping[str, Any]
CHECK = re.compile(r"(?P<metric>\w+)(?:\s*\((?P<about>[^)]*)\))?\s*(?P<test>.*)", re.DOTALL)
TEST = re.compile(r"(?P<op><=|>=|!=|=|<|>)\s*(?P<value>-?[\d.]+)\s*%?\Z")
BETWEEN = re.compile(r"between\s+(?P<low>-?[\d.]+)\s*%?\s+and\s+(?P<high>-?[\d.]+)\s*%?\Z")
EXIST = re.compile(r"values in \(([^),]+)\) must exist in (\S+) \(([^),]+)\)\Z")
AGGREGATES = {"avg": "mean", "sum": "sum", "min": "min", "max": "max", "stddev": "stddev"}
FORMATS = {"email": "email_format", "uuid": "uuid_format", "url": "url_format", "ip address": "ipv4_format"}
FORMATS |= {"ipv4 address": "ipv4_format", "phone number": "phone_format"}
MUST = {
    "must_be": "=",
    "must_be_greater_than": ">",
    "must_be_greater_than_or_equal": ">=",
    "must_be_less_than": "<",
    "must_be_less_than_or_equal": "<=",
}
AGES = {"minute": "m", "hour": "h", "day": "d"}

Bounds = tuple[float | None, float | None, bool]
"""The lower bound, the upper one, and whether a bound itself is not allowed."""


ABOUT = {"name", "title", "owner", "attributes", "identity", "samples limit", "samples columns", "sample limit"}
ABOUT |= {"collect failed rows", "type", "function", "columns", "column", "qualifier", "threshold", "unit"}
"""What is said of a check, and changes no verdict, or is read beside it."""


def checks(document: Written) -> list[Found]:
    """A contract for each dataset of a file of checks."""
    found = dict[str, Found]()
    others = list[str]()
    for title, listed in document.items():
        if match := re.fullmatch(r"checks for (\S+?)(?:\s*(\[.*\]))?", str(title)):
            one = found.setdefault(match[1], Found(match[1]))
            for check in listed or []:
                _check(one, check, _partition(document, match[1], match[2]))
        elif not str(title).startswith("filter "):
            others.append(str(title))
    for one in [*found.values()][:1]:
        for title in others:
            one.leave(title, "only `checks for` a dataset is read")
    return list(found.values())


def _partition(document: Written, dataset: str, named: str | None) -> Any:
    """The condition of the rows that checks with a filter in brackets are about."""
    return (
        None if named is None else (document.get(f"filter {dataset} {named}") or {}).get("where", f"no filter {named}")
    )


def _spaced(about: Written) -> dict[str, Any]:
    return {re.sub(r"[ _]+", " ", str(key)): value for key, value in about.items()}


def _check(found: Found, check: Any, where: Any) -> None:
    line, said = (check, {}) if isinstance(check, str) else next(iter(check.items()))
    about = Given(_spaced(said or {}))
    found.take(str(line), _named(_rules(str(line).strip(), about), about, where))


def _named(rules: Iterator[Rule], about: Given, where: Any) -> Iterator[Rule]:
    if "warn" in about or ("fail" in about and not isinstance(about["fail"], Mapping)):
        raise NoCounterpartError("two thresholds of one check have no counterpart; write two rules")
    shared = {"where": both(where, about.get("filter")), "name": about.get("name")}
    for rule in rules:
        yield {**rule, **{key: value for key, value in shared.items() if value}}
    about.all_asked(ABOUT)


def _rules(line: str, about: Given) -> Iterator[Rule]:
    match = CHECK.fullmatch(line)
    if line == "schema":
        yield from _schema(about)
    elif found := EXIST.match(line):
        column, reference, other = (one.strip() for one in found.groups())
        rule = {"check": "referential_integrity", "column": column, "reference": reference}
        yield {**rule, "reference_column": other}
    elif match is None:
        raise NoCounterpartError("nothing here says it")
    else:
        columns = [one.strip().strip('"`[]') for one in (match["about"] or "").split(",") if one.strip()]
        fresh = match["metric"] == "freshness"
        test = match["test"].strip()
        yield from _freshness(columns, test) if fresh else metric(match["metric"], columns, _bounds(test), about)


def _bounds(test: str) -> Bounds:
    if found := BETWEEN.fullmatch(test):
        return float(found["low"]), float(found["high"]), False
    found = TEST.fullmatch(test)
    if found is None or found["op"] == "!=":
        raise NoCounterpartError(f"the threshold `{test}` has no counterpart")
    return _threshold(found["op"], float(found["value"]))


def _threshold(op: str, value: float) -> Bounds:
    if op == "=":
        return value, value, False
    return (value, None, op == ">") if op[0] == ">" else (None, value, op == "<")


def _freshness(columns: Sequence[str], test: str) -> Iterator[Rule]:
    found = re.fullmatch(r"<=?\s*([\dwdhms. ]+)", test.strip())
    if found is None:
        raise NoCounterpartError(f"the age `{test}` has no counterpart")
    if len(columns) != 1:
        raise NoCounterpartError("an age counts from the moment of the check here")
    yield {"check": "freshness", "column": columns[0], "max_age": found[1].replace(" ", "")}


def _schema(about: Written) -> Iterator[Rule]:
    said = about.get("fail") or {}
    if not said:
        raise NoCounterpartError("it says nothing below `fail`")
    for key, value in said.items():
        if key == "when required column missing":
            yield from ({"check": "column_exists", "column": column} for column in value)
        elif key == "when wrong column type":
            yield from ({"check": "dtype", "column": column, "dtype": dtype(kind)} for column, kind in value.items())
        else:
            raise NoCounterpartError(f"`{key}` has no counterpart")


def metric(name: str, columns: Sequence[str], test: Bounds, about: Written) -> Iterator[Rule]:
    """The rules that a metric with a threshold is here."""
    low, high, strict = test
    if name in ("row_count", "distinct_count"):
        yield {"check": name, **({"column": columns[0]} if columns else {}), **_whole(test)}
    elif name.startswith("missing"):
        yield {"check": "not_null", "column": columns[0], "max_failure_rate": _rate(name, test)}
        if values := about.get("missing values"):
            if _rate(name, test):
                raise NoCounterpartError("a percentage of null and other values together has no counterpart")
            yield {"check": "not_in_set", "column": columns[0], "values": values}
    elif name.startswith("duplicate"):
        if _rate(name, test):
            raise NoCounterpartError("a percentage counts a repeated value once there, and each of its rows here")
        one = {"check": "unique", "column": columns[0]} if len(columns) == 1 else None
        yield {**(one or {"check": "unique_combination", "columns": columns}), "max_failure_rate": _rate(name, test)}
    elif name.startswith("invalid"):
        rules = list(valid(columns[0], about))
        if len(rules) > 1 and _rate(name, test):
            raise NoCounterpartError(
                "a percentage of several conditions together has no counterpart; write one for each"
            )
        yield from ({**rule, "max_failure_rate": _rate(name, test)} for rule in rules)
    elif name == "min_length" and low is not None and high is None:
        yield {"check": "min_length", "column": columns[0], "value": _whole(test)["min"]}
    elif name == "max_length" and high is not None and low is None:
        yield {"check": "max_length", "column": columns[0], "value": _whole(test)["max"]}
    elif name in AGGREGATES or name == "percentile":
        if strict:
            raise NoCounterpartError("bounds of a column's number are included here")
        q = {"q": float(columns[1])} if name == "percentile" else {}
        check = AGGREGATES.get(name, "quantile")
        yield {"check": check, "column": columns[0], **q, **bounds(low, high, ("at_least", "at_most"))}
    else:
        raise NoCounterpartError("nothing here says it")


def _whole(test: Bounds) -> Rule:
    """Bounds of a count, where `> 0` is at least 1."""
    low, high, strict = test
    least = None if low is None else int(low) + int(strict)
    return bounds(least, None if high is None else int(high) - int(strict))


def _rate(name: str, test: Bounds) -> float | None:
    """How many may fail: none, or a fraction; NoCounterpartError for a count of them."""
    low, high, _ = test
    if low not in (None, 0.0) or high is None:
        raise NoCounterpartError("it asks for bad rows")
    if high == 0 or (name.endswith("count") and test == (None, 1.0, True)):
        return None
    if not name.endswith("percent"):
        raise NoCounterpartError("a count of bad rows has no counterpart; write the fraction that may be bad")
    return high / 100


def valid(column: str, about: Written) -> Iterator[Rule]:
    """What is valid, whatever release of Soda writes it."""
    given = {key: about[key] for key in about if key.startswith(("valid", "invalid values"))}
    if not given:
        raise NoCounterpartError("it does not say what is valid")
    own = {"column": column}
    if "valid values" in given:
        yield {"check": "in_set", **own, "values": given.pop("valid values")}
    if "invalid values" in given:
        yield {"check": "not_in_set", **own, "values": given.pop("invalid values")}
    if {"valid min", "valid max"} & given.keys():
        yield {"check": "in_range", **own, **bounds(given.pop("valid min", None), given.pop("valid max", None))}
    if "valid length" in given:
        yield {"check": "length", **own, **dict.fromkeys(("min", "max"), given.pop("valid length"))}
    if {"valid min length", "valid max length"} & given.keys():
        both = bounds(given.pop("valid min length", None), given.pop("valid max length", None))
        yield {"check": "length", **own, **both}
    if "valid regex" in given:
        yield {"check": "regex", **own, "pattern": given.pop("valid regex")}
    form = given.pop("valid format", None)
    if isinstance(form, Mapping):
        yield {"check": "regex", **own, "pattern": form["regex"]}
    elif form is not None:
        if form not in FORMATS:
            raise NoCounterpartError(f"the format {form} has no counterpart")
        yield {"check": FORMATS[form], **own}
    if given:
        raise NoCounterpartError(f"`{next(iter(given))}` has no counterpart")


def contract(document: Written) -> Found:
    """A data contract of Soda."""
    found = Found(str(document["dataset"]).split("/")[-1])
    found.owner = document.get("owner") if isinstance(document.get("owner"), str) else None
    for column in document.get("columns") or []:
        name = str(column["name"])
        if not column.get("optional"):
            found.add(f"column {name}", {"check": "column_exists", "column": name})
        if column.get("data_type"):
            kind = column["data_type"]
            found.take(
                f"data_type of {name}", ({"check": "dtype", "column": name, "dtype": dtype(one)} for one in [kind])
            )
        for check in column.get("checks") or []:
            _contract_check(found, check, [name], column, document.get("filter"))
    for check in document.get("checks") or []:
        _contract_check(found, check, [], {}, document.get("filter"))
    return found


def _contract_check(found: Found, check: Written, columns: Sequence[str], about: Written, where: Any) -> None:
    if "type" in check:
        kind, said = str(check["type"]), dict(check)
    else:
        kind, said = next((str(key), dict(value or {})) for key, value in check.items())
    if kind == "schema":
        found.leave("schema", "a schema of all columns is a schema rule with closed: true; write it with their dtypes")
        return
    named = said.get("columns") or columns
    beside = {key: value for key, value in _spaced(about).items() if key.startswith(_says(kind))}
    given = Given({**beside, **_spaced(said)})
    told = f"{kind}({', '.join(map(str, named))})"
    found.take(told, _contract_rules(kind, given, list(named), where))


def _says(kind: str) -> tuple[str, ...]:
    """What a column says beside its checks that one of this kind is judged by."""
    return ("valid", "invalid", "missing") if "invalid" in kind else ("missing",) if "missing" in kind else ("none",)


def _contract_rules(kind: str, said: Given, columns: Sequence[str], where: Any) -> Iterator[Rule]:
    beside = {key.replace(" ", "_"): said[key] for key in said if key.startswith("must be")}
    limit = said.get("threshold") or beside
    severity = {"warn": "warning", "fail": None, None: None}[limit.get("level")]
    shared = {"where": both(where, said.get("filter")), "name": said.get("name"), "severity": severity}
    if kind == "freshness":
        high = limit.get("must_be_less_than", limit.get("must_be_less_than_or_equal"))
        rules = iter([{"check": "freshness", "column": said["column"], "max_age": f"{high}{AGES[limit['unit']]}"}])
    else:
        name = str(said.get("function") or kind)
        name = {"missing": "missing_count", "duplicate": "duplicate_count", "invalid": "invalid_count"}.get(name, name)
        name = name.removeprefix("no_").replace("_values", "_count") if name.startswith("no_") else name
        name = name.replace("_count", "_percent") if limit.get("metric") == "percent" else name
        rules = metric(name, columns, _must(limit, kind), said)
    yield from ({**rule, **{key: value for key, value in shared.items() if value}} for rule in rules)
    said.all_asked(ABOUT)


def _must(limit: Written, kind: str) -> Bounds:
    """The threshold; without one there is no bad row, and some row."""
    given = {key: value for key, value in limit.items() if key.startswith("must_be")}
    if not given:
        return (1.0, None, False) if kind == "row_count" else (0.0, 0.0, False)
    (key, value), *more = given.items()
    if key == "must_be_between" and isinstance(value, Mapping):
        return value.get("greater_than_or_equal"), value.get("less_than_or_equal"), False
    if key == "must_be_between" and not more:
        return float(value[0]), float(value[1]), False
    if key not in MUST or more:
        raise NoCounterpartError(f"the threshold {', '.join(given)} has no counterpart")
    return _threshold(MUST[key], float(value))
