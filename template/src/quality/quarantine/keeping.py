"""How long splits are kept: the folders of old ones go, by the clock of no single machine."""

from __future__ import annotations

import shutil
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from quality.history.retention import keep_from, told

HALF = ".half-"
"""How the name of a split begins while it is written."""
PART = "partition="
"""How the folder begins that has the splits of a partition that was judged alone."""


def forget(base: Path, keep_days: int, now: datetime) -> list[str]:
    """Deletes what a killed process left half written, and splits that are too old, which it says; the caller holds the
    lock. What is old is the same for all partitions."""
    homes = [base, *base.glob(f"{PART}*")]
    for half in (half for home in homes for half in home.glob(f"{HALF}*")):
        shutil.rmtree(half, ignore_errors=True)
    there = (folder for home in homes for folder in home.glob("date=*/run=*"))
    days = {folder: day for folder in there if (day := _day(folder.parent))}
    kept = keep_from(days.values(), now, keep_days)
    if kept is None:
        return []
    old = [folder for folder, day in days.items() if day.date() < kept.date()]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            folder.parent.rmdir()
    return told("split", len(old), days.values(), kept, now, keep_days)


def _day(folder: Path) -> datetime | None:
    """The day that a folder of splits is of; None for a folder of somebody else's."""
    with suppress(ValueError):
        return datetime.strptime(folder.name, "date=%Y-%m-%d").replace(tzinfo=UTC)
    return None
