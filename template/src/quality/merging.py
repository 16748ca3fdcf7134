"""How what was measured of several parts becomes what is true of all of them."""

from __future__ import annotations

import decimal
import math
from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import polars as pl

Merge = Literal["sum", "min", "max", "moments"]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def merged(kinds: Mapping[str, Merge], states: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One state of many: sums add up, extremes win, NaN stays. `moments` are the `mean` and `variance` of a `count`."""
    found = {name: _one(kind, [state[name] for state in states]) for name, kind in kinds.items() if kind != "moments"}
    return found | (moments(states) if "moments" in kinds.values() else {})


def _one(kind: Merge, values: Sequence[Any]) -> Any:
    there = [value for value in values if value is not None]
    if kind == "sum":
        with decimal.localcontext(prec=80):  # digits of a sum, of which Python keeps 28 unless it is told
            return sum(there)
    if not there:
        return None
    if any(isinstance(value, float) and math.isnan(value) for value in there):
        return math.nan
    return min(there, key=place) if kind == "min" else max(there, key=place)


def segment(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """The value as Python tells it, moments to the microsecond: rows of one such value are a segment."""
    if dtype == pl.Time:
        return (value.to_physical() // 1_000 * 1_000).cast(dtype)
    if isinstance(dtype, pl.Datetime) and dtype.time_unit == "ns":
        return value.cast(pl.Datetime("us", dtype.time_zone))
    return value.cast(pl.Duration("us")) if dtype == pl.Duration("ns") else value


def place(value: Any) -> tuple[bool, bool, Hashable]:
    """What a segment is known by, and its place among others: NaN after all other values, null after that.

    Moments of a zone are told by their distance: Python takes both 02:30 of a night in which clocks go back for one.
    """
    if value is None or value != value:
        return value is None, True, None
    return False, False, value - EPOCH if isinstance(value, datetime) and value.tzinfo else value


def moments(states: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The mean and the sample variance of all values, as Chan and others merge them: no digits are lost on the way."""
    count, mean, square = 0, 0.0, 0.0
    for state in states:
        if more := state["count"]:
            off, share = state["mean"] - mean, more / (count + more)
            square += (state["variance"] or 0.0) * (more - 1) + (count and off * off * count * share)
            mean, count = mean + off * share, count + more
    return {"mean": mean if count else None, "variance": square / (count - 1) if count > 1 else None}
