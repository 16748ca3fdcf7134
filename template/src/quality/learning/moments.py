"""What moments let one claim: where they lie, that they only go on, and that the newest is new."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from quality.learning.claim import Column, Proposed
from quality.learning.numbers import of_order
from quality.texts import text_of

ENOUGH, SORTED = 8, 0.95
DAY, YEARS = timedelta(days=1), timedelta(days=1_000)


def of_moments(column: Column, now: datetime) -> Proposed:
    """Claims about dates and datetimes; times of day and durations have none."""
    if column.dtype in (pl.Time, pl.Duration) or column.values.len() < ENOUGH:
        return
    low: Any = column.values.min()
    high: Any = column.values.max()
    low, high = min(low, column.low or low), max(high, column.high or high)
    span: timedelta = max(high - low, DAY)
    seen = f"{column.values.len():,} moments lie between {_day(low)} and {_day(high)}"
    fresh = [*_fresh(column, high, now)]
    tiers: tuple[tuple[str, float], ...] = (("near", 0.1), ("wide", 1.1), ("far", 4.0))
    if _goes_on(column.values):  # the next delivery is later, so that no bound near this one can hold
        tiers = (("onward", 1.1),)
    for tier, margin in () if fresh else tiers:
        beyond = max(4 * span, YEARS) if tier == "onward" else margin * span
        bounds = {"min": _moved(low, -margin * span), "max": _moved(high, beyond)}
        yield "values", tier, {"check": "in_range", **bounds}, seen
    yield "values", "since", {"check": "in_range", "min": _moved(low, -1.1 * span)}, seen
    yield "values", "past", {"check": "not_future"}, seen
    yield from fresh
    for tier, margin in (("no older", 0.05), ("hardly older", 0.3)):
        yield "varies", tier, {"check": "max", "at_least": _moved(high, -margin * span)}, seen
    yield from of_order(column)


def _goes_on(values: pl.Series) -> bool:
    """Whether rows come in the order of their moments, but for a few."""
    rises = (values.to_physical().diff().drop_nulls() >= 0).mean()
    return rises is not None and float(rises) >= SORTED  # type: ignore[arg-type]


def _fresh(column: Column, high: Any, now: datetime) -> Proposed:
    """Freshness by its own rhythm, where the data is of now."""
    age = now - _aware(high)
    rhythm = _rhythm(column.values)
    allowed = max(3 * rhythm, 2 * DAY) if column.dtype == pl.Date else max(3 * rhythm, timedelta(hours=1))
    if timedelta() <= age <= allowed:
        hours = -(-allowed // timedelta(hours=1))
        longest = f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h"
        yield "varies", "fresh", {"check": "freshness", "max_age": longest}, f"the longest pause was {_said(rhythm)}"


def _rhythm(values: pl.Series) -> timedelta:
    """The longest pause between two moments, but for the rarest."""
    pauses = values.unique().sort().diff().drop_nulls()
    found = pauses.quantile(0.98, "higher") if pauses.len() else None
    return found if isinstance(found, timedelta) else DAY


def _aware(moment: Any) -> datetime:
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _moved(moment: Any, by: timedelta) -> str:
    """A day that far from a moment, within the days that there are."""
    try:
        moved = moment + by
    except OverflowError:
        moved = date.min if by < timedelta() else date.max
    day = moved.date() if isinstance(moved, datetime) else moved
    if by > timedelta() and isinstance(moment, datetime):
        day = min(day, date.max - DAY) + DAY
    return day.isoformat()


def _day(moment: Any) -> str:
    return str(moment.date() if isinstance(moment, datetime) else moment)


def _said(pause: timedelta) -> str:
    return f"{pause.days} days" if pause >= 2 * DAY else f"{text_of(round(pause / timedelta(hours=1), 2))} hours"
