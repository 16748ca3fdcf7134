"""SQL conditions: read by Polars once their text is known to be harmless, speaking of single rows."""

from __future__ import annotations

import re
from typing import Annotated

import polars as pl
from pydantic import AfterValidator

from quality.engine.dtypes import exact
from quality.errors import ConfigurationError
from quality.known_sql import as_it_reads
from quality.sql_text import brief, expression, refuse_patterns, several, tokens
from quality.values import Text

Sql = Annotated[Text, AfterValidator(lambda sql: _readable(sql))]


def _readable(sql: str) -> str:
    """The SQL itself, where it can be read and no value of it depends on other rows, whatever the data is."""
    expr = condition(sql)
    try:
        across = across_rows(expr)
    except pl.exceptions.PolarsError:  # what cannot be told without the dtypes is told when it meets them
        across = set()
    if across:
        raise ConfigurationError(several(sql, across))
    refuse_patterns(sql)
    return sql


def condition(sql: str) -> pl.Expr:
    """The Polars expression of a SQL condition; no Python is evaluated, nothing is read or fetched."""
    try:
        tokens(sql)
        return as_it_reads(exact(expression(sql)), sql)
    except (pl.exceptions.PolarsError, ValueError) as error:
        said = re.sub(r"unable to parse '.*' as Expr", "it is not a condition", " ".join(str(error).split()))
        raise ConfigurationError(f"cannot read the SQL '{brief(sql)}': {said.split(' {')[0]}") from None


ACROSS_ROWS = re.compile(
    r"window|over|shift|diff|\w+_fill|first|last|mean|median|min|max|sum|len|count|quantile|std|var|n_unique|arg_\w+"
    r"|\w+_correlation|cov|any|all|any_ignore_nulls|all_ignore_nulls|product|mode|implode|explode|cum_\w+|rank|reverse"
    r"|sort|sort_by|filter|gather|unique|slice|rolling_\w+|concat_vertical|subplan"
)


def across_rows(expr: pl.Expr, schema: pl.Schema | None = None) -> set[str]:
    """The nodes of an expression whose value for a row depends on other rows."""
    tree = str(expr.meta.tree_format(return_as_string=True, schema=schema))
    words = set(re.sub(r"(?:lit|col)\(.*?\)(?=\s|$)", " ", tree).replace("│", " ").split())
    return {word for word in words if ACROSS_ROWS.fullmatch(word)}
