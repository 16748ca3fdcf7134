"""Parts of a column in the order of the rows: what differs between them says what the next part may be like."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import polars as pl

PARTS = 8
FEWEST = 5


def parts(values: pl.Series, most: int = PARTS) -> Iterator[pl.Series]:
    """Up to so many parts of about one size, in order."""
    number = max(1, min(most, values.len() // FEWEST))
    for n in range(number):
        first, last = values.len() * n // number, values.len() * (n + 1) // number
        yield values.slice(first, last - first)


def direction(values: pl.Series) -> int:
    """1 where the middle of each part is above that of the part before, -1 where it is below, else 0."""
    middles: list[Any] = [part.median() for part in parts(values)]
    steps = [after - before for before, after in pairwise(middles)]
    if len(steps) < PARTS - 1:
        return 0
    return 1 if all(step > 0 for step in steps) else -1 if all(step < 0 for step in steps) else 0


def fewest_distinct(values: pl.Series) -> int:
    """The number of different values in the part, of four, that has the fewest."""
    return min((part.n_unique() for part in parts(values, 4)), default=0)


def is_clumped(values: pl.Series) -> bool:
    """Whether equal values stand together, as in sorted rows: the next rows may then hold others."""
    if values.len() < 2 * PARTS:
        return False
    shares = values.value_counts()["count"] / values.len()
    by_chance = values.len() * (1 - float((shares**2).sum()))
    changes = int((values != values.shift(1)).sum())
    return changes < CLUMPED * by_chance


CLUMPED = 0.1
