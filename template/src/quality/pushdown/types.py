"""The types of columns, as each database writes them, in Polars."""

from __future__ import annotations

import re

import polars as pl

from quality.pushdown.dialects import Dialect

SHARED: dict[str, pl.DataType] = {
    "boolean": pl.Boolean(),
    "smallint": pl.Int16(),
    "integer": pl.Int32(),
    "bigint": pl.Int64(),
    "date": pl.Date(),
}
OWN: dict[str, dict[str, pl.DataType]] = {
    "DuckDB": {
        **SHARED,
        "tinyint": pl.Int8(),
        "utinyint": pl.UInt8(),
        "usmallint": pl.UInt16(),
        "uinteger": pl.UInt32(),
        "ubigint": pl.UInt64(),
        "float": pl.Float32(),
        "double": pl.Float64(),
        "varchar": pl.String(),
        "blob": pl.Binary(),
        "timestamp": pl.Datetime("us"),
        "timestamp with time zone": pl.Datetime("us", "UTC"),
        **dict.fromkeys(("interval", "hugeint", "uhugeint", "bit", "uuid", "json", "time with time zone"), pl.String()),
    },
    "PostgreSQL": {
        **SHARED,
        "real": pl.Float32(),
        "double precision": pl.Float64(),
        "text": pl.String(),
        "character varying": pl.String(),
        "bytea": pl.Binary(),
        "timestamp without time zone": pl.Datetime("us"),
        "timestamp with time zone": pl.Datetime("us", "UTC"),
        **dict.fromkeys(
            ("interval", "uuid", "json", "jsonb", "inet", "cidr", "macaddr", "money", "xml", "name"), pl.String()
        ),
    },
    "Spark": {
        **SHARED,
        "tinyint": pl.Int8(),
        "int": pl.Int32(),
        "float": pl.Float32(),
        "double": pl.Float64(),
        "string": pl.String(),
        "binary": pl.Binary(),
        "timestamp_ntz": pl.Datetime("us"),
        "timestamp": pl.Datetime("us", "UTC"),
    },
}
"""What has no type of its own in Polars is the text that the database writes, as where its rows are read."""
DECIMAL = re.compile(r"(?:decimal|numeric)\((\d+), ?(-?\d+)\)")


def dtype_of(kind: str, dialect: Dialect) -> pl.DataType | None:
    """The dtype of a type; None of those that are not judged there."""
    written = kind.lower()
    if found := DECIMAL.fullmatch(written):
        digits, scale = map(int, found.groups())
        digits = max(digits, scale, digits - scale)  # PostgreSQL has scales below zero, and above the digits
        return pl.Decimal(digits, max(scale, 0)) if digits <= 38 else None
    return OWN[dialect.NAME].get(re.sub(r"\(\d+\)| collate \w+$", "", written))
