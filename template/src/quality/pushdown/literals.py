"""Values of Polars as they stand in SQL: each cast to its type, so that no database guesses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from quality.pushdown.dialects import Dialect, UnsayableError, exp, number, text


def literal(value: Any, dtype: pl.DataType, dialect: Dialect) -> Any:
    """One value of a dtype; UnsayableError where the database cannot hold it."""
    if dtype == pl.Null:
        return exp.Null()
    if value is None:
        return dialect.cast(exp.Null(), dtype)
    if dtype == pl.Boolean:
        return exp.Boolean(this=value)
    if dtype.is_integer():
        return dialect.cast(number(value), dtype)
    if dtype.is_float():
        return dialect.cast(text(_float(value)), dtype)
    if dtype == pl.String:
        return _text(value, dialect)
    if isinstance(dtype, pl.Datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        return dialect.cast(text(moment.isoformat(" ")), dtype)
    if isinstance(dtype, pl.Decimal) or dtype == pl.Date:
        return dialect.cast(text(str(value)), dtype)
    if dtype == pl.Binary:
        return dialect.binary(value.hex())
    raise UnsayableError(f"a value of {dtype} cannot be said in {dialect.NAME}")


def some_value(dtype: pl.DataType, dialect: Dialect) -> Any:
    """One value of a dtype, whichever."""
    if dtype == pl.Boolean:
        return literal(False, dtype, dialect)
    if dtype == pl.String:
        return literal("", dtype, dialect)
    if dtype == pl.Binary:
        return literal(b"", dtype, dialect)
    if dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return literal(datetime(1970, 1, 1) if dtype != pl.Date else date(1970, 1, 1), dtype, dialect)
    return literal(0, dtype, dialect)


def narrow(values: Sequence[Decimal]) -> pl.Decimal:
    """The decimals with no more digits than these have."""
    parts = [one.as_tuple() for one in values]
    scale = max(0, *(-int(part.exponent) for part in parts))
    whole = max(1, *(len(part.digits) + int(part.exponent) for part in parts))
    return pl.Decimal(whole + scale, scale)


def _float(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _text(value: str, dialect: Dialect) -> Any:
    if "\0" in value and not dialect.NULLS:
        raise UnsayableError(f"the character of code 0 cannot be said in {dialect.NAME}")
    return text(value)
