"""Values that people write in YAML, made comparable with a column of a given dtype, or refused."""

from __future__ import annotations

import math
import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, ClassVar, Self

import polars as pl
from pydantic import AfterValidator, BeforeValidator, FiniteFloat, model_validator

from quality.engine.dtypes import kind_of
from quality.errors import ConfigurationError
from quality.values import Frozen

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def plain(value: Any) -> Any:
    """Dates, times and decimals as text, so that a rule is the same value before and after JSON."""
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if not isinstance(value, (bool, int, float, str)) or value in (math.inf, -math.inf) or value != value:
        raise ValueError(f"a value is a number, a text, a date, true or false, not {value}")
    return value


class Bounded(Frozen):
    """A rule with a lower and an upper bound: one is given at least, and something can lie between the two."""

    BOUNDS: ClassVar[tuple[str, str]] = ("min", "max")

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        low, high = (getattr(self, name) for name in self.BOUNDS)
        if low is None and high is None:
            raise ValueError(f"give {', '.join(self.BOUNDS)} or both")
        if isinstance(low, (int, float)) and isinstance(high, (int, float)) and low > high:
            raise ValueError(f"nothing lies between {low} and {high}")
        return self


def parse_duration(text: str) -> timedelta:
    """`90s`, `30m`, `26h`, `7d`, `2w` and sums such as `1d12h`."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhdw])", text)
    if not parts or "".join(n + u for n, u in parts) != text.replace(" ", ""):
        raise ValueError(f"'{text}' is not a duration; write 90s, 30m, 26h, 7d or 2w")
    return sum((timedelta(**{UNITS[unit]: float(n)}) for n, unit in parts), timedelta())


def _duration(text: str) -> str:
    parse_duration(text)
    return text


Value = Annotated[bool | int | FiniteFloat | str, BeforeValidator(plain)]
Duration = Annotated[str, AfterValidator(_duration)]


def coerce(value: Any, dtype: pl.DataType) -> Any:
    """The Python value that a column of this dtype holds for a written value, or ConfigurationError."""
    try:
        return _coerce(value, dtype)
    except (ValueError, TypeError, InvalidOperation):
        raise ConfigurationError(f"the value {value!r} cannot be compared with {dtype}") from None


def _coerce(value: Any, dtype: pl.DataType) -> Any:
    match kind_of(dtype):
        case "null":
            return value
        case "boolean" if isinstance(value, bool):
            return value
        case "text" if isinstance(value, str):
            return value
        case "number" if isinstance(value, bool):
            return _refuse()
        case "number" if dtype.is_decimal():
            exact = Decimal(str(value))
            return exact if exact.is_finite() else _refuse()
        case "number" if isinstance(value, (int, float)):
            return int(value) if dtype.is_integer() and value == int(value) else value
        case "time" if isinstance(value, str):
            return _moment(value, dtype)
    return _refuse()


def _refuse() -> Any:
    raise ValueError


def _moment(text: str, dtype: pl.DataType) -> date | datetime | time | timedelta:
    """ISO text as the column's own kind of moment; a naive datetime is read in the column's time zone."""
    if dtype == pl.Duration:
        return parse_duration(text)
    if dtype == pl.Time:
        return time.fromisoformat(text)
    moment = datetime.fromisoformat(text)
    if dtype == pl.Date:
        if moment.time() != time() or moment.tzinfo:
            raise ValueError
        return moment.date()
    zone = getattr(dtype, "time_zone", None)
    if (moment.tzinfo is not None) and zone is None:
        raise ValueError
    return moment


def literal(value: Any, dtype: pl.DataType) -> pl.Expr:
    """A literal expression of a written value, of a dtype comparable with the column's."""
    held = coerce(value, dtype)
    if isinstance(held, datetime):
        zone = getattr(dtype, "time_zone", None)
        if zone is None or held.tzinfo is not None:
            return pl.lit(held).cast(dtype)
        return pl.lit(held).dt.replace_time_zone(zone).cast(dtype)
    return pl.lit(held)


def check_literal(value: Any, dtype: pl.DataType) -> None:
    """Refuse a written value that is no value of a column of this dtype."""
    try:
        written = literal(value, dtype)
        if dtype.is_temporal():
            pl.select(written)  # a local time may be one that clocks skip
    except (pl.exceptions.PolarsError, OverflowError) as error:
        raise ConfigurationError(f"the value {value!r} cannot be compared with {dtype}: {error}") from None


def members(values: tuple[Any, ...], dtype: pl.DataType) -> pl.Series:
    """The written values that a column of this dtype can hold, as a column of this dtype."""
    held = [coerce(value, dtype) for value in values]
    if dtype.is_integer():
        whole = [value for value in held if isinstance(value, int)]
        return pl.Series(whole, dtype=pl.Int128).cast(dtype, strict=False).drop_nulls()
    if isinstance(dtype, pl.Decimal):
        exact = [value for value in held if value == round(value, dtype.scale)]
        return pl.Series(exact, dtype=pl.Decimal(38, dtype.scale)).cast(dtype, strict=False).drop_nulls()
    if not dtype.is_temporal():
        return pl.Series(held, dtype=dtype)
    return pl.select(pl.concat([literal(value, dtype).cast(dtype) for value in values])).to_series()
