"""Row rules: each says what holds for one row, and counts the rows for which it does not."""

from __future__ import annotations

import functools
import operator
from typing import Annotated, Any, ClassVar, Literal, Self

import polars as pl
from pydantic import AfterValidator, AliasChoices, Field, FiniteFloat, model_validator

from quality.engine.frame import Frame
from quality.engine.literals import Bounded, Value, check_literal, literal, members
from quality.engine.rule import (
    NUMBER,
    ORDERED,
    PLAIN,
    TEXT,
    TIME,
    ColumnRule,
    Judgement,
    Kinds,
    Measure,
    Reference,
    RowRule,
    Sql,
    State,
    Text,
    condition,
    kind_of,
    shorten,
)
from quality.errors import ConfigurationError

LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
EMAIL = rf"^[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{LABEL}(?:\.{LABEL})+$"
URL = r"^(?i:https?|ftp)://[^\s/?#@]+(?:@[^\s/?#@]+)?(?:[/?#]\S*)?$"
UUID = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
PHONE = r"^\+[1-9][0-9]{1,14}$"
IPV4 = r"^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])$"
FEW_VALUES = 8
ROUNDING = 1e-12
STRFTIME = {"YYYY": "%Y", "YY": "%y", "MM": "%m", "DD": "%d", "HH": "%H", "mm": "%M", "SS": "%S", "ss": "%S"}


def _regex(pattern: str) -> str:
    try:
        pl.select(pl.lit("").str.contains(pattern))
    except pl.exceptions.PolarsError as error:
        reason = str(error).strip().splitlines()
        said = next((line for line in reason if line.startswith("error:")), reason[0])
        raise ValueError(f"the pattern '{pattern}' cannot be compiled ({said.removeprefix('error: ')})") from None
    return pattern


class NotNull(ColumnRule):
    """The column is never null."""

    JUDGES_NULLS: ClassVar[bool] = True
    PROVABLE: ClassVar[bool] = True

    ALIASES: ClassVar[tuple[str, ...]] = ("required",)
    check: Literal["not_null"] = "not_null"

    def says(self) -> str:
        return f"{self.column} is not null"

    def passes(self, frame: Frame) -> pl.Expr:
        return pl.col(self.column).is_not_null()


class NotEmpty(ColumnRule):
    """The text is neither null nor blank."""

    JUDGES_NULLS: ClassVar[bool] = True
    JUDGES: ClassVar[Kinds] = TEXT
    check: Literal["not_empty"] = "not_empty"

    def says(self) -> str:
        return f"{self.column} is not null or blank"

    def passes(self, frame: Frame) -> pl.Expr:
        text = pl.col(self.column).cast(pl.String)
        return text.is_not_null() & (text.str.strip_chars() != "").fill_null(False)


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
        low = "" if self.min is None else f"{'>' if self.exclusive in ('min', 'both') else '>='} {self.min}"
        high = "" if self.max is None else f"{'<' if self.exclusive in ('max', 'both') else '<='} {self.max}"
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
        return f"{self.column} {self.SIGN} {self.value}"

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


Length_ = Annotated[int, Field(ge=0)]


class _Length(ColumnRule):
    JUDGES: ClassVar[Kinds] = TEXT

    def limits(self) -> tuple[int | None, int | None]:
        raise NotImplementedError

    def says(self) -> str:
        low, high = self.limits()
        bounds = (f"at least {low}" if low is not None else "", f"at most {high}" if high is not None else "")
        return f"{self.column} has {' and '.join(filter(None, bounds))} characters"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        low, high = self.limits()
        size = value.str.len_chars()
        parts = ([size >= low] if low is not None else []) + ([size <= high] if high is not None else [])
        return parts[0] if len(parts) == 1 else parts[0] & parts[1]


class Length(Bounded, _Length):
    """The text has between `min` and `max` characters."""

    check: Literal["length"] = "length"
    min: Length_ | None = Field(None, validation_alias=AliasChoices("min", "min_length"))
    max: Length_ | None = Field(None, validation_alias=AliasChoices("max", "max_length"))

    def limits(self) -> tuple[int | None, int | None]:
        return self.min, self.max


