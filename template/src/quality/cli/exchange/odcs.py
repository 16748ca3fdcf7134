"""The Open Data Contract Standard, version 3: read with every rule that has a counterpart, and written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from quality.cli.exchange.found import Found, NoCounterpartError, Rule, bounds
from quality.cli.exchange.json_schema import FORMATS, keywords
from quality.cli.exchange.soda import Bounds, metric
from quality.contract.contract import Contract
from quality.rules.catalogue import canonical
from quality.values import Severity

Given = Mapping[str, Any]
ENGINE = "quality"
"""The engine of custom rules that are ours."""
TYPES = {"string": "string", "integer": "integer", "number": "numeric", "boolean": "Boolean", "date": "Date"}
TYPES |= {"timestamp": "Datetime", "time": "Time", "object": "Struct", "array": "List"}
LOGICAL = {"string": "string", "integer": "integer", "float": "number", "numeric": "number", "Boolean": "boolean"}
LOGICAL |= {"Date": "date", "Datetime": "timestamp", "Time": "time", "Struct": "object", "List": "array"}
METRICS = {"nullValues": "missing", "missingValues": "missing", "duplicateValues": "duplicate", "rowCount": "row_count"}
METRICS |= {"invalidValues": "invalid", "validValues": "invalid", "duplicateCount": "duplicate", "nullCheck": "missing"}
VALID = {"validValues": "valid values", "pattern": "valid regex", "minLength": "valid min length"}
VALID |= {"maxLength": "valid max length", "minimum": "valid min", "maximum": "valid max"}


def contracts(document: Given) -> list[Found]:
    """A contract for each table of a data contract."""
    found = [_table(table, document) for table in document.get("schema") or []]
    for one in document.get("slaProperties") or []:
        for table in found:
            table.leave(f"slaProperties {one.get('property')}", "what a service promises is no rule about rows")
    return found


def _table(table: Given, document: Given) -> Found:
    found = Found(str(table["name"]))
    found.description = table.get("description") or _purpose(document)
    team = document.get("team") or {}
    members = team.get("members", []) if isinstance(team, Mapping) else team
    found.owner = next((str(one["username"]) for one in members if one.get("role", "").lower() == "owner"), None)
    found.owner = found.owner or (str(document["owner"]) if document.get("owner") else None)
    key = [one for one in table.get("properties") or [] if one.get("primaryKey")]
    key.sort(key=lambda one: one.get("primaryKeyPosition", 0))
    found.key = [str(one["name"]) for one in key]
    if found.key:
        found.add("primaryKey", {"check": "primary_key", "columns": found.key})
    for one in table.get("properties") or []:
        _property(found, one)
    for rule in table.get("quality") or []:
        found.take(_title(rule, ""), _quality(rule, None))
    return found


def _purpose(document: Given) -> str | None:
    said = document.get("description")
    return str(said["purpose"]) if isinstance(said, Mapping) and said.get("purpose") else None


def _property(found: Found, one: Given) -> None:
    name, options = str(one["name"]), one.get("logicalTypeOptions") or {}
    kind = one.get("logicalType")
    if kind in TYPES:
        found.add(f"logicalType of {name}", {"check": "dtype", "column": name, "dtype": TYPES[kind]})
    elif kind:
        found.leave(f"logicalType of {name}", f"the type {kind} is none here")
    if one.get("required") and not one.get("primaryKey"):
        found.add(f"required {name}", {"check": "not_null", "column": name})
    if one.get("unique") and not one.get("primaryKey"):
        found.add(f"unique {name}", {"check": "unique", "column": name})
    found.take(f"logicalTypeOptions of {name}", keywords(name, options))
    form = options.get("format")
    if form in FORMATS:
        found.add(f"format of {name}", {"check": FORMATS[form], "column": name})
    elif form:
        found.leave(f"format of {name}", f"the format {form} has no counterpart")
    for rule in one.get("quality") or []:
        found.take(_title(rule, name), _quality(rule, name))
    for link in one.get("relationships") or []:
        found.take(f"relationship of {name}", _relationship(link, name))


def _title(rule: Given, column: str) -> str:
    about = rule.get("name") or rule.get("metric") or rule.get("rule") or rule.get("description") or rule.get("engine")
    return f"{rule.get('type', 'library')} {about or ''}".strip() + (f" of {column}" if column else "")


def _quality(rule: Given, column: str | None) -> Iterator[Rule]:
    kind = rule.get("type", "library")
    if kind == "custom" and rule.get("engine") == ENGINE:
        yield dict(rule["implementation"])
        return
    name = METRICS.get(str(rule.get("metric") or rule.get("rule")))
    if kind != "library" or name is None:
        raise NoCounterpartError(
            "nothing here says it" if kind == "library" else f"a rule of the type {kind} is not read"
        )
    given = rule.get("arguments") or {}
    columns = [column] if column else list(given.get("properties") or [])
    words = {VALID[key]: value for key, value in {**rule, **given}.items() if key in VALID}
    percent = name != "row_count" and rule.get("unit") == "percent"
    called = name if name == "row_count" else f"{name}_{'percent' if percent else 'count'}"
    severity = rule.get("severity")
    shared = {"severity": severity} if severity in [*Severity] else {}
    for one in metric(called, columns, _must(rule, name), words):
        yield {**one, **shared}


def _must(rule: Given, name: str) -> Bounds:
    given = {key: value for key, value in rule.items() if key.startswith(("mustBe", "mustNot"))}
    if not given:
        return (1, None, False) if name == "row_count" else (0, 0, False)
    low = high = None
    strict = False
    for key, value in given.items():
        if key in ("mustBe", "mustBeBetween"):
            low, high = value if key == "mustBeBetween" else (value, value)
        elif key in ("mustBeGreaterThan", "mustBeGreaterOrEqualTo"):
            low, strict = value, key == "mustBeGreaterThan"
        elif key in ("mustBeLessThan", "mustBeLessOrEqualTo"):
            high, strict = value, key == "mustBeLessThan"
        else:
            raise NoCounterpartError(f"the threshold {key} has no counterpart")
    if len(given) > 1 and strict:
        raise NoCounterpartError(f"the thresholds {', '.join(given)} have no counterpart together")
    return low, high, strict


def _relationship(link: Given, column: str) -> Iterator[Rule]:
    found = re.fullmatch(r"(?:.*/)?([\w-]+)\.([\w-]+)", str(link.get("to", "")))
    if found is None:
        raise NoCounterpartError(f"the relationship to {link.get('to')} cannot be read")
    table, other = found.groups()
    yield {"check": "referential_integrity", "column": column, "reference": table, "reference_column": other}


def document(contract: Contract) -> tuple[dict[str, Any], list[str]]:
    """A contract as the standard writes it, and the names of rules that only our engine reads there."""
    own: list[str] = []
    columns: dict[str, dict[str, Any]] = {}
    table: list[dict[str, Any]] = []
    for rule in contract.rules:
        written = canonical(rule)
        about = written.get("column") or (rule.subjects[0] if len(rule.subjects) == 1 else None)
        column = columns.setdefault(about, {"name": about}) if about else None
        if not _standard(written, column, columns, table):
            own.append(rule.title)
            custom = {"type": "custom", "engine": ENGINE, "name": rule.title, "implementation": written}
            (table if column is None else column.setdefault("quality", [])).append(custom)
    made = {"name": contract.dataset, "physicalName": contract.source.describe(), "logicalType": "object"}
    if contract.description:
        made["description"] = contract.description
    whole = {
        "apiVersion": "v3.0.2",
        "kind": "DataContract",
        "id": contract.dataset,
        "name": contract.dataset,
        "version": "1.0.0",
        "status": "active",
        "team": [{"username": contract.owner, "role": "owner"}],
        "schema": [{**made, "properties": list(columns.values()), **({"quality": table} if table else {})}],
    }
    return whole, own


def _standard(
    written: Rule, column: dict[str, Any] | None, columns: dict[str, dict[str, Any]], table: list[dict[str, Any]]
) -> bool:
    """Writes a rule as the standard says it; False where it says no such thing, or not all of it."""
    said = {key: value for key, value in written.items() if key not in ("check", "column")}
    check = written["check"]
    if (
        check == "primary_key"
        and said.keys() == {"columns"}
        and not any(one.get("primaryKey") for one in columns.values())
    ):
        for place, name in enumerate(said["columns"], 1):
            columns.setdefault(name, {"name": name}).update(primaryKey=True, primaryKeyPosition=place)
        return True
    if check == "row_count" and said.keys() <= {"min", "max"}:
        limit = {"mustBeGreaterOrEqualTo": said.get("min"), "mustBeLessOrEqualTo": said.get("max")}
        table.append({"type": "library", "rule": "rowCount", **{key: v for key, v in limit.items() if v is not None}})
        return True
    if column is None:
        return False
    if not said and check in ("not_null", "unique"):
        column["required" if check == "not_null" else "unique"] = True
    elif check == "dtype" and said.keys() == {"dtype"} and TYPES.get(LOGICAL.get(said["dtype"], "")) == said["dtype"]:
        column["logicalType"] = LOGICAL[said["dtype"]]
    elif (options := _options(check, said)) and not options.keys() & column.get("logicalTypeOptions", {}).keys():
        column.setdefault("logicalTypeOptions", {}).update(options)
    else:
        return False
    return True


def _options(check: str, said: Rule) -> Rule:
    """The options of a type that a rule is; none where they do not say all of it."""
    names = {"length": ("minLength", "maxLength"), "in_range": ("minimum", "maximum")}
    if check in names and said.keys() <= {"min", "max"}:
        return bounds(said.get("min"), said.get("max"), names[check])
    return {"pattern": said["pattern"]} if check == "regex" and said.keys() == {"pattern"} else {}
