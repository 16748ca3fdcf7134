"""Rules about another dataset: its keys and its number of rows."""

from collections.abc import Iterable
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import AliasChoices, Field

from quality.engine.dtypes import PLAIN, Kinds, col, kind_of
from quality.engine.frame import Frame
from quality.engine.rule import ColumnRule, Judgement, Measure, Reference, State, TableRule
from quality.errors import CannotJudgeError
from quality.rules.common_dtype import common
from quality.rules.table_rules import outcome
from quality.texts import nearest, percent_of, place_of
from quality.values import Fraction, Text

FEW = 2**21
"""A reference of at most so many rows is taken as it is: to tell its keys apart costs more than to hold it."""


def schema_of(frame: Frame, reference: Any, columns: Iterable[str]) -> pl.Schema:
    """The schema of a reference that has these columns; CannotJudgeError names one that it has not."""
    schema = frame.reference(reference).collect_schema()
    for column in columns:
        if column not in schema:
            raise CannotJudgeError(
                f"the reference {place_of(reference)} has no column '{column}'; {nearest(column, schema)}"
            )
    return schema


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
        return f"{self.column} occurs in {self.theirs} of {place_of(self.reference)}"

    def bind(self, frame: Frame) -> None:
        ours = frame.schema[self.column]
        theirs = schema_of(frame, self.reference, (self.theirs,))[self.theirs]
        apart = kind_of(ours) != kind_of(theirs) and "null" not in (kind_of(ours), kind_of(theirs))
        if apart or (kind_of(ours) == "time" and common(ours, theirs) is None):
            raise CannotJudgeError(
                f"{self.column} is {ours} but {self.theirs} of {place_of(self.reference)} is {theirs}"
            )

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        if frame.there is not None:
            found: pl.Expr = frame.there.occurs(self.column, self.reference, self.theirs)
            return found
        return value.is_in(frame.once(keys_of, self.reference, self.theirs, dtype).implode())

    def judge(self, state: State, frame: Frame) -> Judgement:
        """Which keys there are is not asked again where no row failed."""
        if frame.there is None and not state["failed"]:
            return Judgement(0, state["judged"])
        return super().judge(state, frame)


def keys_of(frame: Frame, reference: Reference, column: str, dtype: pl.DataType) -> pl.Series:
    """The values of another dataset's column that a column of this dtype can hold."""
    other, theirs = frame.reference(reference), col(column)
    as_ours = theirs.cast(pl.String) if dtype == pl.String else theirs.cast(dtype, strict=False)
    same = other.filter(as_ours.cast(other.collect_schema()[column]) == theirs).select(as_ours)
    few = same.head(FEW + 1).collect(engine="streaming").to_series()
    return few if len(few) <= FEW else same.unique().collect(engine="streaming").to_series()


class CrossTableRowCount(TableRule):
    """The dataset has as many rows as `reference`, give or take the fraction `tolerance`."""

    ALIASES: ClassVar[tuple[str, ...]] = ("row_count_match",)
    check: Literal["cross_table_row_count"] = "cross_table_row_count"
    reference: Reference
    tolerance: Fraction = 0.0

    def says(self) -> str:
        give = f" within {percent_of(self.tolerance, self.tolerance)}" if self.tolerance else ""
        return f"the number of rows equals that of {place_of(self.reference)}{give}"

    def bind(self, frame: Frame) -> None:
        frame.reference(self.reference)

    def measures(self, frame: Frame) -> dict[str, Measure]:
        return {"rows": self.count_rows()}

    def judge(self, state: State, frame: Frame) -> Judgement:
        ours = state["rows"] or 0
        theirs = int(frame.collect(frame.reference(self.reference).select(pl.len()), self.title, ()).item())
        ok = abs(ours - theirs) <= self.tolerance * theirs
        return outcome(ok, ours, f"it is {ours:,} against {theirs:,}")
