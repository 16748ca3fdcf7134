"""Moments and durations of conditions, whatever their units and zones: Polars compares at the coarser of two units."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

COMPARED = ("Eq", "NotEq", "Lt", "LtEq", "Gt", "GtEq", "EqValidity", "NotEqValidity")
"""Operators that compare two values."""
JOINED = ("Plus", "Minus", "Ternary", "Coalesce", "MaxHorizontal", "MinHorizontal")
"""Operators whose result is of a dtype that all of their operands have."""
OFFSET = {"TemporalExpr": "OffsetBy"}
"""A moment and an interval, such as `day + INTERVAL '1 hour'`."""
NANOSECONDS = {"ms": 10**6, "us": 10**3, "ns": 1}
"""Of each unit, from the coarsest to the finest."""
WORDS = {"ms": "Milliseconds", "us": "Microseconds", "ns": "Nanoseconds"}
"""How units are written down."""
DAY = 86_400 * 10**9


def may_be_cut(dtypes: Iterable[pl.DataType], written: str) -> bool:
    """Whether values of unlike units or zones may meet in an expression that is written down, or days and hours."""
    timed = [dtype for dtype in dtypes if dtype.is_temporal()]
    units = {unit for unit, word in WORDS.items() if word in written}
    units |= {dtype.time_unit for dtype in timed if isinstance(dtype, (pl.Datetime, pl.Duration))}
    zones = {dtype.time_zone for dtype in timed if isinstance(dtype, pl.Datetime)}
    days = pl.Date in timed or '"Date"' in written
    lasting = any(isinstance(dtype, pl.Duration) for dtype in timed)
    if zones - {None} and '"IsIn"' in written:
        return True
    meets = days and ("ns" in units or lasting or bool(zones - {None}))
    return bool(timed) and (meets or len(units) > 1 or len(zones) > 1 or "OffsetBy" in written)


def brought_together(op: Any, exprs: Sequence[pl.Expr], dtypes: Sequence[pl.DataType]) -> list[pl.Expr] | None:
    """The operands in one unit that holds them, where Polars would cut one of them; None where it would not.

    A date beside moments of a zone is the first moment of its day there, as a date in a bound of a rule is.
    """
    if op == OFFSET:
        return _offset(exprs, dtypes[0])
    if is_listed(op):
        return _listed(exprs, dtypes)
    timed = [dtype for dtype in dtypes if isinstance(dtype, (pl.Date, pl.Datetime, pl.Duration))]
    if op not in (*COMPARED, *JOINED) or len(timed) < 2 or len(set(timed)) == 1:
        return None
    zones = {dtype.time_zone for dtype in timed if isinstance(dtype, pl.Datetime)}
    if None in zones and len(zones) > 1:  # Polars says that a time zone is compared with none
        return None
    zone = next(iter(sorted(filter(None, zones))), None)
    placed = [
        _first_of_day(expr, zone) if dtype == pl.Date and zone else expr
        for expr, dtype in zip(exprs, dtypes, strict=True)
    ]
    there = [pl.Datetime("us", zone) if dtype == pl.Date and zone else dtype for dtype in dtypes]
    made = _compared(placed, there) if op in COMPARED else _joined(placed, there, zone)
    return made or (placed if there != list(dtypes) else None)


def is_listed(op: Any) -> bool:
    """Whether an operator looks a value up among written ones."""
    return isinstance(op, dict) and "IsIn" in (op.get("Sql") or ())


def _listed(exprs: Sequence[pl.Expr], dtypes: Sequence[pl.DataType]) -> list[pl.Expr] | None:
    """Written days beside moments of a zone as the first moments of those days there."""
    zone = dtypes[0].time_zone if isinstance(dtypes[0], pl.Datetime) else None
    if zone is None or dtypes[1] != pl.List(pl.Date) or not exprs[1].meta.is_literal():
        return None
    days = pl.select(exprs[1].alias("days"))["days"].explode()
    begins = days.to_frame().select(_first_of_day(pl.col("days"), zone))
    return [exprs[0], pl.lit(begins.to_series().implode())]


def _written(expr: pl.Expr, of: pl.Expr) -> pl.Expr:
    """What is computed of a written value, as another one: a database has the value, and not the computation."""
    if not of.meta.is_literal():
        return expr
    made = pl.select(expr.alias("value"))["value"]
    return pl.lit(made[0], made.dtype)


def _first_of_day(day: pl.Expr, zone: str) -> pl.Expr:
    """The moment at which a day begins: midnight, or the next that there is where clocks are put forward then."""
    midnight = day.cast(pl.Datetime("us"))
    if zone == "UTC":
        return _written(day.cast(pl.Datetime("us", zone)), day)
    begins = (
        midnight.dt.offset_by(after).dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        for after in ("0h", "1h", "24h")
    )
    return _written(pl.coalesce(*begins), day)


def _compared(exprs: Sequence[pl.Expr], dtypes: Sequence[pl.DataType]) -> list[pl.Expr] | None:
    """Two values in nanoseconds of 128 bits; a written one in the unit of the other, where that holds it."""
    if isinstance(dtypes[0], pl.Duration) != isinstance(dtypes[1], pl.Duration):
        return None
    for at, other in ((0, 1), (1, 0)):
        if exprs[at].meta.is_literal() and _holds(dtypes[other], exprs[at], dtypes[at]):
            return [_written(expr.cast(dtypes[other]), expr) if n == at else expr for n, expr in enumerate(exprs)]
    units = {getattr(dtype, "time_unit", None) for dtype in dtypes}
    zones = {getattr(dtype, "time_zone", None) for dtype in dtypes}
    if len(zones) == 1 and (len(units) == 1 or (units <= {None, "ms", "us"} and None in units)):
        return None
    return [_nanoseconds(expr, dtype) for expr, dtype in zip(exprs, dtypes, strict=True)]


def _joined(exprs: Sequence[pl.Expr], dtypes: Sequence[pl.DataType], zone: str | None) -> list[pl.Expr] | None:
    """All in the finest unit among them; a moment that it has no room for is an error, not another moment."""
    units = [_unit(expr, dtype) for expr, dtype in zip(exprs, dtypes, strict=True)]
    finest = next((unit for unit in reversed(NANOSECONDS) if unit in units), None)
    if finest is None:
        return None
    return [_in(expr, dtype, finest, zone) for expr, dtype in zip(exprs, dtypes, strict=True)]


def _in(expr: pl.Expr, dtype: pl.DataType, unit: Any, zone: str | None) -> pl.Expr:
    if isinstance(dtype, pl.Duration):
        return expr.cast(pl.Duration(unit))
    if not isinstance(dtype, (pl.Date, pl.Datetime)):
        return expr
    moment = expr.cast(pl.Datetime(unit, getattr(dtype, "time_zone", None)))
    return moment.dt.convert_time_zone(zone) if zone else moment


def _offset(exprs: Sequence[pl.Expr], dtype: pl.DataType) -> list[pl.Expr] | None:
    """A moment in a unit that can have the interval added; a date becomes a moment where that is not of whole days."""
    interval = pl.select(exprs[1]).item() if exprs[1].meta.is_literal() else None
    if not isinstance(interval, str) or not isinstance(dtype, (pl.Date, pl.Datetime)):
        return None
    words = set(re.findall("[a-z]+", interval))
    fine = {"us"} if isinstance(dtype, pl.Datetime) else {"h", "m", "s", "ms", "us"}
    needed = "ns" if "ns" in words else "us" if words & fine else "ms"
    has = getattr(dtype, "time_unit", "ms")
    if NANOSECONDS[has] <= NANOSECONDS[needed]:
        return None
    return [_in(exprs[0], dtype, needed, getattr(dtype, "time_zone", None)), exprs[1]]


def _nanoseconds(expr: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Since 1970, or of a duration, as a whole number of 128 bits."""
    each = DAY if dtype == pl.Date else NANOSECONDS[dtype.time_unit]  # type: ignore[attr-defined]
    return expr.cast(pl.Int64).cast(pl.Int128) * each


def _count(written: pl.Expr, dtype: pl.DataType) -> int | None:
    """Nanoseconds of a written value."""
    count: int | None = pl.select(_nanoseconds(written, dtype)).item()
    return count


def _holds(dtype: pl.DataType, written: pl.Expr, its: pl.DataType) -> bool:
    """Whether a dtype has the written value, exactly."""
    count = _count(written, its)
    each = DAY if dtype == pl.Date else NANOSECONDS[dtype.time_unit]  # type: ignore[attr-defined]
    return count is not None and count % each == 0 and -(2**63) < count // each < 2**63 and dtype != pl.Date


def _unit(expr: pl.Expr, dtype: pl.DataType) -> str | None:
    """The unit of a column's moments; of a written one, the coarsest that has it."""
    if not isinstance(dtype, (pl.Datetime, pl.Duration)):
        return None
    if not expr.meta.is_literal():
        return dtype.time_unit
    count = _count(expr, dtype) or 0
    return next(unit for unit, each in NANOSECONDS.items() if count % each == 0)
