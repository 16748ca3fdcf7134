"""Soda Core on DuckDB: one SodaCL scan of a view over the file."""

# mypy: disable-error-code="import-not-found, import-untyped"
from __future__ import annotations

import contextlib
import io
import json
from typing import Any

import duckdb
from contestant import Job
from soda.scan import Scan

from contestants.duckdb_sql import failing, text

PACKAGES = ("soda-core", "soda-core-duckdb", "duckdb")
SURPLUS = "duplicate_count counts the values that repeat, not their rows"
DIFFERENCES = {"id_unique": SURPLUS, "reference_unique": SURPLUS, "pair_unique": SURPLUS}


def written(rule: dict[str, Any], reference: str) -> dict[str, Any] | None:
    column, named = rule.get("column"), {"name": rule["name"]}
    match rule["check"]:
        case "not_null":
            return {f"missing_count({column}) = 0": named}
        case "unique":
            return {f"duplicate_count({column}) = 0": named}
        case "unique_combination":
            return {f"duplicate_count({', '.join(rule['columns'])}) = 0": named}
        case "in_set":
            return {f"invalid_count({column}) = 0": {**named, "valid values": rule["values"]}}
        case "in_range":
            return {f"invalid_count({column}) = 0": {**named, "valid min": rule["min"], "valid max": rule["max"]}}
        case "regex":
            return {f"invalid_count({column}) = 0": {**named, "valid regex": rule["pattern"]}}
        case "max_length":
            return {f"invalid_count({column}) = 0": {**named, "valid max length": rule["value"]}}
        case "mean":
            return {f"avg({column}) between {rule['at_least']} and {rule['at_most']}": named}
        case "row_count":
            return {f"row_count >= {rule['min']}": named}
        case "greater_than" | "expression" | "not_future" | "conditional_null" | "email_format":
            metric = f"{rule['name']}_rows"
            wrong = failing(rule, reference)
            return {f"{metric} = 0": {**named, f"{metric} expression": f"COUNT(CASE WHEN {wrong} THEN 1 END)"}}
        case "referential_integrity":
            return {f"values in ({column}) must exist in customers ({rule['reference_column']})": named}
    return None


def judge(job: Job) -> dict[str, int]:
    connection = duckdb.connect()
    connection.execute(f"CREATE VIEW orders AS SELECT * FROM read_parquet({text(job.table)})")
    connection.execute(f"CREATE VIEW customers AS SELECT * FROM read_parquet({text(job.reference)})")
    checks = [made for rule in job.rules if (made := written(rule, job.reference)) is not None]
    scan = Scan()
    scan.disable_telemetry()
    scan.add_duckdb_connection(connection)
    scan.set_data_source_name("duckdb")
    scan.add_sodacl_yaml_str(json.dumps({"checks for orders": checks}))
    with contextlib.redirect_stdout(io.StringIO()):
        scan.execute()
    found = scan.build_scan_results()["checks"]
    whole = {rule["name"] for rule in job.rules if rule["check"] in ("mean", "row_count")}
    return {
        one["name"]: int(one["outcome"] != "pass") if one["name"] in whole else int(one["diagnostics"]["value"])
        for one in found
    }
