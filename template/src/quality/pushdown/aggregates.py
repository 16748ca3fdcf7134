"""Aggregates of Polars in SQL: over the rows of a query, or of a window."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from quality.pushdown.dialects import Dialect, UnsayableError, call, exp, number
from quality.pushdown.functions import Value, all_of, case, negated, paren
from quality.pushdown.literals import literal
from quality.pushdown.operators import EXACT_DIGITS


def counted(condition: Any) -> Any:
    """How often a condition is true; 0 of no rows."""
    return call("SUM", case((condition, number(1)), otherwise=number(0)))


def aggregate(name: str, option: Any, value: Value, dtype: pl.DataType, dialect: Dialect) -> tuple[Any, Any]:
    """The aggregate itself, and what it is where it is null: of no rows; None where null is right."""
    if name not in AGGREGATES:
        raise UnsayableError(f"the aggregate {name} cannot be said in {dialect.NAME}")
    made, empty = AGGREGATES[name](value, option, dtype, dialect)
    return made, empty


def _sum(value: Value, option: Any, dtype: pl.DataType, dialect: Dialect) -> tuple[Any, Any]:
    if value.dtype == pl.Boolean:
        return counted(value.sql), number(0)
    if value.dtype == pl.Null:
        return call("SUM", number(0)), number(0)
    if not value.dtype.is_numeric():
        raise UnsayableError(f"a sum of {value.dtype} cannot be said in {dialect.NAME}")
    return call("SUM", dialect.summed(value.sql, value.dtype)), literal(0, dtype, dialect)


def _extreme(name: str) -> Any:
    def said(value: Value, option: Any, dtype: pl.DataType, dialect: Dialect) -> tuple[Any, Any]:
        if value.dtype == pl.Boolean or value.dtype.is_nested():
            raise UnsayableError(f"the {name.lower()} of {value.dtype} cannot be said in {dialect.NAME}")
        if not value.dtype.is_float():
            return call(name, value.sql), None
        nan = literal(math.nan, value.dtype, dialect)
        is_nan = dialect.is_nan(value.sql, value.dtype)
        if option:  # NaN stays: it is the smallest and the greatest
            return case((call("BOOL_OR", is_nan), nan), otherwise=call(name, value.sql)), None
        there = case((negated(exp.Paren(this=is_nan)), value.sql))
        return call("COALESCE", call(name, there), call(name, value.sql)), None

    return said


def _moment(name: str, ddof: int | None) -> Any:
    def said(value: Value, option: Any, dtype: pl.DataType, dialect: Dialect) -> tuple[Any, Any]:
        exact = isinstance(value.dtype, pl.Decimal) and value.dtype.precision > EXACT_DIGITS
        if option != ddof or not value.dtype.is_numeric() or exact:
            raise UnsayableError(f"the {name.lower()} of {value.dtype} cannot be said in {dialect.NAME}")
        return call(name, dialect.cast(value.sql, pl.Float64())), None

    return said


def interpolated(value: Any, share: float, dialect: Dialect) -> Any:
    """A quantile as Polars has it, where databases differ: of two infinite neighbors.

    Between two that are alike lies the same one, and between minus infinity and more there is no number.
    """
    found = dialect.quantile(value, share)
    least, most, nan = (literal(one, pl.Float64(), dialect) for one in (-math.inf, math.inf, math.nan))
    rows = dialect.cast(paren(exp.Sub(this=call("COUNT", value.copy()), expression=number(1))), pl.Float64())
    place = paren(exp.Mul(this=rows, expression=literal(share, pl.Float64(), dialect)))
    whole = call("FLOOR", place)
    between = paren(exp.NEQ(this=whole.copy(), expression=place))

    def many(kind: Any, bound: Any) -> Any:
        return counted(paren(kind(this=value.copy(), expression=bound.copy())))

    def holds(kind: Any, place: int, rows: Any) -> Any:
        """Whether so many rows, in their order, end before the neighbor of this place."""
        return paren(kind(this=paren(exp.Add(this=whole.copy(), expression=number(place))), expression=rows))

    lowest = all_of([between, holds(exp.LTE, 2, many(exp.EQ, least))])
    highest = all_of([between.copy(), holds(exp.GTE, 0, many(exp.LT, most)), holds(exp.LTE, 2, many(exp.LTE, most))])
    apart = all_of([between.copy(), paren(exp.EQ(this=found.copy(), expression=least.copy()))])
    return case((lowest, least), (highest, most), (apart, nan), otherwise=found)


AGGREGATES: dict[str, Any] = {
    "sum": _sum,
    "count": lambda value, option, dtype, dialect: (call("COUNT", number(1) if option else value.sql), None),
    "min": _extreme("MIN"),
    "max": _extreme("MAX"),
    "mean": _moment("AVG", None),
    "std": _moment("STDDEV_SAMP", 1),
    "var": _moment("VAR_SAMP", 1),
    "n_unique": lambda value, option, dtype, dialect: (
        exp.Count(this=exp.Distinct(expressions=[value.sql])),
        None,
    ),
}
