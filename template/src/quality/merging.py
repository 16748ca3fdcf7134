"""How what was measured of several parts becomes what is true of all of them."""

from __future__ import annotations

import decimal
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

Merge = Literal["sum", "min", "max", "moments"]


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
    return min(there) if kind == "min" else max(there)


def moments(states: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The mean and the sample variance of all values, as Chan and others merge them: no digits are lost on the way."""
    count, mean, square = 0, 0.0, 0.0
    for state in states:
        if more := state["count"]:
            off, share = state["mean"] - mean, more / (count + more)
            square += (state["variance"] or 0.0) * (more - 1) + off * off * count * share
            mean, count = mean + off * share, count + more
    return {"mean": mean if count else None, "variance": square / (count - 1) if count > 1 else None}
