"""Table rules about one number of a column's values: mean, sum, spread, extremes and quantiles."""

import math
from typing import Any, ClassVar, Literal

import polars as pl

from quality.engine.dtypes import ORDERED, Kinds
from quality.engine.frame import Frame
from quality.engine.rule import Judgement, Measure, State
from quality.errors import CannotJudgeError
from quality.rules.bounds import Amount, Bound, Bounded, between
from quality.rules.literals import Sign, check_order, compare, holds, logical, place, precise
from quality.rules.table_rules import Metric, NumberRule, nothing, outcome
from quality.texts import json_value, text_of
from quality.values import Fraction, Number

SIGNS: tuple[Sign, Sign] = (">=", "<=")
NARROW = (pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32)


class _Number(Bounded, Metric, NumberRule):
    """A number of the column's judged values against `at_least` and `at_most`, at the precision of the column."""

    BOUNDS: ClassVar[tuple[str, str]] = ("at_least", "at_most")
    at_least: Bound | None = None
    at_most: Bound | None = None

    def says(self) -> str:
        return f"the {self.check} of {self.column} is {between(self.at_least, self.at_most)}"

    def bind(self, frame: Frame) -> None:
        check_order(self.bounds, self.dtype(frame), self.column)

    def dtype(self, frame: Frame) -> pl.DataType:
        """What the number is one of."""
        dtype = frame.schema[self.column]
        return dtype if dtype.is_float() else pl.Float64()

    def judge(self, state: State, frame: Frame) -> Judgement:
        found = self.number(state, frame)
        if found is None:
            return nothing(self.NOTHING)
        dtype = self.dtype(frame)
        found = precise(found, dtype) if dtype.is_float() else found
        places = [(sign, place(b, dtype)) for sign, b in zip(SIGNS, self.bounds, strict=True) if b is not None]
        value = legible(found, dtype)
        return outcome(
            all(holds(found, *at) for at in places), json_value(value), f"it is {text_of(value, *self.bounds)}"
        )


def legible(found: Any, dtype: pl.DataType) -> Any:
    """A physical value as people write it; of a narrow float its shortest digits, not those of a wider one."""
    if dtype.is_float():
        return found if dtype == pl.Float64 else float(logical([found], dtype).cast(pl.String).item())
    return logical([found], dtype).item() if dtype.is_temporal() or dtype == pl.Enum else found


class _Average(_Number):
    at_least: Number | None = None
    at_most: Number | None = None


class Mean(_Average):
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
    at_least: Amount | None = None
    at_most: Amount | None = None

    def dtype(self, frame: Frame) -> pl.DataType:
        """As wide as no sum of the column's values overflows, unless they are that wide themselves."""
        dtype = frame.schema[self.column]
        if dtype.is_integer():
            return pl.Int64() if dtype in NARROW else pl.Int128()
        return pl.Decimal(38, dtype.scale) if isinstance(dtype, pl.Decimal) else super().dtype(frame)

    def measures(self, frame: Frame) -> dict[str, Measure]:
        value, wide = self.col(self.column), self.dtype(frame)
        total = value.cast(pl.Float64 if wide.is_float() else wide).sum()
        size = {} if self.most(frame) is None else {"size": Measure(value.cast(pl.Float64).abs().sum())}
        return {"total": Measure(total), "count": Measure(value.count()), **size}

    def most(self, frame: Frame) -> float | None:
        """What sums of values so wide stay below; a database refuses a greater one itself, and Polars does not."""
        dtype = frame.schema[self.column]
        if frame.there is not None or not (isinstance(dtype, pl.Decimal) or dtype in (pl.Int128, pl.UInt128)):
            return None
        return 10.0 ** (38 - dtype.scale) if isinstance(dtype, pl.Decimal) else 2.0**127

    def number(self, state: State, frame: Frame) -> Any:
        if (most := self.most(frame)) is not None and (state["size"] or 0.0) >= most * (1 - 1e-9):
            raise CannotJudgeError(
                f"the values of {self.column} add up to {text_of(state['size'])} without their signs, which "
                f"{frame.schema[self.column]} cannot hold: judge parts of them with `where` or `by`, or declare the "
                "column as Float64"
            )
        return state["total"] if state["count"] else None


class _Extreme(_Number):
    """Moments and categories are physical numbers here, which are exact and in order, and merge as such."""

    JUDGES: ClassVar[Kinds] = ORDERED

    def dtype(self, frame: Frame) -> pl.DataType:
        dtype = frame.schema[self.column]
        return pl.String() if dtype == pl.Categorical else dtype

    def value(self, frame: Frame) -> pl.Expr:
        value, dtype = self.col(self.column), frame.schema[self.column]
        if dtype == pl.Categorical:
            return value.cast(pl.String)
        return value.to_physical() if dtype.is_temporal() or dtype == pl.Enum else value

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


class StdDev(_Average):
    """The sample standard deviation lies between `at_least` and `at_most`."""

    NOTHING: ClassVar[str] = "fewer than two values"
    check: Literal["stddev"] = "stddev"

    def measures(self, frame: Frame) -> dict[str, Measure]:
        """Of finite values; `odd` are the others, of which no database computes alike."""
        value = self.col(self.column).cast(pl.Float64)
        finite = pl.when(value.is_finite()).then(value)
        return {
            "count": Measure(finite.count()),
            "odd": Measure((~value.is_finite()).sum()),
            "mean": Measure(finite.mean(), "moments"),
            "variance": Measure(finite.var(), "moments"),
        }

    def number(self, state: State, frame: Frame) -> Any:
        odd = state["odd"] or 0
        if state["count"] + odd < 2:
            return None
        return math.nan if odd else state["variance"] ** 0.5


class _Ranked(_Average):
    """A quantile of the column, interpolated linearly between neighbours."""

    @property
    def rank(self) -> float:
        raise NotImplementedError

    def measures(self, frame: Frame) -> dict[str, Measure]:
        """How many values lie below the one bound and up to the other proves both without holding the column."""
        value, dtype = self.col(self.column), frame.schema[self.column]
        counts = {"count": Measure(value.count())}
        if self.at_least is not None:
            counts["low_below"] = Measure(compare(value, "<", place(self.at_least, dtype), dtype).sum())
        if self.at_most is not None:
            counts["high_upto"] = Measure(compare(value, "<=", place(self.at_most, dtype), dtype).sum())
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
