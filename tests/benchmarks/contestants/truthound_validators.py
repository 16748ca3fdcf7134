"""Truthound: one validator for each rule, on a Polars frame read with the columns used."""

# mypy: disable-error-code="import-not-found, import-untyped"
from __future__ import annotations

from typing import Any

import polars as pl
import truthound as th
from contestant import Job
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

from contestants import expressions

PACKAGES = ("truthound", "polars")
SURPLUS = "rows beyond the first of each repeated value are counted"
DIFFERENCES = {"id_unique": SURPLUS, "reference_unique": SURPLUS, "pair_unique": SURPLUS}
ISSUES = {
    "not_null": "not_null",
    "unique": "unique",
    "unique_combination": "compound_key",
    "in_set": "not_in_set",
    "in_range": "out_of_range",
    "greater_than": "out_of_range",
    "email_format": "regex",
    "regex": "regex",
    "max_length": "length",
    "not_future": "future_date",
    "mean": "mean",
    "quantile": "quantile",
    "row_count": "row_count",
    "dtype": "column_type",
    "referential_integrity": "referential_integrity",
    "expression": "expression_validation_failed",
}


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
            return QuantileValidator(
                quantile=rule["q"], min_value=rule["at_least"], max_value=rule["at_most"], columns=[column]
            )
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
            return ExpressionValidator((~wrong).fill_null(True), description=rule["name"])
    return None


def judge(job: Job) -> dict[str, int]:
    frame = pl.read_parquet(job.table, columns=job.columns)
    made = {rule["name"]: (rule, one) for rule in job.rules if (one := validator(rule, job.reference)) is not None}
    run = th.check(frame, validators=[one for _, one in made.values()])
    found = {(issue.issue_type, issue.column, issue.details): issue for check in run.checks for issue in check.issues}
    return {name: sum(issue.count for issue in found.values() if of(issue, rule)) for name, (rule, _) in made.items()}


def of(issue: Any, rule: dict[str, Any]) -> bool:
    """Whether an issue is the rule's: validators of one class share theirs, and only expressions carry a name."""
    if rule["check"] in ("expression", "conditional_null"):
        return bool(issue.issue_type == ISSUES["expression"] and issue.details.endswith(rule["name"]))
    columns = "[" + ", ".join(rule["columns"]) + "]" if "columns" in rule else rule.get("column", issue.column)
    return bool(issue.column == columns and issue.issue_type.startswith(ISSUES[rule["check"]]))
