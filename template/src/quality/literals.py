"""Values that people write in YAML, made comparable with a column of a given dtype, or refused."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import polars as pl
from pydantic import AfterValidator, BeforeValidator, FiniteFloat

from quality.errors import ConfigurationError
from quality.rule import kind_of

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def plain(value: Any) -> Any:
    """Dates, times and decimals as text, so that a rule is the same value before and after JSON."""
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


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
        case "number" if dtype.is_decimal():
            return Decimal(str(value)) if not isinstance(value, bool) else _refuse()
        case "number" if isinstance(value, (int, float)) and not isinstance(value, bool):
            return value
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
