"""When a deployment runs, as people write it: cron expressions and time zones, refused where they are none.

And which day it is: in UTC, wherever this machine is.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import available_timezones

from quality.texts import nearest

NICKNAMES = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")


def valid_cron(text: str) -> str:
    """The text, where it is a cron expression of five fields that comes again; ValueError otherwise."""
    from cronsim import CronSim, CronSimError  # Prefect brings it; where no policy is read, nobody waits for it

    if text in NICKNAMES:
        return text
    try:
        if len(text.split()) != 5:
            raise CronSimError("it has not five fields")
        next(CronSim(text, datetime(2024, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        shape = "minute, hour, day, month, weekday, such as `0 6 * * *` for 06:00 every day"
        raise ValueError(f"'{text}' is not a cron expression ({str(error).lower()}); write {shape}") from None
    except StopIteration:
        raise ValueError(f"'{text}' never comes: there is no such day") from None
    return text


def valid_time_zone(name: str) -> str:
    """The name, where it is one of a time zone; ValueError with the nearest that is."""
    if name not in (known := available_timezones()):
        raise ValueError(f"there is no time zone '{name}'; {nearest(name, known)}")
    return name


def in_utc(moment: datetime) -> datetime:
    """The moment in UTC; what has no time zone counts as UTC, whatever zone this machine is in."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def is_over(last: date, now: datetime | None = None) -> bool:
    """Whether a last day, which is counted in UTC wherever people and machines are, is over."""
    return in_utc(now or datetime.now(UTC)).date() > last
