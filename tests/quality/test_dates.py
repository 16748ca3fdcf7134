"""`date_format` accepts exactly what strftime writes: compared with plain Python over generated formats and texts."""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from checking import counts, judge_one
from hypothesis import given, settings
from hypothesis import strategies as st

from quality.checking import check
from quality.contract.config import CheckConfig
from quality.errors import ConfigurationError
from quality.rules.catalogue import parse_rule
from quality.rules.date_style import strftime

MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)) | st.datetimes(
    datetime(1999, 12, 30), datetime(2004, 3, 2)
)
DATES = ["%Y-%m-%d", "%d.%m.%Y", "%-d.%-m.%Y", "%m/%d/%y", "%d %b %Y", "%B %d, %Y", "%a %d %b %Y", "%A, %-d %B %Y"]
DATES += ["%Y/%j", "%Y%m%d", "%m/%Y", "%d.%m.", "%F", "%D", "%_d.%m.%Y", "%G-W%V-%u", "%Y"]
TIMES = ["%H:%M:%S", "%H:%M", "%-H:%M", "%I:%M %p", "%I:%M:%S %p", "%T", "%R", "%H%M%S", "%H:%M:%S.%f", "%S", "%M:%S"]
FORMATS = st.one_of(
    st.sampled_from([*DATES, *TIMES]),
    st.tuples(st.sampled_from(DATES), st.sampled_from([" ", "T", "_"]), st.sampled_from(TIMES)).map("".join),
)
CHANGES = ["x{}", "{}x", " {}", "{} ", "+{}", "-{}", "{}\n", "0{}", "{}0", "\u0661{}"]


def accepts(written: str, *texts: str) -> list[bool]:
    rule = parse_rule({"check": "date_format", "column": "a", "format": written})
    held = pl.DataFrame({"a": texts}, schema={"a": pl.String})
    return held.select(rule.holds(pl.col("a"), pl.String(), None))["a"].to_list()  # type: ignore[attr-defined]


def written_by(moment: datetime, written: str) -> str:
    """What strftime writes, with four digits for every year, which C leaves out before the year 1000."""
    plain = written.replace("%F", "%Y-%m-%d").replace("%Y", f"{moment.year:04d}")
    return moment.strftime(plain.replace("%G", f"{moment.isocalendar().year:04d}"))


def is_written(text: str, written: str) -> bool:
    """Whether any moment is written so: read leniently by Python, then written again."""
    pythonic = written.replace("%-", "%").replace("%_", "%").replace("%F", "%Y-%m-%d").replace("%T", "%H:%M:%S")
    pythonic = pythonic.replace("%D", "%m/%d/%y").replace("%R", "%H:%M")
    leaping = "" if re.search("%[YyG]", pythonic) else "2000 "  # February 29 is a day where no year is told
    try:
        read = datetime.strptime(leaping + text, ("%Y " if leaping else "") + pythonic)
    except ValueError:
        return False
    return text in {written_by(read.replace(year=read.year), written)}


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(moment=MOMENTS, written=FORMATS, data=st.data())
def test_what_strftime_writes_passes_and_what_no_moment_is_written_as_fails(
    moment: datetime, written: str, data: st.DataObject
) -> None:
    text = written_by(moment, written)
    place = data.draw(st.integers(0, len(text)))
    changed = [change.format(text) for change in CHANGES]
    changed += [
        text[:place] + text[place + 1 :],
        text[:place] + "0" + text[place:],
        text[:place] + "9" + text[place + 1 :],
    ]
    changed += [
        text.replace("0", "", 1),
        re.sub(r"\d{4}", lambda year: year[0][2:], text, count=1),
        text.swapcase(),
        "",
    ]
    told = dict(zip([text, *changed], accepts(written, text, *changed), strict=True))
    assert told == {one: is_written(one, written) for one in [text, *changed]}


