"""How things read: a value in strict JSON, in a cell and in a sentence beside its bounds; the nearest right word.

And what others say: of an error of Polars or of a store, the words that help.
"""

from __future__ import annotations

import bisect
import difflib
import itertools
import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import date, time, timedelta
from decimal import Context, Decimal
from typing import Any

from quality.values import Scalar


def shorten(value: object, limit: int = 40) -> str:
    """A value in at most `limit` characters."""
    text = "[" + ", ".join(map(str, value)) + "]" if isinstance(value, (tuple, list)) else str(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def first_names(names: list[str]) -> str:
    """The first three, and how many more there are."""
    return ", ".join(names[:3]) + (f", and {len(names) - 3} more" if len(names) > 3 else "")


def many(count: int, what: str) -> str:
    """A number with what is counted, such as `1 row` and `2,000 rows`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def slug(name: str) -> str:
    """A name in what Prefect takes for blocks and artifacts: lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


DIGITS, RATE_DIGITS, ALL_DIGITS = 6, 4, 17
"""How many digits a number has in a sentence, and a rate, where no more are needed; 17 tell any two floats apart."""


def json_value(value: Any) -> Scalar:
    """A value as strict JSON has it: what JSON has no word for is the text that a contract has for it."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case date() | time():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
        case bytes():
            return value.hex()
        case timedelta():
            return _duration(value)
        case list() | tuple() | dict():
            return json.dumps(value, default=json_value, ensure_ascii=False)
    return json_value(value.to_list()) if hasattr(value, "to_list") else str(value)  # a list as a cell of Polars


def cell_text(value: Any) -> str:
    """A value of a row as text: all its digits and nothing between them, so that it can be looked up in the data."""
    held = json_value(value)
    return held if isinstance(held, str) else json.dumps(held)


def text_of(value: Any, *bounds: Any) -> str:
    """A value in a sentence: a number in so many digits that it is below, above or equal to each bound as in truth."""
    if not _is_number(value):
        return cell_text(value)
    return told_apart(value, *bounds, digits=ALL_DIGITS if value in bounds else DIGITS)[0]


def percent_of(fraction: float, *bounds: float) -> str:
    """`15 %` for 0.15, in as many digits as `text_of` has; only nothing is 0 %, and only all is 100 %."""
    digits = ALL_DIGITS if fraction in bounds else RATE_DIGITS
    return f"{told_apart(fraction, 0, 1, *bounds, digits=digits, scale=100)[0]} %"


def told_apart(*numbers: Any, digits: int = DIGITS, scale: int = 1) -> tuple[str, ...]:
    """The numbers of one sentence, in so many digits that those that differ read differently, in the right order."""
    finite, near = {number for number in numbers if _is_number(number)}, {}
    for enough in range(digits, ALL_DIGITS + 1):
        near = {number: _rounded(number, enough, scale) for number in finite}
        if len(set(near.values())) == len(finite):
            break
    return tuple(_printed(near[number]) if _is_number(number) else cell_text(number) for number in numbers)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool) and math.isfinite(value)


def _rounded(number: Any, digits: int, scale: int) -> Decimal:
    """A fraction in so many digits, and all of its whole part; a whole number and a decimal are what they are."""
    exact = Decimal(str(number)) if isinstance(number, float) and number % 1 else Decimal(number)
    exact *= scale
    return Context(prec=max(digits, exact.adjusted() + 1)).plus(exact) if isinstance(number, float) else exact


def _printed(number: Decimal) -> str:
    if number and not -ALL_DIGITS < number.adjusted() < 2 * ALL_DIGITS:
        return f"{Context(prec=ALL_DIGITS).plus(number):e}"
    text = f"{number:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _duration(value: timedelta) -> str:
    """As a contract writes it: `1d12h`, `1m30.5s`."""
    minutes, seconds = divmod(abs(value).seconds, 60)
    exact = (seconds + Decimal(abs(value).microseconds).scaleb(-6)).normalize()
    parts = {"d": abs(value).days, "h": minutes // 60, "m": minutes % 60, "s": exact}
    text = "".join(f"{cell_text(count)}{unit}" for unit, count in parts.items() if count) or "0s"
    return f"-{text}" if value < timedelta() else text


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the closest known spelling, else the known ones."""
    found, listed = _closest(word, known)
    return f"did you mean '{found}'?" if found else f"known: {listed}"


def neighbours(word: str, known: Iterable[str]) -> list[str]:
    """The known words that stand before and after a word in their order, and the one that is spelled most like it."""
    choices = sorted(known)
    at = bisect.bisect(choices, word)
    close = difflib.get_close_matches(word[:100], choices, n=1, cutoff=0.5)
    return sorted({*choices[max(at - 1, 0) : at + 1], *close})


def there_is(word: str, known: Iterable[str]) -> str:
    """`the data has 'x'` for the closest name that is there, else the names that are."""
    found, listed = _closest(word, known)
    return f"the data has '{found}'" if found else f"the data has {listed or 'no column'}"


def place_of(reference: Any) -> str:
    """A dataset or a source as people call it: its name or path, or the table of a connection."""
    if not isinstance(reference, Mapping):
        return str(reference)
    named = (reference.get(field) for field in ("path", "table"))
    place = next(filter(None, named), "a query" if "query" in reference else reference.get("kind", "a source"))
    return f"{place} of {reference['connection']}" if "connection" in reference else str(place)


def _closest(word: str, known: Iterable[str]) -> tuple[str | None, str]:
    choices = sorted(known)
    same = (one for one in choices if one.casefold() == word.casefold())  # but for capitals, which difflib tells apart
    found = [*itertools.islice(same, 1)] or difflib.get_close_matches(word[:100], choices, n=1, cutoff=0.5)
    listed = f"{', '.join(choices[:12])}{', …' if len(choices) > 12 else ''}"
    return (" ".join(found[0].split()) if found else None), " ".join(listed.split())


SAME = 9
"""Digits in which a number is the same, in whatever order threads and databases added the floats that make it."""
FLOAT = re.compile(r"(?<![\w.])-?\d[\d,]*\.\d+(?:e[+-]?\d+)?")


def nearly(told: Any, field: str = "") -> Any:
    """A result without the last digits of what was measured; rows and bounds stay as they are."""
    match told:
        case dict():
            return {name: held if name == "samples" else nearly(held, name) for name, held in told.items()}
        case list():
            return [nearly(held, field) for held in told]
        case float() if field == "value":
            return float(f"{told:.{SAME}g}")
        case str() if field == "message":
            return FLOAT.sub(lambda found: f"{Decimal(found[0].replace(',', '')):.{SAME}g}", told)
    return told


BROKE = "refused: "
"""How a text begins that breaks a query on purpose, because a source cannot read it as its dtype."""


def refused(text: str) -> str | None:
    """Which text a source could not read as its dtype; None for other errors."""
    found = re.search(rf'\["{BROKE}(.*?)"[,\]]', text, re.DOTALL)
    return f"{found[1]}; declare its dtype, or the texts that are no value, in the source" if found else None


def said(text: str) -> str | None:
    """What a store answered, and which; no part of the request, which may hold credentials. None for other errors."""
    if "object-store error" not in text:
        return None
    host = re.search(r"performing \w+ (\w+://[^/\s?]+)", text)
    answer = re.search(r"<Code>(\w+)</Code>\s*<Message>([^<]*)", text)
    status = re.search(r"status code: (\d+ [\w ]+)", text)
    if answer:
        why = f"{answer[1]}: {answer[2].strip()}"
    else:
        why = status[1] if status else re.sub(r"^\d+: ", "", text.strip().splitlines()[-1].strip())
    return f"{host[1]}: {why}" if host else why
