"""Table rules: each judges one number, or the shape, of the dataset."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

import polars as pl
from pydantic import AliasChoices, Field

from quality.engine.dtypes import ORDERED, Kinds
from quality.engine.frame import Frame
from quality.engine.literals import Bounded, Value, coerce
from quality.engine.rule import Judgement, Measure, Metric, NumberRule, State, nothing, outcome
from quality.values import Fraction, Text, json_value, percent_of, text_of


class RowCount(Bounded, Metric):
    """The number of rows lies between `min` and `max`."""

    ALIASES: ClassVar[tuple[str, ...]] = ("row_count_range",)
    check: Literal["row_count"] = "row_count"
    min: Annotated[int, Field(ge=0)] | None = None
    max: Annotated[int, Field(ge=0)] | None = None

    def says(self) -> str:
        return f"the number of rows is {_between(self.min, self.max)}"

    def measures(self, frame: Frame) -> dict[str, Measure]:
        return {"rows": Measure(self.count_rows())}

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
        return {"filled": Measure(self.col(self.column).count()), "rows": Measure(self.count_rows())}

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
    min: Annotated[int, Field(ge=0)] | None = None
    max: Annotated[int, Field(ge=0)] | None = None

    @property
    def subjects(self) -> tuple[str, ...]:
        return (self.column,)

    def says(self) -> str:
        return f"{self.column} has {_between(self.min, self.max)} distinct values"

    def number(self, state: State, frame: Frame) -> Any:
        value = self.col(self.column).drop_nulls()
        return int(frame.number(value.n_unique(), self.title)) or None

    def judge(self, state: State, frame: Frame) -> Judgement:
        found = self.number(state, frame)
        if found is None:
            return nothing(self.NOTHING)
        ok = (self.min is None or found >= self.min) and (self.max is None or found <= self.max)
        return outcome(ok, found, f"it has {found:,}")


def _between(low: Any, high: Any) -> str:
    """The bounds as they are written, with every digit: a number beside them is rounded with care, they are not."""
    bounds = {"at least": low, "at most": high}
    return " and ".join(f"{word} {text_of(bound, bound)}" for word, bound in bounds.items() if bound is not None)


class _Number(Bounded, Metric, NumberRule):
    """A number of the column's judged values against `at_least` and `at_most`."""

    BOUNDS: ClassVar[tuple[str, str]] = ("at_least", "at_most")
    at_least: Value | None = None
    at_most: Value | None = None

    def says(self) -> str:
        return f"the {self.check} of {self.column} is {_between(self.at_least, self.at_most)}"

    def bind(self, frame: Frame) -> None:
        for bound in (self.at_least, self.at_most):
            if bound is not None:
                coerce(bound, self.dtype(frame))

    def dtype(self, frame: Frame) -> pl.DataType:
        return pl.Float64()

    def judge(self, state: State, frame: Frame) -> Judgement:
        """NaN is within no bounds."""
        value = self.number(state, frame)
        if value is None:
            return nothing(self.NOTHING)
        dtype = self.dtype(frame)
        low, high = (None if b is None else coerce(b, dtype) for b in (self.at_least, self.at_most))
        low, high = _aligned(low, value), _aligned(high, value)
        ok = (low is None or value >= low) and (high is None or value <= high)
        return outcome(bool(ok), json_value(value), f"it is {text_of(value, low, high)}")


def _aligned(bound: Any, value: Any) -> Any:
    """A naive datetime bound in the zone of the value."""
    if isinstance(bound, datetime) and isinstance(value, datetime) and bound.tzinfo is None:
        return bound.replace(tzinfo=value.tzinfo)
    return bound


class Mean(_Number):
    """The mean lies between `at_least` and `at_most`."""

    check: Literal["mean"] = "mean"

    def measures(self, frame: Frame) -> dict[str, Measure]:
        value = self.col(self.column)
        return {"total": Measure(value.cast(pl.Float64).sum()), "count": Measure(value.count())}

    def number(self, state: State, frame: Frame) -> Any:
        return state["total"] / state["count"] if state["count"] else None


class Sum(_Number):
    """The sum lies between `at_least` and `at_most`."""

    check: Literal["sum"] = "sum"

    def dtype(self, frame: Frame) -> pl.DataType:
        """As wide as no sum of the column's values overflows."""
        dtype = frame.schema[self.column]
        if dtype in (pl.Int64, pl.UInt64):
            return pl.Int128()
        if dtype.is_integer() and dtype != pl.Int128:
            return pl.Int64()
        return pl.Float64() if dtype.is_float() else dtype

    def measures(self, frame: Frame) -> dict[str, Measure]:
        value = self.col(self.column)
        return {"total": Measure(value.cast(self.dtype(frame)).sum()), "count": Measure(value.count())}

    def number(self, state: State, frame: Frame) -> Any:
        return state["total"] if state["count"] else None


