"""How long what runs leave is kept: counted from what others left, so that the clock of one machine deletes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

MONTH = timedelta(days=31)
"""A longer gap between two runs may be a clock that was wrong: what comes after it has to last."""


def keep_from(others: Iterable[datetime], now: datetime, keep_days: int) -> datetime | None:
    """What is older may be deleted; None where nothing was left by others.

    It is `keep_days` before the newest of the others. Those that come more than a month after the ones before them
    count only once they last for a month themselves: a clock that is far ahead is set right before that.
    """
    spells = _spells(others)
    if not spells:
        return None
    lasting = (spell for spell in reversed(spells) if spell[-1] - spell[0] >= MONTH)
    newest = next(lasting, spells[0])[-1]
    return min(newest, now) - timedelta(days=keep_days)


def _spells(moments: Iterable[datetime]) -> list[list[datetime]]:
    """The moments in order, apart where more than a month lies between two."""
    spells: list[list[datetime]] = []
    for moment in sorted(moments):
        if spells and moment - spells[-1][-1] <= MONTH:
            spells[-1].append(moment)
        else:
            spells.append([moment])
    return spells


def told(noun: str, deleted: int, moments: Iterable[datetime], kept: datetime, now: datetime, days: int) -> list[str]:
    """What a person is told: how much was deleted or, of a clock that is far ahead, that nothing was."""
    if deleted:
        many = noun if deleted == 1 else f"{noun}s"
        return [f"deleted {deleted:,} {many} from before {kept:%Y-%m-%d}, as keep_days is {days}"]
    wanted = now - timedelta(days=days)
    if kept < wanted - MONTH and min(moments) < wanted:
        return [f"no old {noun}s were deleted: today, {now:%Y-%m-%d}, is long after the others; is the clock right?"]
    return []
