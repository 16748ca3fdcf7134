"""Rules before and after a change: which is which, and whether what is left promises less, more or something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Literal, NamedTuple

from quality.engine.rule import Rule
from quality.impact import bounds, scope
from quality.impact.bounds import BOTH, LOOSER, OTHER, TIGHTER, Limit, Way
from quality.rules.bounds import parse_duration
from quality.rules.catalogue import BUILT_IN, canonical
from quality.values import Severity

What = Literal["added", "removed", "loosened", "tightened", "changed"]
NO_PROMISE = ("check", "name", "description", "learned")
"""Fields that decide no verdict, or are compared apart."""
SEVERITIES = list(reversed(Severity))
ABOVE = ("max_failure_rate", "warn_failure_rate", "at_most", "tolerance", "threshold", "max_change", "min_runs")
ABOVE_TOO = ("min_spread", "max")
BELOW = ("min", "at_least", "min_ratio")
AGES = ("max_age", "max_ahead")
STRICT = ("strict", "closed", "ordered")
ABOUT = ("column", "metric", "q")
"""What a rule is about: of something else it promises what it did not, and no longer what it did."""
SIGNS = (">", ">=", "<", "<=")
STRONGER = {("primary_key", "unique"), ("primary_key", "unique_combination"), ("not_empty", "not_null")}
"""Kinds of rules on the same columns of which the first promises all that the second does, and more."""
FAMILIES = {
    **dict.fromkeys(("unique", "unique_combination", "primary_key"), "key"),
    **dict.fromkeys(("not_empty", "not_null"), "presence"),
    **dict.fromkeys(("length", "min_length", "max_length"), "length"),
}


class Difference(NamedTuple):
    """A field of a rule before and after, and which way it changed."""

    field: str
    before: Any
    after: Any
    way: Way = OTHER


class Pair(NamedTuple):
    """A rule before and after; None on the side that has none."""

    before: Rule | None
    after: Rule | None
    differences: tuple[Difference, ...] = ()

    @property
    def what(self) -> What:
        """What became of the rule; one that is looser in one field and tighter in another is changed."""
        if self.before is None or self.after is None:
            return "added" if self.before is None else "removed"
        return direction(self.differences)

    @property
    def is_breaking(self) -> bool:
        """Whether whoever relies on the data loses a promise."""
        return self.after is None or any(one.way.looser for one in self.differences)

    @property
    def rule(self) -> Rule:
        """The rule as it is now, or was."""
        found = self.after or self.before
        assert found is not None
        return found


def direction(differences: Sequence[Difference]) -> What:
    """What became of something with these differences."""
    if all(one.way == LOOSER for one in differences):
        return "loosened"
    return "tightened" if all(one.way == TIGHTER for one in differences) else "changed"


def compared(before: Sequence[Rule], after: Sequence[Rule]) -> list[Pair]:
    """Every rule that is not the same before and after: what is gone, then what differs or is new, in order."""
    which = _pairs(before, after)
    gone = [Pair(rule, None) for number, rule in enumerate(before) if number not in which.values()]
    there = (
        Pair(before[which[number]], rule, tuple(differences(before[which[number]], rule)))
        if number in which
        else Pair(None, rule)
        for number, rule in enumerate(after)
    )
    return [*gone, *(pair for pair in there if pair.before is None or pair.differences)]


def _pairs(before: Sequence[Rule], after: Sequence[Rule]) -> dict[int, int]:
    """For each rule after, which it was: by name, else by what it is about where only one on each side can be meant."""
    which: dict[int, int] = {}
    for key in KEYS:
        left, right = (
            _alone(rules, key, known) for rules, known in ((before, set(which.values())), (after, set(which)))
        )
        which |= {right[one]: left[one] for one in right.keys() & left.keys()}
    return which


def _alone(rules: Sequence[Rule], key: Callable[[Rule], Any], known: set[int]) -> dict[Any, int]:
    """The number of each rule that is not known yet and has its key alone."""
    found: dict[Any, list[int]] = {}
    for number, rule in enumerate(rules):
        if number not in known:
            found.setdefault(str(key(rule)), []).append(number)
    return {one: numbers[0] for one, numbers in found.items() if len(numbers) == 1}


def _about(rule: Rule) -> list[Any]:
    named = [getattr(rule, name, None) for name in ("column", "columns", "metric", "q", "reference", "baseline")]
    return [*named, _read(rule) if named[:2] == [None, None] else ()]


def _read(rule: Rule) -> tuple[str, ...]:
    """The columns that a rule judges, where it can say them: one of the domain's own may fail."""
    with suppress(Exception):
        return tuple(sorted(rule.subjects))
    return ()


def _family(rule: Rule) -> list[Any]:
    """What a rule is about, in words that its kin share: every bound of a column's values is one kind."""
    kin = "bound" if _limits(rule) and rule.check not in FAMILIES else FAMILIES.get(rule.check, rule.check)
    about = getattr(rule, "column", None) if kin not in ("key", "expression") else _read(rule)
    return [kin, about, getattr(rule, "metric", None)]


KEYS: tuple[Callable[[Rule], Any], ...] = (
    lambda rule: rule.title,
    lambda rule: [rule.check, _about(rule), rule.where, rule.by],
    lambda rule: [rule.check, _about(rule), rule.by],
    lambda rule: [rule.check, _about(rule)],
    lambda rule: [*_family(rule), rule.where, rule.by],
    _family,
)
"""By what a rule is known again, the surest first."""


