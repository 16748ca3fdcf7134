"""Rules about rows of several files: what is asked of each file for them, and how the answers become one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import polars as pl

from quality.engine.dtypes import kind_of
from quality.engine.frame import Frame
from quality.engine.rule import Measure
from quality.engine.sql import condition
from quality.file_states.asks import Ask, Row, ask_for
from quality.rules.keys import Ordered
from quality.rules.numbers import DistinctCount
from quality.rules.uniqueness import present

FEW = 10_000
"""Distinct values that are kept of a file; of a column with more, the whole is asked."""


def order_of(rule: Ordered, frame: Frame) -> Ask:
    """How many values break the order with the one before them in the file, and its first and last judged values."""
    kept, dtype = rule.kept(), frame.schema[rule.column]
    value = _plain(rule.physical(frame), dtype).filter(kept)
    broken = rule.breaks(value.shift(1), value, dtype)
    measures = {"failed": broken.slice(1).sum(), "judged": kept.sum(), "first": value.first(), "last": value.last()}
    return ask_for({name: Measure(expr) for name, expr in measures.items()}, rule.reads)


def in_order(rule: Ordered, frame: Frame, rows: Sequence[Row]) -> dict[str, Any]:
    """The files' answers in their order; the last value of one stands before the first of the next, none before all."""
    states = [state for _, state in rows if state["judged"]]
    dtype = frame.schema[rule.column]
    plain = pl.DataFrame(schema=frame.schema).select(_plain(rule.physical(frame), dtype)).dtypes[0]
    before = pl.Series("before", [None, *(one["last"] for one in states[:-1])][: len(states)], plain)
    after = pl.Series("after", [one["first"] for one in states], plain)
    broken = pl.DataFrame([before, after]).select(rule.breaks(pl.col("before"), pl.col("after"), dtype).sum()).item()
    return {
        "failed": (broken or 0) + sum(one["failed"] or 0 for one in states),
        "judged": sum(one["judged"] for one in states),
    }


def distinct_of(rule: DistinctCount, frame: Frame) -> Ask | None:
    """The distinct values of the file, up to a number; None for values that are not compared one by one."""
    dtype = frame.schema[rule.column]
    if kind_of(dtype) not in ("number", "text", "time", "boolean"):
        return None
    values = _plain(rule.col(rule.column), dtype).drop_nulls().unique().head(FEW + 1)
    reads = (rule.column, *(condition(rule.where).meta.root_names() if rule.where else ()))
    return ask_for({"values": Measure(values.implode())}, tuple(dict.fromkeys(reads)))


def distinct(rows: Sequence[Row]) -> dict[str, Any] | None:
    """The number of values in any file; None where a file has too many."""
    found: set[Any] = set()
    for _, state in rows:
        values = state["values"] or []
        if len(values) > FEW:
            return None
        found.update(math.nan if isinstance(value, float) and math.isnan(value) else value for value in values)
    return {"distinct": len(found)}


def inside(key: tuple[str, ...], where: str | None) -> Ask:
    """How many rows of the file have a key, inside a `where`."""
    expr = present(key, where)
    reads = tuple(dict.fromkeys((*key, *expr.meta.root_names())))
    return ask_for({"judged": Measure(expr.sum(), rows=expr)}, reads, of_all=False)


def _plain(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Moments as the numbers they are, in full; categories as text."""
    if dtype == pl.Categorical:
        return value.cast(pl.String)
    return value.to_physical() if dtype.is_temporal() or dtype == pl.Enum else value
