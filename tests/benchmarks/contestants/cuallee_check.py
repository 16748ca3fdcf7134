"""cuallee on Polars: one check with a method call for each rule."""

# mypy: disable-error-code="import-not-found, import-untyped"
from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl
from contestant import Job
from cuallee import Check, CheckLevel

PACKAGES = ("cuallee", "polars")
DIFFERENCES: dict[str, str] = {}


def add(check: Check, rule: dict[str, Any]) -> bool:
    column = rule.get("column")
    match rule["check"]:
        case "not_null":
            check.is_complete(column)
        case "unique":
            check.is_unique(column)
        case "unique_combination":
            check.is_composite_key(tuple(rule["columns"]))
        case "in_set":
            check.is_contained_in(column, tuple(rule["values"]))
        case "in_range":
            check.is_between(column, (rule["min"], rule["max"]))
        case "greater_than":
            check.is_greater_than(column, rule["value"])
        case "email_format" | "regex":
            check.has_pattern(column, rule["pattern"])
        case "max_length":
            check.has_pattern(column, f"^.{{0,{rule['value']}}}$")
        case "not_future":
            check.is_less_or_equal_than(column, datetime.now())
        case _:
            return False
    return True


def judge(job: Job) -> dict[str, int]:
    frame = pl.read_parquet(job.table, columns=job.columns)
    check = Check(CheckLevel.WARNING, "table")
    names = [rule["name"] for rule in job.rules if add(check, rule)]
    found = check.validate(frame)
    return {name: int(rows) for name, rows in zip(names, found["violations"], strict=True)}