def differences(before: Rule, after: Rule) -> Iterator[Difference]:
    """Each field of a rule that says something else after, and whether that promises less or more."""
    kin = type(before) is type(after) or _family(before) == _family(after)
    limits = (_limits(before), _limits(after)) if kin else ({}, {})
    ends = dict.fromkeys((*limits[0], *limits[1]))
    moved = [one for end in ends for one in _limit(end, limits[0].get(end), limits[1].get(end))]
    if before.check != after.check and not moved:
        yield Difference("check", before.check, after.check, _kind(before, after) if kin else BOTH)
    yield from moved
    said = {"min", "max", "value", "exclusive"} if any(limits) else set()
    fields = type(before).model_fields.keys() & type(after).model_fields.keys() if kin else Rule.model_fields.keys()
    for field in (field for field in type(before).model_fields if field in fields - said and field not in NO_PROMISE):
        yield from _field(field, before, after)
    if before.name != after.name:
        yield Difference("name", before.name, after.name)


def _kind(before: Rule, after: Rule) -> Way:
    """Of two kinds of rule on the same columns; bounds say it where they differ."""
    if (after.check, before.check) in STRONGER:
        return TIGHTER
    return LOOSER if (before.check, after.check) in STRONGER else OTHER


def _limit(end: str, before: Limit | None, after: Limit | None) -> Iterator[Difference]:
    if before != after:
        way = bounds.limit(before, after, bounds.lower if end == ">" else bounds.upper)
        was, now = (one and one.shown(end) for one in (before, after))
        yield Difference("lower bound" if end == ">" else "upper bound", was, now, way)


def _limits(rule: Rule) -> dict[str, Limit]:
    """The bounds of the values that a built-in rule allows, by their signs."""
    if type(rule) not in BUILT_IN:
        return {}
    if rule.check in ("length", "min_length", "max_length"):
        ends = {">": getattr(rule, "min", None), "<": getattr(rule, "max", None)}
        ends |= {{"min_length": ">", "max_length": "<"}.get(rule.check, ""): getattr(rule, "value", None)}
        return {sign: Limit(value, True) for sign, value in ends.items() if value is not None}
    given: Any = getattr(rule, "limits", None)
    sign, bound = getattr(rule, "SIGN", None), getattr(rule, "bound", None)
    if given is None and sign in SIGNS and bound is not None:
        given = [(sign, bound)]
    return {sign[0]: Limit(value, sign.endswith("=")) for sign, value in given or ()}


def _field(field: str, before: Rule, after: Rule) -> Iterator[Difference]:
    one, other = (getattr(rule, field) for rule in (before, after))
    if field == "threshold" and hasattr(before, "limit") and _method(before) == _method(after):
        one, other = (getattr(rule, "limit", None) for rule in (before, after))
    sets = field in ("values", "columns") and {type(before), type(after)} <= {*BUILT_IN}
    if _same(one, other) or (sets and _members(one, before) == _members(other, after)):
        return
    was, now = (canonical(rule).get(field, value) for rule, value in ((before, one), (after, other)))
    if field in ("where", "by"):
        way = (scope.where if field == "where" else scope.by)(before, after)
    elif field == "threshold" and _method(before) != _method(after):
        way = OTHER
    else:
        way = _way(field, before, one, other)
    yield Difference(field, was, now, way)


def _method(rule: Rule) -> Any:
    """How a rule measures, where there are several ways: their thresholds do not compare."""
    return getattr(rule, "method", None)


def _same(one: Any, other: Any) -> bool:
    """Whether two values are equal, and a mapping in the same order."""
    return bool(one == other) and (not isinstance(one, dict) or [*one] == [*other])


def _members(value: Any, rule: Rule) -> Any:
    """Values or columns, of which the order says nothing where no rule asks for it."""
    if isinstance(value, dict):
        return list(value.items()) if getattr(rule, "ordered", False) else value
    return set(value)


def _way(field: str, rule: Rule, before: Any, after: Any) -> Way:
    """Which way one field of a rule changed; of a rule of the domain's own only the fields that every rule has."""
    if field == "severity":
        return bounds.lower(SEVERITIES.index(before), SEVERITIES.index(after))
    if field in ABOUT:
        return BOTH
    if field not in Rule.model_fields and type(rule) not in BUILT_IN:
        return OTHER
    if field in AGES:
        return bounds.upper(parse_duration(before), parse_duration(after))
    if field in STRICT:
        return LOOSER if before else TIGHTER
    of_texts = rule.check in ("min", "max")
    if field in (*ABOVE, *ABOVE_TOO):
        return bounds.upper(before, after, of_texts)
    if field in BELOW:
        return bounds.lower(before, after, of_texts)
    return MEMBERS[rule.check, field](before, after) if (rule.check, field) in MEMBERS else OTHER


def _compared_columns(before: Sequence[str], after: Sequence[str]) -> Way:
    """Of columns that are compared, where none named means all."""
    if not before or not after:
        return LOOSER if after else TIGHTER
    return bounds.required(before, after)


MEMBERS: dict[tuple[str, str], Callable[[Any, Any], Way]] = {
    ("in_set", "values"): bounds.allowed,
    ("equal", "value"): lambda before, after: BOTH,
    ("not_equal", "value"): lambda before, after: BOTH,
    ("unique_combination", "columns"): scope.key,
    ("primary_key", "columns"): lambda before, after: BOTH,
    ("not_in_set", "values"): bounds.required,
    ("schema", "columns"): bounds.columns,
    ("dtype", "dtype"): bounds.dtype,
    ("reconcile", "columns"): _compared_columns,
}
"""Fields that hold members, by the rule whose they are."""
