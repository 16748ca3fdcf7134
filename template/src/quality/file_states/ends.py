"""Between which values the columns of a key lie in each file: files that lie apart in one of them share no key."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import polars as pl

from quality.engine.dtypes import col
from quality.engine.frame import Frame

LONG = 16
"""Characters that are looked at of a text: where those of two texts differ, they are in the order of the texts."""
BYTES = 16
"""Of such a text, and more than of a number."""
MANY = 1_000_000
"""Pairs of tables that are compared one by one; where there are more, every table counts as near."""

Ends = Sequence[Sequence[Any]]
"""The lowest and the highest value of each column that has an order; None for both where no row has a key."""


def ordered(key: Sequence[str], frame: Frame) -> dict[str, pl.Expr]:
    """The values that have an order: numbers and moments or, where a key has none, its texts."""
    dtypes = [(name, frame.schema[name]) for name in key]
    found = [col(name).to_physical() for name, dtype in dtypes if dtype.is_integer() or dtype.is_temporal()]
    found = found or [col(name).str.head(LONG) for name, dtype in dtypes if dtype == pl.String]
    return {f"end {n}": value for n, value in enumerate(found)}


def ends_of(values: Sequence[pl.Series]) -> Ends:
    """The lowest and the highest of each."""
    return [(value.min(), value.max()) for value in values]


def text_of(ends: Sequence[Ends]) -> str:
    """The ends of some tables, as they are written beside marks."""
    return json.dumps(ends)


def told(text: str) -> list[Ends]:
    """What is written beside marks. ValueError where it is something else."""
    ends: list[Ends] = json.loads(text)
    return ends


def near(added: Sequence[Ends], there: Sequence[Ends]) -> list[int]:
    """Which of the added tables may hold a key that one of those there holds."""
    if len(added) * len(there) > MANY:
        return [*range(len(added))]
    return [n for n, one in enumerate(added) if not all(_apart(one, other) for other in there)]


def _apart(one: Ends, other: Ends) -> bool:
    """Whether no row of one table has the key of a row of the other."""
    for (low, high), (other_low, other_high) in zip(one, other, strict=True):
        if None in (low, high, other_low, other_high) or high < other_low or other_high < low:
            return True
    return False
