"""The baseline of a rule about history: which earlier numbers a number is compared with.

Each version of the data has one number. Numbers that failed are left out of what they failed against, and that of the
version judged now is not among them. Where the weekday explains the numbers, those of the same weekday are compared.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from typing import Literal, NamedTuple

Season = Literal["auto", "weekday", "none"]
ALL, WEEKDAY = "all", "weekday"
WEEKS, MOST_WEEKS = 4, 12
"""Without so many weeks there is no season; older ones than that say nothing of it."""
EPOCH, DAY, EARLY = datetime(1970, 1, 1, tzinfo=UTC), timedelta(days=1), timedelta(hours=3)
CLOSER = 0.5
"""Numbers of the same weekday spread less than this fraction of the spread of all, or the weekday explains nothing."""


class Earlier(NamedTuple):
    """A number of one version of the data: when that was first seen, whether it is the version that is judged now, and
    what the number was compared with where the comparison failed."""

    value: float
    at: datetime | None = None
    own: bool = False
    failed: str | None = None


class Baseline(NamedTuple):
    """The numbers, oldest first; what they are of; and how many newer ones are left out because they failed."""

    values: list[float]
    against: str = ALL
    of: str = "runs"
    left_out: int = 0


def baseline(numbers: Sequence[Earlier], window: int, now: datetime, season: Season, least: int = 1) -> Baseline:
    """The last `window` numbers, of the same weekday (in UTC, see `_days`) where the season is theirs.

    `auto` takes the weekday where at least four weeks, and `least` numbers, of it spread less than half as much as the
    numbers of all days.
    """
    others = [one for one in numbers if not one.own]
    day = _days([one.at for one in others if one.at])
    seen = day(next((one.at for one in numbers if one.own and one.at), now))
    usable = [one for one in others if one.failed != WEEKDAY]
    same_day = [one for one in others if one.at and day(one.at).weekday() == seen.weekday()]
    weekly = [one for one in same_day if one.failed != WEEKDAY][-max(WEEKS, least, min(window, MOST_WEEKS)) :]
    enough = len({day(one.at) for one in weekly if one.at}) >= WEEKS
    if season == "weekday":
        return _of(weekly if enough else [], same_day, WEEKDAY, f"{seen:%A}s")
    if season == "auto" and enough and len(weekly) >= least and _closer(weekly, usable):
        return _of(weekly, same_day, WEEKDAY, f"{seen:%A}s")
    return _of([one for one in usable if one.failed is None][-window:], others, ALL, "runs")


def _days(moments: Sequence[datetime]) -> Callable[[datetime], date]:
    """Gives the day of a run. Days end at midnight in UTC unless that is about when runs are: then they begin `EARLY`
    hours before the usual hour, so that clocks that are put forward or back move no night to another weekday."""
    turns = [(one - EPOCH) % DAY / DAY * math.tau for one in moments]
    across, up = sum(map(math.cos, turns)), sum(map(math.sin, turns))
    usual = math.atan2(up, across) / math.tau * DAY  # from noon to noon, so that midnight is nothing
    together = math.hypot(across, up) > len(turns) / 2
    shift = usual - EARLY + (DAY if usual < timedelta() else timedelta())
    shift = shift if together and abs(usual) < EARLY else timedelta()
    return lambda at: (at.astimezone(UTC) - shift).date()


def _closer(weekly: Sequence[Earlier], usable: Sequence[Earlier]) -> bool:
    since = weekly[0].at
    all_days = [one.value for one in usable if one.at and since and one.at >= since]
    return statistics.pstdev(one.value for one in weekly) < CLOSER * statistics.pstdev(all_days)


def _of(chosen: Sequence[Earlier], among: Sequence[Earlier], against: str, of: str) -> Baseline:
    """The numbers chosen, and how many of those among which they were chosen failed one after the other, up to now."""
    failing = takewhile(lambda one: one.failed is not None and one not in chosen, reversed(among))
    return Baseline([one.value for one in chosen], against, of, len(list(failing)))