class MinLength(_Length):
    """The text has at least `value` characters."""

    check: Literal["min_length"] = "min_length"
    value: Length_ = Field(validation_alias=AliasChoices("value", "min_length", "min_len", "length"))

    def limits(self) -> tuple[int | None, int | None]:
        return self.value, None


class MaxLength(_Length):
    """The text has at most `value` characters."""

    check: Literal["max_length"] = "max_length"
    value: Length_ = Field(validation_alias=AliasChoices("value", "max_length", "max_len"))

    def limits(self) -> tuple[int | None, int | None]:
        return None, self.value


class Regex(ColumnRule):
    """The pattern (Rust syntax) is found in the text; anchor it with ^ and $ to match the whole."""

    ALIASES: ClassVar[tuple[str, ...]] = ("pattern",)
    JUDGES: ClassVar[Kinds] = TEXT
    check: Literal["regex"] = "regex"
    pattern: Annotated[str, AfterValidator(_regex)] = Field(validation_alias=AliasChoices("pattern", "regex"))

    def says(self) -> str:
        return f"{self.column} matches {self.pattern}"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        return value.str.contains(self.pattern)


class _Format(ColumnRule):
    JUDGES: ClassVar[Kinds] = TEXT
    PATTERN: ClassVar[str]
    WORD: ClassVar[str]

    def says(self) -> str:
        return f"{self.column} is {self.WORD}"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        return value.str.contains(self.PATTERN)


class EmailFormat(_Format):
    """The text is an e-mail address with a domain that has a dot."""

    ALIASES: ClassVar[tuple[str, ...]] = ("email",)
    PATTERN: ClassVar[str] = EMAIL
    WORD: ClassVar[str] = "an e-mail address"
    check: Literal["email_format"] = "email_format"


class UrlFormat(_Format):
    """The text is an http, https or ftp URL."""

    ALIASES: ClassVar[tuple[str, ...]] = ("url",)
    PATTERN: ClassVar[str] = URL
    WORD: ClassVar[str] = "a URL"
    check: Literal["url_format"] = "url_format"


class UuidFormat(_Format):
    """The text is a UUID in its hyphenated form."""

    ALIASES: ClassVar[tuple[str, ...]] = ("uuid",)
    PATTERN: ClassVar[str] = UUID
    WORD: ClassVar[str] = "a UUID"
    check: Literal["uuid_format"] = "uuid_format"


class PhoneFormat(_Format):
    """The text is a telephone number in E.164 form, such as +4930123456."""

    ALIASES: ClassVar[tuple[str, ...]] = ("phone",)
    PATTERN: ClassVar[str] = PHONE
    WORD: ClassVar[str] = "an E.164 telephone number"
    check: Literal["phone_format"] = "phone_format"


class Ipv4Format(_Format):
    """The text is a dotted IPv4 address."""

    ALIASES: ClassVar[tuple[str, ...]] = ("ipv4",)
    PATTERN: ClassVar[str] = IPV4
    WORD: ClassVar[str] = "an IPv4 address"
    check: Literal["ipv4_format"] = "ipv4_format"


class DateFormat(ColumnRule):
    """The text is a date or time of this `format`: strftime, or the YYYY-MM-DD style."""

    JUDGES: ClassVar[Kinds] = TEXT
    check: Literal["date_format"] = "date_format"
    format: Text

    @property
    def strftime(self) -> str:
        if "%" in self.format:
            return self.format
        written = self.format
        for token, directive in STRFTIME.items():
            written = written.replace(token, directive)
        return written

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if "%" not in self.strftime:
            raise ValueError(f"'{self.format}' names no part of a date; write %Y-%m-%d or YYYY-MM-DD")
        return self

    def says(self) -> str:
        return f"{self.column} has the format {self.format}"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        directives = set(self.strftime.replace("%-", "%").split("%")[1:])
        letters = {d[0] for d in directives if d}
        has_time = bool(letters & set("HIMSTRrXcfsz+"))
        has_date = bool(letters & set("YymdjbBeDFxcsGu"))
        kind = (pl.Datetime if has_date else pl.Time) if has_time else pl.Date
        parsed = value.str.strptime(kind, self.strftime, strict=False)
        return pl.when(value.is_not_null()).then(parsed.is_not_null())