@pytest.mark.parametrize(
    ("written", "passes", "fails"),
    [
        ("DD.MM.YYYY", ["31.01.2024", "29.02.2024"], ["31.01.24", "1.1.2024", "31.01.202", "31.02.2024", "29.02.2023"]),
        ("YYYY-MM-DD", ["2024-01-31"], [" 2024-01-31", "24-01-31", "+2024-01-31", "2024-1-31", "2024-01-31\n"]),
        (
            "YYYY-MM-DD",
            ["2000-02-29", "0004-02-29"],
            ["1900-02-29", "0000-01-01", "\uff12\uff10\uff12\uff14-01-31", "2024-01-31T"],
        ),
        ("D.M.YYYY", ["1.1.2024", "31.12.2024"], ["01.1.2024", "1.01.2024", "31.2.2024", "0.1.2024"]),
        ("yyyy-mm-dd", ["2024-01-31"], ["2024-31-01", "2024-00-31"]),
        ("dd/mm/yyyy hh:mm", ["31/01/2024 23:59"], ["31/01/2024 24:00", "31/13/2024 10:00", "31/01/2024 9:00"]),
        ("HH:MM:SS", ["23:59:59", "00:30:00"], ["24:00:00", "23:60:00", "23:59:60", "1:02:03"]),
        ("HH:MM", ["09:45"], ["9:45", "09:60"]),
        ("YYYY-MM-DDTHH:mm:ssZ", ["2024-01-31T10:00:00Z", "2024-01-31T10:00:00+01:00"], ["2024-01-31T10:00:00"]),
        ("YYYY-MM-DD HH:MM:SS.SSS", ["2024-01-31 10:20:30.123"], ["2024-01-31 10:20:30.12", "2024-01-31 10:20:30"]),
        ("MM/YY", ["02/24"], ["2/24", "13/24", "00/24"]),
        ("DD MMM YYYY", ["01 Feb 2024"], ["01 feb 2024", "01 Feb. 2024", "30 Feb 2024"]),
        ("h:mm A", ["9:05 PM", "12:00 AM"], ["09:05 PM", "13:05 PM", "0:05 AM", "9:05 pm"]),
        ("%H:%M %p", ["13:00 PM", "09:00 AM"], ["13:00 AM", "09:00 PM"]),
        ("%z", ["Z", "+00:00", "+0000", "-11:30"], ["z", "00:00", "+24:00", "+1"]),
        ("%a %d %b %Y", ["Mon 01 Jan 2024"], ["Tue 01 Jan 2024", "Mon 31 Jun 2024"]),
        ("%G-W%V-%u", ["2020-W53-1", "2024-W52-7"], ["2021-W53-1", "2024-W00-1", "2024-W10-8"]),
        ("%Y-%j", ["2024-366"], ["2023-366", "2024-000", "2024-367", "2024-1"]),
        ("100%% %Y", ["100% 2024"], ["100 2024"]),
    ],
)
def test_the_format_is_exact(written: str, passes: list[str], fails: list[str]) -> None:
    assert dict(zip([*passes, *fails], accepts(written, *passes, *fails), strict=True)) == dict.fromkeys(
        passes, True
    ) | dict.fromkeys(fails, False)


def test_failing_texts_are_counted_and_nulls_are_not_judged() -> None:
    rule: dict[str, Any] = {"check": "date_format", "column": "a", "format": "DD.MM.YYYY"}
    data = pl.DataFrame({"a": ["31.01.2024", "31.01.24", None, "1.1.2024"]})
    assert counts(judge_one(data, rule)) == ("FAILED", 2, 3)
    assert counts(judge_one(data.cast(pl.Categorical), rule)) == ("FAILED", 2, 3)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("foo", "names no part of a date"),
        ("--", "names no part of a date; write %Y-%m-%d or YYYY-MM-DD"),
        ("%%", "names no part of a date"),
        ("%Q", "'%Q' in '%Q' names no part of a date"),
        ("%Y-%m-%", "names no part of a date"),
        ("YYYY-DD-DD", "names the day twice"),
        ("%H:%m:%S %m", "names the month twice; months are %m or MM, minutes %M or mm"),
        ("HH:MM mm:SS", "names the minute twice"),
        ("%Y %y", "names the year twice"),
        ("%Y-%m-%d %j", "names the day twice: by month, and by the day of the year"),
        ("YYYY-QQ", "'QQ' names no part of a date"),
        ("%d.MM.YYYY", "'%d.MM.YYYY' names no part of a date by MM beside %; write one style or the other"),
    ],
)
def test_a_format_that_no_text_can_have_is_refused_when_it_is_read(written: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_rule({"check": "date_format", "column": "a", "format": written})
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("YYYY-MM-DD HH:MM:SS", "%Y-%m-%d %H:%M:%S"),
        ("yyyyMMddHHmmss", "%Y%m%d%H%M%S"),
        ("dd.mm.yy", "%d.%m.%y"),
        ("mm:ss", "%M:%S"),
        ("hh:mm a", "%I:%M %P"),
        ("YYYY-MM-DD'T'HH:mm", "%Y-%m-%dT%H:%M"),
        ("D. MMMM [at] H", "%-d. %B at %-H"),
        ("%d.%m", "%d.%m"),
    ],
)
def test_months_and_minutes_are_told_by_their_neighbours(written: str, means: str) -> None:
    assert strftime(written) == means


@pytest.mark.parametrize("hours", [-11, 0, 5.5, 14])
def test_offsets_as_python_and_iso_write_them_pass(hours: float) -> None:
    moment = datetime(2024, 2, 29, 12, tzinfo=timezone(timedelta(hours=hours)))
    written = [moment.strftime("%Y-%m-%dT%H:%M:%S%z"), moment.isoformat(), moment.astimezone(UTC).isoformat()]
    written += [moment.astimezone(UTC).isoformat().replace("+00:00", "Z")]
    assert all(accepts("%Y-%m-%dT%H:%M:%S%z", *written))


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/St_Johns", "Europe/Berlin", "UTC"])
def test_ages_are_the_same_in_every_zone_of_a_machine(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A moment `now` without a zone is one in UTC, as a column without one is."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        data = pl.DataFrame({"at": [datetime(2026, 10, 25, 0, 30)], "day": [date(2026, 10, 25)]})
        rules = [{"check": "freshness", "column": "at", "max_age": "1h", "max_ahead": "0s"}]
        rules += [{"check": check, "column": "day"} for check in ("not_future", "not_past")]
        for now in (
            datetime(2026, 10, 25, 1, 0),
            datetime(2026, 10, 25, 2, 0, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
        ):
            found = check(data, CheckConfig().override(rules=rules), now=now)
            assert [one.status.value for one in found.rules] == ["PASSED"] * 3, (now, found.rules)
    finally:
        monkeypatch.undo()
        time.tzset()
