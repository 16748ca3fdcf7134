"""SQL conditions: read by Polars, speaking of single rows."""

from __future__ import annotations

import re
from typing import Annotated

import polars as pl
from pydantic import AfterValidator

from quality.engine.dtypes import exact
from quality.errors import ConfigurationError, first_line
from quality.values import Text

Sql = Annotated[Text, AfterValidator(lambda sql: _readable(sql))]


def _readable(sql: str) -> str:
    condition(sql)
    return sql


def condition(sql: str) -> pl.Expr:
    """The Polars expression of a SQL condition; no Python is ever evaluated."""
    try:
        return exact(pl.sql_expr(sql))
    except pl.exceptions.PolarsError as error:
        raise ConfigurationError(f"cannot read the SQL '{sql}': {first_line(error)}") from None


ACROSS_ROWS = re.compile(
    "window|over|shift|forward_fill|first|last|mean|median|min|max|sum|len|count|quantile|std|var|n_unique|arg_min|arg_max"
)


def across_rows(expr: pl.Expr, schema: pl.Schema) -> set[str]:
    """The nodes of an expression whose value for a row depends on other rows."""
    tree = str(expr.meta.tree_format(return_as_string=True, schema=schema))
    words = set(re.sub(r"(?:lit|col)\(.*?\)(?=\s|$)", " ", tree).replace("│", " ").split())
    return {word for word in words if ACROSS_ROWS.fullmatch(word)}
