"""What databases call the same things: the words of any, and those of DuckDB and PostgreSQL."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from typing import Any, ClassVar

import polars as pl

from quality.errors import ConfigurationError
from quality.pushdown.digits import DIGITS_OF_DECIMALS, digits_of
from quality.pushdown.regexes import UnsaidError, Words, translated


class _Expressions:
    """The nodes of SQLGlot, an extra, which is imported when the first is asked for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_sqlglot(), name)


@functools.cache
def _sqlglot() -> Any:
    return importlib.import_module("sqlglot.expressions")


exp: Any = _Expressions()
TYPES: dict[type[pl.DataType], str] = {
    pl.Boolean: "BOOLEAN",
    pl.Int8: "SMALLINT",
    pl.Int16: "SMALLINT",
    pl.Int32: "INT",
    pl.Int64: "BIGINT",
    pl.UInt8: "SMALLINT",
    pl.UInt16: "INT",
    pl.UInt32: "BIGINT",
    pl.UInt64: "DECIMAL(20, 0)",
    pl.Int128: "DECIMAL(38, 0)",
    pl.Float32: "REAL",
    pl.Float64: "DOUBLE",
    pl.String: "TEXT",
    pl.Date: "DATE",
    pl.Binary: "BLOB",
}
PATTERN = "pattern"
"""Under which a node of SQL keeps the pattern that it looks for."""


class UnsayableError(ConfigurationError):
    """What Polars means here cannot be said exactly in the SQL of this database."""


class UnreadableError(UnsayableError):
    """A column is of a type that is not judged there."""


