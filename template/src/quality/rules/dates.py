"""Rules about text that is a date or time: a format becomes one pattern that only its own texts match.

Padding, ranges and the calendar are in the pattern: a format with a day, a month and a year is written four times, for
the days that every month has, for the 29th and 30th, for the 31st, and for February 29 of leap years.
"""

import functools
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import ClassVar, Literal, NamedTuple, Self

import polars as pl
from pydantic import model_validator

from quality.engine.dtypes import TEXT, Kinds
from quality.engine.frame import Frame
from quality.engine.rule import ColumnRule
from quality.rules.date_style import strftime
from quality.values import Text

MONTHS = ["January", "February", "March", "April", "May", "June"]
MONTHS += ["July", "August", "September", "October", "November", "December"]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
OFFSET = r"(?:Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])"
YEAR_DAY, WEEK_YEAR, HALF = "day of the year", "year of the week", "half of the day"
YEAR = "(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})"
LEAP = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
LONG_YEARS = [year for year in range(400) if date(year + 400, 12, 28).isocalendar()[1] == 53]
LONG = "|".join(f"{year // 100 + four:02d}{year % 100:02d}" for four in range(0, 100, 4) for year in LONG_YEARS)
LONG = f"(?:{LONG})"
"""The years of 53 weeks, which come again every 400 years."""
NUMBERS: dict[str, tuple[str, int, range]] = {
    "y": ("year", 2, range(100)),
    "m": ("month", 2, range(1, 13)),
    "d": ("day", 2, range(1, 32)),
    "j": (YEAR_DAY, 3, range(1, 367)),
    "H": ("hour", 2, range(24)),
    "I": ("hour", 2, range(1, 13)),
    "M": ("minute", 2, range(60)),
    "S": ("second", 2, range(60)),
    "U": ("week", 2, range(54)),
    "W": ("week", 2, range(54)),
    "V": ("week", 2, range(1, 54)),
    "g": (WEEK_YEAR, 2, range(100)),
    "u": ("weekday", 1, range(1, 8)),
    "w": ("weekday", 1, range(7)),
}
"""Directives that are numbers: what each names, its width when padded, and what it may be."""
NAMES: dict[str, tuple[str, list[str]]] = {
    "B": ("month", MONTHS),
    "b": ("month", [name[:3] for name in MONTHS]),
    "A": ("weekday", DAYS),
    "a": ("weekday", [name[:3] for name in DAYS]),
    "p": (HALF, ["AM", "PM"]),
    "P": (HALF, ["am", "pm"]),
}
PATTERNS = {
    "Y": ("year", YEAR),
    "G": (WEEK_YEAR, YEAR),
    "z": ("offset", OFFSET),
    ":z": ("offset", OFFSET.replace(":?", ":")),
    "Z": ("zone", "[A-Z]{2,5}"),
    "s": ("moment", "-?(?:0|[1-9][0-9]*)"),
    "f": ("fraction of a second", "[0-9]{6}"),
    **{f"{n}f": ("fraction of a second", f"[0-9]{{{n}}}") for n in range(1, 10)},
    **{f".{n}f": ("fraction of a second", rf"\.[0-9]{{{n}}}") for n in (3, 6, 9)},
    ".f": ("fraction of a second", r"(?:\.(?:[0-9]{3}|[0-9]{6}|[0-9]{9}))?"),
    "%": ("", "%"),
    "n": ("", "\n"),
    "t": ("", "\t"),
}
SHORTHAND = {"F": "%Y-%m-%d", "T": "%H:%M:%S", "X": "%H:%M:%S", "R": "%H:%M", "D": "%m/%d/%y", "x": "%m/%d/%y"} | {
    "r": "%I:%M:%S %p",
    "c": "%a %b %e %H:%M:%S %Y",
    "v": "%e-%b-%Y",
    "+": "%Y-%m-%dT%H:%M:%S%.f%:z",
    "e": "%_d",
    "k": "%_H",
    "l": "%_I",
    "h": "%b",
}
DIRECTIVE = re.compile(r"%((?:[-_0]?[A-Za-z])|:z|\.?[1-9]?f|[%+]|.|$)", re.DOTALL)


class Part(NamedTuple):
    """A piece of a format: what it names (nothing for plain text), and its texts by value or their pattern."""

    name: str
    texts: Mapping[int, str] = {}
    pattern: str = ""

    def written(self, allowed: Callable[[int], bool] | None = None) -> str:
        """The pattern of the texts whose value is allowed."""
        if not self.texts:
            return (
                LEAP
                if self.name == "year" and allowed
                else LONG
                if allowed and self.name == WEEK_YEAR
                else self.pattern
            )
        words = (re.escape(text) for value, text in self.texts.items() if allowed is None or allowed(value))
        return "(?:" + "|".join(words) + ")"


def parts(written: str) -> list[Part]:
    """The pieces of a strftime format, in order."""
    found: list[Part] = []
    end = 0
    for match in DIRECTIVE.finditer(written):
        found += [Part("", pattern=re.escape(written[end : match.start()])), *_parts(match[1], written)]
        end = match.end()
    return [*found, Part("", pattern=re.escape(written[end:]))]


