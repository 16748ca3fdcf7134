"""Every rule there is: the explicit union, and the reading of what people write into it."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from pydantic import ValidationError

from quality.engine.rule import Rule
from quality.errors import ConfigurationError
from quality.rules import (
    aggregates,
    dates,
    distributions,
    elsewhere,
    expression,
    keys,
    moments,
    numbers,
    outliers,
    presence,
    reconcile,
    references,
    schema,
    text,
    trends,
    values,
)
from quality.rules.complaints import mistakes
from quality.texts import nearest, shorten

BUILT_IN: tuple[type[Rule], ...] = (
    presence.NotNull,
    presence.NotEmpty,
    keys.Unique,
    keys.UniqueCombination,
    keys.PrimaryKey,
    values.InSet,
    values.NotInSet,
    values.InRange,
    values.GreaterThan,
    values.GreaterThanOrEqual,
    values.LessThan,
    values.LessThanOrEqual,
    values.Equal,
    values.NotEqual,
    values.Positive,
    values.Negative,
    values.NonNegative,
    values.NonPositive,
    text.Length,
    text.MinLength,
    text.MaxLength,
    text.Regex,
    text.EmailFormat,
    text.UrlFormat,
    text.UuidFormat,
    text.PhoneFormat,
    text.Ipv4Format,
    dates.DateFormat,
    moments.NotFuture,
    moments.NotPast,
    keys.Increasing,
    keys.Decreasing,
    outliers.ZScoreOutlier,
    references.ReferentialIntegrity,
    presence.ConditionalNull,
    expression.Expression,
    schema.ColumnExists,
    schema.DtypeRule,
    schema.SchemaRule,
    numbers.RowCount,
    numbers.CompletenessRatio,
    numbers.DistinctCount,
    aggregates.Mean,
    aggregates.Median,
    aggregates.Sum,
    aggregates.StdDev,
    aggregates.Min,
    aggregates.Max,
    aggregates.Quantile,
    moments.Freshness,
    references.CrossTableRowCount,
    reconcile.Reconcile,
    distributions.StatisticalDrift,
    distributions.DistributionChange,
    trends.Volume,
    trends.Trend,
    trends.Anomaly,
)


def check_name(rule: type[Rule]) -> str:
    """The canonical name a rule class is written with."""
    name: str = get_args(rule.model_fields["check"].annotation)[0]
    return name


def listed(module: str, name: str) -> tuple[Any, ...]:
    """What a domain lists under a name in one of its modules; nothing where there is no such module."""
    if importlib.util.find_spec("domain") is None or importlib.util.find_spec(f"domain.{module}") is None:
        return ()
    return tuple(getattr(importlib.import_module(f"domain.{module}"), name))


@functools.cache
def domain_rules() -> tuple[type[Rule], ...]:
    """The domain's own rules: `RULES` of `domain.rules`, the one place where a team lists them."""
    return listed("rules", "RULES")


@functools.cache
def rules_by_name() -> dict[str, type[Rule]]:
    """Every spelling, canonical or alias, of built-in and domain rules."""
    known: dict[str, type[Rule]] = {}
    for rule in (*BUILT_IN, *domain_rules()):
        for name in (check_name(rule), *rule.ALIASES):
            if known.setdefault(name, rule) is not rule:
                raise ConfigurationError(f"two rules are called '{name}'; rename the one in src/domain/rules.py")
    return known


def parse_rule(written: Rule | Mapping[str, Any]) -> Rule:
    """The rule that a mapping says, whatever alias it uses; ConfigurationError with a line for each mistake."""
    if isinstance(written, Rule):
        return written
    if not isinstance(written, Mapping):
        raise ConfigurationError(_no_rule(written))
    fields = dict(written)
    check, kind = fields.pop("check", None), fields.pop("type", None)
    if check is not None and kind is not None and check != kind:
        raise ConfigurationError(f"check '{check}' and type '{kind}' contradict each other; keep one")
    name = check if check is not None else kind
    if not isinstance(name, str):
        raise ConfigurationError(_no_rule(written))
    known = rules_by_name()
    if name not in known:
        ours = elsewhere.rule(name) or elsewhere.expectation(name, known) or nearest(name, known)
        raise ConfigurationError(f"unknown rule '{shorten(name, 60)}'; {ours}")
    rule = known[name]
    try:
        return rule.model_validate({"check": check_name(rule), **{str(field): one for field, one in fields.items()}})
    except ValidationError as error:
        found = (one.said.removeprefix("Value error, ") for one in mistakes(error, rule, f"rule '{name}'"))
        said = (one if one.startswith(f"rule '{name}'") else f"rule '{name}': {one}" for one in found)
        raise ConfigurationError.of(said) from None


def _no_rule(written: Any) -> str:
    """What a rule looks like, for whoever wrote one as another tool has it: `- unique`, `- not_null: {column: id}`."""
    example = "{check: not_null, column: id}"
    told = [str(key) for key in written] if isinstance(written, Mapping) else [str(written)]
    said = (
        f"a rule names its check, such as {example}; this one has {', '.join(map(shorten, told[:5])) or 'nothing'}"
        if isinstance(written, Mapping)
        else f"a rule is a mapping such as {example}, not {shorten(repr(written))}"
    )
    named = next((rules_by_name()[name] for name in told if name in rules_by_name()), None)
    ours = next(filter(None, map(elsewhere.rule, told)), None)
    ours = ours or (f"write {{check: {check_name(named)}, …}}" if named else None)
    return f"{said}; {ours}" if ours else said


class Read(NamedTuple):
    """The rules that can be read, by their number, and what is wrong with the others."""

    rules: dict[int, Rule]
    wrong: list[tuple[int, str]]


def read_rules(written: Any) -> Read:
    """Every rule that can be read and every mistake in the others; each name stands once."""
    if isinstance(written, (str, Mapping)) or not isinstance(written, Sequence):
        raise ConfigurationError("rules are a list, such as [{check: not_null, column: id}]")
    read, named = Read({}, []), set()
    for number, one in enumerate(written):
        try:
            rule = parse_rule(one)
            _refuse_remembered_segments(rule)
            if rule.title in named:
                raise ConfigurationError(f"two rules are named '{rule.title}'; remove one, or give it its own name")
        except ConfigurationError as error:
            read.wrong.extend((number, said) for said in str(error).splitlines())
        else:
            named.add(rule.title)
            read.rules[number] = rule
    return read


def _refuse_remembered_segments(rule: Rule) -> None:
    """By segment, one that vanished would leave no result and go unseen."""
    if rule.by is not None and rule.remembers is not None:
        check = rule.check
        raise ConfigurationError(f"{check} remembers no segments; write one {check} rule with `where` for each")


def parse_rules(
    written: Sequence[Rule | Mapping[str, Any]], place: Callable[[int], str] = lambda number: f"rule {number + 1}"
) -> tuple[Rule, ...]:
    """Rules in order, each name once; a line for each mistake, which begins with the rule's place."""
    read = read_rules(written)
    if read.wrong:
        raise ConfigurationError.of(f"{place(number)}: {said}" for number, said in read.wrong)
    return tuple(read.rules.values())


def canonical(rule: Rule) -> dict[str, Any]:
    """The rule as it is written back: canonical spellings, JSON values, nothing that is left at its default."""
    return {"check": rule.check, **rule.model_dump(mode="json", exclude_defaults=True, exclude={"check"})}
