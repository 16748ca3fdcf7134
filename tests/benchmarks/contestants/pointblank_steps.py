"""Pointblank: one step for each rule, on a Polars frame read with the columns used."""

# mypy: disable-error-code="import-not-found, import-untyped"
from __future__ import annotations

from datetime import datetime
from typing import Any

import pointblank as pb
import polars as pl
from contestant import Job

from contestants import expressions

PACKAGES = ("pointblank", "polars", "narwhals")
DIFFERENCES: dict[str, str] = {}


def step(steps: Any, rule: dict[str, Any], reference: str) -> Any | None:
    column = rule.get("column")
    match rule["check"]:
        case "not_null":
            return steps.col_vals_not_null(column)
        case "unique":
            return steps.rows_distinct([column])
        case "unique_combination":
            return steps.rows_distinct(rule["columns"])
        case "in_set":
            return steps.col_vals_in_set(column, rule["values"])
        case "in_range":
            return steps.col_vals_between(column, rule["min"], rule["max"], na_pass=True)
        case "greater_than":
            return steps.col_vals_gt(column, rule["value"], na_pass=True)
        case "not_future":
            return steps.col_vals_le(column, datetime.now(), na_pass=True)
        case "email_format" | "regex":
            return steps.col_vals_regex(column, rule["pattern"], na_pass=True)
        case "mean":
            return steps.col_avg_ge(column, rule["at_least"])
        case "row_count":
            return steps.specially(lambda table: table.height >= rule["min"])
        case "dtype":
            return steps.col_schema_match(pb.Schema(columns=[(column, "Float64")]), complete=False)
        case "freshness":
            return steps.data_freshness(column, max_age=f"{rule['max_age'].rstrip('d')} days")
        case "max_length" | "expression" | "conditional_null" | "referential_integrity":
            wrong = expressions.failing(rule, reference)
            assert wrong is not None
            return steps.col_vals_expr((~wrong).fill_null(True))
    return None


def judge(job: Job) -> dict[str, int]:
    frame = pl.read_parquet(job.table, columns=job.columns)
    steps = pb.Validate(frame)
    names: list[str] = []
    for rule in job.rules:
        if (added := step(steps, rule, job.reference)) is not None:
            steps = added
            names.append(rule["name"])
    steps = steps.interrogate(collect_extracts=job.samples > 0, get_first_n=job.samples or None)
    failed = steps.n_failed()
    return {name: int(failed[number]) for number, name in enumerate(names, start=1)}
