"""Table rules: each judges one number, or the shape, of the dataset."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Annotated, Any, ClassVar, Literal

import polars as pl
from pydantic import AfterValidator, AliasChoices, Field, FiniteFloat

from quality.engine.frame import Frame
from quality.engine.literals import Bounded, Duration, Value, coerce, parse_duration
from quality.engine.rule import (
    ORDERED,
    TIME,
    Fraction,
    Judgement,
    Kinds,
    Measure,
    NumberRule,
    Reference,
    State,
    TableRule,
    Text,
    condition,
    kind_of,
    shorten,
)
from quality.errors import ConfigurationError, nearest
from quality.result import Scalar

FAMILIES: dict[str, Callable[[pl.DataType], bool]] = {
    "integer": lambda dtype: dtype.is_integer(),
    "float": lambda dtype: dtype.is_float(),
    "numeric": lambda dtype: dtype.is_numeric(),
    "string": lambda dtype: dtype in (pl.String, pl.Categorical, pl.Enum),
    "temporal": lambda dtype: dtype.is_temporal(),
}
NAMES = (
    "Int8 Int16 Int32 Int64 Int128 UInt8 UInt16 UInt32 UInt64 Float32 Float64 Decimal String Boolean Date Datetime",
    "Duration Time Binary Categorical Enum List Array Struct Null Object",
)
DTYPES = {name.lower(): getattr(pl, name) for line in NAMES for name in line.split()}
DTYPES |= {"utf8": pl.String, "str": pl.String, "bool": pl.Boolean, "int": pl.Int64}


def _dtype(name: str) -> str:
    if name not in FAMILIES and name.lower() not in DTYPES:
        raise ValueError(f"unknown dtype '{name}'; {nearest(name.lower(), [*FAMILIES, *DTYPES])}")
    return name


Dtype = Annotated[str, AfterValidator(_dtype)]


def is_dtype(dtype: pl.DataType, name: str) -> bool:
    """Whether a dtype is of the named Polars type (`String`) or family (`string`, in lower case)."""
    family = FAMILIES.get(name)
    return bool(family(dtype)) if family else bool(dtype == DTYPES[name.lower()])


def scalar(value: Any) -> Scalar:
    """A value as JSON holds it."""
    if isinstance(value, float):
        return value if value - value == 0 else str(value)
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def outcome(ok: bool, value: Scalar, note: str) -> Judgement:
    """One number, judged."""
    return Judgement(0 if ok else 1, 1, value=value, note=note)


def nothing(note: str, value: Scalar = None) -> Judgement:
    """Nothing judged, and why."""
    return Judgement(0, 0, value=value, note=note)


def shown(value: Any) -> str:
    """A number, or what a column holds instead, as sentences have it."""
    return f"{value:,.6g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else f"{value}"


class Metric(TableRule):
    """A table rule that tells its number apart from its verdict, so that a trend rule can judge the same number."""

    NOTHING: ClassVar[str] = "no value to judge"

    def number(self, state: State, frame: Frame) -> Any:
        """The number; None where there is nothing to judge, for the reason `NOTHING`."""
        raise NotImplementedError


class ColumnExists(TableRule):
    """The dataset has the column."""

    check: Literal["column_exists"] = "column_exists"
    column: Text

    def derived_name(self) -> str:
        return f"column_exists({self.column})"

    def says(self) -> str:
        return f"there is a column {self.column}"

    def judge(self, state: State, frame: Frame) -> Judgement:
        there = self.column in frame.schema
        note = "it is there" if there else f"there is none; {nearest(self.column, frame.schema)}"
        return outcome(there, there, note)


class DtypeRule(TableRule):
    """The column has the Polars dtype, or one of the family: integer, float, numeric, string, temporal."""

    check: Literal["dtype"] = "dtype"
    column: Text
    dtype: Dtype = Field(validation_alias=AliasChoices("dtype", "data_type", "type_"))

    @property
    def subjects(self) -> tuple[str, ...]:
        return (self.column,)

    def says(self) -> str:
        return f"{self.column} is {self.dtype}"

    def judge(self, state: State, frame: Frame) -> Judgement:
        dtype = frame.schema[self.column]
        return outcome(is_dtype(dtype, self.dtype), str(dtype), f"it is {dtype}")


class SchemaRule(TableRule):
    """The dataset has `columns` of these dtypes; `closed` forbids others, `ordered` asks for this order."""

    check: Literal["schema"] = "schema"
    columns: dict[str, Dtype] = Field(min_length=1)
    closed: bool = False
    ordered: bool = False

    def derived_name(self) -> str:
        return f"schema({shorten(list(self.columns))})"

    def says(self) -> str:
        return f"the schema has {len(self.columns)} columns as stated{', and no others' if self.closed else ''}"

    def judge(self, state: State, frame: Frame) -> Judgement:
        there = frame.schema
        wrong = [f"{c} is missing" for c in self.columns if c not in there]
        known = {column: dtype for column, dtype in self.columns.items() if column in there}
        wrong += [f"{c} is {there[c]}, not {dtype}" for c, dtype in known.items() if not is_dtype(there[c], dtype)]
        if self.closed:
            wrong += [f"{c} is extra" for c in there if c not in self.columns]
        if self.ordered and [column for column in there if column in known] != list(known):
            wrong.append("the order differs")
        return outcome(not wrong, len(wrong), "; ".join(wrong) or "it does")


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
        return f"{self.column} is filled in at least {self.min_ratio:.2%} of rows"

    def measures(self, frame: Frame) -> dict[str, Measure]:
        return {"filled": Measure(self.col(self.column).count()), "rows": Measure(self.count_rows())}

    def number(self, state: State, frame: Frame) -> Any:
        return state["filled"] / state["rows"] if state["rows"] else None

    def judge(self, state: State, frame: Frame) -> Judgement:
        ratio = self.number(state, frame)
        if ratio is None:
            return nothing(self.NOTHING)
        return outcome(ratio >= self.min_ratio, ratio, f"it is filled in {ratio:.2%} of {state['rows']:,} rows")


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
    bounds = (f"at least {low}" if low is not None else "", f"at most {high}" if high is not None else "")
    return " and ".join(filter(None, bounds))


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
        return outcome(bool(ok), scalar(value), f"it is {shown(value)}")


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
        def first() -> float:
            value = pl.col(self.column).cast(pl.Float64)
            found = frame.lazy.select(value.filter(value.is_finite())).head(1)
            rows = frame.collect(found, f"first {self.column}", (self.column,))
            return float(rows.item()) if rows.height else 0.0

        origin: float = frame.once(f"first {self.column}", first)
        return origin

    def number(self, state: State, frame: Frame) -> Any:
        count = state["count"]
        if count < 2:
            return None
        variance = (state["square"] - state["off"] ** 2 / count) / (count - 1)
        return math.nan if math.isnan(variance) else max(variance, 0.0) ** 0.5


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


class Freshness(TableRule):
    """The newest value of the column is at most `max_age` old."""

    JUDGES: ClassVar[Kinds] = TIME
    check: Literal["freshness"] = "freshness"
    column: Text
    max_age: Duration

    @property
    def subjects(self) -> tuple[str, ...]:
        return (self.column,)

    def says(self) -> str:
        return f"the newest {self.column} is at most {self.max_age} old"

    def bind(self, frame: Frame) -> None:
        if frame.schema[self.column] in (pl.Time, pl.Duration):
            dtype = frame.schema[self.column]
            raise ConfigurationError(f"column '{self.column}' is {dtype}; freshness judges dates and datetimes")

    def measures(self, frame: Frame) -> dict[str, Measure]:
        return {"newest": Measure(self.col(self.column).max(), "max")}

    def judge(self, state: State, frame: Frame) -> Judgement:
        newest = state["newest"]
        if newest is None:
            return nothing("no value to judge")
        if not isinstance(newest, datetime):
            newest = datetime.combine(newest, time())
        newest = newest.replace(tzinfo=UTC) if newest.tzinfo is None else newest
        age = frame.around.now - newest
        note = f"the newest is of {newest:%Y-%m-%d %H:%M %Z}"
        return outcome(age <= parse_duration(self.max_age), newest.isoformat(), note)


class CrossTableRowCount(TableRule):
    """The dataset has as many rows as `reference`, give or take the fraction `tolerance`."""

    ALIASES: ClassVar[tuple[str, ...]] = ("row_count_match",)
    check: Literal["cross_table_row_count"] = "cross_table_row_count"
    reference: Reference
    tolerance: Fraction = 0.0

    def says(self) -> str:
        give = f" within {self.tolerance:.2%}" if self.tolerance else ""
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
