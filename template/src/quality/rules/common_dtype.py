"""The dtype in which the values of two columns can be compared without losing any."""

from __future__ import annotations

from typing import Literal

import polars as pl

from quality.engine.dtypes import kind_of

Unit = Literal["ms", "us", "ns"]
UNITS: tuple[Unit, ...] = ("ms", "us", "ns")
EXACT_DIGITS = {"Int8": 3, "UInt8": 3, "Int16": 5, "UInt16": 5, "Int32": 10, "UInt32": 10, "Int64": 19, "UInt64": 20}
IN_FLOAT32, IN_FLOAT64 = (pl.Int8, pl.UInt8, pl.Int16, pl.UInt16), (pl.Int32, pl.UInt32)


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
        return None if pl.UInt128 in (ours, theirs) else pl.Int128()
    if ours.is_float() and theirs.is_float():
        return pl.Float64()
    if ours.is_decimal() or theirs.is_decimal():
        return _decimal(ours, theirs)
    whole = ours if ours.is_integer() else theirs
    return pl.Float64() if whole in IN_FLOAT32 + IN_FLOAT64 else None


def _decimal(ours: pl.DataType, theirs: pl.DataType) -> pl.DataType | None:
    if ours.is_float() or theirs.is_float():
        return None
    scale, digits = 0, 0
    for dtype in (ours, theirs):
        own = dtype.scale if isinstance(dtype, pl.Decimal) else 0
        whole = dtype.precision - own if isinstance(dtype, pl.Decimal) else EXACT_DIGITS.get(str(dtype), 39)
        scale, digits = max(scale, own), max(digits, whole)
    return pl.Decimal(38, scale) if scale + digits <= 38 else None


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