class _Extreme(_Number):
    JUDGES: ClassVar[Kinds] = ORDERED

    def dtype(self, frame: Frame) -> pl.DataType:
        dtype = frame.schema[self.column]
        return pl.String() if dtype in (pl.Categorical, pl.Enum) else dtype

    def value(self, frame: Frame) -> pl.Expr:
        value = self.col(self.column)
        return value.cast(pl.String) if frame.schema[self.column] in (pl.Categorical, pl.Enum) else value

    def number(self, state: State, frame: Frame) -> Any:
        return state["value"]


class Min(_Extreme):
    """The smallest value lies between `at_least` and `at_most`."""

    check: Literal["min"] = "min"

    def measures(self, frame: Frame) -> dict[str, Measure]:
        value = self.value(frame)
        return {"value": Measure(value.nan_min() if self.dtype(frame).is_float() else value.min(), "min")}


class Max(_Extreme):
    """The largest value lies between `at_least` and `at_most`."""

    check: Literal["max"] = "max"

    def measures(self, frame: Frame) -> dict[str, Measure]:
        value = self.value(frame)
        return {"value": Measure(value.nan_max() if self.dtype(frame).is_float() else value.max(), "max")}


class StdDev(_Number):
    """The sample standard deviation lies between `at_least` and `at_most`."""

    NOTHING: ClassVar[str] = "fewer than two values"
    check: Literal["stddev"] = "stddev"

    def measures(self, frame: Frame) -> dict[str, Measure]:
        """Sums of differences from one value of the column, which keeps their squares small; they add up exactly."""
        value = self.col(self.column).cast(pl.Float64)
        off = value - self.origin(frame)
        return {"count": Measure(value.count()), "off": Measure(off.sum()), "square": Measure((off * off).sum())}

    def origin(self, frame: Frame) -> float:
        return frame.once(_first, self.column)

    def number(self, state: State, frame: Frame) -> Any:
        count = state["count"]
        if count < 2:
            return None
        variance = (state["square"] - state["off"] ** 2 / count) / (count - 1)
        return math.nan if math.isnan(variance) else max(variance, 0.0) ** 0.5


def _first(frame: Frame, column: str) -> float:
    value = pl.col(column).cast(pl.Float64)
    rows = frame.collect(frame.lazy.select(value.filter(value.is_finite())).head(1), f"first {column}", (column,))
    return float(rows.item()) if rows.height else 0.0


class _Ranked(_Number):
    """A quantile of the column, interpolated linearly between neighbours."""

    @property
    def rank(self) -> float:
        raise NotImplementedError

    def measures(self, frame: Frame) -> dict[str, Measure]:
        """How many values lie below the one bound and up to the other proves both without holding the column."""
        value = self.col(self.column)
        counts = {"count": Measure(value.count())}
        if self.at_least is not None:
            counts["low_below"] = Measure((value < self.at_least).sum())
        if self.at_most is not None:
            counts["high_upto"] = Measure((value <= self.at_most).sum())
        return counts

    def judge(self, state: State, frame: Frame) -> Judgement:
        if not state["count"]:
            return nothing(self.NOTHING)
        place = self.rank * (state["count"] - 1)
        left, right = int(place), int(place) + (place > int(place))
        low = self.at_least is None or state["low_below"] <= left
        high = self.at_most is None or state["high_upto"] > right
        if low and high:
            return Judgement(0, 1, note="the ranks of its bounds prove it")
        return super().judge(state, frame)

    def number(self, state: State, frame: Frame) -> Any:
        """Holds the column: asked for only where the ranks do not prove a bound."""
        if not state["count"]:
            return None
        value = self.col(self.column).cast(pl.Float64)
        return frame.number(value.quantile(self.rank, "linear"), self.title)


class Quantile(_Ranked):
    """The `q` quantile (linear interpolation) lies between `at_least` and `at_most`."""

    check: Literal["quantile"] = "quantile"
    q: Fraction

    @property
    def rank(self) -> float:
        return self.q


class Median(_Ranked):
    """The median lies between `at_least` and `at_most`."""

    check: Literal["median"] = "median"

    @property
    def rank(self) -> float:
        return 0.5
