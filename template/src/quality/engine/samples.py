"""A few failing rows of the rules that failed: from the first rows where they are frequent, else by one search."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import polars as pl

from quality.engine.frame import Frame
from quality.engine.sql import across_rows
from quality.values import Scalar, json_value, shorten

PREFIX = 100_000
FEW = 20
LONGEST = 120
ROW = "row"


class Wanted(NamedTuple):
    """What selects a rule's failing rows, how many there are, and the columns to show."""

    failing: pl.Expr
    failed: int
    columns: tuple[str, ...]


def samples(
    frame: Frame, wanted: Mapping[int, Wanted], key: tuple[str, ...], rows: int
) -> dict[int, list[dict[str, Scalar]]]:
    """Up to `rows` failing rows for each, in the order of the data, with the key's columns or the row's number."""
    if not wanted or rows < 1:
        return {}
    found: dict[int, list[dict[str, Scalar]]] = {}
    left = dict(wanted)
    rate = min(one.failed / max(frame.rows, 1) for one in wanted.values())
    prefix = min(PREFIX, math.ceil(4 * rows / rate))
    columns = _columns(left.values(), key, frame)
    head = frame.collect(frame.lazy.select(columns).head(prefix), f"examples in the first {prefix:,} rows", columns)
    for number, one in wanted.items():
        seen = _numbered(head.lazy(), key).filter(one.failing).head(rows).collect()
        if seen.height >= min(rows, one.failed):
            found[number] = _shown(seen, one, key)
            del left[number]
    return found | _search(frame, left, key, rows)


def _search(
    frame: Frame, left: Mapping[int, Wanted], key: tuple[str, ...], rows: int
) -> dict[int, list[dict[str, Scalar]]]:
    """The rarest failures are found together in one pass; others, each up to its first rows, where reading stops."""
    found: dict[int, list[dict[str, Scalar]]] = {}
    few = FEW * rows
    rare = {n: one for n, one in left.items() if one.failed <= few and not across_rows(one.failing, frame.schema)}
    if rare:
        columns = _columns(rare.values(), key, frame)
        flags = [one.failing.alias(f"__{number}") for number, one in rare.items()]
        failing = pl.any_horizontal([one.failing for one in rare.values()])
        query = _numbered(frame.lazy.select(columns), key).filter(failing).with_columns(flags)
        hits = frame.collect(query, f"examples of {len(rare)} rules", columns)
        found |= {n: _shown(hits.filter(pl.col(f"__{n}")).head(rows), one, key) for n, one in rare.items()}
    for number, one in left.items():
        if number not in rare:
            columns = _columns([one], key, frame)
            query = _numbered(frame.lazy.select(columns), key).filter(one.failing).head(rows)
            found[number] = _shown(frame.collect(query, "examples of one rule", columns), one, key)
    return found


def _columns(wanted: Any, key: tuple[str, ...], frame: Frame) -> list[str]:
    """Every column that is shown or needed to tell failing rows, in the order of the data."""
    needed = {*key, *(column for one in wanted for column in (*one.columns, *one.failing.meta.root_names()))}
    return [column for column in frame.schema if column in needed] or list(frame.schema)[:1]


def _numbered(rows: pl.LazyFrame, key: tuple[str, ...]) -> pl.LazyFrame:
    return rows if key or ROW in rows.collect_schema() else rows.with_row_index(ROW)


def _shown(rows: pl.DataFrame, one: Wanted, key: tuple[str, ...]) -> list[dict[str, Scalar]]:
    first = key or ((ROW,) if ROW in rows.columns else ())
    shown = list(dict.fromkeys((*first, *one.columns)))
    return [{name: readable(value) for name, value in row.items()} for row in rows.select(shown).to_dicts()]


def readable(value: Any) -> Scalar:
    """A cell as JSON has it; long text is cut."""
    held = json_value(value)
    return shorten(held, LONGEST) if isinstance(held, str) else held
