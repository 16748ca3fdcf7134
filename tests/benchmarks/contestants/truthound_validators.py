"""Truthound: one validator for each rule, on a Polars frame read with the columns used."""

from __future__ import annotations

from typing import Any

import polars as pl
import truthound as th
from truthound.validators import (
    BetweenValidator,
    ColumnTypeValidator,
    CompoundKeyValidator,
    ExpressionValidator,
    FutureDateValidator,
    InSetValidator,
    LengthValidator,
    MeanBetweenValidator,
    NotNullValidator,
    QuantileValidator,
    ReferentialIntegrityValidator,
    RegexValidator,
    RowCountValidator,
    UniqueValidator,
)

from contestant import Job
from contestants import expressions

PACKAGES = ("truthound", "polars")
DIFFERENCES: dict[str, str] = {}
TABLE = ("mean", "quantile", "row_count", "dtype")


def validator(rule: dict[str, Any], reference: str) -> Any | None:
    column = rule.get("column")
    match rule["check"]:
        case "not_null":
            return NotNullValidator(columns=[column])
        case "unique":
            return UniqueValidator(columns=[column])
        case "unique_combination":
            return CompoundKeyValidator(columns=rule["columns"], allow_nulls=True)
        case "in_set":
            return InSetValidator(allowed_values=rule["values"], columns=[column])
        case "in_range":
            return BetweenValidator(min_value=rule["min"], max_value=rule["max"], columns=[column])
        case "greater_than":
            return BetweenValidator(min_value=rule["value"], inclusive=False, columns=[column])
        case "email_format" | "regex":
            return RegexValidator(pattern=rule["pattern"], match_full=False, columns=[column])
        case "max_length":
            return LengthValidator(max_length=rule["value"], columns=[column])
        case "not_future":
            return FutureDateValidator(columns=[column])
        case "mean":
            return MeanBetweenValidator(min_value=rule["at_least"], max_value=rule["at_most"], columns=[column])
        case "quantile":
            return QuantileValidator(quantile=rule["q"], min_value=rule["at_least"], max_value=rule["at_most"], columns=[column])
        case "row_count":
            return RowCountValidator(min_count=rule["min"])
        case "dtype":
            return ColumnTypeValidator(expected_types={column: "float"})
        case "referential_integrity":
            keys = pl.read_parquet(reference, columns=[rule["reference_column"]])
            return ReferentialIntegrityValidator(column, keys, rule["reference_column"])
        case "expression" | "conditional_null":
            wrong = expressions.failing(rule, reference)
            assert wrong is not None
            return ExpressionValidator((~wrong).fill_null(True), columns=job_columns(rule))
    return None


def job_columns(rule: dict[str, Any]) -> list[str]:
    return [rule["column"]] if "column" in rule else []


def judge(job: Job) -> dict[str, int]:
    frame = pl.read_parquet(job.table, columns=job.columns)
    counts: dict[str, int] = {}
    made = [(rule, one) for rule in job.rules if (one := validator(rule, job.reference)) is not None]
    run = th.check(frame, validators=[one for _, one in made])
    for (rule, _), result in zip(made, run.checks, strict=True):
        rows = sum(issue.count for issue in result.issues)
        counts[rule["name"]] = min(rows, 1) if rule["check"] in TABLE else rows
    return counts
