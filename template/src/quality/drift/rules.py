"""Rules compared by their names: one line for each that differs, one for an order, none where all judge the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from quality.drift.finding import NOTHING, differences
from quality.errors import ConfigurationError
from quality.rules.catalogue import canonical, parse_rule

Difference = tuple[str, Any, Any]


def configuration(git: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Difference]:
    """Each field of two configurations that differs, with both values; rules by their names."""
    rules = [side.get("rules") for side in (git, found)]
    if not all(isinstance(one, list | tuple) for one in rules):
        yield from differences(git, found)
        return
    ours, theirs = ({name: value for name, value in side.items() if name != "rules"} for side in (git, found))
    yield from rule_differences(list(rules[0] or ()), list(rules[1] or ()))
    yield from differences(ours, theirs)


def rule_differences(git: list[Any], found: list[Any]) -> Iterator[Difference]:
    """What differs between two lists of rules; each line has the place of the rule in the first."""
    ours, theirs = [_read(one) for one in git], [_read(one) for one in found]
    pairs = _pairs(ours, theirs)
    for number, (name, rule) in enumerate(ours):
        if number in pairs:
            yield from differences(rule, theirs[pairs[number]][1], f"rules[{number}]")
        else:
            yield f"rules[{number}]", name, NOTHING
    known = set(pairs.values())
    for number, (name, _) in enumerate(theirs):
        if number not in known:
            yield "rules", NOTHING, name
    order = [pairs[number] for number in sorted(pairs)]
    if order != sorted(order):
        yield "rules", "the same in the order of the repository", "the same in another order"


def _read(written: Any) -> tuple[str, Any]:
    """A rule's name and its canonical fields; what cannot be read is compared as it stands."""
    try:
        rule = parse_rule(written)
    except ConfigurationError:
        return str(written), written
    return rule.title, canonical(rule)


def _pairs(ours: list[tuple[str, Any]], theirs: list[tuple[str, Any]]) -> dict[int, int]:
    """Which rule is which: by name or, where only one of its kind is left on each side, by check and columns."""
    names = {name: number for number, (name, _) in enumerate(theirs)}
    pairs = {number: names[name] for number, (name, _) in enumerate(ours) if name in names}
    left = {number: _kind(rule) for number, (_, rule) in enumerate(ours) if number not in pairs}
    free = {number: _kind(rule) for number, (_, rule) in enumerate(theirs) if number not in pairs.values()}
    for number, kind in left.items():
        same = [other for other, theirs_kind in free.items() if theirs_kind == kind]
        if len(same) == 1 and list(left.values()).count(kind) == 1:
            pairs[number] = same[0]
    return pairs


def _kind(rule: Any) -> str:
    fields = rule if isinstance(rule, dict) else {}
    return str([fields.get(name) for name in ("check", "column", "columns", "name")])
