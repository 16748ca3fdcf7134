"""How far beyond the extremes that were seen the next extremes may lie: what a tail says of itself."""

from __future__ import annotations

import math
from collections.abc import Sequence

FEW, MANY = 8, 250
CHANCE = 0.005
"""That the extreme of as many new values lies beyond the bound."""
LIGHTEST, HEAVIEST = -0.4, 0.9


def beyond(tail: Sequence[float]) -> float:
    """The bound above a tail, which is the largest values in ascending order.

    A generalised Pareto distribution is fitted to the excesses by probability-weighted moments: light tails end soon,
    heavy ones late. Never below the largest value.
    """
    start, excesses = tail[0], [value - tail[0] for value in tail[1:]]
    mean = sum(excesses) / len(excesses) if excesses else 0.0
    if mean <= 0:
        return tail[-1]
    weighted = sum(value * (1 - (n + 0.65) / len(excesses)) for n, value in enumerate(excesses)) / len(excesses)
    shape, scale = _fitted(mean, weighted)
    times = len(excesses) / CHANCE
    far = scale * (math.log(times) if abs(shape) < 0.01 else (times**shape - 1) / shape)
    return max(start + far, tail[-1])


def _fitted(mean: float, weighted: float) -> tuple[float, float]:
    """Shape and scale; a shape that few values cannot tell is kept between a bounded tail and a very heavy one."""
    apart = mean - 2 * weighted
    shape = LIGHTEST if apart <= 0 else min(max(2 - mean / apart, LIGHTEST), HEAVIEST)
    return shape, mean * (1 - shape)


def bounds(values: Sequence[float]) -> tuple[float, float]:
    """The bounds below and above values in ascending order."""
    size = min(max(FEW, len(values) // 10), MANY, len(values))
    upper, lower = values[-size:], [-value for value in values[:size]][::-1]
    return -beyond(lower), beyond(upper)


def outward(low: float, high: float, span: float) -> tuple[float, float]:
    """Bounds rounded away from each other to two digits of the span, as a person would write them."""
    if span <= 0 or not math.isfinite(span):
        return low, high
    power = math.floor(math.log10(span)) - 1
    down, up = math.floor(low / 10**power), math.ceil(high / 10**power)
    if power >= 0:
        return down * 10**power, up * 10**power
    return round(down / 10**-power, -power), round(up / 10**-power, -power)
