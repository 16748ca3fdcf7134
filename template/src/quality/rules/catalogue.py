"""Every rule there is: the explicit union, and the reading of what people write into it."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Union, get_args

from pydantic import Field, ValidationError

from quality.engine.rule import Rule
from quality.errors import ConfigurationError, nearest
from quality.rules import (
    aggregates,
    dates,
    distributions,
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


@functools.cache
def union() -> Any:
    """The discriminated union of all rules, for the JSON Schema."""
    return Annotated[Union[(*BUILT_IN, *domain_rules())], Field(discriminator="check")]


def parse_rule(written: Rule | Mapping[str, Any]) -> Rule:
    """The rule that a mapping says, whatever alias it uses; ConfigurationError with the nearest valid spelling."""
    if isinstance(written, Rule):
        return written
    if not isinstance(written, Mapping):
        raise ConfigurationError(f"a rule is a mapping such as {{check: not_null, column: id}}, not {written!r}")
    fields = dict(written)
    check, kind = fields.pop("check", None), fields.pop("type", None)
    if check is not None and kind is not None and check != kind:
        raise ConfigurationError(f"check '{check}' and type '{kind}' contradict each other; keep one")
    name = check if check is not None else kind
    if not isinstance(name, str):
        raise ConfigurationError(f"a rule names its check, such as check: not_null; this one does not: {fields}")
    known = rules_by_name()
    if name not in known:
        raise ConfigurationError(f"unknown rule '{name}'; {nearest(name, known)}")
    rule = known[name]
    try:
        return rule.model_validate({"check": check_name(rule), **fields})
    except ValidationError as error:
        raise ConfigurationError(explain(rule, name, error)) from None


def explain(rule: type[Rule], name: str, error: ValidationError) -> str:
    """The first complaint about a rule, as a sentence."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"rule '{name}' has no field '{place}'; {nearest(place, list(rule.model_fields))}"
    if first["type"] == "missing":
        return f"rule '{name}' needs the field '{place}'"
    said = first["msg"].removeprefix("Value error, ")
    return f"rule '{name}': {place + ': ' if place else ''}{said}"


def parse_rules(
    written: Sequence[Rule | Mapping[str, Any]], place: Callable[[int], str] = lambda number: f"rule {number + 1}"
) -> tuple[Rule, ...]:
    """Rules in order, each name once; complaints begin with the rule's place."""
    if isinstance(written, (str, Mapping)) or not isinstance(written, Sequence):
        raise ConfigurationError("rules are a list, such as [{check: not_null, column: id}]")
    rules: dict[str, Rule] = {}
    for number, one in enumerate(written):
        try:
            rule = parse_rule(one)
            if rule.title in rules:
                raise ConfigurationError(f"two rules are named '{rule.title}'; remove one, or give it its own name")
        except ConfigurationError as error:
            raise ConfigurationError(f"{place(number)}: {error}") from None
        rules[rule.title] = rule
    return tuple(rules.values())


def canonical(rule: Rule) -> dict[str, Any]:
    """The rule as it is written back: canonical spellings, JSON values, nothing that is left at its default."""
    return {"check": rule.check, **rule.model_dump(mode="json", exclude_defaults=True, exclude={"check"})}
