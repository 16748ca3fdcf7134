"""Rules about another dataset: its keys, its rows, its cells."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import AliasChoices, Field, FiniteFloat

from quality.engine.dtypes import PLAIN, Kinds, kind_of
from quality.engine.frame import Frame
from quality.engine.rule import (
    ColumnRule,
    Judgement,
    Measure,
    Reference,
    State,
    TableRule,
    outcome,
)
from quality.engine.sql import condition
from quality.errors import ConfigurationError
from quality.values import Fraction, Text, percent_of


class ReferentialIntegrity(ColumnRule):
    """The value occurs in `reference_column` of another dataset or source."""

    ALIASES: ClassVar[tuple[str, ...]] = ("foreign_key", "ref_integrity")
    JUDGES: ClassVar[Kinds] = PLAIN
    check: Literal["referential_integrity"] = "referential_integrity"
    reference: Reference = Field(
        validation_alias=AliasChoices("reference", "reference_table", "ref_table", "foreign_table", "to_model")
    )
    reference_column: Text | None = Field(
        None, validation_alias=AliasChoices("reference_column", "ref_column", "foreign_column", "to_column")
    )

    @property
    def theirs(self) -> str:
        return self.reference_column or self.column

    def says(self) -> str:
        return f"{self.column} occurs in {self.theirs} of {self.reference}"

    def bind(self, frame: Frame) -> None:
        ours = frame.schema[self.column]
        theirs = frame.reference(self.reference, self.theirs).collect_schema()[self.theirs]
        if kind_of(ours) != kind_of(theirs) and "null" not in (kind_of(ours), kind_of(theirs)):
            raise ConfigurationError(f"{self.column} is {ours} but {self.theirs} of {self.reference} is {theirs}")

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        return value.is_in(frame.once(_keys, self.reference, self.theirs, dtype).implode())


def _keys(frame: Frame, reference: Reference, column: str, dtype: pl.DataType) -> pl.Series:
    """The values of another dataset's column that a column of this dtype can hold."""
    other, theirs = frame.reference(reference, column), pl.col(column)
    as_ours = theirs.cast(pl.String) if dtype == pl.String else theirs.cast(dtype, strict=False)
    same = other.filter(as_ours.cast(other.collect_schema()[column]) == theirs)
    return same.select(as_ours.unique()).collect(engine="streaming").to_series()


class CrossTableRowCount(TableRule):
    """The dataset has as many rows as `reference`, give or take the fraction `tolerance`."""

    ALIASES: ClassVar[tuple[str, ...]] = ("row_count_match",)
    check: Literal["cross_table_row_count"] = "cross_table_row_count"
    reference: Reference
    tolerance: Fraction = 0.0

    def says(self) -> str:
        give = f" within {percent_of(self.tolerance, self.tolerance)}" if self.tolerance else ""
        return f"the number of rows equals that of {self.reference}{give}"

    def bind(self, frame: Frame) -> None:
        frame.reference(self.reference)

    def measures(self, frame: Frame) -> dict[str, Measure]:
        return {"rows": Measure(self.count_rows())}

    def judge(self, state: State, frame: Frame) -> Judgement:
        ours = state["rows"] or 0
        theirs = int(frame.collect(frame.reference(self.reference).select(pl.len()), self.title, ()).item())
        ok = abs(ours - theirs) <= self.tolerance * theirs
        return outcome(ok, ours, f"it is {ours:,} against {theirs:,}")


class Reconcile(TableRule):
    """Both datasets hold the same keys and the same cells; numbers may differ by `tolerance`."""

    check: Literal["reconcile"] = "reconcile"
    reference: Reference
    key: Annotated[tuple[Text, ...], Field(min_length=1)]
    columns: tuple[Text, ...] = Field((), description="Compared columns; all that both have when left out.")
    tolerance: Annotated[FiniteFloat, Field(ge=0)] = 0.0

    @property
    def subjects(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.key, *self.columns)))

    def says(self) -> str:
        return f"every {'+'.join(self.key)} has the same values in {self.reference}"

    def bind(self, frame: Frame) -> None:
        for column in self.subjects:
            frame.reference(self.reference, column)

    def judge(self, state: State, frame: Frame) -> Judgement:
        other, ours = frame.reference(self.reference), frame.lazy
        there = other.collect_schema()
        columns = self.columns or tuple(c for c in frame.schema if c in there and c not in self.key)
        if self.where is not None:
            ours = ours.filter(condition(self.where))
        left = ours.select(*self.key, *columns, pl.lit(True).alias("__ours"))
        theirs = [pl.col(column).alias(f"{column}__theirs") for column in columns]
        right = other.select(*self.key, *theirs, pl.lit(True).alias("__theirs"))
        both = left.join(right, on=list(self.key), how="full", coalesce=True, validate="1:1", nulls_equal=True)
        differs = pl.any_horizontal([pl.lit(False), *(self.differ(c, frame.schema[c], there[c]) for c in columns)])
        matched = pl.col("__ours").is_not_null() & pl.col("__theirs").is_not_null()
        counts = both.select(
            pl.col("__theirs").is_null().sum().alias("extra"),
            pl.col("__ours").is_null().sum().alias("missing"),
            (matched & differs).sum().alias("differing"),
            pl.len().alias("keys"),
        )
        extra, missing, differing, keys = frame.collect(counts, self.title, (*self.key, *columns)).row(0)
        note = f"{extra:,} only here, {missing:,} only there, {differing:,} differ, of {keys:,}"
        return Judgement(extra + missing + differing, keys, value=extra + missing + differing, note=note)

    def differ(self, column: str, ours: pl.DataType, theirs: pl.DataType) -> pl.Expr:
        here, there = pl.col(column), pl.col(f"{column}__theirs")
        if kind_of(ours) == "number" == kind_of(theirs) and self.tolerance:
            near = (here.cast(pl.Float64) - there.cast(pl.Float64)).abs() <= self.tolerance
            return here.ne_missing(there) & ~near.fill_null(False)
        return here.ne_missing(there)
