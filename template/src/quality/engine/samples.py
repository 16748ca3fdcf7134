"""A few failing rows of the rules that failed: from the first rows where they are frequent, else by one search."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import polars as pl

from quality.engine.dtypes import col, free
from quality.engine.frame import Frame
from quality.engine.rule import Rule
from quality.engine.sql import across_rows
from quality.texts import json_value, shorten
from quality.values import Scalar

PREFIX = 100_000
FEW = 20
TOGETHER = 500
LONGEST = 120
ROW = "row"


class Wanted(NamedTuple):
    """What selects a rule's failing rows, how many there are, and the rule, whose columns are shown."""

    failing: pl.Expr
    failed: int
    rule: Rule


def samples(
    frame: Frame, wanted: Mapping[int, Wanted], key: tuple[str, ...], rows: int
) -> dict[int, list[dict[str, Scalar]]]:
    """Up to `rows` failing rows for each, in the order of the data, with the key's columns or the row's number."""
    if not wanted or rows < 1:
        return {}
    if (elsewhere := frame.there or frame.parts) is not None:
        return dict(elsewhere.samples(wanted, key, rows))
    found: dict[int, list[dict[str, Scalar]]] = {}
    rate = min(one.failed / max(frame.rows, 1) for one in wanted.values())
    prefix = min(PREFIX, math.ceil(4 * rows / rate))
    columns = _columns(wanted.values(), key, frame)
    head = frame.lazy.select(map(col, columns)).head(prefix)
    seen = frame.collect(_numbered(head, key, frame), f"examples in the first {prefix:,} rows", columns)
    for number, places in _failing(seen, wanted, rows):
        if len(places) >= min(rows, wanted[number].failed):
            found[number] = _shown(seen, places, wanted[number], key, frame)
    return found | _search(frame, {n: one for n, one in wanted.items() if n not in found}, key, rows)


def _failing(seen: pl.DataFrame, wanted: Mapping[int, Wanted], rows: int) -> Iterator[tuple[int, list[int]]]:
    """Where the first failing rows of each are; many are told at once, for the cost of a query grows by its width."""
    numbers = list(wanted)
    for start in range(0, len(numbers), TOGETHER):
        some = numbers[start : start + TOGETHER]
        flags = seen.lazy().with_columns(wanted[number].failing.alias(str(number)) for number in some)
        places = flags.select(pl.col(str(number)).arg_true().head(rows).implode() for number in some).collect()
        yield from zip(some, places.row(0), strict=True)


def _search(
    frame: Frame, left: Mapping[int, Wanted], key: tuple[str, ...], rows: int
) -> dict[int, list[dict[str, Scalar]]]:
    """The rarest failures are found together in one pass; others, each up to its first rows, where reading stops."""
    found: dict[int, list[dict[str, Scalar]]] = {}
    rare = {n: one for n, one in left.items() if one.failed <= FEW * rows and not across(one.failing, frame)}
    if rare:
        columns = _columns(rare.values(), key, frame)
        failing = pl.any_horizontal([one.failing for one in rare.values()])
        query = _numbered(frame.lazy.select(map(col, columns)), key, frame).filter(failing)
        hits = frame.collect(query, f"examples of {len(rare)} rules", columns)
        found |= {n: _shown(hits, places, rare[n], key, frame) for n, places in _failing(hits, rare, rows)}
    for number, one in left.items():
        if number not in rare:
            columns = _columns([one], key, frame)
            query = _numbered(frame.lazy.select(map(col, columns)), key, frame).filter(one.failing).head(rows)
            hits = frame.collect(query, "examples of one rule", columns)
            found[number] = _shown(hits, range(hits.height), one, key, frame)
    return found


def across(failing: pl.Expr, frame: Frame) -> bool:
    """Whether other rows decide; asked with the columns that it reads, as a schema costs by its width."""
    schema = {name: frame.schema.get(name, pl.String()) for name in failing.meta.root_names()}
    return bool(across_rows(failing, pl.Schema(schema)))


def _columns(wanted: Iterable[Wanted], key: tuple[str, ...], frame: Frame) -> list[str]:
    """Every column that is shown or needed to tell failing rows, in the order of the data."""
    needed = {*key, *(column for one in wanted for column in (*one.rule.reads, *one.failing.meta.root_names()))}
    return [column for column in frame.schema if column in needed] or list(frame.schema)[:1]


def _numbered(rows: pl.LazyFrame, key: tuple[str, ...], frame: Frame) -> pl.LazyFrame:
    return rows if key else rows.with_row_index(free(ROW, frame.schema))


def _shown(
    rows: pl.DataFrame, places: Iterable[int], one: Wanted, key: tuple[str, ...], frame: Frame
) -> list[dict[str, Scalar]]:
    """The key's columns, or the row's number unless the rule speaks of a column called so; then the rule's columns."""
    index = free(ROW, frame.schema)
    first = {ROW: index} if not key and ROW not in one.rule.reads else {}
    shown = first | {name: name for name in (*key, *one.rule.reads)}
    cells = {name: rows[column] for name, column in shown.items()}
    return [{name: readable(column[place]) for name, column in cells.items()} for place in places]


def readable(value: Any) -> Scalar:
    """A cell as JSON has it; long text is cut."""
    held = json_value(value)
    return shorten(held, LONGEST) if isinstance(held, str) else held
