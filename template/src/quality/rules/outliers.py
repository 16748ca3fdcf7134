"""Rules about numbers far from the others."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import AliasChoices, Field, FiniteFloat

from quality.engine.dtypes import NUMBER, Kinds
from quality.engine.frame import Frame
from quality.engine.rule import ColumnRule, Judgement, Measure, State
from quality.engine.sql import condition
from quality.values import text_of

ROUNDING = 1e-12


class ZScoreOutlier(ColumnRule):
    """The number lies within `threshold` standard deviations of the mean of the judged rows."""

    ALIASES: ClassVar[tuple[str, ...]] = ("zscore", "z_score")
    JUDGES: ClassVar[Kinds] = NUMBER
    COMPARES: ClassVar[bool] = True
    check: Literal["z_score_outlier"] = "z_score_outlier"
    threshold: Annotated[FiniteFloat, Field(gt=0)] = Field(
        3.0, validation_alias=AliasChoices("threshold", "z_threshold", "sigma")
    )

    def says(self) -> str:
        return f"{self.column} lies within {text_of(self.threshold, self.threshold)} standard deviations of the mean"

    def moments(self, frame: Frame) -> tuple[float, float]:
        """Mean and standard deviation over finite values, in a query that comes before the one pass."""
        return frame.once(_moments, self.column, self.where)

    def measures(self, frame: Frame) -> dict[str, Measure]:
        """None with `by`: each segment has its own mean, which is known only when it is judged."""
        return {} if self.by else super().measures(frame)

    def judge(self, state: State, frame: Frame) -> Judgement:
        if self.by:
            counts = [measure.expr.alias(name) for name, measure in super().measures(frame).items()]
            state = frame.collect(frame.lazy.select(counts), self.title, self.reads).row(0, named=True)
        return super().judge(state, frame)

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        mean, deviation = self.moments(frame)
        rounding = ROUNDING * abs(mean)
        return (value.cast(pl.Float64) - mean).abs() <= self.threshold * deviation + rounding


def _moments(frame: Frame, column: str, where: str | None) -> tuple[float, float]:
    value = pl.col(column).cast(pl.Float64)
    keep = value.is_finite() if where is None else value.is_finite() & condition(where)
    kept = frame.lazy.select(value.filter(keep).mean().alias("mean"), value.filter(keep).std().alias("deviation"))
    mean, deviation = frame.collect(kept, f"moments of {column}", keep.meta.root_names()).row(0)
    return mean or 0.0, deviation or 0.0
