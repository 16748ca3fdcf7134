"""Rules about numbers far from the others."""

import math
from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import AliasChoices, Field, FiniteFloat

from quality.engine.dtypes import NUMBER, Kinds, col
from quality.engine.frame import Frame
from quality.engine.rule import ColumnRule, Judgement, Measure, State
from quality.engine.sql import condition
from quality.rules.table_rules import nothing
from quality.texts import text_of
from quality.values import STRICT

ROUNDING = 1e-12


class ZScoreOutlier(ColumnRule):
    """The number lies within `threshold` standard deviations of the mean of the judged rows.

    Where the rows are so few that none could lie further away, the rule is skipped.
    """

    ALIASES: ClassVar[tuple[str, ...]] = ("zscore", "z_score")
    JUDGES: ClassVar[Kinds] = NUMBER
    COMPARES: ClassVar[bool] = True
    check: Literal["z_score_outlier"] = "z_score_outlier"
    threshold: Annotated[FiniteFloat, Field(gt=0), STRICT] = Field(
        3.0, validation_alias=AliasChoices("threshold", "z_threshold", "sigma")
    )

    def says(self) -> str:
        return f"{self.column} lies within {text_of(self.threshold, self.threshold)} standard deviations of the mean"

    def moments(self, frame: Frame) -> tuple[float, float, int]:
        """Mean, standard deviation and number of finite values, in a query that comes before the one pass."""
        return frame.once(moments_of, self.column, self.where)

    def measures(self, frame: Frame) -> dict[str, Measure]:
        """None with `by`: each segment has its own mean, which is known only when it is judged."""
        return {} if self.by else super().measures(frame)

    def judge(self, state: State, frame: Frame) -> Judgement:
        if self.by:
            counts = [measure.expr.alias(name) for name, measure in super().measures(frame).items()]
            state = frame.collect(frame.lazy.select(counts), self.title, self.reads).row(0, named=True)
        found = super().judge(state, frame)
        count = self.moments(frame)[2]
        if found.failed or (count > 1 and (count - 1) / math.sqrt(count) > self.threshold):
            return found
        far = text_of(self.threshold, self.threshold)
        few = f"too few rows: none of {count:,} can lie {far} standard deviations from their mean"
        return nothing(few) if found.judged else found

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        mean, deviation, _ = self.moments(frame)
        rounding = ROUNDING * abs(mean)
        return (value.cast(pl.Float64) - mean).abs() <= self.threshold * deviation + rounding


def moments_of(frame: Frame, column: str, where: str | None) -> tuple[float, float, int]:
    """Mean, sample standard deviation and number of a column's finite values inside `where`."""
    value = col(column).cast(pl.Float64)
    keep = value.is_finite() if where is None else value.is_finite() & condition(where)
    kept = value.filter(keep)
    numbers = frame.lazy.select(kept.mean().alias("mean"), kept.std().alias("deviation"), kept.count().alias("count"))
    mean, deviation, count = frame.collect(numbers, f"moments of {column}", keep.meta.root_names()).row(0)
    return mean or 0.0, deviation or 0.0, count
