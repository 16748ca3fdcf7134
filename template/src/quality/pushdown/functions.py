"""Functions of Polars on the values of one row, each as SQL that gives the same, or no SQL at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import polars as pl

from quality.pushdown.dialects import Dialect, UnsayableError, call, exp, number, text
from quality.pushdown.literals import literal, narrow
from quality.pushdown.regexes import blanks


class Value(NamedTuple):
    """An argument as SQL, with its dtype; `held` is what is written down, `cast` what it is a cast of.

    A whole number is at `most` so much, whatever the data is.
    """

    sql: Any
    dtype: pl.DataType
    held: Any = None
    cast: Value | None = None
    most: int | None = None


Arguments = Sequence[Value]


def function(name: str, options: Sequence[Any], arguments: Arguments, dtype: pl.DataType, dialect: Dialect) -> Any:
    """The call of a function; UnsayableError names one that has no exact SQL."""
    if name not in FUNCTIONS:
        raise UnsayableError(f"the function {name} cannot be said in {dialect.NAME}")
    return FUNCTIONS[name](arguments, options, dtype, dialect)


def paren(value: Any) -> Any:
    """What is one value, whatever stands beside it."""
    return exp.Paren(this=value)


def case(*branches: tuple[Any, Any], otherwise: Any = None) -> Any:
    """The first branch that is true, or what is otherwise."""
    ifs = [exp.If(this=when, true=then) for when, then in branches]
    return exp.Case(ifs=ifs, default=otherwise)


def is_null(value: Any) -> Any:
    """Whether a value is null."""
    return paren(exp.Is(this=value, expression=exp.Null()))


def filled(value: Any) -> Any:
    """Whether a value is not null."""
    return paren(exp.Not(this=is_null(value)))


def negated(value: Any) -> Any:
    """The opposite; null stays null."""
    return paren(exp.Not(this=value))


def any_of(values: Sequence[Any]) -> Any:
    """Whether one is true; null where none is and one is null."""
    return paren(_joined(exp.Or, values))


def all_of(values: Sequence[Any]) -> Any:
    """Whether all are true; null where none is false and one is null."""
    return paren(_joined(exp.And, values))


def _joined(kind: Any, values: Sequence[Any]) -> Any:
    """Balanced, so that what is long is not deep."""
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    left, right = _joined(kind, values[:half]), _joined(kind, values[half:])
    return kind(this=left if half == 1 else paren(left), expression=right if len(values) - half == 1 else paren(right))


def _is_nan(a: Arguments, dialect: Dialect) -> Any:
    """Of a number that is no float no value is NaN."""
    value = a[0]
    if value.dtype.is_float():
        return paren(dialect.is_nan(value.sql, value.dtype))
    return case((filled(value.sql), exp.Boolean(this=False)))


def _finite(a: Arguments, dialect: Dialect) -> Any:
    value = a[0]
    if not value.dtype.is_float():
        return case((filled(value.sql), exp.Boolean(this=True)))
    odd = [literal(float(word), value.dtype, dialect) for word in ("nan", "inf", "-inf")]
    return negated(paren(exp.In(this=value.sql, expressions=odd)))


def _infinite(a: Arguments, dialect: Dialect) -> Any:
    ends = [literal(float(word), a[0].dtype, dialect) for word in ("inf", "-inf")]
    return paren(exp.In(this=a[0].sql, expressions=ends))


def _is_in(a: Arguments, options: Sequence[Any], dialect: Dialect) -> Any:
    """A null among the members is none: it makes nothing null."""
    if options[0] or not isinstance(a[1].held, pl.Series):
        raise UnsayableError(f"is_in with nulls, or with another column, cannot be said in {dialect.NAME}")
    members = a[1].held
    members = (members.explode() if members.dtype == pl.List else members).drop_nulls()
    if not members.len():
        return case((filled(a[0].sql), exp.Boolean(this=False)))
    each = members.unique(maintain_order=True).to_list()
    kind = narrow(each) if members.dtype.is_decimal() else members.dtype
    said = [literal(0.0 if one == 0.0 and kind.is_float() else one, kind, dialect) for one in each]
    value, _ = dialect.compared(a[0], Value(None, kind))
    return paren(exp.In(this=dialect.member(value, a[0].dtype), expressions=said))


def _between(a: Arguments, options: Sequence[Any], dialect: Dialect) -> Any:
    low = exp.GTE if options[0] in ("both", "left") else exp.GT
    high = exp.LTE if options[0] in ("both", "right") else exp.LT
    (above, least), (below, most) = (dialect.compared(a[0], end) for end in a[1:])
    return all_of([paren(low(this=above, expression=least)), paren(high(this=below, expression=most))])


def _contains(a: Arguments, options: Sequence[Any], dialect: Dialect) -> Any:
    if not isinstance(a[1].held, str):
        raise UnsayableError(f"a pattern that is no text cannot be said in {dialect.NAME}")
    if options[0]:
        return paren(dialect.contains(a[0].sql, a[1].sql))
    return dialect.matches(a[0].sql, a[1].held)


def _ends(a: Arguments, dialect: Dialect) -> Any:
    size = call("LENGTH", a[1].sql)
    return paren(exp.EQ(this=call("RIGHT", a[0].sql, dialect.cast(size, pl.Int32())), expression=a[1].sql))


def _slice(a: Arguments, dialect: Dialect) -> Any:
    if not all(isinstance(one.held, int) and one.held >= 0 for one in a[1:]):
        raise UnsayableError(f"a part of a text that is counted from its end cannot be said in {dialect.NAME}")
    return call("SUBSTR", a[0].sql, number(a[1].held + 1), number(a[2].held))


def _strip(a: Arguments, dialect: Dialect) -> Any:
    given = a[1].held
    if a[1].dtype != pl.Null and not isinstance(given, str):
        raise UnsayableError(f"characters that differ by row cannot be stripped in {dialect.NAME}")
    return dialect.strip(a[0].sql, given if a[1].dtype != pl.Null and given is not None else blanks())


def _concat(a: Arguments, options: Sequence[Any], dialect: Dialect) -> Any:
    said = [call("COALESCE", one.sql, text("")) if options[1] else one.sql for one in a]
    between = text(options[0])
    if options[0] and options[1]:
        raise UnsayableError(f"a separator between texts that may be null cannot be said in {dialect.NAME}")
    whole = said[0]
    for one in said[1:]:
        whole = exp.DPipe(this=exp.DPipe(this=whole, expression=between) if options[0] else whole, expression=one)
    return paren(whole)


def _rest(a: Arguments, dialect: Dialect) -> Any:
    """With the sign of what is divided; nothing where the divisor is 0."""
    _whole(a, dialect)
    return paren(exp.Mod(this=a[0].sql, expression=_divisor(a[1].sql)))


def _divisor(value: Any) -> Any:
    return exp.Nullif(this=value, expression=number(0))


def _whole(a: Arguments, dialect: Dialect) -> None:
    if not all(one.dtype.is_integer() for one in a):
        raise UnsayableError(f"a remainder of {a[0].dtype} cannot be said in {dialect.NAME}")


def _physical(a: Arguments, dialect: Dialect) -> Any:
    dtype = a[0].dtype
    if dtype == pl.Date:
        return dialect.cast(dialect.days(a[0].sql), pl.Int32())
    if isinstance(dtype, pl.Datetime):
        return dialect.cast(dialect.microseconds(a[0].sql), pl.Int64())
    if dtype.is_numeric() or dtype in (pl.String, pl.Boolean):
        return a[0].sql
    raise UnsayableError(f"the number behind {dtype} cannot be said in {dialect.NAME}")


def _negative(value: Any, dtype: pl.DataType, dialect: Dialect) -> Any:
    """Nothing is the negative of the least whole number but itself, as Polars has it."""
    less = paren(exp.Neg(this=paren(value)))
    if not dtype.is_integer():
        return less
    least = literal(-(2 ** (int(str(dtype).lstrip("UInt")) - 1)), dtype, dialect)
    return case((paren(exp.EQ(this=value.copy(), expression=least)), least.copy()), otherwise=less)


def _absolute(value: Value, dialect: Dialect) -> Any:
    if str(value.dtype).startswith("U"):
        return value.sql
    if value.dtype.is_float() or value.dtype == pl.Int128():
        return call("ABS", value.sql)
    less = _negative(value.sql.copy(), value.dtype, dialect)
    return case((paren(exp.LT(this=value.sql, expression=number(0))), less), otherwise=value.sql.copy())


def _find(a: Arguments, options: Sequence[Any], dialect: Dialect) -> Any:
    """In bytes from the start; a pattern that is more than plain letters is none that is found by its text."""
    part = a[1].held
    if not isinstance(part, str) or not (options[0] or re.escape(part).replace("\\ ", " ") == part):
        raise UnsayableError(f"the place of a pattern cannot be said in {dialect.NAME}")
    place = call("STRPOS", a[0].sql, a[1].sql)
    before = call("LEFT", a[0].sql.copy(), dialect.cast(paren(exp.Sub(this=place, expression=number(1))), pl.Int32()))
    there = paren(exp.GT(this=place.copy(), expression=number(0)))
    return dialect.cast(case((there, dialect.bytes(before))), pl.UInt32())


def _extract(part: str) -> Callable[[Arguments, Sequence[Any], pl.DataType, Dialect], Any]:
    def said(a: Arguments, options: Sequence[Any], dtype: pl.DataType, dialect: Dialect) -> Any:
        if a[0].dtype != pl.Date and not isinstance(a[0].dtype, pl.Datetime):
            raise UnsayableError(f"the {part.lower()} of {a[0].dtype} cannot be said in {dialect.NAME}")
        if a[0].dtype == pl.Date and part in ("HOUR", "MINUTE"):
            raise UnsayableError(f"the {part.lower()} of a date cannot be said in {dialect.NAME}")
        named = exp.var(dialect.PARTS.get(part, part))
        return dialect.cast(exp.Extract(this=named, expression=a[0].sql), dtype)

    return said


def _exact(name: str) -> Callable[[Arguments, Sequence[Any], pl.DataType, Dialect], Any]:
    """A function of one float that has the same name, and the same result to the last digit."""

    def said(a: Arguments, options: Sequence[Any], dtype: pl.DataType, dialect: Dialect) -> Any:
        if a[0].dtype.is_decimal():
            raise UnsayableError(f"{name.lower()} of {a[0].dtype} cannot be said in {dialect.NAME}")
        return dialect.exact(name, a[0].sql, a[0].dtype) if a[0].dtype.is_float() else a[0].sql

    return said


FUNCTIONS: dict[str, Callable[[Arguments, Sequence[Any], pl.DataType, Dialect], Any]] = {
    "BooleanFunction.IsNull": lambda a, o, t, d: is_null(a[0].sql),
    "BooleanFunction.IsNotNull": lambda a, o, t, d: filled(a[0].sql),
    "BooleanFunction.IsNan": lambda a, o, t, d: _is_nan(a, d),
    "BooleanFunction.IsNotNan": lambda a, o, t, d: negated(_is_nan(a, d)),
    "BooleanFunction.IsFinite": lambda a, o, t, d: _finite(a, d),
    "BooleanFunction.IsInfinite": lambda a, o, t, d: _infinite(a, d),
    "BooleanFunction.Not": lambda a, o, t, d: negated(a[0].sql),
    "BooleanFunction.IsIn": lambda a, o, t, d: _is_in(a, o, d),
    "BooleanFunction.IsBetween": lambda a, o, t, d: _between(a, o, d),
    "BooleanFunction.AnyHorizontal": lambda a, o, t, d: any_of([one.sql for one in a]),
    "BooleanFunction.AllHorizontal": lambda a, o, t, d: all_of([one.sql for one in a]),
    "StringFunction.Contains": lambda a, o, t, d: _contains(a, o, d),
    "StringFunction.StartsWith": lambda a, o, t, d: call("STARTS_WITH", a[0].sql, a[1].sql),
    "StringFunction.EndsWith": lambda a, o, t, d: _ends(a, d),
    "StringFunction.LenChars": lambda a, o, t, d: d.cast(call("LENGTH", a[0].sql), t),
    "StringFunction.LenBytes": lambda a, o, t, d: d.cast(d.bytes(a[0].sql), t),
    "StringFunction.StripChars": lambda a, o, t, d: _strip(a, d),
    "StringFunction.Find": lambda a, o, t, d: _find(a, o, d),
    "StringFunction.Slice": lambda a, o, t, d: _slice(a, d),
    "StringFunction.ConcatHorizontal": lambda a, o, t, d: _concat(a, o, d),
    "TemporalFunction.Year": _extract("YEAR"),
    "TemporalFunction.Quarter": _extract("QUARTER"),
    "TemporalFunction.Month": _extract("MONTH"),
    "TemporalFunction.Day": _extract("DAY"),
    "TemporalFunction.WeekDay": _extract("ISODOW"),
    "TemporalFunction.OrdinalDay": _extract("DOY"),
    "TemporalFunction.Hour": _extract("HOUR"),
    "TemporalFunction.Minute": _extract("MINUTE"),
    "fill_null": lambda a, o, t, d: call("COALESCE", a[0].sql, a[1].sql),
    "coalesce": lambda a, o, t, d: call("COALESCE", *(one.sql for one in a)),
    "abs": lambda a, o, t, d: _absolute(a[0], d),
    "floor": _exact("FLOOR"),
    "ceil": _exact("CEIL"),
    "negate": lambda a, o, t, d: _negative(a[0].sql, t, d),
    "trunc_rem": lambda a, o, t, d: _rest(a, d),
    "to_physical": lambda a, o, t, d: _physical(a, d),
}
