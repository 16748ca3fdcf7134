"""Which rows change sides: those that break a rule after a change and not before it, and the other way round."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from quality.contract.config import CheckConfig
from quality.engine.dtypes import col
from quality.engine.frame import Frame
from quality.engine.judge import BROKEN, Found
from quality.engine.rule import RowRule, Rule
from quality.errors import SourceError
from quality.impact.rules import Pair
from quality.pushdown.dialects import UnsayableError
from quality.result import RuleResult
from quality.rules.catalogue import canonical
from quality.values import Status

TOGETHER = 200
"""Rules whose rows one query compares; the cost of a query grows by its width."""
WHOLE = "it judges the table as a whole, so no row is told apart"
APART = "the source is another one, so rows are not compared one by one"


class Side(NamedTuple):
    """One contract, judged: its frame, the judgements and results of each rule, the verdict; or why there is none."""

    config: CheckConfig
    frame: Frame | None = None
    found: Mapping[str, list[tuple[Found, RuleResult]]] = {}
    status: Status | None = None
    rows: int | None = None
    problem: str | None = None
    code: int = 0

    def of(self, rule: Rule | None) -> list[tuple[Found, RuleResult]]:
        """The judgements and results of a rule, one for each segment."""
        return [] if rule is None else self.found.get(words(rule), [])


class Moved(NamedTuple):
    """Rows that break a rule before and after, and those that do only after, or only before.

    None where rows cannot be compared one by one, and why.
    """

    before: int | None = None
    after: int | None = None
    failing: int | None = None
    passing: int | None = None
    why: str | None = None


class Marked(NamedTuple):
    """What is true of the rows that break a rule, or why it is not known; how many there were when it was judged."""

    mark: pl.Expr | None = None
    rows: int | None = None
    why: str | None = None


Both = tuple[Marked, Marked]


def moved(first: Side | None, last: Side | None, pairs: Sequence[Pair]) -> tuple[tuple[Moved, ...], Moved]:
    """For each pair of rules, and for all row rules together, exactly which rows changed sides."""
    marks = [(_marked(first, pair.before), _marked(last, pair.after)) for pair in pairs]
    whole = (_whole(first), _whole(last))
    frames = {id(side.frame): side.frame for side in (first, last) if side is not None}
    if len(frames) == 1 and (frame := next(iter(frames.values()))) is not None and frame.differs is None:
        *each, every = _counted(frame, [*marks, whole])
        return tuple(each), every._replace(why=every.why or _left_out(first, last))
    apart = next((said for side in (last, first) if side is not None and (said := _silent(side))), APART)
    before, after = (_alone(side, mark) for side, mark in zip((first, last), whole, strict=True))
    return tuple(_apart(*both, apart) for both in marks), Moved(before, after, why=apart)


def _silent(side: Side) -> str | None:
    """Why no row of a side can be read, where none can."""
    return side.problem if side.frame is None else side.frame.differs


def _apart(before: Marked, after: Marked, why: str) -> Moved:
    return Moved(before.rows, after.rows, why=after.why or before.why or why)


def _alone(side: Side | None, marked: Marked) -> int | None:
    """How many rows break a rule of one side."""
    if side is None or side.frame is None or side.frame.differs is not None:
        return None
    return _counted(side.frame, [(Marked(pl.lit(False), 0), marked)])[0].after


def _marked(side: Side | None, rule: Rule | None) -> Marked:
    """The rows that break a rule; no row where a side has no such rule."""
    if side is None or rule is None:
        return Marked(pl.lit(False), 0)
    if side.frame is None:
        return Marked(why=side.problem)
    found = side.of(rule)
    if not isinstance(rule, RowRule):
        broken = (result.message for _, result in found if result.status is Status.ERROR)
        return Marked(why=next((f"it could not be judged: {said}" for said in broken), WHOLE))
    parts = [_part(one) for one, _ in found]
    unknown = [result.message for (_, result), part in zip(found, parts, strict=True) if part is None]
    if unknown:
        return Marked(why=f"it could not be judged: {unknown[0]}")
    failing = [part for (one, _), part in zip(found, parts, strict=True) if one.judgement and one.judgement.failed]
    mark = pl.any_horizontal([part for part in failing if part is not None]) if failing else pl.lit(False)
    return Marked(mark, sum(one.judgement.failed for one, _ in found if one.judgement))


def _part(one: Found) -> pl.Expr | None:
    """What is true of the rows that fail in one segment; None where nobody knows them."""
    made = one.judgement
    if made is None or (made.failed and made.failing is None):
        return None
    if made.failing is None:
        return pl.lit(False)
    inside = pl.lit(True) if one.rule.by is None else col(one.rule.by).eq_missing(pl.lit(one.segment))
    return (made.failing & inside).fill_null(False)


def _left_out(*sides: Side | None) -> str | None:
    """The rules about rows that could not be judged, on either side."""
    every = [one for side in sides if side is not None for found in side.found.values() for one, _ in found]
    named = dict.fromkeys(one.rule.title for one in every if isinstance(one.rule, RowRule) and one.judgement is None)
    return f"not in these counts, as they could not be judged: {', '.join(named)}" if named else None


def _whole(side: Side | None) -> Marked:
    """The rows that break any rule about rows which could be judged; the source's own rules are among them."""
    if side is None:
        return Marked(pl.lit(False), 0)
    if side.frame is None:
        return Marked(why=side.problem)
    known = [made for made in (_marked(side, found[0][0].rule) for found in side.found.values()) if made.rows]
    marks = [one.mark for one in known if one.mark is not None]
    return Marked(pl.any_horizontal(marks)) if marks else Marked(pl.lit(False), 0)


