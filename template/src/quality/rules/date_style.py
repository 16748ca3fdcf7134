"""Formats of the YYYY-MM-DD style, said in the directives of strftime."""

from __future__ import annotations

import re

from quality.texts import nearest

MIXED = re.compile("[Yy]{4}|MM|[Dd]{2}|HH")
LETTERS = re.compile(r"\[([^\]]*)\]|'([^']*)'|([A-Za-z])\3*")
STYLE = {"yyyy": "%Y", "yy": "%y", "dd": "%d", "d": "%-d", "ddd": "%a", "dddd": "%A"} | {
    "MMMM": "%B",
    "MMM": "%b",
    "HH": "%H",
    "H": "%-H",
    "s": "%-S",
    "ss": "%S",
    "SSS": "%3f",
    "SSSSSS": "%6f",
    "SSSSSSSSS": "%9f",
    "EEE": "%a",
    "EEEE": "%A",
    "A": "%p",
    "a": "%P",
    "Z": "%z",
    "ZZ": "%z",
    "T": "T",
}
"""What runs of letters say, Y and D in lower case; m and M are months or minutes by their neighbours."""
KINDS = {"y": "year", "d": "day", "H": "hour", "h": "hour", "s": "second", "S": "second"}


def strftime(written: str) -> str:
    """A format of the YYYY-MM-DD style in strftime's directives; one that has a % is strftime already."""
    if "%" in written:
        if mixed := MIXED.search(re.sub(r"%[-_0:.]*\d?.", "", written)):
            raise ValueError(
                f"'{written}' names no part of a date by {mixed[0]} beside %; write one style or the other"
            )
        return written
    found = list(LETTERS.finditer(written))
    runs = [match[0] for match in found]
    half = any(run in ("A", "a") for run in runs)
    said, end = "", 0
    for number, match in enumerate(found):
        before, after = (runs[number - 1] if number else ""), (runs[number + 1] if number + 1 < len(runs) else "")
        plain = match[1] if match[1] is not None else match[2]
        said += written[end : match.start()] + (
            plain if plain is not None else _directive(match[0], before, after, half)
        )
        end = match.end()
    return said + written[end:]


def _directive(run: str, before: str, after: str, half: bool) -> str:
    """One run of letters; `MM` beside hours or seconds is minutes, and `SS` without a second before it is seconds."""
    letter = run[0]
    if letter in "YD":
        run = run.lower() if run not in ("DDD", "DDDD") else run
    if run in ("hh", "h") or (run in ("HH", "H") and half):
        return ("%" if len(run) == 2 else "%-") + ("I" if half else "H")
    if run in ("MM", "mm", "M", "m"):
        minute = _kind(before) == "hour" or _kind(after) == "second" or (run[0] == "m" and not _date(before, after))
        return ("%" if len(run) == 2 else "%-") + ("M" if minute else "m")
    if run in ("SS", "S"):
        return {"SS": "%2f", "S": "%1f"}[run] if before in ("ss", "s") else {"SS": "%S", "S": "%-S"}[run]
    if run not in STYLE:
        known = ["YYYY", "YY", "MM", "DD", "HH", "mm", *(name for name in STYLE if name[0] not in "yd")]
        raise ValueError(f"'{run}' names no part of a date; {nearest(run, known)}")
    return STYLE[run]


def _kind(run: str) -> str:
    return KINDS.get(run[:1].replace("Y", "y").replace("D", "d"), "")


def _date(before: str, after: str) -> bool:
    return bool({_kind(before), _kind(after)} & {"year", "day"})
