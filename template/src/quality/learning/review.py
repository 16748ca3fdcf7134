"""A contract beside what its data says now: rule by rule, what a review would change. What people wrote stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from quality.engine.judge import Found
from quality.engine.rule import Rule
from quality.learning.proposal import written
from quality.rules.catalogue import canonical, parse_rule
from quality.texts import percent_of

Kind = Literal["added", "widened", "changed", "dropped", "yours"]
FROM_DATA = frozenset(("check", "max_failure_rate", "learned"))
"""Fields of every rule that data proposes; people give the others, and keep them."""


class Change(NamedTuple):
    """A rule that comes, goes, or is another one; `number` is its place in the contract, where it has one.

    `widened` is a learned rule that the data breaks and that a looser one replaces, `changed` one of which the data
    says something else, `dropped` one that the data breaks and does not propose again. `yours` is a rule that the data
    breaks and that a person wrote: it stays.
    """

    what: Kind
    before: Rule | None
    after: Rule | None
    why: str
    number: int | None = None


def review(rules: Sequence[Rule], proposed: Sequence[Rule], broken: Mapping[int, str]) -> Iterator[Change]:
    """What differs between the rules of a contract and those that its data proposes, in the order of the contract.

    Args:
        rules: those of the contract.
        proposed: those that are learned from the data now.
        broken: by the number of a rule of the contract that does not hold now, how badly.
    """
    places: dict[Any, list[int]] = {}
    for number, rule in enumerate(rules):
        places.setdefault(_place(rule), []).append(number)
    paired, more = dict[int, Rule](), list[Rule]()
    for rule in proposed:
        there = [number for number in places.get(_place(rule), ()) if number not in paired]
        if any(rules[number].learned is None for number in there):
            continue  # a person has said it otherwise
        same = [
            number for number in there if canonical(_with_words_of(rules[number], rule)) == canonical(rules[number])
        ]
        if chosen := (same or there)[:1]:
            paired[chosen[0]] = _with_words_of(rules[chosen[0]], rule)
        else:
            more.append(rule)
    for number, rule in enumerate(rules):
        if (change := _change(rule, paired.get(number), broken.get(number))) is not None:
            yield change._replace(number=number)
    for rule in more:
        yield Change("added", None, rule, rule.learned.why if rule.learned else rule.says())


def _place(rule: Rule) -> tuple[Any, ...]:
    return (rule.check, rule.subjects if not rule.JUDGES_SCHEMAS else (), rule.where, rule.by)


def _with_words_of(old: Rule, new: Rule) -> Rule:
    """The new rule with what people gave the old one: its severity, its name, its description."""
    kept = {name: value for name, value in canonical(old).items() if name in Rule.model_fields.keys() - FROM_DATA}
    return parse_rule({**written(new), **kept})


def _change(rule: Rule, after: Rule | None, broken: str | None) -> Change | None:
    """What becomes of a rule of the contract; None where it stays and holds."""
    if rule.learned is None:
        return None if broken is None else Change("yours", rule, rule, broken)
    if after is None:
        return None if broken is None else Change("dropped", rule, None, broken)
    if canonical(after) == canonical(rule):
        return None
    why = after.learned.why if after.learned else after.says()
    return Change("widened" if broken else "changed", rule, after, f"{broken}; {why}" if broken else why)


def broken(found: Sequence[Found], rules: Sequence[Rule]) -> dict[int, str]:
    """By the number of each rule that does not hold in one of its segments at least, how badly."""
    numbers, told = numbered(rules), dict[int, str]()
    for one in found:
        if (said := _broken(one)) is not None:
            for number in numbers.get(one.rule.model_dump_json(), ()):
                told.setdefault(number, said)
    return told


def numbered(rules: Sequence[Rule]) -> dict[str, list[int]]:
    """The numbers of rules by what they say, as what is judged may be a copy of one that knows the dtypes."""
    numbers = dict[str, list[int]]()
    for number, rule in enumerate(rules):
        numbers.setdefault(rule.model_dump_json(), []).append(number)
    return numbers


def _broken(one: Found) -> str | None:
    judgement = one.judgement
    if judgement is None:
        return one.problem or "it cannot be judged"
    if not judgement.judged or judgement.failed / judgement.judged <= one.rule.max_failure_rate:
        return None
    if judgement.judged == 1 and judgement.failing is None:
        return judgement.note or "it does not hold"
    rate = percent_of(judgement.failed / judgement.judged)
    return f"{judgement.failed:,} of {judgement.judged:,} rows ({rate}) break it"
