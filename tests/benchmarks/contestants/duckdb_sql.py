"""DuckDB: one hand-written SQL statement for all rules."""

# mypy: disable-error-code="import-not-found, import-untyped"
from __future__ import annotations

from typing import Any

import duckdb
from contestant import Job

PACKAGES = ("duckdb",)


def text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def failing(rule: dict[str, Any], reference: str) -> str | None:
    column = rule.get("column")
    match rule["check"]:
        case "not_null":
            return f"{column} IS NULL"
        case "referential_integrity":
            return f"{column} NOT IN (SELECT {rule['reference_column']} FROM read_parquet({text(reference)}))"
        case "email_format" | "regex":
            return f"NOT regexp_matches({column}, {text(rule['pattern'])})"
        case "max_length":
            return f"length({column}) > {rule['value']}"
        case "in_set":
            return f"{column} NOT IN ({', '.join(map(text, rule['values']))})"
        case "in_range":
            return f"{column} NOT BETWEEN {rule['min']} AND {rule['max']}"
        case "greater_than":
            return f"{column} <= {rule['value']}"
        case "expression":
            return f"NOT ({rule['expression']})"
        case "not_future":
            return f"{column} > now()::TIMESTAMP"
        case "conditional_null":
            return f"{column} IS NULL AND {rule['condition']}"
    return None


def number(rule: dict[str, Any]) -> str | None:
    column = rule.get("column")
    match rule["check"]:
        case "unique" | "unique_combination":
            keys = rule.get("columns") or [column]
            given = " AND ".join(f"{key} IS NOT NULL" for key in keys)
            groups = f"SELECT count(*) AS n FROM orders WHERE {given} GROUP BY {', '.join(keys)} HAVING n > 1"
            return f"(SELECT coalesce(sum(n), 0) FROM ({groups}))"
        case "mean":
            return f"(avg({column}) NOT BETWEEN {rule['at_least']} AND {rule['at_most']})::INT"
        case "quantile":
            return f"(quantile_cont({column}, {rule['q']}) NOT BETWEEN {rule['at_least']} AND {rule['at_most']})::INT"
        case "freshness":
            return f"(max({column}) < now()::TIMESTAMP - INTERVAL {rule['max_age'].rstrip('d')} DAY)::INT"
        case "row_count":
            return f"(count(*) < {rule['min']})::INT"
        case "dtype":
            return f"(any_value(typeof({column})) NOT IN ('FLOAT', 'DOUBLE'))::INT"
    return None


def judge(job: Job, *, samples: bool = False) -> dict[str, int]:
    selected: list[str] = []
    for rule in job.rules:
        name = rule["name"]
        if (wrong := failing(rule, job.reference)) is not None:
            selected.append(f"count(*) FILTER ({wrong}) AS {name}")
            if samples:
                selected.append(f"min(id, 5) FILTER ({wrong}) AS {name}_sample")
        elif (measured := number(rule)) is not None:
            selected.append(f"{measured} AS {name}")
    connection = duckdb.connect()
    connection.execute(f"CREATE VIEW orders AS FROM read_parquet({text(job.table)})")
    row = connection.execute(f"SELECT {', '.join(selected)} FROM orders")
    names = [column[0] for column in row.description]
    found = dict(zip(names, row.fetchall()[0], strict=True))
    return {rule["name"]: int(found[rule["name"]]) for rule in job.rules if rule["name"] in found}