class _Moment(ColumnRule):
    JUDGES: ClassVar[Kinds] = TIME
    PROVABLE: ClassVar[bool] = True

    def bind(self, frame: Frame) -> None:
        dtype = frame.schema[self.column]
        if dtype in (pl.Time, pl.Duration):
            raise ConfigurationError(f"column '{self.column}' is {dtype}; {self.check} judges dates and datetimes")

    def present(self, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        """Now, as the column counts time: in its zone, in UTC when it has none, as a day when it holds days."""
        zone = getattr(dtype, "time_zone", None)
        if dtype == pl.Date:
            return pl.lit(frame.around.now.date())
        moment = pl.lit(frame.around.now)
        return moment.dt.convert_time_zone(zone) if zone else moment.dt.replace_time_zone(None)


class NotFuture(_Moment):
    """The moment is not after now."""

    check: Literal["not_future"] = "not_future"

    def says(self) -> str:
        return f"{self.column} is not in the future"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        return value <= self.present(dtype, frame)


class NotPast(_Moment):
    """The moment is not before now."""

    check: Literal["not_past"] = "not_past"

    def says(self) -> str:
        return f"{self.column} is not in the past"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        return value >= self.present(dtype, frame)


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
        return f"{self.column} lies within {self.threshold:g} standard deviations of the mean"

    def moments(self, frame: Frame) -> tuple[float, float]:
        """Mean and standard deviation over finite values, in a query that comes before the one pass."""
        key = f"moments {self.column} {self.where}"

        def compute() -> tuple[float, float]:
            value = pl.col(self.column).cast(pl.Float64)
            keep = value.is_finite() if self.where is None else value.is_finite() & condition(self.where)
            kept = value.filter(keep)
            row = frame.collect(frame.lazy.select(kept.mean().alias("m"), kept.std().alias("s")), key, self.reads)
            mean, deviation = row.row(0)
            return mean or 0.0, deviation or 0.0

        found: tuple[float, float] = frame.once(key, compute)
        return found

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
        def keys() -> pl.Series:
            other = frame.reference(self.reference, self.theirs)
            column = pl.col(self.theirs)
            as_ours = column.cast(pl.String) if dtype == pl.String else column.cast(dtype, strict=False)
            same = other.filter(as_ours.cast(other.collect_schema()[self.theirs]) == column)
            return same.select(as_ours.unique()).collect(engine="streaming").to_series()

        known: pl.Series = frame.once(f"keys {self.reference} {self.theirs} {dtype}", keys)
        return value.is_in(known.implode())


class ConditionalNull(RowRule):
    """The column is not null in every row where `condition` (SQL) holds."""

    ALIASES: ClassVar[tuple[str, ...]] = ("conditional_not_null",)
    check: Literal["conditional_null"] = "conditional_null"
    column: Text
    condition: Sql = Field(validation_alias=AliasChoices("condition", "when", "predicate"))

    @property
    def subjects(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.column, *condition(self.condition).meta.root_names())))

    def says(self) -> str:
        return f"{self.column} is not null where {self.condition}"

    def bind(self, frame: Frame) -> None:
        frame.check_condition(self.condition)

    def passes(self, frame: Frame) -> pl.Expr:
        return pl.when(condition(self.condition)).then(pl.col(self.column).is_not_null())


class Expression(RowRule):
    """The SQL `expression` over the row's columns is true; where it is null the row is skipped."""

    ALIASES: ClassVar[tuple[str, ...]] = ("custom_expression", "custom", "satisfies")
    check: Literal["expression"] = "expression"
    expression: Sql = Field(validation_alias=AliasChoices("expression", "expr", "formula", "sql"))

    @property
    def subjects(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(condition(self.expression).meta.root_names()))

    def derived_name(self) -> str:
        return f"expression({shorten(self.expression, 60)}){self._scope()}"

    def says(self) -> str:
        return self.expression

    def bind(self, frame: Frame) -> None:
        frame.check_condition(self.expression)

    def passes(self, frame: Frame) -> pl.Expr:
        return condition(self.expression)
