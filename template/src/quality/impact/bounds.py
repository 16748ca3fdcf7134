"""Which of two promises is the wider one: bounds, dtypes, sets and rates, whatever field says them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, time
from decimal import Decimal
from typing import Any, NamedTuple

from quality.rules.bounds import parse_duration
from quality.rules.dtype_names import DTYPES, FAMILIES


class Way(NamedTuple):
    """Whether something that was refused is allowed now, and whether something that was allowed is refused now."""

    looser: bool = False
    tighter: bool = False

    def __or__(self, other: Way) -> Way:
        return Way(self.looser or other.looser, self.tighter or other.tighter)


LOOSER, TIGHTER, BOTH, OTHER = Way(looser=True), Way(tighter=True), Way(True, True), Way()
READINGS: tuple[Callable[[str], Any], ...] = (Decimal, datetime.fromisoformat, time.fromisoformat, parse_duration)
"""What a text may be as a bound, the likeliest first."""


def upper(before: Any, after: Any, of_texts: bool = False) -> Way:
    """Of a number above which a rule fails: the greater is the looser, and none the loosest."""
    if before is None or after is None:
        return OTHER if before == after else (LOOSER if after is None else TIGHTER)
    return _turned(lower(before, after, of_texts))


def lower(before: Any, after: Any, of_texts: bool = False) -> Way:
    """Of a number below which a rule fails: the smaller is the looser, and none the loosest.

    It may be a moment or a duration, too. With `of_texts` a column may hold texts, whose order is another: an Enum's is
    that of its categories. What depends on the column counts as both.
    """
    if before is None or after is None:
        return OTHER if before == after else (LOOSER if after is None else TIGHTER)
    found = OTHER
    for one, other in _readings(before, after, of_texts):
        try:
            found |= LOOSER if other < one else TIGHTER if other > one else OTHER
        except (TypeError, ArithmeticError):  # a moment with a zone and one without; a number and a word, a NaN
            return BOTH if isinstance(one, datetime) and isinstance(other, datetime) else OTHER
    return found


def _readings(before: Any, after: Any, of_texts: bool) -> Iterator[tuple[Any, Any]]:
    """Both bounds as what they may be: one reading, unless it is the column that says which."""
    if not (isinstance(before, str) and isinstance(after, str)):
        yield _number(before), _number(after)
        return
    for read in READINGS:
        try:
            yield read(before), read(after)
        except (ValueError, ArithmeticError):
            continue
        if of_texts and read is Decimal:
            yield before, after
        return
    yield from ((before, after), (after, before))


def _number(value: Any) -> Any:
    try:
        return Decimal(value) if isinstance(value, str) else value
    except ArithmeticError:
        return value


def _turned(way: Way) -> Way:
    return Way(way.tighter, way.looser)


class Limit(NamedTuple):
    """A bound, and whether it is inside itself."""

    value: Any
    inside: bool

    def shown(self, sign: str) -> str:
        return f"{sign}{'=' if self.inside else ''} {self.value}"


def limit(before: Limit | None, after: Limit | None, way: Any) -> Way:
    """The way of a bound that is at the same place looser where it is inside."""
    found: Way = way(before and before.value, after and after.value, of_texts=True)
    if found != OTHER or before is None or after is None or before.inside == after.inside:
        return found
    return LOOSER if after.inside else TIGHTER


def allowed(before: Iterable[Any], after: Iterable[Any]) -> Way:
    """Of values one of which must be: more are looser."""
    one, other = (dict.fromkeys(values) for values in (before, after))
    return Way(any(value not in one for value in other), any(value not in other for value in one))


def required(before: Iterable[Any], after: Iterable[Any]) -> Way:
    """Of things all of which are asked for: fewer are looser."""
    return _turned(allowed(before, after))


def dtype(before: str, after: str) -> Way:
    """Of a dtype that a column must have: a family is looser than its members."""
    if _same(before) == _same(after):
        return OTHER
    return LOOSER if _holds(after, before) else TIGHTER if _holds(before, after) else BOTH


def _same(name: str) -> Any:
    return name if name in FAMILIES else DTYPES[name.lower()]


def _holds(family: str, member: str) -> bool:
    if family not in FAMILIES:
        return False
    if member in FAMILIES:
        return family == "numeric" and member in ("integer", "float")
    return bool(FAMILIES[family](DTYPES[member.lower()]))


def columns(before: Mapping[str, str], after: Mapping[str, str]) -> Way:
    """Of columns that must be there with their dtypes."""
    found = required(before, after)
    for name in before:
        if name in after:
            found |= dtype(before[name], after[name])
    return found
