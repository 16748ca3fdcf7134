"""A key that rules count: how its rows are marked, in 64 bits, the same in every file.

A mark is the value itself where a key is integer-like, else its hash.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import polars as pl

from quality.engine.dtypes import col
from quality.engine.frame import Frame, Surroundings
from quality.engine.groups import Planned
from quality.engine.rule import Taken
from quality.file_states.asks import Measured, digest, expression
from quality.file_states.ends import BYTES, Marks, boxes_of, ends_of, ordered
from quality.file_states.piece import Piece, light
from quality.file_states.ranges import ALL_MARKS
from quality.rules.uniqueness import BYTES_KEPT, Wheres, key_of, named, number_of, present, suspects

SPREAD = 0x9E3779B97F4A7C15
"""Odd, so that multiplying by it loses nothing: numbers, which lie close together, fill all ranges."""
GATHERED = pow(SPREAD, -1, ALL_MARKS)
"""What makes numbers of their marks again."""


class Made(NamedTuple):
    """What is kept of a file for one key."""

    marks: pl.DataFrame
    far: pl.DataFrame | None
    told: Marks


@dataclass(frozen=True, eq=False)
class Key:
    """A key that rules count, and every `where` inside which they do."""

    columns: tuple[str, ...]
    wheres: Wheres
    frame: Frame

    def __reduce__(self) -> tuple[Any, ...]:
        """As another process takes it: the dtypes say how it is marked."""
        return _key, (self.columns, self.wheres, self.frame.schema, light(self.frame.around))

    @cached_property
    def mark(self) -> pl.Expr:
        return self._mark([col(name) for name in self.columns])

    def _mark(self, columns: Sequence[pl.Expr]) -> pl.Expr:
        """That of columns as they are the same in every file: categories by their text."""
        dtypes = [self.frame.schema[name] for name in self.columns]
        parts = [
            one.cast(pl.String) if dtype == pl.Categorical else one for one, dtype in zip(columns, dtypes, strict=True)
        ]
        return key_of(self.frame, self.columns, parts).cast(pl.UInt64, wrap_numerical=True) * _word(SPREAD)

    def among(self, same: pl.DataFrame, marks: pl.Series) -> pl.Expr | None:
        """What tells rows with one of these keys before they are marked; None where one of the marks is of no key."""
        of = same.select(self._mark(named(self.columns)).alias("mark"), *named(self.columns)).filter(
            pl.col("mark").is_in(marks.implode())
        )
        dtypes = [self.frame.schema[name] for name in self.columns]
        plain = [n for n, dtype in enumerate(dtypes) if dtype.is_integer() or dtype.is_temporal() or dtype == pl.String]
        if not plain or not marks.is_in(of["mark"].implode()).all():
            return None
        return pl.all_horizontal([col(self.columns[n]).is_in(of[f"key {n}"].unique().implode()) for n in plain])

    @cached_property
    def planned(self) -> Planned:
        """What the pass over a file takes along: marks, and what tells files without a key in common."""
        width = BYTES_KEPT + BYTES * (len(self.values) - 1)
        taken = Taken(self.said, self.label, self.values, self.made, width)
        return Planned(0, Measured(columns=self.columns), {}, taken)

    @cached_property
    def values(self) -> dict[str, pl.Expr]:
        """What is asked of every row; a mark that is a number has its place in an order itself."""
        ends = {} if self.holds_all else ordered(self.columns, self.frame)
        return {"mark": pl.when(present(self.columns)).then(self.mark), **ends}

    def made(self, rows: pl.DataFrame) -> Made:
        """The marks, sorted, those of rows that lie far from most, and what is told of them."""
        marks = rows.select(pl.col("mark").drop_nulls().sort())
        of = marks.with_columns(self.numbers(marks["mark"]).alias("number")) if self.holds_all else rows
        values = of.drop("mark").get_columns()
        boxes, is_far = boxes_of(values)
        far = of.select("mark").filter(is_far).drop_nulls().sort("mark") if len(boxes) > 1 else None
        if far is not None and marks["mark"].is_in(far["mark"].unique().implode()).sum() > far.height:
            far, boxes = None, [ends_of(values)]  # one of the others has the mark of such a row
        return Made(marks, far, Marks(marks.height, boxes))

    @cached_property
    def none(self) -> pl.DataFrame:
        """Rows by their real keys, as they are looked up: here none."""
        empty = Frame(pl.LazyFrame(schema=self.frame.schema), self.frame.around)
        return suspects(empty, self.columns, self.wheres, pl.lit(False), self.label)

    @property
    def label(self) -> str:
        return f"unique({', '.join(self.columns)})"

    @cached_property
    def said(self) -> str:
        """What shapes its marks: two machines need not hash alike."""
        return digest("marks", expression(self.mark), hashes())

    def shard_of(self, piece: Piece) -> str:
        """The name of a file's marks."""
        return f"{piece.key}.{self.said}"

    def same_of(self, piece: Piece) -> str:
        """The name of a file's rows that were looked up."""
        return f"{piece.key}.{digest('same', self.said, self.wheres)}"

    @property
    def holds_all(self) -> bool:
        """Whether a mark holds the whole key."""
        return number_of(self.frame, self.columns) is not None

    @property
    def is_number(self) -> bool:
        """Whether a mark holds the whole key, and no `where` leaves rows out."""
        return self.wheres == (None,) and self.holds_all

    def numbers(self, marks: pl.Series) -> pl.Series:
        """The numbers that marks were made of; none where they are hashes."""
        number = number_of(self.frame, self.columns)
        if number is None:
            return marks.clear()
        return (marks * GATHERED).cast(number.dtype, wrap_numerical=True)


def _word(number: int) -> pl.Expr:
    return pl.lit(number, pl.UInt64)


def _key(columns: tuple[str, ...], wheres: Wheres, schema: pl.Schema, around: Surroundings) -> Key:
    return Key(columns, wheres, Frame(pl.LazyFrame(schema=schema), around))


@functools.cache
def hashes() -> list[int]:
    """What this machine's hashes of a few values are."""
    some = pl.DataFrame({"text": ["", "a", "é" * 40], "number": [0.5, 1e300, None]})
    return [*some["text"].hash(), *some["number"].hash(), *some.to_struct().hash()]