def _counted(frame: Frame, marks: Sequence[Both]) -> list[Moved]:
    """The counts of rows on either side, and of those that changed it, by few queries over the rows."""
    found: dict[int, Moved] = {}
    ready = [number for number, both in enumerate(marks) if all(one.mark is not None for one in both)]
    for start in range(0, len(ready), TOGETHER):
        some = ready[start : start + TOGETHER]
        try:
            found |= _queried(frame, {number: marks[number] for number in some})
        except SourceError:
            raise
        except BROKEN:
            for number in some:
                found |= _said(frame, number, marks[number])
    return [found.get(number) or _apart(*both, WHOLE) for number, both in enumerate(marks)]


def _said(frame: Frame, number: int, both: Both) -> dict[int, Moved]:
    """The same for one pair, whose rows a query, or a database, may not be able to tell."""
    try:
        return _queried(frame, {number: both})
    except SourceError:
        raise
    except UnsayableError as error:
        return {number: _apart(*both, f"rows are not compared where the table is judged: {error}")}
    except BROKEN as error:
        return {number: _apart(*both, f"rows could not be compared ({type(error).__name__})")}


def _queried(frame: Frame, marks: dict[int, Both]) -> dict[int, Moved]:
    exprs = {f"{number}.{name}": expr for number, both in marks.items() for name, expr in _sums(both)}
    if all(one.rows == 0 for both in marks.values() for one in both):
        return {number: Moved(0, 0, 0, 0) for number in marks}
    reads = {column for expr in exprs.values() for column in expr.meta.root_names()} - frame.hidden
    query = frame.lazy.select(expr.alias(name) for name, expr in exprs.items())
    row = frame.collect(query, f"rows that change sides, of {len(marks)} rules", reads).row(0, named=True)
    found = {number: _read(number, row) for number in marks}
    for number, (before, after) in marks.items():
        if before.rows not in (None, found[number].before) or after.rows not in (None, found[number].after):
            raise SourceError("the source changed while it was read: run it again")
    return found


def _read(number: int, row: Mapping[str, int | None]) -> Moved:
    before, after, failing, passing = (row[f"{number}.{name}"] or 0 for name in NAMES)
    return Moved(before, after, failing, passing)


NAMES = ("before", "after", "failing", "passing")


def _sums(both: Both) -> Iterator[tuple[str, pl.Expr]]:
    before, after = (one.mark for one in both if one.mark is not None)
    counted = (before, after, after & ~before, before & ~after)
    yield from ((name, expr.sum()) for name, expr in zip(NAMES, counted, strict=True))


def words(rule: Rule) -> str:
    """A rule as one text, equal for equal rules."""
    return json.dumps([type(rule).__qualname__, canonical(rule)], sort_keys=True, default=str)