def call(name: str, *arguments: Any) -> Any:
    """A function by exactly this name."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def text(value: str) -> Any:
    """A text as it stands in SQL."""
    return exp.Literal.string(value)


def number(value: int) -> Any:
    """A whole number as it stands in SQL."""
    return exp.Literal.number(value) if value >= 0 else exp.Paren(this=exp.Neg(this=exp.Literal.number(-value)))


class Dialect:
    """The words of one database."""

    NAME: ClassVar[str]
    SQLGLOT: ClassVar[str]
    WORDS: ClassVar[Words]
    NULLS: ClassVar[bool] = True
    """Whether a text can hold the character of code 0."""
    NAMES: ClassVar[Mapping[str, str]] = {}
    """Functions that have another name there."""
    MOST: ClassVar[int] = 2**31
    """Counts of one SELECT, whose columns and windows stand beside them in one below."""
    PARTS: ClassVar[Mapping[str, str]] = {}
    """Parts of a moment that have another name there."""

    def written(self, tree: Any) -> str:
        for one in tree.find_all(exp.Anonymous) if self.NAMES else ():
            one.set("this", self.NAMES.get(one.this, one.this))
        return str(tree.sql(dialect=self.SQLGLOT))

    def type(self, dtype: pl.DataType) -> str:
        """The type that holds every value of a dtype."""
        if isinstance(dtype, pl.Decimal):
            return f"DECIMAL({dtype.precision}, {dtype.scale})"
        if isinstance(dtype, pl.Datetime) and dtype.time_unit == "us" and dtype.time_zone in (None, "UTC"):
            return "TIMESTAMPTZ" if dtype.time_zone else "TIMESTAMP"
        if (name := TYPES.get(type(dtype))) is None:
            raise UnsayableError(f"{dtype} cannot be said in {self.NAME}")
        return name

    def cast(self, value: Any, dtype: pl.DataType) -> Any:
        return exp.Cast(this=value, to=exp.DataType.build(self.type(dtype), dialect="duckdb"))

    def read(self, column: Any, kind: str, dtype: pl.DataType) -> Any:
        """A column of a table as every rule reads it; what its dtype cannot hold breaks the query on purpose."""
        if dtype == pl.String:
            return self.plain(self.cast(column, dtype), kind)
        odd = self.odd(column, dtype)
        if odd is None:
            return column if self.is_native(kind) else self.cast(column, dtype)
        said = exp.DPipe(this=self.cast(column.copy(), pl.String()), expression=text(" has no place in Polars"))
        return exp.Case(ifs=[exp.If(this=odd, true=self.cast(said, dtype))], default=column.copy())

    def odd(self, column: Any, dtype: pl.DataType) -> Any:
        """When a value is none that Polars and Python have: infinite days, and those after the year 9999."""
        if dtype != pl.Date and not isinstance(dtype, pl.Datetime):
            return None
        first, last = (self.cast(text(day), pl.Date()) for day in ("0001-01-01", "9999-12-31"))
        day = exp.Cast(this=column, to=exp.DataType.build("DATE", dialect="duckdb"))
        return exp.Or(this=exp.LT(this=day, expression=first), expression=exp.GT(this=day.copy(), expression=last))

    def plain(self, value: Any, kind: str) -> Any:
        """Text that is compared by its bytes, whatever the table says."""
        raise NotImplementedError

    def is_native(self, kind: str) -> bool:
        return True

    def is_nan(self, value: Any, dtype: pl.DataType) -> Any:
        return exp.EQ(this=value, expression=self.cast(text("NaN"), dtype))

    def matches(self, value: Any, pattern: str) -> Any:
        """Whether a pattern is found in a text; what it is called is kept, to be tried on no row first."""
        try:
            said = self.found(value, text(translated(pattern, self.WORDS)))
        except (UnsaidError, IndexError) as error:
            why = f", {error.why}" if isinstance(error, UnsaidError) and error.why else ""
            raise UnsayableError(f"the regex {error} of '{pattern}' cannot be said in {self.NAME}{why}") from None
        said.meta[PATTERN] = pattern
        return said

    def tried(self, pattern: str) -> str:
        """A statement that takes a pattern apart, and reads no table."""
        found = self.found(self.cast(text("a"), pl.String()), text(translated(pattern, self.WORDS)))
        return self.written(exp.Select().select(exp.alias_(found, "r0", quoted=True)))

    def found(self, value: Any, pattern: Any) -> Any:
        raise NotImplementedError

    def contains(self, value: Any, part: Any) -> Any:
        raise NotImplementedError

    def days(self, value: Any) -> Any:
        raise NotImplementedError

    def microseconds(self, value: Any) -> Any:
        raise NotImplementedError

    def integer_division(self, left: Any, right: Any) -> Any:
        raise NotImplementedError

    def bytes(self, value: Any) -> Any:
        raise NotImplementedError

    def strip(self, value: Any, characters: str) -> Any:
        raise NotImplementedError

    def quantile(self, value: Any, share: float) -> Any:
        """Interpolated between neighbors in an order in which NaN is the greatest."""
        raise NotImplementedError

    def summed(self, value: Any, dtype: pl.DataType) -> Any:
        """A value as it is added up."""
        return value

    def binary(self, code: str) -> Any:
        """Bytes, of which each is two hexadecimal digits here, as they stand in SQL."""
        return call("UNHEX", text(code))

    def member(self, value: Any, dtype: pl.DataType) -> Any:
        """A value as it is looked up among others."""
        return value

    def compared(self, left: Any, right: Any) -> tuple[Any, Any]:
        """Two values as they are compared, whose types may differ."""
        return left.sql, right.sql

    def exact(self, name: str, value: Any, dtype: pl.DataType) -> Any:
        """A float rounded to a whole one, by a function of this name."""
        return call(name, value)

    def any_order(self) -> list[Any]:
        """What rows are numbered by whose order does not matter."""
        return []


class DuckDB(Dialect):
    """Patterns are RE2's."""

    NAME = "DuckDB"
    SQLGLOT = "duckdb"
    WORDS = Words(r"\A", r"\z", 1000, lambda code: rf"\x{{{code:x}}}")

    def type(self, dtype: pl.DataType) -> str:
        own: dict[type[pl.DataType], str] = {pl.Int8: "TINYINT", pl.UInt64: "UBIGINT", pl.Int128: "HUGEINT"}
        return own.get(type(dtype)) or super().type(dtype)

    def plain(self, value: Any, kind: str) -> Any:
        return exp.Collate(this=value, expression=exp.to_identifier("binary"))

    def found(self, value: Any, pattern: Any) -> Any:
        return call("REGEXP_MATCHES", value, pattern)

    def contains(self, value: Any, part: Any) -> Any:
        return call("CONTAINS", value, part)

    def days(self, value: Any) -> Any:
        return call("DATE_DIFF", text("day"), self.cast(text("1970-01-01"), pl.Date()), value)

    def microseconds(self, value: Any) -> Any:
        return call("EPOCH_US", value)

    def integer_division(self, left: Any, right: Any) -> Any:
        return exp.IntDiv(this=left, expression=right)

    def bytes(self, value: Any) -> Any:
        return call("STRLEN", value)

    def strip(self, value: Any, characters: str) -> Any:
        return call("TRIM", value, text(characters))

    def compared(self, left: Any, right: Any) -> tuple[Any, Any]:
        """Exact numbers as they are, where 38 digits hold both: others fail once a row needs more."""
        digits = sum(map(max, zip(digits_of(left), digits_of(right), strict=True)))
        apart = left.dtype != right.dtype and (left.dtype.is_decimal() or right.dtype.is_decimal())
        if apart and digits > DIGITS_OF_DECIMALS:
            raise UnsayableError(f"{left.dtype} cannot be compared with {right.dtype} in {self.NAME}")
        return super().compared(left, right)

    def quantile(self, value: Any, share: float) -> Any:
        return call("QUANTILE_CONT", value, exp.Literal.number(repr(share)))


