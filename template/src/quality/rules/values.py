"""Row rules: each says what holds for one row, and counts the rows for which it does not."""

import functools
import operator
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import AliasChoices, Field

from quality.engine.dtypes import NUMBER, ORDERED, PLAIN, Kinds
from quality.engine.frame import Frame
from quality.engine.rule import ColumnRule
from quality.rules.bounds import Bound, Bounded, Value
from quality.rules.literals import Sign, check_order, compare, members, ordered, place
from quality.texts import shorten, text_of

FEW_VALUES = 8


class _Membership(ColumnRule):
    JUDGES: ClassVar[Kinds] = PLAIN
    PROVABLE: ClassVar[bool] = True
    values: tuple[Value, ...] = Field(
        min_length=1, validation_alias=AliasChoices("values", "value_set", "allowed_values")
    )

    def bind(self, frame: Frame) -> None:
        dtype = frame.schema[self.column]
        for value in self.values:
            place(value, pl.String() if dtype == pl.Enum else dtype)

    def member(self, value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
        """A short text set is a chain of comparisons, which is faster than a hash set."""
        if len(self.values) > FEW_VALUES:
            return value.is_in(members(self.values, dtype).implode())
        return functools.reduce(operator.or_, (compare(value, "=", place(one, dtype), dtype) for one in self.values))


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


class InRange(Bounded, ColumnRule):
    """The value lies between `min` and `max`, bounds included unless `exclusive` says otherwise."""

    ALIASES: ClassVar[tuple[str, ...]] = ("range", "between")
    JUDGES: ClassVar[Kinds] = ORDERED
    COMPARES: ClassVar[bool] = True
    PROVABLE: ClassVar[bool] = True
    check: Literal["in_range"] = "in_range"
    min: Bound | None = Field(None, validation_alias=AliasChoices("min", "min_value"))
    max: Bound | None = Field(None, validation_alias=AliasChoices("max", "max_value"))
    exclusive: Literal["min", "max", "both"] | None = None

    @property
    def limits(self) -> list[tuple[Sign, Any]]:
        """The bounds that are given, each with its sign."""
        low: Sign = ">" if self.exclusive in ("min", "both") else ">="
        high: Sign = "<" if self.exclusive in ("max", "both") else "<="
        return [(sign, bound) for sign, bound in zip((low, high), self.bounds, strict=True) if bound is not None]

    def says(self) -> str:
        bounds = [f"{sign} {text_of(bound, bound)}" for sign, bound in self.limits]
        return f"{self.column} {' and '.join(bounds)}"

    def _apart(self, low: Any, high: Any) -> bool:
        return super()._apart(low, high) or (self.exclusive is not None and low is not None and low == high)

    def bind(self, frame: Frame) -> None:
        check_order(self.bounds, frame.schema[self.column], self.column)

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        return functools.reduce(operator.and_, (compare(value, s, place(b, dtype), dtype) for s, b in self.limits))


class _Comparison(ColumnRule):
    JUDGES: ClassVar[Kinds] = ORDERED
    COMPARES: ClassVar[bool] = True
    PROVABLE: ClassVar[bool] = True
    SIGN: ClassVar[Sign]

    @property
    def bound(self) -> Any:
        raise NotImplementedError

    def says(self) -> str:
        return f"{self.column} {self.SIGN} {text_of(self.bound, self.bound)}"

    def bind(self, frame: Frame) -> None:
        ordered(self.bound, frame.schema[self.column], self.column)

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        return compare(value, self.SIGN, place(self.bound, dtype), dtype)


class _ValueComparison(_Comparison):
    value: Bound = Field(validation_alias=AliasChoices("value", "threshold"))

    @property
    def bound(self) -> Any:
        return self.value


class _Equality(_Comparison):
    """An Enum is text here: a value that is none of its categories is one that no row has."""

    JUDGES: ClassVar[Kinds] = PLAIN
    value: Value = Field(validation_alias=AliasChoices("value", "threshold"))

    @property
    def bound(self) -> Any:
        return self.value

    def bind(self, frame: Frame) -> None:
        dtype = frame.schema[self.column]
        place(self.value, pl.String() if dtype == pl.Enum else dtype)

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        return (
            super().holds(value.cast(pl.String), pl.String(), frame)
            if dtype == pl.Enum
            else super().holds(value, dtype, frame)
        )


class GreaterThan(_ValueComparison):
    """The value is greater than `value`."""

    ALIASES: ClassVar[tuple[str, ...]] = ("gt",)
    SIGN: ClassVar[Sign] = ">"
    check: Literal["greater_than"] = "greater_than"
    value: Bound = Field(validation_alias=AliasChoices("value", "threshold", "min_value"))


class GreaterThanOrEqual(_ValueComparison):
    """The value is at least `value`."""

    ALIASES: ClassVar[tuple[str, ...]] = ("gte",)
    SIGN: ClassVar[Sign] = ">="
    check: Literal["greater_than_or_equal"] = "greater_than_or_equal"
    value: Bound = Field(validation_alias=AliasChoices("value", "threshold", "min_value"))


class LessThan(_ValueComparison):
    """The value is less than `value`."""

    ALIASES: ClassVar[tuple[str, ...]] = ("lt",)
    SIGN: ClassVar[Sign] = "<"
    check: Literal["less_than"] = "less_than"
    value: Bound = Field(validation_alias=AliasChoices("value", "threshold", "max_value"))


class LessThanOrEqual(_ValueComparison):
    """The value is at most `value`."""

    ALIASES: ClassVar[tuple[str, ...]] = ("lte",)
    SIGN: ClassVar[Sign] = "<="
    check: Literal["less_than_or_equal"] = "less_than_or_equal"
    value: Bound = Field(validation_alias=AliasChoices("value", "threshold", "max_value"))


class Equal(_Equality):
    """The value equals `value`."""

    ALIASES: ClassVar[tuple[str, ...]] = ("eq",)
    SIGN: ClassVar[Sign] = "="
    check: Literal["equal"] = "equal"


class NotEqual(_Equality):
    """The value differs from `value`."""

    ALIASES: ClassVar[tuple[str, ...]] = ("neq",)
    SIGN: ClassVar[Sign] = "!="
    check: Literal["not_equal"] = "not_equal"


class _Sign(_Comparison):
    JUDGES: ClassVar[Kinds] = NUMBER

    @property
    def bound(self) -> Any:
        return 0


class Positive(_Sign):
    """The number is greater than zero."""

    SIGN: ClassVar[Sign] = ">"
    check: Literal["positive"] = "positive"


class Negative(_Sign):
    """The number is less than zero."""

    SIGN: ClassVar[Sign] = "<"
    check: Literal["negative"] = "negative"


class NonNegative(_Sign):
    """The number is zero or more."""

    SIGN: ClassVar[Sign] = ">="
    check: Literal["non_negative"] = "non_negative"


class NonPositive(_Sign):
    """The number is zero or less."""

    SIGN: ClassVar[Sign] = "<="
    check: Literal["non_positive"] = "non_positive"
