"""Values that people write in YAML, put where they belong among the values of a column, or refused.

A written bound keeps its meaning on every dtype: it is rounded to the precision of a float column, and lies between two
neighbours of every other column that cannot hold it. An Enum is ordered by its categories.
"""

from __future__ import annotations

import functools
import math
import operator
import re
import sys
from collections.abc import Callable
from datetime import datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import polars as pl

from quality.engine.dtypes import kind_of
from quality.errors import CannotJudgeError, first_line
from quality.rules.bounds import parse_duration
from quality.texts import shorten

Sign = Literal["<", "<=", ">", ">=", "=", "!="]
PER_SECOND = {"ms": 10**3, "us": 10**6, "ns": 10**9}
DAY = 86_400
GREATEST = {"Float16": 65_504.0, "Float32": 3.4028234663852886e38}
EPOCH, SECOND = datetime(1970, 1, 1), timedelta(seconds=1)
DATE = re.compile(r"\d{4}-\d\d-\d\d(?!\d)|\d{1,2}([./-])\d{1,2}\1\d{2,4}(?!\d)")
OPERATORS: dict[Sign, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}


class Place(NamedTuple):
    """Where a written value lies in a column: at `at`, or just below (-1) or above (1) it; `at` is physical."""

    at: Any
    side: int = 0


def place(value: Any, dtype: pl.DataType) -> Place:
    """The place of a written value among the values of the dtype, or CannotJudgeError."""
    try:
        return _place(value, dtype)
    except (ValueError, TypeError, OverflowError, InvalidOperation, pl.exceptions.PolarsError) as error:
        why = f": {first_line(error)}" if str(error) else ""
        raise CannotJudgeError(f"the value {value!r} cannot be compared with {_word(dtype)}{why}") from None


def _word(dtype: pl.DataType) -> str:
    return "Enum" if dtype == pl.Enum else str(dtype)


def _place(value: Any, dtype: pl.DataType) -> Place:
    match kind_of(dtype):
        case "null":
            return Place(value)
        case "boolean" if isinstance(value, bool):
            return Place(value)
        case "text" if isinstance(value, str):
            return _text(value, dtype)
        case "number" if not isinstance(value, bool):
            return _number(value, dtype)
        case "time" if isinstance(value, str):
            return _moment(value, dtype)
    raise ValueError


def _text(value: str, dtype: pl.DataType) -> Place:
    if not isinstance(dtype, pl.Enum):
        return Place(value)
    categories = dtype.categories.to_list()
    if value not in categories:
        raise ValueError(f"its categories are {shorten(categories, 80)}")
    return Place(categories.index(value))


def _number(value: Any, dtype: pl.DataType) -> Place:
    if isinstance(value, str) and not dtype.is_decimal():
        raise ValueError("write the number without quotes" if _is_number(value) else "")
    if not _is_number(str(value)):
        raise ValueError
    exact = Fraction(Decimal(str(value)))
    if dtype.is_float():
        return _rounded(exact, dtype)
    scale = dtype.scale if isinstance(dtype, pl.Decimal) else 0
    found = _step(exact * 10**scale, *_limits(dtype))
    return Place(Decimal(f"{found.at}E-{scale}"), found.side) if isinstance(dtype, pl.Decimal) else found


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _rounded(exact: Fraction, dtype: pl.DataType) -> Place:
    """At the precision of the column; beyond its greatest number, which infinity is not, above that."""
    try:
        held = precise(float(exact), dtype)
    except OverflowError:
        held = math.inf
    if math.isfinite(held):
        return Place(held)
    greatest = GREATEST.get(str(dtype), sys.float_info.max)
    return Place(greatest, 1) if exact > 0 else Place(-greatest, -1)


def precise(number: float, dtype: pl.DataType) -> float:
    """A number as a column of floats of this dtype holds it."""
    return number if dtype == pl.Float64 else float(pl.Series([number], dtype=pl.Float64).cast(dtype).item())


def _step(exact: Fraction, low: int, high: int) -> Place:
    """Among whole numbers from `low` to `high`."""
    at, rest = divmod(exact, 1)
    if at < low:
        return Place(low, -1)
    return Place(high, 1) if at > high else Place(int(at), 1 if rest else 0)


@functools.cache
def _limits(dtype: pl.DataType) -> tuple[int, int]:
    if isinstance(dtype, pl.Decimal):
        return 1 - 10**dtype.precision, 10**dtype.precision - 1
    if dtype == pl.Time:
        return 0, DAY * 10**9 - 1
    whole = dtype if dtype.is_integer() else pl.Int32() if dtype == pl.Date else pl.Int64()
    low, high = pl.select(whole.min().alias("low"), whole.max().alias("high")).row(0)  # type: ignore[attr-defined]
    return low, high


def _moment(text: str, dtype: pl.DataType) -> Place:
    """Counted in the column's own units; what is finer lies between two of them."""
    seconds = _seconds(text, dtype)
    unit = Fraction(1, DAY) if dtype == pl.Date else PER_SECOND[getattr(dtype, "time_unit", None) or "ns"]
    return _step(seconds * unit, *_limits(dtype))


