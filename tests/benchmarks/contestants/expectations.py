"""Great Expectations on pandas: one expectation for each rule, in one suite."""

# mypy: disable-error-code="import-not-found, import-untyped"
from __future__ import annotations

from datetime import datetime
from typing import Any

import great_expectations as gx
import pandas as pd
from contestant import Job

PACKAGES = ("great-expectations", "pandas", "pyarrow")
DIFFERENCES: dict[str, str] = {}


def expectation(rule: dict[str, Any], reference: str) -> Any | None:
    column, name = rule.get("column"), {"meta": {"name": rule["name"]}}
    match rule["check"]:
        case "not_null":
            return gx.expectations.ExpectColumnValuesToNotBeNull(column=column, **name)
        case "unique":
            return gx.expectations.ExpectColumnValuesToBeUnique(column=column, **name)
        case "unique_combination":
            return gx.expectations.ExpectCompoundColumnsToBeUnique(
                column_list=rule["columns"], ignore_row_if="any_value_is_missing", **name
            )
        case "in_set":
            return gx.expectations.ExpectColumnValuesToBeInSet(column=column, value_set=rule["values"], **name)
        case "referential_integrity":
            keys = pd.read_parquet(reference, columns=[rule["reference_column"]])[rule["reference_column"]].tolist()
            return gx.expectations.ExpectColumnValuesToBeInSet(column=column, value_set=keys, **name)
        case "in_range":
            return gx.expectations.ExpectColumnValuesToBeBetween(
                column=column, min_value=rule["min"], max_value=rule["max"], **name
            )
        case "greater_than":
            return gx.expectations.ExpectColumnValuesToBeBetween(
                column=column, min_value=rule["value"], strict_min=True, **name
            )
        case "not_future":
            return gx.expectations.ExpectColumnValuesToBeBetween(column=column, max_value=datetime.now(), **name)
        case "email_format" | "regex":
            return gx.expectations.ExpectColumnValuesToMatchRegex(column=column, regex=rule["pattern"], **name)
        case "max_length":
            return gx.expectations.ExpectColumnValueLengthsToBeBetween(column=column, max_value=rule["value"], **name)
        case "expression":
            return gx.expectations.ExpectColumnPairValuesAToBeGreaterThanB(
                column_A="shipped_at",
                column_B="created_at",
                or_equal=True,
                ignore_row_if="either_value_is_missing",
                **name,
            )
        case "conditional_null":
            return gx.expectations.ExpectColumnValuesToNotBeNull(
                column=column, row_condition=rule["condition"].replace("IN", "in"), condition_parser="pandas", **name
            )
        case "mean":
            return gx.expectations.ExpectColumnMeanToBeBetween(
                column=column, min_value=rule["at_least"], max_value=rule["at_most"], **name
            )
        case "quantile":
            return gx.expectations.ExpectColumnMedianToBeBetween(
                column=column, min_value=rule["at_least"], max_value=rule["at_most"], **name
            )
        case "row_count":
            return gx.expectations.ExpectTableRowCountToBeBetween(min_value=rule["min"], **name)
        case "dtype":
            return gx.expectations.ExpectColumnValuesToBeOfType(column=column, type_="float64", **name)
    return None


def judge(job: Job) -> dict[str, int]:
    frame = pd.read_parquet(job.table, columns=job.columns)
    context = gx.get_context(mode="ephemeral")
    batches = (
        context.data_sources.add_pandas("pandas")
        .add_dataframe_asset("orders")
        .add_batch_definition_whole_dataframe("all")
    )
    made = [one for rule in job.rules if (one := expectation(rule, job.reference)) is not None]
    suite = context.suites.add(gx.ExpectationSuite(name="orders", expectations=made))
    found = context.validation_definitions.add(gx.ValidationDefinition(name="orders", data=batches, suite=suite)).run(
        batch_parameters={"dataframe": frame},
        result_format={"result_format": "BASIC", "partial_unexpected_count": job.samples},
    )
    counts: dict[str, int] = {}
    for one in found.results:
        name = one.expectation_config.meta["name"]
        counts[name] = int(one.result.get("unexpected_count", int(not one.success)))
    return counts
