"""pandera on Polars: a schema of columns and checks, all validated lazily on an eager frame."""

# mypy: disable-error-code="import-not-found, import-untyped"
from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

import pandera.polars as pa
import polars as pl
from contestant import Job

from contestants import expressions

PACKAGES = ("pandera", "polars")
DIFFERENCES: dict[str, str] = {}


def check(rule: dict[str, Any], reference: str) -> Any | None:
    """A check of a column, or of the frame where it needs several columns."""
    name = rule["name"]
    match rule["check"]:
        case "in_set":
            return pa.Check.isin(rule["values"], error=name)
        case "in_range":
            return pa.Check.in_range(rule["min"], rule["max"], error=name)
        case "greater_than":
            return pa.Check.gt(rule["value"], error=name)
        case "not_future":
            return pa.Check.le(datetime.now(), error=name)
        case "email_format" | "regex":
            return pa.Check.str_contains(rule["pattern"], error=name)
        case "max_length":
            return pa.Check.str_length(max_value=rule["value"], error=name)
        case "mean" | "freshness" | "row_count":
            measured = expressions.number(rule)
            assert measured is not None
            return pa.Check(
                lambda data: not expressions.outside(rule, data.lazyframe.select(measured).collect().item()), error=name
            )
        case "expression" | "conditional_null" | "referential_integrity":
            wrong = expressions.failing(rule, reference)
            assert wrong is not None
            return pa.Check(lambda data: data.lazyframe.select((~wrong).fill_null(True)), error=name)
    return None


def judge(job: Job) -> dict[str, int]:
    frame = pl.read_parquet(job.table, columns=job.columns)
    columns: dict[str, dict[str, Any]] = {column: {"checks": [], "nullable": True} for column in job.columns}
    across: list[Any] = []
    together: list[str] | None = None
    names: dict[tuple[str, str], str] = {}
    for rule in job.rules:
        match rule["check"]:
            case "not_null":
                columns[rule["column"]]["nullable"] = False
                names[rule["column"], "not_nullable"] = rule["name"]
            case "unique":
                columns[rule["column"]]["unique"] = True
                names[rule["column"], "field_uniqueness"] = rule["name"]
            case "unique_combination":
                together = rule["columns"]
                names["", "multiple_fields_uniqueness"] = rule["name"]
            case "dtype":
                columns[rule["column"]]["dtype"] = pl.Float64
                names[rule["column"], "dtype"] = rule["name"]
            case kind:
                if (made := check(rule, job.reference)) is None:
                    continue
                names["", rule["name"]] = rule["name"]
                (
                    across
                    if kind in ("expression", "conditional_null", "row_count")
                    else columns[rule["column"]]["checks"]
                ).append(made)
    schema = pa.DataFrameSchema(
        {name: pa.Column(**column) for name, column in columns.items()}, checks=across, unique=together
    )
    counts = dict.fromkeys(names.values(), 0)
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        tallied: Counter[str] = Counter()
        cases = error.failure_cases.group_by("column", "check").len()
        for column, said, rows in cases.iter_rows():
            tallied[named(names, column, said)] += rows
        counts |= tallied
    return counts


def named(names: dict[tuple[str, str], str], column: str, said: str) -> str:
    for (place, check), name in names.items():
        if (not place or place == column) and (said.startswith(check) or check in said):
            return name
    return f"{column} {said}"
