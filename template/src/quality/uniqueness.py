"""Which keys occur more than once: exactly, and in bounded memory.

Integer-like keys are sorted themselves; others as 64-bit hashes, whose equal neighbours are verified on real values.
Keys are taken in as many hash ranges as keep one range within the memory budget.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from quality.frame import Frame

BYTES_PER_KEY = 20


class Repeated(NamedTuple):
    """Rows whose key occurs more than once, of the rows judged; `among` selects them."""

    rows: int
    judged: int
    among: pl.Expr


def repeated(frame: Frame, key: tuple[str, ...], kept: pl.Expr, reads: tuple[str, ...], label: str) -> Repeated:
    """Counts the rows of repeated keys among the `kept` rows."""
    rows = frame.lazy.filter(kept)
    dtype = frame.schema[key[0]]
    exact = len(key) == 1 and (dtype.is_integer() or dtype.is_temporal())
    mark = pl.col(key[0]).to_physical() if exact else _hash(key)
    ranges = max(1, -(-frame.rows * BYTES_PER_KEY // frame.around.memory_budget))
    failed, judged, among = 0, 0, []
    for number in range(ranges):
        part = rows if ranges == 1 else rows.filter(_hash(key) % ranges == number)
        name = label if ranges == 1 else f"{label}, range {number + 1} of {ranges}"
        marks = frame.collect(part.select(mark.alias("mark")), name, reads).to_series().sort()
        twice = marks.filter(marks == marks.shift(1))
        judged += marks.len()
        if exact:
            failed += twice.len() + twice.n_unique()
        elif twice.len():
            found, twice = _verify(frame, part, key, mark, twice.unique(), reads, name)
            failed += found
        among.append(twice)
    return Repeated(failed, judged, mark.is_in(pl.concat(among).unique().implode()))


def _hash(key: tuple[str, ...]) -> pl.Expr:
    return pl.col(key[0]).hash() if len(key) == 1 else pl.struct(key).hash()


def _verify(
    frame: Frame,
    part: pl.LazyFrame,
    key: tuple[str, ...],
    mark: pl.Expr,
    candidates: pl.Series,
    reads: tuple[str, ...],
    label: str,
) -> tuple[int, pl.Series]:
    """Rows whose real key repeats among those whose hash does, and the hashes of these keys."""
    same = part.filter(mark.is_in(candidates.implode())).select(key)
    repeats = same.group_by(key).len("rows").filter(pl.col("rows") > 1)
    counted = frame.collect(repeats.select("rows", mark.alias("mark")), f"{label}, verified", reads)
    return int(counted["rows"].sum()), counted["mark"]
