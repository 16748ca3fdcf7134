"""The rule that compares a dataset with another, key by key and cell by cell."""

import math
from typing import Annotated, Any, Literal, NamedTuple, Self

import polars as pl
from pydantic import Field, FiniteFloat, model_validator

from quality.engine.dtypes import col
from quality.engine.frame import Frame
from quality.engine.rule import Judgement, Reference, State, TableRule
from quality.engine.samples import readable
from quality.engine.sql import condition
from quality.errors import CannotJudgeError
from quality.rules.common_dtype import common
from quality.rules.keys import Columns
from quality.rules.references import schema_of
from quality.texts import place_of, shorten
from quality.values import STRICT

NAMED = 3
HERE, THERE = pl.col("here"), pl.col("there")


class Sides(NamedTuple):
    """Both datasets, their key and compared columns in common dtypes and under names that no column has."""

    ours: pl.LazyFrame
    theirs: pl.LazyFrame
    key: list[str]


class Counts(NamedTuple):
    """Keys by where they are, of those that are in no side twice; and how many are, some of them by name."""

    extra: int
    missing: int
    differing: int
    single: int
    again: int
    named: list[str]


class Reconcile(TableRule):
    """Both datasets hold each key once, and the same keys and cells; numbers may differ by `tolerance`."""

    check: Literal["reconcile"] = "reconcile"
    reference: Reference
    key: Columns = Field(min_length=1)
    columns: Columns = Field((), description="Compared columns; all that both have when left out.")
    tolerance: Annotated[FiniteFloat, Field(ge=0), STRICT] = 0.0

    @model_validator(mode="after")
    def _compares_something(self) -> Self:
        if both := sorted(set(self.key) & set(self.columns)):
            raise ValueError(f"'{both[0]}' is in `key`, which is equal where rows meet; take it from `columns`")
        return self

    @property
    def subjects(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.key, *self.columns)))

    def says(self) -> str:
        return f"every {'+'.join(self.key)} has the same values in {place_of(self.reference)}"

    def compared(self, ours: pl.Schema, theirs: pl.Schema) -> tuple[str, ...]:
        return self.columns or tuple(c for c in ours if c in theirs and c not in self.key)

    def bind(self, frame: Frame) -> None:
        if frame.there is not None:
            frame.there.beside(self.reference)
        theirs = schema_of(frame, self.reference, self.subjects)
        compared = self.compared(frame.schema, theirs)
        if frame.there is not None:
            frame.there.readable((*self.key, *compared), self.reference)
        if not compared:
            raise CannotJudgeError(
                f"nothing to compare: {place_of(self.reference)} has no column of this dataset beside its key; "
                "compare keys alone by referential_integrity, rows by cross_table_row_count"
            )
        if apart := [c for c in (*self.key, *compared) if common(frame.schema[c], theirs[c]) is None]:
            told = "; ".join(f"'{c}' is {frame.schema[c]} here and {theirs[c]} there" for c in apart[:NAMED])
            more = f"; and {len(apart) - NAMED} more" if len(apart) > NAMED else ""
            raise CannotJudgeError(f"{told}{more}: declare one dtype for both, such as by `dtypes` of the source")

    def judge(self, state: State, frame: Frame) -> Judgement:
        there = schema_of(frame, self.reference, self.subjects)
        compared = self.compared(frame.schema, there)
        sides = self.sides(frame, there, compared)
        dtypes = [common(frame.schema[c], there[c]) for c in compared]
        differs = pl.any_horizontal([self.differ(n, dtype) for n, dtype in enumerate(dtypes)])
        count = self.counted if frame.there is None else self.counted_there
        found = count(sides, HERE.is_not_null() & THERE.is_not_null() & differs, frame, (*self.key, *compared))
        failed, total = found.extra + found.missing + found.differing + found.again, found.single + found.again
        alone = f"{found.extra:,} only here, {found.missing:,} only there"
        told = [f"{alone}, {found.differing:,} differ, of {total:,}"] if failed else []
        told += [*found.named, self.left_out(frame.schema, there)]
        return Judgement(failed, total, value=failed, note="; ".join(filter(None, told)) or None)

    def counted(self, sides: Sides, differs: pl.Expr, frame: Frame, reads: tuple[str, ...]) -> Counts:
        again = [
            frame.collect(twice(side, sides.key), f"{self.title}, keys that repeat", reads)
            for side in (sides.ours, sides.theirs)
        ]
        keys = pl.concat([one.select(sides.key) for one in again], how="vertical").unique()
        left, right = (
            side.join(keys.lazy(), on=sides.key, how="anti", nulls_equal=True) if keys.height else side
            for side in (sides.ours, sides.theirs)
        )
        both = left.join(right, on=sides.key, how="full", coalesce=True, nulls_equal=True)
        counts = both.select(
            THERE.is_null().sum().alias("extra"),
            HERE.is_null().sum().alias("missing"),
            differs.sum().alias("differing"),
            pl.len(),
        )
        named = [self.named(one, one.height, where) for one, where in zip(again, ("here", "there"), strict=True)]
        extra, missing, differing, single = frame.collect(counts, self.title, reads).row(0)
        return Counts(extra, missing, differing, single, keys.height, named)

    def counted_there(self, sides: Sides, differs: pl.Expr, frame: Frame, reads: tuple[str, ...]) -> Counts:
        """The same of two tables of one database: one row of each key, and how many rows it has, meet in one join."""
        words = ("here", "there")
        once = [
            side.with_columns(
                pl.len().over(sides.key).alias(f"rows {word}"),
                pl.col(sides.key[0]).is_first_distinct().over(sides.key).alias("first"),
            )
            .filter("first")
            .drop("first")
            for side, word in zip((sides.ours, sides.theirs), words, strict=True)
        ]
        both = once[0].join(once[1], on=sides.key, how="full", coalesce=True, nulls_equal=True)
        twice_in = [(pl.col(f"rows {word}") > 1).fill_null(False) for word in words]
        again = twice_in[0] | twice_in[1]
        counts = both.select(
            (THERE.is_null() & ~again).sum().alias("extra"),
            (HERE.is_null() & ~again).sum().alias("missing"),
            (differs & ~again).sum().alias("differing"),
            (~again).sum().alias("single"),
            again.sum().alias("again"),
            *(one.sum().alias(f"again {word}") for one, word in zip(twice_in, words, strict=True)),
        )
        extra, missing, differing, single, both_again, here, there = frame.collect(counts, self.title, reads).row(0)
        named = [
            self.named(self.some(side, sides.key, frame, reads), number, word)
            for side, number, word in zip((sides.ours, sides.theirs), (here, there), words, strict=True)
            if number or frame.there.rehearses
        ]
        return Counts(extra, missing, differing, single, both_again, named)

    def some(self, side: pl.LazyFrame, key: list[str], frame: Frame, reads: tuple[str, ...]) -> pl.DataFrame:
        """Some of the keys that one side repeats."""
        found = frame.collect(twice(side, key).head(NAMED), f"{self.title}, keys that repeat", reads)
        return found.sort("rows", *key, descending=True)

    def sides(self, frame: Frame, there: pl.Schema, compared: tuple[str, ...]) -> Sides:
        dtypes = {c: common(frame.schema[c], there[c]) for c in (*self.key, *compared)}
        key = [f"key {n}" for n in range(len(self.key))]

        def side(rows: pl.LazyFrame, schema: pl.Schema, word: str) -> pl.LazyFrame:
            keys = [_as(c, schema[c], dtypes[c]).alias(name) for c, name in zip(self.key, key, strict=True)]
            cells = [_as(c, schema[c], dtypes[c]).alias(f"{word} {n}") for n, c in enumerate(compared)]
            return rows.select(*keys, *cells, pl.lit(True).alias(word))

        ours = frame.lazy if self.where is None else frame.lazy.filter(condition(self.where))
        theirs = frame.reference(self.reference)
        return Sides(side(ours, frame.schema, "here"), side(theirs, there, "there"), key)

    def named(self, again: pl.DataFrame, number: int, where: str) -> str:
        if not number:
            return ""
        some = [shorten("+".join(str(readable(cell)) for cell in row[:-1])) for row in again.head(NAMED).rows()]
        more = ", …" if number > NAMED else ""
        return f"{number:,} repeat {where}: {', '.join(some)}{more}"

    def left_out(self, ours: pl.Schema, theirs: pl.Schema) -> str:
        """Columns of one side only, which are no difference of cells, and must not be forgotten."""
        if self.columns:
            return ""
        alone = [f"{c} (only here)" for c in ours if c not in theirs]
        alone += [f"{c} (only there)" for c in theirs if c not in ours]
        return f"not compared: {shorten(', '.join(alone), 200)}" if alone else ""

    def differ(self, number: int, dtype: pl.DataType | None) -> pl.Expr:
        here, there = pl.col(f"here {number}"), pl.col(f"there {number}")
        if dtype is None or not dtype.is_numeric() or not self.tolerance:
            return here.ne_missing(there)
        wide, limit = (pl.Int128(), math.floor(self.tolerance)) if dtype.is_integer() else (dtype, self.tolerance)
        off = here.cast(wide) - there.cast(wide)
        near = (off.cast(pl.Float64) if dtype.is_decimal() else off).is_between(-limit, limit)
        return here.ne_missing(there) & ~near.fill_null(False)


def twice(side: pl.LazyFrame, key: list[str]) -> pl.LazyFrame:
    """The keys that one side holds more than once, with their rows."""
    return side.group_by(key).len("rows").filter(pl.col("rows") > 1).sort("rows", *key, descending=True)


def _as(column: str, was: pl.DataType, dtype: Any) -> pl.Expr:
    zoned = isinstance(dtype, pl.Datetime) and dtype.time_zone and was != dtype
    value = col(column).dt.convert_time_zone(dtype.time_zone) if zoned else col(column)
    return value.cast(dtype)
