"""The one pass: every rule's measures, compiled to one query per group of columns, and merged into states."""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

import polars as pl

from quality.engine.dtypes import col
from quality.engine.frame import Frame
from quality.engine.rule import ColumnRule, KeyRule, Measure, Rule, State


class Planned(NamedTuple):
    """A rule, its position among the rules, and its measures."""

    number: int
    rule: Rule
    measures: dict[str, Measure]


WIDEST = 8
"""Columns that one query decodes at once, unless a single rule needs more; more would cost memory, not time."""


class States:
    """What the pass measured, for each rule and segment; `beside` it what a rule without segments is told as well."""

    def __init__(self, rules: Mapping[int, Rule]) -> None:
        self.beside: dict[int, State] = _by_key(rules)
        self.rows: dict[int, list[tuple[dict[str, Any], dict[str, Any]]]] = {}
        self._measures: dict[int, dict[str, Measure]] = {}

    def add(self, one: Planned, rows: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        self._measures[one.number] = one.measures
        self.rows[one.number] = rows

    def has(self, number: int) -> bool:
        """Whether the pass measured anything for the rule at this position."""
        return number in self._measures

    def of(self, number: int, rule: Rule, frame: Frame) -> Iterator[tuple[Any, State]]:
        """The rule's segments in the order of their values, each with one state; one segment None without `by`."""
        measures, rows = self._measures.get(number, {}), self.rows.get(number, [])
        if rule.by is None:
            yield None, {**self.beside.get(number, {}), **merged(measures, [state for _, state in rows])}
            return
        if not measures:
            for value in frame.once(_segments, rule.by):
                yield value, {}
            return
        by: dict[Any, list[dict[str, Any]]] = {}
        for segment, state in rows:
            value = segment[rule.by]
            by.setdefault(math.nan if value != value else value, []).append(state)
        for value in sorted(by, key=_place):
            yield value, merged(measures, by[value])
        if not by:
            yield None, merged(measures, [])


def _by_key(rules: Mapping[int, Rule]) -> dict[int, State]:
    """For each rule on a key, every `where` under which rules count that key: one count answers them all."""
    whole = {number: rule for number, rule in rules.items() if isinstance(rule, KeyRule) and rule.by is None}
    wheres: dict[tuple[str, ...], dict[str | None, None]] = {}
    for rule in whole.values():
        wheres.setdefault(rule.key, {})[rule.where] = None
    return {number: {"wheres": tuple(wheres[rule.key])} for number, rule in whole.items()}


def _segments(frame: Frame, column: str) -> list[Any]:
    found = frame.collect(frame.lazy.select(col(column).alias("value").unique()), f"values of {column}", (column,))
    return sorted(found["value"].to_list(), key=_place) or [None]


def _place(value: Any) -> tuple[bool, bool, Any]:
    """NaN after all other values, null after that."""
    return value is None, value != value, value


def merged(measures: dict[str, Measure], states: Sequence[State]) -> State:
    """One state of many partitions' states: sums add up, extremes win, NaN stays."""
    return {name: _merge(measure, [state[name] for state in states]) for name, measure in measures.items()}


def _merge(measure: Measure, values: list[Any]) -> Any:
    there = [value for value in values if value is not None]
    if measure.merge == "sum":
        with decimal.localcontext(prec=80):  # digits of a sum, of which Python keeps 28 unless it is told
            return sum(there)
    if not there:
        return None
    if any(isinstance(value, float) and math.isnan(value) for value in there):
        return math.nan
    return min(there) if measure.merge == "min" else max(there)


def plan(
    rules: Mapping[int, Rule], frame: Frame, broken: tuple[type[BaseException], ...]
) -> tuple[list[Planned], dict[int, BaseException]]:
    """The rules that have measures, and why others cannot say theirs."""
    ready, problems = list[Planned](), dict[int, BaseException]()
    for number, rule in rules.items():
        try:
            _, measures = rule.reads, rule.measures(frame)
            if measures:
                ready.append(Planned(number, rule, measures))
        except broken as error:
            problems[number] = error
    return ready, problems


def measure(
    rules: Mapping[int, Rule],
    frame: Frame,
    broken: tuple[type[BaseException], ...],
    judged: Callable[[int], None],
) -> tuple[States, dict[int, BaseException]]:
    """Runs the pass. Where a query breaks, its rules run one by one, so that only the culprit stays unjudged.

    `judged` is called with the number of rules that a query was about.
    """
    states = States(rules)
    ready, problems = plan(rules, frame, broken)
    return states, problems | fill(states, ready, frame, broken, judged)


def fill(
    states: States,
    ready: list[Planned],
    frame: Frame,
    broken: tuple[type[BaseException], ...],
    judged: Callable[[int], None],
) -> dict[int, BaseException]:
    """Measures what is planned, and says why something is not."""
    provable, problems = partial(_provable, frame=frame), dict[int, BaseException]()
    run = partial(_run_apart, frame=frame, states=states, broken=broken)
    with ThreadPoolExecutor(frame.around.at_once) as threads:
        for _, groups in groupby(sorted(_groups(ready, frame), key=provable), provable):
            some = list(groups)
            for group, wrong in zip(some, threads.map(run, some), strict=True):
                problems |= wrong
                judged(len(group))
    return problems


def _run_apart(
    group: list[Planned], frame: Frame, states: States, broken: tuple[type[BaseException], ...]
) -> dict[int, BaseException]:
    """Why rules of the group stay unjudged: where their query breaks, each is asked alone."""
    try:
        _run(group, frame, states)
    except broken as error:
        if len(group) == 1:
            return {group[0].number: error}
        return {n: e for one in group for n, e in _run_apart([one], frame, states, broken).items()}
    return {}


def _groups(ready: list[Planned], frame: Frame) -> Iterable[list[Planned]]:
    """For columnar sources the rules of each connected group of columns, as long as it stays narrow; else one group."""
    if not frame.columnar:
        return [ready] if ready else []
    groups: list[tuple[set[str], list[Planned]]] = []
    for one in sorted(ready, key=lambda planned: -len(planned.rule.reads)):
        columns, members = set(one.rule.reads), [one]
        apart = []
        for known, others in groups:
            together = known | columns
            if together == known or (known & columns and len(together) <= WIDEST):
                columns, members = together, others + members
            else:
                apart.append((known, others))
        groups = [*apart, (columns, members)]
    return [members for _, members in groups]


def _run(group: list[Planned], frame: Frame, states: States) -> None:
    """One query: a select, or an aggregation by the columns that rules of the group are segmented by."""
    if _provable(group, frame):
        _probe(group, frame, states)
        return
    exprs = {f"{n}.{name}": m.expr for n, one in enumerate(group) for name, m in one.measures.items()}
    named = [expr.alias(name) for name, expr in exprs.items()]
    by = sorted({one.rule.by for one in group if one.rule.by is not None})
    reads = sorted({column for one in group for column in one.rule.reads})
    label = "pass over " + (f"{len(reads)} columns" if len(reads) != 1 else reads[0])
    keys = {b: f"by {n}" for n, b in enumerate(by)}
    if by:
        segments = [col(b).alias(name) for b, name in keys.items()]
        query = frame.lazy.group_by(segments).agg(pl.len().alias("rows"), *named)
    else:
        query = frame.lazy.select(pl.len().alias("rows"), *named)
    found = frame.collect(query, label, reads).to_dicts()
    frame.rows_seen(sum(row["rows"] for row in found))
    for n, one in enumerate(group):
        rows = [
            ({b: row[name] for b, name in keys.items()}, {name: row[f"{n}.{name}"] for name in one.measures})
            for row in found
        ]
        states.add(one, rows)


def _provable(group: list[Planned], frame: Frame) -> bool:
    """Whether the group is about one column of files whose statistics, or dictionary, may prove rows clean unread."""
    alone = {(one.rule.reads, one.rule.where, one.rule.by) for one in group} == {(group[0].rule.subjects, None, None)}
    return frame.columnar and alone and all(isinstance(one.rule, ColumnRule) and one.rule.PROVABLE for one in group)


def _probe(group: list[Planned], frame: Frame, states: States) -> None:
    """Looks only for failing rows and nulls: what statistics prove to have none is never decoded."""
    rules = [one.rule for one in group if isinstance(one.rule, ColumnRule)]
    fails = [~rule.judged(frame) for rule in rules]
    column = rules[0].column
    null = col(column).is_null()
    counts = [fail.sum().alias(str(n)) for n, fail in enumerate(fails)]
    query = frame.lazy.filter(pl.any_horizontal([null, *fails])).select(null.sum().alias("null"), *counts)
    found = frame.collect(query, f"probe of {column}", (column,)).row(0, named=True)
    for n, rule in enumerate(rules):
        judged = frame.rows if rule.JUDGES_NULLS else frame.rows - found["null"]
        states.add(group[n], [({}, {"failed": found[str(n)], "judged": judged})])
