"""Row rules: each says what holds for one row, and counts the rows for which it does not."""

from __future__ import annotations

import functools
import operator
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import AliasChoices, Field

from quality.engine.dtypes import NUMBER, ORDERED, PLAIN, Kinds
from quality.engine.frame import Frame
from quality.engine.literals import Bounded, Value, check_literal, literal, members
from quality.engine.rule import ColumnRule
from quality.values import shorten, text_of

FEW_VALUES = 8


class _Written(ColumnRule):
    """A rule that compares the column with values that people write."""

    @property
    def written(self) -> tuple[Any, ...]:
        raise NotImplementedError

    def bind(self, frame: Frame) -> None:
        dtype = frame.schema[self.column]
        for value in self.written:
            check_literal(value, pl.String() if dtype in (pl.Categorical, pl.Enum) else dtype)


class _Membership(_Written):
    JUDGES: ClassVar[Kinds] = PLAIN
    PROVABLE: ClassVar[bool] = True
    values: tuple[Value, ...] = Field(
        min_length=1, validation_alias=AliasChoices("values", "value_set", "allowed_values")
    )

    @property
    def written(self) -> tuple[Any, ...]:
        return self.values

    def member(self, value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
        """A short text set is a chain of comparisons, which is faster than a hash set."""
        if len(self.values) > FEW_VALUES:
            return value.is_in(members(self.values, dtype).implode())
        return functools.reduce(operator.or_, (value == literal(one, dtype) for one in self.values))


class InSet(_Membership):
    """The value is one of `values`."""

    ALIASES: ClassVar[tuple[str, ...]] = ("accepted_values",)
    check: Literal["in_set"] = "in_set"

    def says(self) -> str:
        return f"{self.column} is one of {shorten(self.values)}"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        return self.member(value, dtype)


class NotInSet(_Membership):
    """The value is none of `values`."""

    ALIASES: ClassVar[tuple[str, ...]] = ("rejected_values",)
    check: Literal["not_in_set"] = "not_in_set"

    def says(self) -> str:
        return f"{self.column} is none of {shorten(self.values)}"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        return ~self.member(value, dtype)


class InRange(Bounded, _Written):
    """The value lies between `min` and `max`, bounds included unless `exclusive` says otherwise."""

    ALIASES: ClassVar[tuple[str, ...]] = ("range", "between")
    JUDGES: ClassVar[Kinds] = ORDERED
    COMPARES: ClassVar[bool] = True
    PROVABLE: ClassVar[bool] = True
    check: Literal["in_range"] = "in_range"
    min: Value | None = Field(None, validation_alias=AliasChoices("min", "min_value"))
    max: Value | None = Field(None, validation_alias=AliasChoices("max", "max_value"))
    exclusive: Literal["min", "max", "both"] | None = None

    @property
    def written(self) -> tuple[Any, ...]:
        return tuple(bound for bound in (self.min, self.max) if bound is not None)

    def says(self) -> str:
        low, high = text_of(self.min, self.min), text_of(self.max, self.max)
        low = "" if self.min is None else f"{'>' if self.exclusive in ('min', 'both') else '>='} {low}"
        high = "" if self.max is None else f"{'<' if self.exclusive in ('max', 'both') else '<='} {high}"
        return f"{self.column} is {' and '.join(filter(None, (low, high)))}"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        inside = []
        if self.min is not None:
            low = literal(self.min, dtype)
            inside.append(value > low if self.exclusive in ("min", "both") else value >= low)
        if self.max is not None:
            high = literal(self.max, dtype)
            inside.append(value < high if self.exclusive in ("max", "both") else value <= high)
        return inside[0] if len(inside) == 1 else inside[0] & inside[1]


class _Comparison(ColumnRule):
    JUDGES: ClassVar[Kinds] = ORDERED
    COMPARES: ClassVar[bool] = True
    PROVABLE: ClassVar[bool] = True
    SIGN: ClassVar[str]

    def bound(self, dtype: pl.DataType) -> pl.Expr:
        raise NotImplementedError

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        bound = self.bound(dtype)
        match self.SIGN:
            case ">":
                return value > bound
            case ">=":
                return value >= bound
            case "<":
                return value < bound
            case "<=":
                return value <= bound
            case "=":
                return value == bound
            case _:
                return value != bound


class _ValueComparison(_Comparison, _Written):
    value: Value = Field(validation_alias=AliasChoices("value", "threshold"))

    @property
    def written(self) -> tuple[Any, ...]:
        return (self.value,)

    def says(self) -> str:
        return f"{self.column} {self.SIGN} {text_of(self.value, self.value)}"

    def bound(self, dtype: pl.DataType) -> pl.Expr:
        return literal(self.value, dtype)


class GreaterThan(_ValueComparison):
    """The value is greater than `value`."""

    ALIASES: ClassVar[tuple[str, ...]] = ("gt",)
    SIGN: ClassVar[str] = ">"
    check: Literal["greater_than"] = "greater_than"
    value: Value = Field(validation_alias=AliasChoices("value", "threshold", "min_value"))


class GreaterThanOrEqual(_ValueComparison):
    """The value is at least `value`."""

    ALIASES: ClassVar[tuple[str, ...]] = ("gte",)
    SIGN: ClassVar[str] = ">="
    check: Literal["greater_than_or_equal"] = "greater_than_or_equal"
    value: Value = Field(validation_alias=AliasChoices("value", "threshold", "min_value"))


class LessThan(_ValueComparison):
    """The value is less than `value`."""

    ALIASES: ClassVar[tuple[str, ...]] = ("lt",)
    SIGN: ClassVar[str] = "<"
    check: Literal["less_than"] = "less_than"
    value: Value = Field(validation_alias=AliasChoices("value", "threshold", "max_value"))


class LessThanOrEqual(_ValueComparison):
    """The value is at most `value`."""

    ALIASES: ClassVar[tuple[str, ...]] = ("lte",)
    SIGN: ClassVar[str] = "<="
    check: Literal["less_than_or_equal"] = "less_than_or_equal"
    value: Value = Field(validation_alias=AliasChoices("value", "threshold", "max_value"))


class Equal(_ValueComparison):
    """The value equals `value`."""

    ALIASES: ClassVar[tuple[str, ...]] = ("eq",)
    JUDGES: ClassVar[Kinds] = PLAIN
    SIGN: ClassVar[str] = "="
    check: Literal["equal"] = "equal"


class NotEqual(_ValueComparison):
    """The value differs from `value`."""

    ALIASES: ClassVar[tuple[str, ...]] = ("neq",)
    JUDGES: ClassVar[Kinds] = PLAIN
    SIGN: ClassVar[str] = "!="
    check: Literal["not_equal"] = "not_equal"


class _Sign(_Comparison):
    JUDGES: ClassVar[Kinds] = NUMBER

    def says(self) -> str:
        return f"{self.column} {self.SIGN} 0"

    def bound(self, dtype: pl.DataType) -> pl.Expr:
        return pl.lit(0)


class Positive(_Sign):
    """The number is greater than zero."""

    SIGN: ClassVar[str] = ">"
    check: Literal["positive"] = "positive"


class Negative(_Sign):
    """The number is less than zero."""

    SIGN: ClassVar[str] = "<"
    check: Literal["negative"] = "negative"


class NonNegative(_Sign):
    """The number is zero or more."""

    SIGN: ClassVar[str] = ">="
    check: Literal["non_negative"] = "non_negative"


class NonPositive(_Sign):
    """The number is zero or less."""

    SIGN: ClassVar[str] = "<="
    check: Literal["non_positive"] = "non_positive"
