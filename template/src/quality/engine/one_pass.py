"""The one pass: every rule's measures, compiled to one query per group of columns, and merged into states."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from typing import Any

import polars as pl

from quality import merging
from quality.engine.dtypes import col
from quality.engine.frame import Frame
from quality.engine.groups import Planned, groups, is_provable
from quality.engine.rule import ColumnRule, KeyRule, Measure, Rule, State
from quality.merging import place

Broken = tuple[type[BaseException], ...]


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
        by: dict[Any, tuple[Any, list[State]]] = {}
        for segment, state in rows:
            value = segment[rule.by]
            by.setdefault(place(value), (value, []))[1].append(state)
        for _, (value, some) in sorted(by.items()):
            yield value, merged(measures, some)
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
    query = frame.lazy.select(frame.segment(column).alias("value").unique())
    return sorted(frame.collect(query, f"values of {column}", (column,))["value"].to_list(), key=place) or [None]


def merged(measures: dict[str, Measure], states: Sequence[State]) -> State:
    """One state of many partitions' states."""
    return merging.merged({name: measure.merge for name, measure in measures.items()}, states)


def plan(rules: Mapping[int, Rule], frame: Frame, broken: Broken) -> tuple[list[Planned], dict[int, BaseException]]:
    """The rules that have measures, or take something of every row, and why others cannot say theirs."""
    ready, problems, beside = list[Planned](), dict[int, BaseException](), _by_key(rules)
    names = set[Hashable]()
    for number, rule in rules.items():
        try:
            _, measures, taken = rule.reads, rule.measures(frame), rule.takes(frame, beside.get(number, {}))
            one = Planned(number, rule, measures, taken if taken and taken.name not in names else None)
            names |= {taken.name} if taken else set()
            ready += [one] if measures or one.taken else []
        except broken as error:
            problems[number] = error
    return ready, problems


def measure(
    rules: Mapping[int, Rule], frame: Frame, broken: Broken, judged: Callable[[int], None]
) -> tuple[States, dict[int, BaseException]]:
    """Runs the pass. Where a query breaks, its rules run one by one, so that only the culprit stays unjudged.

    `judged` is called with the number of rules that a query was about.
    """
    states = States(rules)
    ready, problems = plan(rules, frame, broken)
    return states, problems | fill(states, ready, frame, broken, judged)


def fill(
    states: States, ready: list[Planned], frame: Frame, broken: Broken, judged: Callable[[int], None]
) -> dict[int, BaseException]:
    """Measures what is planned, and says why something is not."""
    problems, run = dict[int, BaseException](), partial(_run_apart, frame=frame, states=states, broken=broken)
    kind = partial(_kind, frame=frame)
    for (takes, _), alike in groupby(sorted(groups(ready, frame), key=kind), kind):
        some = list(alike)
        at_once = 1 if takes else min(frame.around.at_once, len(some))
        with ThreadPoolExecutor(at_once) as threads:
            each = map if at_once == 1 else threads.map  # a thread of its own costs a small file more than its query
            for group, wrong in zip(some, each(run, some), strict=True):
                problems |= wrong
                judged(sum(bool(one.measures) for one in group))
    return problems


def _kind(group: list[Planned], frame: Frame) -> tuple[bool, bool]:
    """What is asked later than the rest: provable groups, which want the number of rows, and those that hold rows."""
    return any(one.taken for one in group), is_provable(group, frame)


def _run_apart(group: list[Planned], frame: Frame, states: States, broken: Broken) -> dict[int, BaseException]:
    """Why rules of the group stay unjudged: where their query breaks, each is asked alone; what it takes, later."""
    try:
        _run(group, frame, states)
    except broken as error:
        if any(one.taken for one in group):
            group = [one._replace(taken=None) for one in group if one.measures]
        elif len(group) == 1:
            return {group[0].number: error}
        return {n: e for one in group for n, e in _run_apart([one], frame, states, broken).items()}
    return {}


