"""What a person would write in Polars for each rule: an expression that is true where a row fails."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

Rule = dict[str, Any]
FLOATS = (pl.Float32, pl.Float64)


def failing(rule: Rule, reference: str) -> pl.Expr | None:
    """Rows that fail; None for a rule about the table, about repeated values, or of a kind not written here."""
    value: pl.Expr = pl.col(rule["column"]) if "column" in rule else pl.lit(None)
    match rule["check"]:
        case "not_null":
            return value.is_null()
        case "referential_integrity":
            column = rule["reference_column"]
            keys = pl.scan_parquet(reference).select(column).collect(engine="streaming")[column]
            return ~value.is_in(keys.implode())
        case "email_format" | "regex":
            return ~value.str.contains(rule["pattern"])
        case "max_length":
            return value.str.len_chars().gt(rule["value"])
        case "in_set":
            return ~value.is_in(rule["values"])
        case "in_range":
            return ~value.is_between(rule["min"], rule["max"])
        case "greater_than":
            return value.le(rule["value"])
        case "expression":
            return ~pl.sql_expr(rule["expression"])
        case "not_future":
            return value > datetime.now()
        case "conditional_null":
            return value.is_null() & pl.sql_expr(rule["condition"])
    return None


def repeated(rule: Rule) -> pl.Expr | None:
    """The values that must not repeat."""
    match rule["check"]:
        case "unique":
            return pl.col(rule["column"])
        case "unique_combination":
            return pl.struct(rule["columns"])
    return None


def number(rule: Rule) -> pl.Expr | None:
    """The number that a rule about the table bounds."""
    match rule["check"]:
        case "mean":
            return pl.col(rule["column"]).mean()
        case "quantile":
            return pl.col(rule["column"]).quantile(rule["q"], "linear")
        case "row_count":
            return pl.len()
        case "freshness":
            return pl.col(rule["column"]).max()
    return None


def outside(rule: Rule, found: Any) -> int:
    """1 if the number found is out of the rule's bounds."""
    if rule["check"] == "freshness":
        return int((datetime.now() - found).days >= int(rule["max_age"].rstrip("d")))
    low, high = rule.get("at_least", rule.get("min")), rule.get("at_most", rule.get("max"))
    return int((low is not None and found < low) or (high is not None and found > high))
