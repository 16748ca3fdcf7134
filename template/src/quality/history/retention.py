"""How long what runs leave is kept: counted from what others left, so that the clock of one machine deletes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from itertools import pairwise

MONTH = timedelta(days=31)
"""A longer gap between two runs may be a clock that was wrong: what comes after it has to last."""
FEW = 3
"""Gaps from which on it is told how far apart runs usually are."""


def keep_from(others: Iterable[datetime], now: datetime, keep_days: int) -> datetime | None:
    """What is older may be deleted; None where nothing was left by others.

    It is `keep_days` before the newest of the others. Those that come more than a month after the ones before them
    count only once they last for a month themselves: a clock that is far ahead is set right before that. Where runs
    are usually further apart, as once in a quarter, they are not told from others by a month.
    """
    spells = _spells(others)
    if not spells:
        return None
    lasting = (spell for spell in reversed(spells) if spell[-1] - spell[0] >= MONTH)
    newest = next(lasting, spells[0])[-1]
    return min(newest, now) - timedelta(days=keep_days)


def _spells(moments: Iterable[datetime]) -> list[list[datetime]]:
    """The moments in order, apart where more lies between two than between those that follow each other."""
    spells, there = list[list[datetime]](), sorted(moments)
    most = _apart(there)
    for moment in there:
        if spells and moment - spells[-1][-1] <= most:
            spells[-1].append(moment)
        else:
            spells.append([moment])
    return spells


def _apart(moments: Iterable[datetime]) -> timedelta:
    """How far apart runs may be that follow each other: a month or, where most are rarer, twice what is usual."""
    days = sorted({moment.date() for moment in moments})
    gaps = sorted(day - before for before, day in pairwise(days))
    return MONTH if len(gaps) < FEW else max(MONTH, 2 * gaps[len(gaps) // 2])


def told(noun: str, deleted: int, moments: Collection[datetime], kept: datetime, now: datetime, days: int) -> list[str]:
    """What a person is told: how much was deleted or, of a clock that is far ahead, that nothing was."""
    if deleted:
        many = noun if deleted == 1 else f"{noun}s"
        return [f"deleted {deleted:,} {many} from before {kept:%Y-%m-%d}, as keep_days is {days}"]
    wanted = now - timedelta(days=days)
    if kept < wanted - _apart(moments) and min(moments) < wanted:
        return [f"no old {noun}s were deleted: today, {now:%Y-%m-%d}, is long after the others; is the clock right?"]
    return []