def _take(group: list[Planned], frame: Frame, states: States) -> None:
    """One query of a value for each row: rows are counted in it, and what rules need of every row is taken."""
    values = dict[str, pl.Expr | None]()
    for n, one in enumerate(group):
        values |= {f"{n}.{name}": m.rows for name, m in one.measures.items()} if one.is_flat else {}
        values |= {} if one.is_flat else {f"{n}.{name}": col(name) for name in one.rule.reads}
        values |= {f"{n}/{name}": expr for name, expr in (one.taken.values if one.taken else {}).items()}
    reads = {column for one in group for column in one.rule.reads}
    query = frame.lazy.select(expr.alias(name) for name, expr in values.items() if expr is not None)
    found = frame.collect(query, _label(group, reads), reads)
    frame.rows_seen(found.height)
    for n, one in enumerate(group):
        if one.measures:
            states.add(one, [({}, _counted(n, one, found))])
        if one.taken:
            named = [pl.col(f"{n}/{name}").alias(name) for name in one.taken.values]
            frame.taken[one.taken.name] = one.taken.become(found.select(named))


def _counted(n: int, one: Planned, found: pl.DataFrame) -> dict[str, Any]:
    """The measures of a rule, of what was collected for it."""
    if one.is_flat:
        return {name: found[f"{n}.{name}"].sum() for name in one.measures}
    rows = found.select(pl.col(f"{n}.{name}").alias(name) for name in one.rule.reads)
    return rows.select(m.expr.alias(name) for name, m in one.measures.items()).row(0, named=True)


def _label(group: list[Planned], reads: Collection[str]) -> str:
    taken = [one.taken.label for one in group if one.taken]
    over = "pass over " + (f"{len(reads)} columns" if len(reads) != 1 else min(reads))
    return ", ".join([over, *taken] if any(one.measures for one in group) else taken)


def _run(group: list[Planned], frame: Frame, states: States) -> None:
    """One query: a select, or an aggregation by the columns that rules of the group are segmented by."""
    if any(one.taken for one in group):
        _take(group, frame, states)
        return
    if is_provable(group, frame):
        _probe(group, frame, states)
        return
    named = [m.expr.alias(f"{n}.{name}") for n, one in enumerate(group) for name, m in one.measures.items()]
    keys = {by: f"by {n}" for n, by in enumerate(sorted({one.rule.by for one in group if one.rule.by is not None}))}
    reads = sorted({column for one in group for column in one.rule.reads})
    segments = [frame.segment(by).alias(name) for by, name in keys.items()]
    query = frame.lazy.group_by(segments).agg if keys else frame.lazy.select
    found = frame.collect(query(pl.len().alias("rows"), *named), _label(group, reads), reads).to_dicts()
    frame.rows_seen(sum(row["rows"] for row in found))
    of = [{by: row[name] for by, name in keys.items()} for row in found]
    for n, one in enumerate(group):
        measured = ({name: row[f"{n}.{name}"] for name in one.measures} for row in found)
        states.add(one, [*zip(of, measured, strict=True)])


def _probe(group: list[Planned], frame: Frame, states: States) -> None:
    """Looks only for failing rows and nulls: what statistics prove to have none is never decoded."""
    rules = [one.rule for one in group if isinstance(one.rule, ColumnRule)]
    fails = [~rule.judged(frame) for rule in rules]
    columns = sorted({rule.column for rule in rules})
    nulls = {column: col(column).is_null() for column in columns}
    counts = {f"null {column}": null.sum() for column, null in nulls.items()}
    counts |= {str(n): fail.sum() for n, fail in enumerate(fails)}
    query = frame.lazy.filter(pl.any_horizontal([*nulls.values(), *fails])).select(**counts)
    label = "probe of " + (columns[0] if len(columns) == 1 else f"{len(columns)} columns")
    found = frame.collect(query, label, columns).row(0, named=True)
    for n, rule in enumerate(rules):
        judged = frame.rows if rule.JUDGES_NULLS else frame.rows - found[f"null {rule.column}"]
        states.add(group[n], [({}, {"failed": found[str(n)], "judged": judged})])
