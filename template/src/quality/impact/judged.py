"""Two contracts judged on the same rows: what fails before and after, and exactly which rows change sides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from quality.checking import Opened, open_source
from quality.contract.config import CheckConfig
from quality.engine.judge import BROKEN, Found, NamedColumns, judge, unreadable, verdict
from quality.errors import ConfigurationError, SourceError
from quality.impact.contracts import said
from quality.impact.moved import Moved, Side, moved, words
from quality.impact.rules import Pair
from quality.result import RuleResult
from quality.rules.schema import judged_columns
from quality.sources import Parses


class Judged(NamedTuple):
    """Both sides, which rows changed sides for each pair of rules, and for all row rules of the contract together."""

    before: Side | None
    after: Side | None
    moved: tuple[Moved, ...]
    whole: Moved


def judge_both(before: CheckConfig | None, after: CheckConfig | None, pairs: Sequence[Pair], now: datetime) -> Judged:
    """Judges both contracts as of one moment: on one reading of one source, or each on its own.

    Nothing is remembered, told or quarantined.
    """
    first, last = _sides(before, after, now)
    try:
        return Judged(first, last, *moved(first, last, pairs))
    finally:
        for side in (first, last):
            if side is not None and side.frame is not None and side.frame.there is not None:
                side.frame.there.close()


def _sides(before: CheckConfig | None, after: CheckConfig | None, now: datetime) -> tuple[Side | None, Side | None]:
    hidden = tuple(dict.fromkeys(column for one in (before, after) if one is not None for column in one.sensitive))
    if before is not None and after is not None and said(before.source) == said(after.source):
        try:
            first, last = _judged((before, after), now, hidden)
        except BROKEN:
            pass  # each side says for itself what is wrong with it
        else:
            return first, last
    return _alone(before, now, hidden), _alone(after, now, hidden)


def _alone(config: CheckConfig | None, now: datetime, hidden: tuple[str, ...]) -> Side | None:
    if config is None:
        return None
    try:
        return _judged((config,), now, hidden)[0]
    except ConfigurationError as error:
        return Side(config, problem=str(error), code=2)
    except BROKEN as error:
        said = unreadable(error, config.model_copy(update={"sensitive": hidden}))
        return Side(config, status=said["status"], problem=said["reason"], code=3)


def _judged(configs: Sequence[CheckConfig], now: datetime, hidden: tuple[str, ...]) -> list[Side]:
    """Every contract on one reading of the source, by one pass over the rules of all.

    `hidden` are the columns that are sensitive on either side: what is told of one of them is told beside the other.
    """
    rules = {words(rule): rule for config in configs for rule in config.rules}
    more = {"sensitive": hidden, "sample_rows": 0, "quarantine": None, "key": ()}
    union = configs[-1].model_copy(update={"rules": tuple(rules.values()), **more})
    opened = open_source(None, union, now=now, keep=False)
    frame = opened.frame
    found = judge(union.model_copy(update={"rules": (*union.rules, *opened.declared)}), frame)
    sides = [_side(config, found, opened, hidden) for config in configs]
    if frame.has_changed:
        raise SourceError("the source, or a reference, changed while it was read: run it again")
    if opened.rows not in (None, sides[0].rows) and frame.differs is None:
        raise SourceError(f"{opened.rows:,} records are in the files, but not all of them were read: run it again")
    return sides


def _side(config: CheckConfig, found: Iterable[Found], opened: Opened, hidden: tuple[str, ...]) -> Side:
    """What was found, as one contract alone would have it."""
    mine, judges = {words(rule) for rule in config.rules}, judged_columns(config.rules)
    shown = config.model_copy(update={"rules": (), "sample_rows": 0})
    own = [one for one in found if _is_of(one, mine, judges)]
    own += [one for one in judge(shown, opened.frame) if isinstance(one.rule, NamedColumns)]
    secret = tuple(column for column in hidden if column in config.sensitive or column in opened.frame.schema)
    fields = verdict(own, shown.model_copy(update={"sensitive": secret}), opened.frame)
    by: dict[str, list[tuple[Found, RuleResult]]] = {}
    for one, result in zip(own, fields["rules"], strict=True):
        by.setdefault(words(one.rule), []).append((one, result))
    return Side(config, opened.frame, by, fields["status"], fields["row_count"])


def _is_of(one: Found, rules: Iterable[str], judges: Iterable[str]) -> bool:
    """Whether a contract has the rule; one that its source adds, where it did not hold and the contract asks for it."""
    if isinstance(one.rule, Parses):
        held = one.judgement is not None and not one.judgement.failed
        return not held and (not one.rule.inferred or one.rule.column in judges)
    return not isinstance(one.rule, NamedColumns) and words(one.rule) in rules
