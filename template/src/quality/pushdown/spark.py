"""What Spark calls the same things."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

import polars as pl

from quality.pushdown.dialects import Dialect, UnsayableError, call, exp, number, text
from quality.pushdown.digits import DIGITS, DIGITS_OF_DECIMALS
from quality.pushdown.literals import narrow
from quality.pushdown.regexes import Words

SESSION = {
    "spark.sql.ansi.enabled": "true",  # what overflows, or is no number, is an error and not null
    "spark.sql.caseSensitive": "true",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",  # a SELECT of hundreds of counts takes minutes to compile
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.groupByOrdinal": "true",
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
    "spark.sql.variable.substitute": "false",  # a text with ${…} in it is that text
}
"""How a session must read SQL for it to mean what is said here."""


class Spark(Dialect):
    """Patterns are Java's."""

    NAME = "Spark"
    SQLGLOT = "spark"
    WORDS = Words(r"\A", r"\z", 1000, lambda code: rf"\x{{{code:x}}}", around=True, nested=True)
    NULLS = False  # a digit that follows it in a literal would be taken for a part of its code
    NAMES: ClassVar[Mapping[str, str]] = {"STARTS_WITH": "STARTSWITH", "STRPOS": "INSTR"}
    PARTS: ClassVar[Mapping[str, str]] = {"ISODOW": "DOW_ISO"}

    def plain(self, value: Any, kind: str) -> Any:
        return exp.Collate(this=value, expression=exp.to_identifier("UTF8_BINARY"))

    def found(self, value: Any, pattern: Any) -> Any:
        return call("REGEXP_LIKE", value, pattern)

    def contains(self, value: Any, part: Any) -> Any:
        return call("CONTAINS", value, part)

    def days(self, value: Any) -> Any:
        return call("UNIX_DATE", value)

    def microseconds(self, value: Any) -> Any:
        return call("UNIX_MICROS", self.cast(value, pl.Datetime("us", "UTC")))

    def integer_division(self, left: Any, right: Any) -> Any:
        return exp.IntDiv(this=left, expression=right)

    def bytes(self, value: Any) -> Any:
        return call("OCTET_LENGTH", value)

    def strip(self, value: Any, characters: str) -> Any:
        return call("BTRIM", value, text(characters))

    def quantile(self, value: Any, share: float) -> Any:
        return call("PERCENTILE", value, exp.Literal.number(repr(share)))

    def summed(self, value: Any, dtype: pl.DataType) -> Any:
        """Whole numbers are added as wide ones, which do not overflow."""
        return self.cast(value, pl.Int128()) if dtype.is_integer() else value

    def member(self, value: Any, dtype: pl.DataType) -> Any:
        """A float whose zero has no sign: of many members Spark makes a set, which tells the two zeros apart."""
        zero = self.cast(number(0), dtype) if dtype.is_float() else None
        return value if zero is None else exp.Paren(this=exp.Add(this=value, expression=zero))

    def compared(self, left: Any, right: Any) -> tuple[Any, Any]:
        """Exact numbers as decimals that hold both: Spark rounds without a word where 38 digits do not."""
        if left.dtype == right.dtype or not (left.dtype.is_decimal() or right.dtype.is_decimal()):
            return left.sql, right.sql
        (one, ours), (other, theirs) = (self.decimal(side) for side in (left, right))
        digits = max(ours.precision - ours.scale, theirs.precision - theirs.scale) + max(ours.scale, theirs.scale)
        if digits > DIGITS_OF_DECIMALS:
            raise UnsayableError(f"{left.dtype} cannot be compared with {right.dtype} in {self.NAME}")
        return one, other

    def decimal(self, value: Any) -> tuple[Any, Any]:
        """An exact number with no more digits than it needs, and that type."""
        if value.dtype.is_decimal() and value.cast is not None and value.cast.dtype.is_integer():
            value = value.cast
        if isinstance(value.held, Decimal):
            dtype = narrow([value.held])
            return self.cast(text(str(value.held)), dtype), dtype
        if value.dtype.is_decimal():
            return value.sql, value.dtype
        dtype = pl.Decimal(min(DIGITS_OF_DECIMALS, DIGITS.get(str(value.dtype), 1)), 0)
        return None if value.sql is None else self.cast(value.sql, dtype), dtype

    def exact(self, name: str, value: Any, dtype: pl.DataType) -> Any:
        """The function gives 64 bits; a float that does not fit has no fraction."""
        small = exp.LT(this=call("ABS", value), expression=self.cast(number(2**52), dtype))
        rounded = self.cast(call(name, value.copy()), dtype)
        return exp.Case(ifs=[exp.If(this=small, true=rounded)], default=value.copy())

    def any_order(self) -> list[Any]:
        return [exp.Null()]
