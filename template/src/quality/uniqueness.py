"""Which keys occur more than once: exactly, and in four bytes a row.

Each key is marked with 32 bits: of the value itself where it is integer-like, of its hash otherwise. Marks are sorted
range by range; rows whose mark repeats are looked up again and compared by their real keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from quality.frame import Frame

MARKS = 2**32
SNIFF = 10_000


class Repeated(NamedTuple):
    """Rows whose key occurs more than once, of the rows judged; `among` selects them."""

    rows: int
    judged: int
    among: pl.Expr


class Key(NamedTuple):
    """The columns of a key, the rows that count (`whole`: all that have one), and what a query of it reads."""

    columns: tuple[str, ...]
    kept: pl.Expr
    reads: tuple[str, ...]
    label: str
    whole: bool = True


def repeated(frame: Frame, key: Key) -> Repeated:
    """Counts the rows of repeated keys among the kept rows."""
    if (increasing := _increasing(frame, key)) is not None:
        return Repeated(0, increasing, pl.lit(False))
    whole = _whole(frame, key)
    mark = whole.cast(pl.UInt32, wrap_numerical=True)
    marks = frame.collect(frame.lazy.select(pl.when(key.kept).then(mark).alias("mark")), key.label, key.reads)["mark"]
    judged = marks.len() - marks.null_count()
    ranges = max(1, -(-judged * 16 // frame.around.memory_budget))
    rows, found = 0, [pl.Series([], dtype=frame.lazy.select(whole).collect_schema().dtypes()[0])]
    for candidates in _candidates(marks, ranges, limit=frame.around.memory_budget // 64):
        suspects = frame.lazy.filter(key.kept & mark.is_in(candidates.implode())).select(key.columns)
        twice = suspects.group_by(key.columns).len("rows").filter(pl.col("rows") > 1).select("rows", whole.alias("key"))
        counted = frame.collect(twice, f"{key.label}, compared", key.reads)
        rows += int(counted["rows"].sum())
        found.append(counted["key"])
    return Repeated(rows, judged, whole.is_in(pl.concat(found).implode()))


def _whole(frame: Frame, key: Key) -> pl.Expr:
    """The key in 64 bits: its value where it is integer-like, else its hash."""
    dtype = frame.schema[key.columns[0]]
    if len(key.columns) == 1 and (dtype.is_integer() or dtype.is_temporal()):
        return pl.col(key.columns[0]).to_physical()
    return (pl.struct(key.columns) if len(key.columns) > 1 else pl.col(key.columns[0])).hash()


def _increasing(frame: Frame, key: Key) -> int | None:
    """The number of rows if the key strictly increases without nulls, which proves it unique; else None."""
    if len(key.columns) > 1 or not key.whole or not frame.schema[key.columns[0]].is_integer():
        return None
    value = pl.col(key.columns[0])
    falls = (value <= value.shift(1)).sum() + value.null_count()
    first = frame.lazy.select(key.columns).head(SNIFF)
    if frame.collect(first.select(falls), f"{key.label}, first rows", key.columns).item():
        return None
    falling = frame.collect(frame.lazy.select(falls), f"{key.label}, in order", key.columns).item()
    return None if falling else frame.rows


def _candidates(marks: pl.Series, ranges: int, limit: int) -> Iterator[pl.Series]:
    """Marks that repeat, in batches that stand for at most `limit` rows, give or take one range."""
    width, batch, rows = -(-MARKS // ranges), [], 0
    for low in range(0, MARKS, width):
        part = (
            (marks if ranges == 1 else marks.filter(marks.is_between(low, min(low + width, MARKS) - 1)))
            .drop_nulls()
            .sort()
        )
        again = part.slice(1).filter(part.slice(1) == part.slice(0, max(part.len() - 1, 0)))
        batch.append(again.unique())
        rows += again.len()
        if rows > limit:
            yield pl.concat(batch)
            batch, rows = [], 0
    if rows:
        yield pl.concat(batch)
