"""What numbers let one claim: few values, a range as wide as their tails say, a sign; and that they vary."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from quality.learning.blocks import direction, parts
from quality.learning.claim import Column, Proposed
from quality.learning.sets import of_few
from quality.learning.tails import bounds, outward
from quality.texts import text_of

ENOUGH, ENOUGH_FOR_TAILS = 8, 30
YEARS = (1900, 2100)
SPREADS = {"spread": 2.0, "some spread": 5.0, "little spread": 20.0}


def of_numbers(column: Column) -> Proposed:
    """Claims about the values, then about their spread."""
    in_order = column.values.cast(pl.Float64)
    in_order = in_order.filter(in_order.is_finite())
    values = in_order.sort()
    if values.len() < ENOUGH:
        return
    low, high = values[0], values[-1]
    if column.dtype.is_integer() and not is_years(low, high):
        yield from of_few(column, most=12)
    if low < high:
        yield from _ranges(column, values, low, high, direction(in_order))
    yield from _signs(values, low)
    yield from of_order(column)
    spreads: list[Any] = [part.std() or 0.0 for part in parts(in_order, 4)]
    spread = min(map(float, spreads), default=0.0)
    if spread and math.isfinite(spread):
        for tier, times in SPREADS.items():
            least = outward(spread / times, spread, spread / times)[0]
            why = f"the standard deviation is at least {text_of(spread)} in each quarter of the rows"
            yield "varies", tier, {"check": "stddev", "at_least": least}, why


def is_years(low: float, high: float) -> bool:
    """Whether whole numbers between these are years, which go on."""
    return YEARS[0] <= low and high <= YEARS[1]


def _ranges(column: Column, values: pl.Series, low: float, high: float, rising: int) -> Proposed:
    """Bounds as the tails say, or farther from what was seen; none where the values are on their way."""
    least, most = min(low, _finite(column.low, low)), max(high, _finite(column.high, high))
    whole, span = column.dtype.is_integer(), most - least
    seen = f"{values.len():,} values lie between {text_of(least)} and {text_of(most)}"
    tails = bounds(values.to_list()) if values.len() >= ENOUGH_FOR_TAILS else None
    for tier, margin in (("tails", 0.02), ("wide", 1.0), ("far", 4.0)):
        down, up = least - margin * span, most + margin * span
        if tier == "tails" and tails is None:
            continue
        if tier == "tails" and tails is not None:
            down, up = min(down, tails[0]), max(up, tails[1])
        down, up = outward(down, up, up - down)
        down, up = (max(down, 0) if least >= 0 else down), (min(up, 0) if most <= 0 else up)
        ends = {"min": _number(down, whole), "max": _number(up, whole)}
        given = {name: end for name, end in ends.items() if name != {1: "max", -1: "min"}.get(rising)}
        yield "values", tier, {"check": "in_range", **given}, seen


def _signs(values: pl.Series, least: float) -> Proposed:
    for check in ("positive", "non_negative") if least > 0 else ("non_negative",) if least == 0 else ():
        yield "values", check, {"check": check}, f"the smallest of {values.len():,} values is {text_of(least)}"


def _finite(value: Any, other: float) -> float:
    return float(value) if value is not None and math.isfinite(value) else other


def _number(bound: float, whole: bool) -> int | float:
    return int(bound) if whole or (float(bound).is_integer() and abs(bound) < 2**53) else float(bound)


def of_order(column: Column) -> Proposed:
    """Whether the numbers, or moments, only rise or only fall."""
    values = column.values
    if column.dtype.is_float() or values.len() < ENOUGH:
        return
    rises = values.diff().drop_nulls()
    if rises.dtype.is_temporal():
        rises = rises.to_physical()
    for check, ordered in (("increasing", rises), ("decreasing", -rises)):
        if (ordered < 0).any() or not (ordered > 0).any():
            continue
        if (ordered > 0).all():
            yield "varies", f"strictly {check}", {"check": check, "strict": True}, "each value is beyond the one before"
        yield "varies", check, {"check": check}, "no value turns back"
