"""dataframely: a schema class of typed columns and rules, filtered softly."""

# mypy: disable-error-code="import-not-found, import-untyped"
from __future__ import annotations

from typing import Any

import dataframely as dy
import polars as pl
from contestant import Job

from contestants import expressions

PACKAGES = ("dataframely", "polars")
DIFFERENCES: dict[str, str] = {}
TYPES = {pl.Int64: dy.Int64, pl.Float64: dy.Float64, pl.String: dy.String, pl.Datetime: dy.Datetime}
ROW_RULES = ("expression", "conditional_null", "referential_integrity", "not_future", "in_set")


def judge(job: Job) -> dict[str, int]:
    frame = pl.read_parquet(job.table, columns=job.columns)
    options: dict[str, dict[str, Any]] = {column: {"nullable": True} for column in job.columns}
    members: dict[str, Any] = {}
    names: dict[str, str] = {}
    for rule in job.rules:
        column, name = str(rule.get("column")), rule["name"]
        match rule["check"]:
            case "not_null":
                options[column]["nullable"] = False
                names[f"{column}|nullability"] = name
            case "unique":
                options[column]["unique"] = True
                names[f"{column}|unique"] = name
            case "unique_combination":
                members[name] = dy.rule()(lambda cls, keys=tuple(rule["columns"]): pl.struct(keys).is_unique())
                names[name] = name
            case "in_range":
                options[column] |= {"min": rule["min"], "max": rule["max"]}
                names |= {f"{column}|min": name, f"{column}|max": name}
            case "greater_than":
                options[column]["min_exclusive"] = rule["value"]
                names[f"{column}|min_exclusive"] = name
            case "regex" | "email_format":
                options[column]["regex"] = rule["pattern"]
                names[f"{column}|regex"] = name
            case "max_length":
                options[column]["max_length"] = rule["value"]
                names[f"{column}|max_length"] = name
            case kind if kind in ROW_RULES:
                wrong = expressions.failing(rule, job.reference)
                assert wrong is not None
                members[name] = dy.rule()(lambda cls, wrong=wrong: (~wrong).fill_null(True))
                names[name] = name
            case "dtype":
                names[f"{column}|dtype"] = name
    for column in job.columns:
        members[column] = TYPES[frame.schema[column].base_type()](**options[column])
    schema: Any = type("Table", (dy.Schema,), members)
    _, failure = schema.filter(frame)
    counts = dict.fromkeys(names.values(), 0)
    for found, rows in failure.counts().items():
        counts[names.get(found, found)] = counts.get(names.get(found, found), 0) + rows
    return counts
