"""Which columns name a row: keys of one to three columns, and what is no key by mere chance."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import prod

import polars as pl

from quality.engine.dtypes import col, kind_of
from quality.learning.claim import Claim, Place, claim, values_of

MOST_COLUMNS, LOOKED_AT, MOST_KEYS = 3, 10, 4
FEWEST_ROWS, WIDEST = 20, 60
SURE, SURE_ALONE, UNLIKELY = 20.0, 5.0, 0.02
"""Repeats that chance alone would make: at least so many, and their absence is a fact; at most so many, and they stay
away for long."""


def of_keys(rows: pl.DataFrame) -> Iterator[tuple[Place, Claim]]:
    """Keys that no two rows share, the likeliest first; where there is none, that no two rows are equal."""
    if rows.height < FEWEST_ROWS:
        return
    found = [*_keys(rows)][:MOST_KEYS]
    for names in found:
        said = f"no two rows have the same {' and '.join(names)}"
        yield claim(None, "key", ", ".join(names), {"check": "primary_key", "columns": list(names)}, said)
    if not found and _no_row_twice(rows):
        fields = {"check": "unique_combination", "columns": rows.columns, "name": "no row is there twice"}
        yield claim(None, "key", "whole rows", fields, "no two rows are equal")


def _keys(rows: pl.DataFrame) -> Iterator[tuple[str, ...]]:
    plain = [name for name in rows.columns if _may_name_rows(values_of(rows, name))]
    distinct = {name: values_of(rows, name).n_unique() for name in plain}
    alone = [name for name in plain if distinct[name] == rows.height and _is_no_chance(rows, (name,))]
    yield from ((name,) for name in sorted(alone, key=lambda name: (not _is_called_key(name), plain.index(name))))
    several = sorted((name for name in plain if 1 < distinct[name] < rows.height), key=lambda name: -distinct[name])
    several = sorted(several[:LOOKED_AT], key=plain.index)
    found: list[tuple[str, ...]] = []
    for size in range(2, MOST_COLUMNS + 1):
        for names in combinations(several, size):
            if any(set(known) <= set(names) for known in found) or prod(distinct[n] for n in names) < rows.height:
                continue
            if not _repeats(rows.select(map(col, names))) and _is_no_chance(rows, names):
                found.append(names)
    yield from sorted(found, key=lambda names: (len(names), sum(map(plain.index, names))))


def _may_name_rows(values: pl.Series) -> bool:
    dtype = values.dtype
    known = kind_of(dtype) in ("text", "time") or dtype.is_integer()
    return known and dtype not in (pl.Duration, pl.Time) and not values.null_count()


def _is_called_key(name: str) -> bool:
    return name.lower() in ("key", "uuid") or name.lower().endswith(("id", "_key", "code", "number", "_no"))


def _repeats(rows: pl.DataFrame) -> bool:
    return bool(rows.head(2_000).is_duplicated().any()) or bool(rows.is_duplicated().any())


def _no_row_twice(rows: pl.DataFrame) -> bool:
    if any(kind_of(dtype) not in ("number", "text", "time", "boolean") for dtype in rows.dtypes):
        return False
    there = rows.drop_nulls()
    enough = 1 < rows.width <= WIDEST and there.height >= rows.height // 2
    return enough and _is_no_chance(rows, tuple(rows.columns)) and not _repeats(rows)


def _is_no_chance(rows: pl.DataFrame, names: tuple[str, ...]) -> bool:
    """Whether repeats stay away for a reason: chance would have made many, or makes none for long."""
    pairs = rows.height**2 / 2
    if len(names) == 1:
        values = values_of(rows, names[0])
        if values.dtype.is_integer():
            expected = pairs / (float(values.max()) - float(values.min()) + 1)  # type: ignore[arg-type]
            return expected >= SURE_ALONE or expected <= UNLIKELY
        return kind_of(values.dtype) != "text" or not values.cast(pl.String).str.contains(" ").any()
    expected = pairs * prod(_alike(values_of(rows, name)) for name in names)
    return expected >= SURE or expected <= UNLIKELY


def _alike(values: pl.Series) -> float:
    """How likely two rows have the same value."""
    shares = values.value_counts()["count"] / values.len()
    return float((shares**2).sum())
