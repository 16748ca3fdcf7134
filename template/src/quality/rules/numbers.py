"""Table rules about counts: rows, filled rows, distinct values."""

from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import AliasChoices, Field

from quality.engine.dtypes import col
from quality.engine.frame import Frame
from quality.engine.rule import Judgement, Measure, State
from quality.engine.sql import condition
from quality.rules.bounds import Bounded, between
from quality.rules.table_rules import Metric, nothing, outcome
from quality.texts import percent_of
from quality.values import Count, Fraction, Text


class RowCount(Bounded, Metric):
    """The number of rows lies between `min` and `max`."""

    ALIASES: ClassVar[tuple[str, ...]] = ("row_count_range",)
    check: Literal["row_count"] = "row_count"
    min: Count | None = None
    max: Count | None = None

    def says(self) -> str:
        return f"the number of rows is {between(self.min, self.max)}"

    def measures(self, frame: Frame) -> dict[str, Measure]:
        return {"rows": self.count_rows()}

    def number(self, state: State, frame: Frame) -> Any:
        return state["rows"] or 0

    def judge(self, state: State, frame: Frame) -> Judgement:
        rows = self.number(state, frame)
        ok = (self.min is None or rows >= self.min) and (self.max is None or rows <= self.max)
        return outcome(ok, rows, f"it is {rows:,}")


class CompletenessRatio(Metric):
    """The fraction of rows in which the column is not null is at least `min_ratio`."""

    NOTHING: ClassVar[str] = "no row to judge"
    ALIASES: ClassVar[tuple[str, ...]] = ("completeness", "null_rate")
    check: Literal["completeness_ratio"] = "completeness_ratio"
    column: Text
    min_ratio: Fraction = Field(validation_alias=AliasChoices("min_ratio", "ratio", "min_completeness"))

    @property
    def subjects(self) -> tuple[str, ...]:
        return (self.column,)

    def says(self) -> str:
        return f"{self.column} is filled in at least {percent_of(self.min_ratio, self.min_ratio)} of rows"

    def measures(self, frame: Frame) -> dict[str, Measure]:
        filled = col(self.column).is_not_null()
        filled = filled if self.where is None else filled & condition(self.where)
        return {"filled": Measure(self.col(self.column).count(), rows=filled), "rows": self.count_rows()}

    def number(self, state: State, frame: Frame) -> Any:
        return state["filled"] / state["rows"] if state["rows"] else None

    def judge(self, state: State, frame: Frame) -> Judgement:
        ratio = self.number(state, frame)
        if ratio is None:
            return nothing(self.NOTHING)
        note = f"it is filled in {percent_of(ratio, self.min_ratio)} of {state['rows']:,} rows"
        return outcome(ratio >= self.min_ratio, ratio, note)


class DistinctCount(Bounded, Metric):
    """The number of distinct values, nulls aside, lies between `min` and `max`."""

    check: Literal["distinct_count"] = "distinct_count"
    column: Text
    min: Count | None = None
    max: Count | None = None

    @property
    def subjects(self) -> tuple[str, ...]:
        return (self.column,)

    def says(self) -> str:
        return f"{self.column} has {between(self.min, self.max)} distinct values"

    def measures(self, frame: Frame) -> dict[str, Measure]:
        """Where the data lives, a window finds the first row of each value in the one pass."""
        if frame.there is None:
            return {}
        value = col(self.column)
        kept = value.is_not_null() if self.where is None else value.is_not_null() & condition(self.where)
        segment = pl.lit(1) if self.by is None else col(self.by)
        first = pl.when(kept).then(value).is_first_distinct().over(segment)
        return {"distinct": Measure((kept & first).sum())}

    def number(self, state: State, frame: Frame) -> Any:
        if "distinct" in state:
            return state["distinct"] or None
        value = self.col(self.column).drop_nulls()
        return int(frame.number(value.n_unique(), self.title)) or None

    def judge(self, state: State, frame: Frame) -> Judgement:
        found = self.number(state, frame)
        if found is None:
            return nothing(self.NOTHING)
        ok = (self.min is None or found >= self.min) and (self.max is None or found <= self.max)
        return outcome(ok, found, f"it has {found:,}")
