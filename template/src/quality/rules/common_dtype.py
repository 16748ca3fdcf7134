"""The dtype in which the values of two columns can be compared without losing any."""

from __future__ import annotations

from typing import Literal

import polars as pl

from quality.engine.dtypes import kind_of

Unit = Literal["ms", "us", "ns"]
UNITS: tuple[Unit, ...] = ("ms", "us", "ns")
IN_FLOAT64 = (pl.Int8, pl.UInt8, pl.Int16, pl.UInt16, pl.Int32, pl.UInt32)


def common(ours: pl.DataType, theirs: pl.DataType) -> pl.DataType | None:
    """A dtype that holds every value of both; None where there is none, such as of text and numbers."""
    if ours == theirs or theirs == pl.Null:
        return ours
    if ours == pl.Null:
        return theirs
    if kind_of(ours) != kind_of(theirs):
        return None
    match kind_of(ours):
        case "text":
            return pl.String()
        case "number":
            return _number(ours, theirs)
        case "time":
            return _time(ours, theirs)
    return None


def _number(ours: pl.DataType, theirs: pl.DataType) -> pl.DataType | None:
    if ours.is_integer() and theirs.is_integer():
        wide = any(one in (pl.UInt64, pl.Int128, pl.UInt128) for one in (ours, theirs))
        return None if pl.UInt128 in (ours, theirs) else pl.Int128() if wide else pl.Int64()
    if ours.is_float() and theirs.is_float():
        return pl.Float64()
    if ours.is_decimal() or theirs.is_decimal():
        return _decimal(ours, theirs)
    whole = ours if ours.is_integer() else theirs
    return pl.Float64() if whole in IN_FLOAT64 else None


def _decimal(ours: pl.DataType, theirs: pl.DataType) -> pl.DataType | None:
    """With every digit after the point; a number with too many before it is an error when it is met, and never cut."""
    if ours.is_float() or theirs.is_float():
        return None
    return pl.Decimal(38, max(dtype.scale for dtype in (ours, theirs) if isinstance(dtype, pl.Decimal)))


def _time(ours: pl.DataType, theirs: pl.DataType) -> pl.DataType | None:
    units = [getattr(dtype, "time_unit", "ms") for dtype in (ours, theirs)]
    unit = max((unit for unit in UNITS if unit in units), key=UNITS.index)
    if isinstance(ours, pl.Duration) and isinstance(theirs, pl.Duration):
        return pl.Duration(unit)
    zones = {getattr(dtype, "time_zone", None) for dtype in (ours, theirs)}
    dates = all(isinstance(dtype, (pl.Date, pl.Datetime)) for dtype in (ours, theirs))
    if not dates or (None in zones and len(zones) > 1):
        return None
    return pl.Datetime(unit, None if zones == {None} else "UTC")
