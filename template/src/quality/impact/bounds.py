"""Which of two promises is the wider one: bounds, dtypes, sets and rates, whatever field says them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from quality.rules.dtype_names import DTYPES, FAMILIES


class Way(NamedTuple):
    """Whether something that was refused is allowed now, and whether something that was allowed is refused now."""

    looser: bool = False
    tighter: bool = False

    def __or__(self, other: Way) -> Way:
        return Way(self.looser or other.looser, self.tighter or other.tighter)


LOOSER, TIGHTER, OTHER = Way(looser=True), Way(tighter=True), Way()


def upper(before: Any, after: Any) -> Way:
    """Of a number above which a rule fails: the greater is the looser, and none the loosest."""
    if before is None or after is None:
        return OTHER if before == after else (LOOSER if after is None else TIGHTER)
    return _turned(lower(before, after))


def lower(before: Any, after: Any) -> Way:
    """Of a number below which a rule fails: the smaller is the looser, and none the loosest."""
    if before is None or after is None:
        return OTHER if before == after else (LOOSER if after is None else TIGHTER)
    one, other = _comparable(before), _comparable(after)
    try:
        return LOOSER if other < one else TIGHTER if other > one else OTHER
    except (TypeError, ArithmeticError):  # a number and a word, a moment with a zone and one without, a NaN
        return OTHER


def _turned(way: Way) -> Way:
    return Way(way.tighter, way.looser)


def _comparable(value: Any) -> Any:
    """A number, or a moment; other text is compared as text is ordered."""
    if not isinstance(value, str):
        return value
    try:
        return Decimal(value)
    except InvalidOperation:
        pass
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return value


class Limit(NamedTuple):
    """A bound, and whether it is inside itself."""

    value: Any
    inside: bool

    def shown(self, sign: str) -> str:
        return f"{sign}{'=' if self.inside else ''} {self.value}"


def limit(before: Limit | None, after: Limit | None, way: Any) -> Way:
    """The way of a bound that is at the same place looser where it is inside."""
    found: Way = way(before and before.value, after and after.value)
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
    return LOOSER if _holds(after, before) else TIGHTER if _holds(before, after) else Way(True, True)


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