def _seconds(text: str, dtype: pl.DataType) -> Fraction:
    """ISO text as seconds of the day or since 1970; a naive datetime is read in the column's time zone."""
    if dtype == pl.Duration:
        return Fraction(parse_duration(text) // timedelta(microseconds=1), 10**6)
    whole, part = _split(text)
    try:
        moment = EPOCH.combine(EPOCH, time.fromisoformat(whole)) if dtype == pl.Time else datetime.fromisoformat(whole)
    except ValueError:
        like = "12:30:00" if dtype == pl.Time else "2024-01-31 or 2024-01-31T12:30:00"
        raise ValueError(f"write it as {like}") from None
    zone = getattr(dtype, "time_zone", None)
    if moment.tzinfo and zone is None:
        raise ValueError("the column has no time zone; write the value without one")
    if zone and moment.tzinfo is None:
        return _local(moment, zone) + part
    return Fraction((moment.replace(tzinfo=None) - (moment.utcoffset() or timedelta()) - EPOCH) // SECOND) + part


def _local(moment: datetime, zone: str) -> int:
    """Seconds since 1970 of what the clocks of a zone show once; ValueError for what they skip, or show twice."""
    at = pl.lit(moment).dt
    ways = (at.replace_time_zone(zone, ambiguous=which, non_existent="null") for which in ("earliest", "latest"))
    first, last = pl.select(*(way.dt.epoch("s").alias(str(n)) for n, way in enumerate(ways))).row(0)
    if first is not None and first == last:
        return int(first)
    shown, one = "never" if first is None else "twice", moment.replace(tzinfo=ZoneInfo(zone)).isoformat()
    raise ValueError(f"clocks of {zone} show it {shown}; write it with its offset from UTC, such as {one}")


def _split(text: str) -> tuple[str, Fraction]:
    """The text in whole seconds, and the fraction of a second, which Python would cut after six digits."""
    found = re.fullmatch(r"(.*:\d\d)[.,](\d+)(.*)", text)
    return (found[1] + found[3], Fraction(int(found[2]), 10 ** len(found[2]))) if found else (text, Fraction(0))


def compare(value: pl.Expr, sign: Sign, bound: Place, dtype: pl.DataType) -> pl.Expr:
    """The comparison of a column with a written value; null where the column is."""
    if dtype == pl.Null:
        return value.cast(pl.Boolean)
    if bound.side and sign in ("=", "!="):
        return pl.when(value.is_not_null()).then(pl.lit(sign == "!="))
    if bound.side:
        sign = (">" if bound.side > 0 else ">=") if sign in (">", ">=") else "<=" if bound.side > 0 else "<"
    if dtype == pl.Enum:
        value, held = value.to_physical(), pl.lit(bound.at)
    else:
        held = pl.lit(bound.at, dtype=pl.Int64()).cast(dtype) if dtype.is_temporal() else pl.lit(bound.at, dtype=dtype)
    found: pl.Expr = OPERATORS[sign](value, held)
    return found


def holds(found: Any, sign: Sign, bound: Place) -> bool:
    """The same comparison of one physical value."""
    order = (found > bound.at) - (found < bound.at) or -bound.side
    return found == found and bool(OPERATORS[sign](order, 0))  # NaN is within no bound


def logical(places: list[Any], dtype: pl.DataType) -> pl.Series:
    """Physical values as a column of the dtype."""
    if isinstance(dtype, pl.Enum):
        return dtype.categories.gather(places).cast(dtype)
    return pl.Series(places, dtype=pl.Int64() if dtype.is_temporal() else dtype).cast(dtype)


def members(values: tuple[Any, ...], dtype: pl.DataType) -> pl.Series:
    """The written values that a column of this dtype can hold, as a column of this dtype."""
    places = [place(value, dtype) for value in values]
    return logical([found.at for found in places if not found.side], dtype)


def ordered(value: Any, dtype: pl.DataType, column: str) -> Place:
    """The place of a bound in the order of the column; dates are not compared with text, whose order is another."""
    if isinstance(value, str) and dtype in (pl.String, pl.Categorical) and DATE.match(value):
        raise CannotJudgeError(
            f"column '{column}' is {dtype}, which is ordered by alphabet, and '{value}' is a date: "
            f"read the column as dates, such as by `dtypes: {{{column}: Date}}` of its source"
        )
    return place(value, dtype)


def check_order(bounds: tuple[Any, Any], dtype: pl.DataType, column: str) -> None:
    """Refuses bounds that have no place in the column's order, or between which nothing lies in it."""
    low, high = (None if bound is None else ordered(bound, dtype, column) for bound in bounds)
    if low is not None and high is not None and dtype != pl.Null and low.at > high.at:
        raise CannotJudgeError(f"nothing lies between {bounds[0]} and {bounds[1]}")
