"""Which rules a database cannot judge exactly: told before anything is asked of its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import polars as pl

from quality.engine.dtypes import col
from quality.engine.judge import BROKEN, bind
from quality.engine.rule import Rule
from quality.errors import CannotJudgeError, first_line
from quality.pushdown.dialects import UnreadableError, UnsayableError
from quality.pushdown.frame import TableFrame, table_of
from quality.pushdown.plans import Plan


def refusals(rules: Iterable[Rule], frame: TableFrame) -> Iterator[str]:
    """Of each rule that is refused its name, its columns and why."""
    for rule in rules:
        if (why := refusal(rule, frame)) is not None:
            about = f" on {', '.join(rule.subjects)}" if rule.subjects else ""
            yield f"rule '{rule.title}' ({rule.check}{about}) is not judged there: {why}"


def refusal(rule: Rule, frame: TableFrame) -> str | None:
    """Why a rule is refused. What is wrong with it whatever the engine is left to its judgement, as is the type that a
    column has now: that is a fact about the data, which may be another one overnight."""
    rehearsed = frame.rehearsal()
    try:
        _rehearse(rule, rehearsed)
        for pattern in sorted(rehearsed.patterns):
            _try(pattern, frame)
        for statement in dict.fromkeys(rehearsed.statements):
            _ask(statement, rule, frame)
    except UnreadableError:
        return None
    except UnsayableError as error:
        return str(error)
    except BROKEN:
        return None
    return None


def _rehearse(rule: Rule, frame: TableFrame) -> None:
    """Everything that a check would ask, answered as of a table without rows."""
    with suppress(CannotJudgeError):
        rule = bind(rule, frame)
        measures = [measure.expr.alias(name) for name, measure in rule.measures(frame).items()]
        state = _measured(rule, measures, frame) if measures else {}
        judgement = rule.judge(state, frame)
        if judgement.failing is not None:
            rows = frame.lazy.filter(judgement.failing).select(map(col, _readable(frame)))
            frame.statements.append(Plan(rows, frame.database.dialect, table_of).written())
        _judge_otherwise(rule, state, frame if rule.by is None else _segment(rule.by, frame))


def _segment(by: str, frame: TableFrame) -> TableFrame:
    """The rows of one segment, whichever."""
    dtype = frame.schema[by]
    value = pl.Series([b"" if dtype == pl.Binary else 0]).cast(dtype).item()
    return frame.where(col(by).eq_missing(pl.lit(value)))


def _judge_otherwise(rule: Rule, state: Mapping[str, Any], frame: TableFrame) -> None:
    """What a rule asks once its counts are known may depend on them: it is judged by others than those of no rows."""
    counts = [name for name, value in state.items() if value is None or value == 0]
    for some in (counts, *([name] for name in counts)):
        try:
            rule.judge({**state, **dict.fromkeys(some, 1)}, frame)
        except UnsayableError:
            raise
        except BROKEN:
            continue


def _readable(frame: TableFrame) -> list[str]:
    """One column that can be read, to ask for rows by."""
    columns = frame.database.table.columns
    return [name for name in frame.schema if not isinstance(columns[name], UnsayableError)][:1]


def _measured(rule: Rule, measures: list[pl.Expr], frame: TableFrame) -> dict[str, Any]:
    query = frame.lazy.select(measures)
    if rule.by is not None:
        frame.collect(frame.lazy.group_by(col(rule.by).alias("by 0")).agg(measures), rule.title, rule.reads)
    return frame.collect(query, rule.title, rule.reads).row(0, named=True)


def _try(pattern: str, frame: TableFrame) -> None:
    """Whether the database can look for a pattern, which it tells no sooner than it is looked for."""
    try:
        frame.database.run(frame.database.dialect.tried(pattern))
    except BROKEN as error:
        said = f"{frame.database.dialect.NAME} refuses the regex '{pattern}': {first_line(error)}"
        raise UnsayableError(said) from None


def _ask(statement: str, rule: Rule, frame: TableFrame) -> None:
    """Whether the database can read a statement, without running it.

    Where it cannot even read the rule's columns (no right, no connection), the rule is not why: its check says so.
    """
    try:
        frame.database.explain(statement)
    except BROKEN as error:
        frame.database.explain(_read_only(rule, frame))
        raise UnsayableError(f"{frame.database.dialect.NAME} refuses it: {first_line(error)}") from None


def _read_only(rule: Rule, frame: TableFrame) -> str:
    """The statement that reads a rule's columns and nothing else."""
    columns = [name for name in rule.reads if name in frame.schema]
    return Plan(frame.lazy.select(map(col, columns or _readable(frame))), frame.database.dialect, table_of).written()