def _parts(directive: str, written: str) -> list[Part]:
    if directive in SHORTHAND:
        return parts(SHORTHAND[directive])
    if directive in PATTERNS:
        name, pattern = PATTERNS[directive]
        return [Part(name, pattern=pattern)]
    if directive in NAMES:
        name, words = NAMES[directive]
        return [Part(name, dict(enumerate(words, start=0 if name == HALF else 1)))]
    pad, letter = (directive[0], directive[1:]) if directive[:1] in "-_0" and len(directive) > 1 else ("0", directive)
    if letter not in NUMBERS:
        raise ValueError(f"'%{directive}' in '{written}' names no part of a date; write such as %Y-%m-%d %H:%M:%S")
    name, width, numbers = NUMBERS[letter]
    return [Part(name, {n: str(n).rjust(0 if pad == "-" else width, " " if pad == "_" else "0") for n in numbers})]


Variant = dict[str, Callable[[int], bool]]
"""Which values of what a format names go together."""


def _variants(names: set[str]) -> list[Variant]:
    """Every combination that the calendar has; what is not named is not restricted."""
    dates: list[Variant] = [{}]
    if {"day", "month"} <= names:
        dates = [
            {"day": lambda day: day <= 28},
            {"day": lambda day: 29 <= day <= 30, "month": lambda month: month != 2},
            {"day": lambda day: day == 31, "month": lambda month: month in (1, 3, 5, 7, 8, 10, 12)},
            {"day": lambda day: day == 29, "month": lambda month: month == 2, "year": _leap},
        ]
    elif {YEAR_DAY, "year"} <= names:
        dates = [{YEAR_DAY: lambda day: day <= 365}, {YEAR_DAY: lambda day: day == 366, "year": _leap}]
    elif {"week", WEEK_YEAR} <= names:
        dates = [{"week": lambda week: week <= 52}, {"week": lambda week: week == 53, WEEK_YEAR: _leap}]
    halves: list[Variant] = [{}]
    if {"hour", HALF} <= names:
        halves = [{"hour": lambda hour: hour < 12, HALF: lambda half: half == 0}]
        halves += [{"hour": lambda hour: hour >= 12, HALF: lambda half: half == 1}]
    return [date | half for date in dates for half in halves]


def _leap(year: int) -> bool:
    """Of two digits, which are years from 1969 to 2068."""
    return year % 4 == 0


@functools.cache
def pattern(written: str) -> str:
    """The pattern that a text of the format matches, and no other text does; ValueError for what is not a format."""
    pieces = parts(strftime(written))
    named = [part.name for part in pieces if part.name]
    if not named:
        raise ValueError(f"'{written}' names no part of a date; write %Y-%m-%d or YYYY-MM-DD")
    if twice := sorted({name for name in named if named.count(name) > 1}):
        raise ValueError(f"'{written}' names the {twice[0]} twice; months are %m or MM, minutes %M or mm")
    if YEAR_DAY in named and {"day", "month"} & set(named):
        raise ValueError(f"'{written}' names the day twice: by month, and by the day of the year")
    twelve = any(part.name == "hour" and 0 not in part.texts for part in pieces)
    variants = _variants(set(named) - ({HALF} if twelve else set()))
    return "^(?:" + "|".join("".join(part.written(v.get(part.name)) for part in pieces) for v in variants) + ")$"


def weekday_is_right(value: pl.Expr, written: str) -> pl.Expr | None:
    """Whether a text names the weekday of its date; nothing where the format has no weekday or no whole date."""
    pieces = [part for part in parts(strftime(written)) if part.name in ("year", "month", "day", "weekday")]
    if len(pieces) < 4:
        return None
    whole = "".join(f"({part.written()})" if part in pieces else part.written() for part in parts(strftime(written)))
    found = value.str.extract_groups(f"^{whole}$")
    of = {part.name: _value(found.struct.field(str(n)), part) for n, part in enumerate(pieces, start=1)}
    month, early = of["month"], (of["month"] < 3).cast(pl.Int32)
    year = of["year"] - early
    shift = month.replace_strict(dict(enumerate((0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4), start=1)), return_dtype=pl.Int32)
    return (year + year // 4 - year // 100 + year // 400 + shift + of["day"]) % 7 == of["weekday"] % 7


def _value(text: pl.Expr, part: Part) -> pl.Expr:
    if not part.texts:
        return text.cast(pl.Int32, strict=False)
    found = text.replace_strict(
        {word: value for value, word in part.texts.items()}, default=None, return_dtype=pl.Int32
    )
    return pl.when(found >= 69).then(found + 1900).otherwise(found + 2000) if part.name == "year" else found


class DateFormat(ColumnRule):
    """The text is a date or time of exactly this `format`, padding and all: strftime, or the YYYY-MM-DD style."""

    JUDGES: ClassVar[Kinds] = TEXT
    check: Literal["date_format"] = "date_format"
    format: Text

    @model_validator(mode="after")
    def _readable(self) -> Self:
        pattern(self.format)
        return self

    def says(self) -> str:
        return f"{self.column} has the format {self.format}"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        matches, right = value.str.contains(pattern(self.format)), weekday_is_right(value, self.format)
        return matches if right is None else matches & right.fill_null(False)
