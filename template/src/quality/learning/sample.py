"""What is learned from: rows in their order, all of them or an even choice, and exact facts about the whole."""

from __future__ import annotations

from typing import Any, NamedTuple

import polars as pl

from quality.engine.dtypes import col, free, kind_of

MOST_ROWS, MOST_CELLS = 20_000, 12_000_000
"""Beyond these, rules are proposed from an even choice of rows; all rows have the last word on each."""


class Facts(NamedTuple):
    """Of one column of the whole: nulls, and the extremes of its numbers and moments."""

    nulls: int
    low: Any = None
    high: Any = None


class Sample(NamedTuple):
    """Rows in the order of the data, how many the whole has, and facts about the whole by column."""

    rows: pl.DataFrame
    total: int
    facts: dict[str, Facts]

    @property
    def is_whole(self) -> bool:
        """Whether these are all rows."""
        return self.rows.height == self.total


def sampled(lazy: pl.LazyFrame) -> Sample:
    """The rows of small data; of large data an even choice, taken in one pass together with the facts of the whole."""
    schema = lazy.collect_schema()
    total = int(lazy.select(pl.len()).collect(engine="streaming").item())
    most = max(1_000, min(MOST_ROWS, MOST_CELLS // max(1, len(schema))))
    if total <= most:
        rows = lazy.collect(engine="streaming")
        return Sample(rows, total, _told(rows.lazy().select(_facts(schema)).collect(), schema))
    number = free("row number", schema)
    chosen = pl.col(number).hash(7) % total < most
    picked = lazy.with_row_index(number).filter(chosen).drop(number)
    rows, facts = pl.collect_all([picked, lazy.select(_facts(schema))], engine="streaming")
    return Sample(rows, total, _told(facts, schema))


def _facts(schema: pl.Schema) -> list[pl.Expr]:
    made = []
    for number, (name, dtype) in enumerate(schema.items()):
        value = col(name)
        made.append(value.null_count().alias(f"nulls {number}"))
        if kind_of(dtype) in ("number", "time"):
            finite = pl.when(value.is_finite()).then(value) if dtype.is_float() else value
            made += [finite.min().alias(f"low {number}"), finite.max().alias(f"high {number}")]
    return made


def _told(found: pl.DataFrame, schema: pl.Schema) -> dict[str, Facts]:
    row = found.row(0, named=True) if found.height else {}
    return {
        name: Facts(row[f"nulls {number}"], row.get(f"low {number}"), row.get(f"high {number}"))
        for number, name in enumerate(schema)
    }
