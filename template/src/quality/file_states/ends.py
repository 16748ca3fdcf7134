"""Between which values the columns of a key lie in each file: files that lie apart in one of them share no key.

A few rows that lie far from most are told apart from them: one date of the year 2999 says nothing about the others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from os.path import commonprefix
from typing import Any, NamedTuple

import polars as pl

from quality.engine.dtypes import col
from quality.engine.frame import Frame

LONG = 16
"""Characters that are looked at of a text: where those of two texts differ, they are in the order of the texts."""
BYTES = 16
"""Of such a text, and more than of a number."""
MANY = 1_000_000
"""Pairs of boxes that are compared one by one; where there are more, every table counts as near."""
SOME = 4_096
"""Values, taken at equal steps, that say between which most lie: all but the lowest and the highest twentieth."""
TWENTIETH = 20
FAR = 2
"""Rows lie far from most where they lie so many times as far outside as those lie apart, or begin otherwise: texts."""
RARE = 100
"""Of each so many rows, one may lie far off on one side in one column; where more do, they are among most."""

Ends = Sequence[Sequence[Any]]
"""The lowest and the highest value of each column that has an order; None for both where no row has a key."""
Boxes = Sequence[Ends]
"""The ends of most rows of a table, then those of each group of rows that lie far from them."""


class Marks(NamedTuple):
    """How many marks a table has, and between which values the columns of their keys lie."""

    rows: int
    boxes: Boxes

    def about(self) -> dict[str, str]:
        """As it is written beside the table."""
        return {"rows": str(self.rows), "boxes": text_of([self.boxes])}


def marks_in(about: Mapping[str, str]) -> Marks | None:
    """What is written beside a table; None where nothing is that can be understood."""
    try:
        return Marks(int(about["rows"]), *told(about["boxes"]))
    except (KeyError, TypeError, ValueError):
        return None


def far_of(name: str) -> str:
    """The name of the marks of a table's rows that lie far from most; such a table is there where it has some."""
    return f"{name}.far"


def ordered(key: Sequence[str], frame: Frame) -> dict[str, pl.Expr]:
    """The values that have an order: numbers and moments or, where a key has none, its texts."""
    dtypes = [(name, frame.schema[name]) for name in key]
    found = [col(name).to_physical() for name, dtype in dtypes if dtype.is_integer() or dtype.is_temporal()]
    found = found or [col(name).str.head(LONG) for name, dtype in dtypes if dtype == pl.String]
    return {f"end {n}": value for n, value in enumerate(found)}


def boxes_of(values: Sequence[pl.Series]) -> tuple[Boxes, pl.Series]:
    """The boxes of rows with these values, and for each row whether it lies far from most."""
    group, number = pl.zeros(len(values[0]) if values else 0, pl.UInt32, eager=True), 0
    for value in values:
        for outside in _outside(value):
            far = outside.fill_null(False) & (group == 0)
            if 0 < far.sum() <= max(1, len(far) // RARE):
                number += 1
                group = group.zip_with(~far, pl.repeat(number, len(far), dtype=pl.UInt32, eager=True))
    if not number:
        return [ends_of(values)], group > 0
    return [ends_of([value.filter(group == one) for value in values]) for one in range(number + 1)], group > 0


def _outside(value: pl.Series) -> list[pl.Series]:
    """Which values are far below most, and which far above; nothing where none is."""
    some = value.gather_every(max(1, len(value) // SOME)).drop_nulls().sort()
    if some.is_empty():
        return []
    low, high = some[len(some) // TWENTIETH], some[-1 - len(some) // TWENTIETH]
    if value.dtype == pl.String:
        begin = commonprefix([low, high])  # noqa: RUF071 - of texts, not of paths
        others = ~value.str.starts_with(begin)
        return [one for one in (others & (value < begin), others & (value > begin)) if one.any()]
    low, high = low - FAR * (high - low), high + FAR * (high - low)
    below = [value < low] if value.min() < low else []
    return below + ([value > high] if value.max() > high else [])


def ends_of(values: Sequence[pl.Series]) -> Ends:
    """The lowest and the highest of each."""
    return [(value.min(), value.max()) for value in values]


def text_of(boxes: Sequence[Boxes]) -> str:
    """The boxes of some tables, as they are written beside marks."""
    return json.dumps(boxes)


def told(text: str) -> list[Boxes]:
    """What is written beside marks. ValueError where it is something else."""
    boxes: list[Boxes] = json.loads(text)
    return boxes


def near(added: Sequence[Boxes], there: Mapping[int, Boxes]) -> tuple[list[int], bool]:
    """Which tables there may hold a key of an added one among most of their rows; and whether others may, far off.

    A row of a table that is not among these can have the key of an added row only if it lies far from most.
    """
    boxes = [box for one in added for box in one]
    if len(boxes) * sum(map(len, there.values())) > MANY:
        return [*there], True
    close = {n: None for n, (most, *_) in there.items() if not all(_apart(box, most) for box in boxes)}
    others = [far for n, (_, *more) in there.items() if n not in close for far in more]
    return [*close], not all(_apart(box, far) for box in boxes for far in others)


def _apart(one: Ends, other: Ends) -> bool:
    """Whether no row of one box has the key of a row of the other."""
    for (low, high), (other_low, other_high) in zip(one, other, strict=True):
        if None in (low, high, other_low, other_high) or high < other_low or other_high < low:
            return True
    return False
