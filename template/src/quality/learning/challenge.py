"""A challenge: the dataset's own rows, corrupted in forty ways; what no rule notices, and the rule that would."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import polars as pl

from quality.engine.dtypes import col
from quality.engine.frame import Frame, Surroundings
from quality.engine.judge import judge
from quality.engine.request import Request
from quality.engine.rule import Rule
from quality.learning.corruptions import Case, cases
from quality.learning.proposal import claims_of
from quality.learning.related import References
from quality.learning.review import numbered
from quality.values import Severity

FEWEST_ROWS, MOST_ROWS, COLUMNS, SEED = 20, 300_000, 3, 1
"""Fewer rows cannot be challenged, more are not; and how many columns each corruption befalls."""


class Missed(NamedTuple):
    """A corruption that no rule noticed, and the first rule that held out and would."""

    corruption: str
    column: str | None
    rule: Rule | None


class Challenge(NamedTuple):
    """How many corruptions there were, how many were noticed, and the others. `rows` were challenged."""

    rows: int
    cases: int
    noticed: int
    missed: tuple[Missed, ...] = ()

    @property
    def score(self) -> float | None:
        """The fraction noticed; None where there was nothing to notice."""
        return self.noticed / self.cases if self.cases else None

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that would notice what was missed, each once."""
        return tuple({one.rule.title: one.rule for one in self.missed if one.rule}.values())


def challenge(
    frame: Frame,
    rules: Sequence[Rule],
    key: tuple[str, ...] = (),
    *,
    seed: int = SEED,
    columns: int = COLUMNS,
    references: References | None = None,
    propose: bool = True,
    told: Callable[[str], None] = lambda what: None,
) -> Challenge:
    """Corrupts the frame's rows, and says what these rules notice: more than fails already."""
    rows = frame.lazy.head(MOST_ROWS).collect(engine="streaming")
    if rows.height < FEWEST_ROWS:
        return Challenge(rows.height, 0, 0)
    before = not_passed(rules, rows, frame.around)
    asked = [rule for n, rule in enumerate(rules) if n not in before and rule.severity is not Severity.INFO]
    missed, count = [], 0
    for case in cases(rows, key or _key(asked), seed, columns):
        told(case.corruption)
        count += 1
        if not _noticed(asked, case, rows, frame.around):
            missed.append(case if propose else case._replace(rows=rows.head(0)))
    told("looking for rules")
    found = _proposed(missed, rows, asked, frame.around, references or {}) if propose and missed else {}
    told_of = (Missed(case.corruption, case.column, found.get(n)) for n, case in enumerate(missed))
    return Challenge(rows.height, count, count - len(missed), tuple(told_of))


def _key(rules: Iterable[Rule]) -> tuple[str, ...]:
    return next((rule.subjects for rule in rules if rule.check in ("primary_key", "unique")), ())


def not_passed(rules: Sequence[Rule], rows: pl.DataFrame, around: Surroundings) -> set[int]:
    """The numbers of the rules that these rows break, or that cannot judge them."""
    numbers = numbered(rules)
    found = judge(Request(rules=tuple(rules)), Frame(rows.lazy(), around))
    return {n for one in found if _is_broken(one) for n in numbers.get(one.rule.model_dump_json(), ())}


def _is_broken(one: Any) -> bool:
    made = one.judgement
    return made is None or (made.judged > 0 and made.failed / made.judged > one.rule.max_failure_rate)


def _noticed(rules: Sequence[Rule], case: Case, rows: pl.DataFrame, around: Surroundings) -> bool:
    return bool(_noticing(rules, case, rows, around))


def _noticing(rules: Sequence[Rule], case: Case, rows: pl.DataFrame, around: Surroundings) -> list[Rule]:
    """The rules that notice a case: the schema's, which read nothing, before those that read what changed."""
    schemas = [rule for rule in rules if rule.JUDGES_SCHEMAS]
    if case.rows.schema != rows.schema and (found := not_passed(schemas, case.rows.head(1), around)):
        return [schemas[n] for n in sorted(found)]
    changed = _changed(case, rows)
    others = [rule for rule in rules if not rule.JUDGES_SCHEMAS and (changed is None or changed & {*rule.reads})]
    read = {name for rule in others for name in rule.reads}
    there = case.rows.select(col(name) for name in case.rows.columns if name in read) if read else case.rows
    whole = case.rows if there.height != case.rows.height else there
    return [others[n] for n in sorted(not_passed(others, whole, around))] if others else []


def _changed(case: Case, rows: pl.DataFrame) -> set[str] | None:
    """The columns whose values are others; None where the rows are."""
    if case.rows.height != rows.height:
        return None
    if case.column is not None:
        return {case.column}
    both = {name for name in rows.columns if name in case.rows.columns}
    other = {name for name in both if not case.rows.get_column(name).equals(rows.get_column(name))}
    return other | ({*rows.columns} ^ {*case.rows.columns})


def _proposed(
    missed: Sequence[Case], rows: pl.DataFrame, rules: Sequence[Rule], around: Surroundings, references: References
) -> dict[int, Rule]:
    """For each missed case the first claim that held out and notices it; one that is chosen already goes first."""
    known = {rule.title for rule in rules}
    ready = [rule for rule in claims_of(rows, around, references) if rule.title not in known]
    found: dict[int, Rule] = {}
    for n, case in enumerate(missed):
        if noticing := _noticing(ready, case, rows, around):
            chosen = [rule for rule in found.values() if any(rule is one for one in noticing)]
            found[n] = (chosen or noticing)[0]
    return found