class PostgreSQL(Dialect):
    """Patterns are its own advanced regular expressions."""

    NAME = "PostgreSQL"
    SQLGLOT = "postgres"
    MOST = 800  # of 1,664 columns
    WORDS = Words(
        r"\A", r"\Z", 255, lambda code: rf"\u{code:04x}" if code < 2**16 else rf"\U{code:08x}", around=True, first=1
    )
    NULLS = False

    def plain(self, value: Any, kind: str) -> Any:
        return exp.Collate(this=value, expression=exp.to_identifier("C", quoted=True))

    def odd(self, column: Any, dtype: pl.DataType) -> Any:
        """Numbers of a fixed scale can be NaN there."""
        if isinstance(dtype, pl.Decimal):
            return exp.EQ(this=column, expression=self.cast(text("NaN"), dtype))
        return super().odd(column, dtype)

    def found(self, value: Any, pattern: Any) -> Any:
        return exp.Paren(this=exp.RegexpLike(this=value, expression=pattern))

    def contains(self, value: Any, part: Any) -> Any:
        return exp.GT(this=call("STRPOS", value, part), expression=number(0))

    def days(self, value: Any) -> Any:
        return exp.Paren(this=exp.Sub(this=value, expression=self.cast(text("1970-01-01"), pl.Date())))

    def microseconds(self, value: Any) -> Any:
        seconds = exp.Extract(this=exp.var("EPOCH"), expression=value)
        return self.cast(exp.Paren(this=exp.Mul(this=seconds, expression=number(1_000_000))), pl.Int64())

    def integer_division(self, left: Any, right: Any) -> Any:
        return exp.Div(this=left, expression=right, typed=True)

    def bytes(self, value: Any) -> Any:
        return call("OCTET_LENGTH", value)

    def binary(self, code: str) -> Any:
        return call("DECODE", text(code), text("hex"))

    def strip(self, value: Any, characters: str) -> Any:
        return call("BTRIM", value, text(characters))

    def quantile(self, value: Any, share: float) -> Any:
        order = exp.Order(expressions=[exp.Ordered(this=value, nulls_first=False)])
        return exp.WithinGroup(this=call("PERCENTILE_CONT", exp.Literal.number(repr(share))), expression=order)
