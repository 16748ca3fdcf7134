"""How many digits exact numbers have."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl

DIGITS = {"Int8": 3, "Int16": 5, "Int32": 10, "Int64": 19, "UInt8": 3, "UInt16": 5, "UInt32": 10, "UInt64": 20}
DIGITS["Int128"] = 39
"""Of the longest whole number of a dtype."""
DIGITS_OF_DECIMALS = 38


def digits_of(value: Any) -> tuple[int, int]:
    """How many digits an exact number may have before its point, and behind it; of one that is written down, it has."""
    if value.dtype.is_decimal() and value.cast is not None and value.cast.dtype.is_integer():
        value = value.cast
    if isinstance(value.held, (int, Decimal)):
        _, digits, behind = Decimal(value.held).as_tuple()
        return max(1, len(digits) + int(behind)), max(0, -int(behind))
    if isinstance(value.dtype, pl.Decimal):
        return value.dtype.precision - value.dtype.scale, value.dtype.scale
    return DIGITS.get(str(value.dtype), 1), 0
