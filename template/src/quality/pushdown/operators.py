"""Comparisons, arithmetic and casts of Polars in SQL."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import polars as pl

from quality.pushdown.dialects import Dialect, UnsayableError, exp, number
from quality.pushdown.digits import DIGITS, DIGITS_OF_DECIMALS
from quality.pushdown.functions import Value, all_of, any_of, case, paren
from quality.pushdown.literals import literal

COMPARED = {"Eq": "EQ", "NotEq": "NEQ", "Lt": "LT", "LtEq": "LTE", "Gt": "GT", "GtEq": "GTE"} | {
    "EqValidity": "NullSafeEQ",
    "NotEqValidity": "NullSafeNEQ",
}
COUNTED = {"Plus": "Add", "Minus": "Sub", "Multiply": "Mul"}


def operation(op: str, left: Value, right: Value, dtype: pl.DataType, dialect: Dialect) -> Any:
    """Two values and the operator between them."""
    if op in COMPARED:
        return _compared(op, left, right, dialect)
    if op in ("And", "LogicalAnd", "Or", "LogicalOr") and dtype == pl.Boolean:
        return (all_of if op.endswith("And") else any_of)([left.sql, right.sql])
    if op == "Xor" and dtype == pl.Boolean:
        return paren(exp.NEQ(this=left.sql, expression=right.sql))
    if dtype.is_integer() or dtype.is_float():
        return _arithmetic(op, left, right, dtype, dialect)
    raise UnsayableError(f"{op} of {left.dtype} and {right.dtype} cannot be said in {dialect.NAME}")


def _compared(op: str, left: Value, right: Value, dialect: Dialect) -> Any:
    kinds = {_kind(left.dtype), _kind(right.dtype)} - {"Null"}
    if len(kinds) > 1 or (kinds and _kind(left.dtype) in ("List", "Struct", "Time", "Duration", "Object")):
        raise UnsayableError(f"{left.dtype} cannot be compared with {right.dtype} in {dialect.NAME}")
    one, other = dialect.compared(left, right)
    return paren(getattr(exp, COMPARED[op])(this=one, expression=other))


def _kind(dtype: pl.DataType) -> str:
    return "exact" if dtype.is_integer() or dtype.is_decimal() else str(dtype).partition("(")[0]


def _arithmetic(op: str, left: Value, right: Value, dtype: pl.DataType, dialect: Dialect) -> Any:
    if left.dtype != right.dtype:
        raise UnsayableError(f"{op} of {left.dtype} and {right.dtype} cannot be said in {dialect.NAME}")
    if op in COUNTED:
        how = getattr(exp, COUNTED[op])
        if dtype.is_float():
            return paren(how(this=left.sql, expression=right.sql))
        if dtype == pl.Int128() and left.most is not None and right.most is not None:
            if reach(op, [left.most, right.most], 10**DIGITS_OF_DECIMALS) < 10**DIGITS_OF_DECIMALS:
                return paren(how(this=left.sql, expression=right.sql))
            raise UnsayableError(
                f"a number that may have more than {DIGITS_OF_DECIMALS} digits cannot be said in {dialect.NAME}"
            )
        sides = [dialect.cast(one.sql, wide(dtype)) for one in (left, right)]
        return wrapped(paren(how(this=sides[0], expression=sides[1])), dtype, dialect)
    if op == "TrueDivide" and left.dtype.is_integer():
        sides = [dialect.cast(one.sql, pl.Float64()) for one in (left, right)]
        held = None if right.held is None else float(right.held)
        return _quotient(sides[0], sides[1], held, dialect)
    if op == "TrueDivide" and left.dtype.is_float():
        return _quotient(left.sql, right.sql, right.held, dialect)
    if op == "Modulus" and dtype.is_integer():
        return _floored_rest(left.sql, right.sql)
    if op == "FloorDivide" and dtype.is_integer() and dtype != pl.Int128():
        return _floored(left.sql, right.sql, dialect)
    raise UnsayableError(f"{op} of {left.dtype} cannot be said in {dialect.NAME}")


def most(dtype: pl.DataType) -> int:
    """What a whole number of a dtype is at most, its sign aside."""
    return 1 << _bits(dtype) - (not str(dtype).startswith("U"))


def reach(op: str, of: Sequence[int], whole: int) -> int:
    """What an operator's result is at most, its sign aside; `whole` where nothing is known of it."""
    if op in ("Plus", "Minus"):
        return sum(of)
    return math.prod(of) if op == "Multiply" else whole


def wide(dtype: pl.DataType) -> pl.DataType:
    """Whole numbers that hold every sum and product of two of the dtype."""
    return pl.Int128() if _bits(dtype) == 64 else pl.Int64()


def _bits(dtype: pl.DataType) -> int:
    return int(str(dtype).lstrip("UInt"))


def wrapped(value: Any, dtype: pl.DataType, dialect: Dialect) -> Any:
    """A wide whole number as the dtype has it: above its greatest follows its least, where a database would fail."""
    if _bits(dtype) > 64:
        raise UnsayableError(f"arithmetic of {dtype} cannot be said in {dialect.NAME}")
    span, low = 2 ** _bits(dtype), 0 if str(dtype).startswith("U") else -(2 ** (_bits(dtype) - 1))
    of = dialect.cast(number(span), wide(dtype))
    least = dialect.cast(number(low), wide(dtype))
    rest = paren(exp.Mod(this=paren(exp.Sub(this=value, expression=least)), expression=of))
    again = paren(exp.Mod(this=paren(exp.Add(this=rest, expression=of.copy())), expression=of.copy()))
    return dialect.cast(paren(exp.Add(this=again, expression=least.copy())), dtype)


def _quotient(left: Any, right: Any, held: float | None, dialect: Dialect) -> Any:
    """By zero it is infinite, or NaN; the sign of a zero that a column holds cannot be told in SQL."""
    if held is None or held == 0:
        raise UnsayableError(f"a division by a column that may hold 0 cannot be said in {dialect.NAME}")
    return paren(exp.Div(this=left, expression=right, typed=True))


def _rest(left: Any, right: Any) -> Any:
    return paren(exp.Mod(this=left, expression=exp.Nullif(this=right, expression=number(0))))


def _apart(left: Any, right: Any) -> Any:
    """Whether there is a rest, whose sign is not that of the divisor."""
    rest = _rest(left, right)
    signs = exp.NEQ(
        this=paren(exp.LT(this=rest, expression=number(0))), expression=paren(exp.LT(this=right, expression=number(0)))
    )
    return all_of([paren(exp.NEQ(this=rest, expression=number(0))), paren(signs)])


def _floored_rest(left: Any, right: Any) -> Any:
    rest = _rest(left, right)
    return case((_apart(left, right), paren(exp.Add(this=rest, expression=right))), otherwise=rest)


def _floored(left: Any, right: Any, dialect: Dialect) -> Any:
    whole = paren(dialect.integer_division(left, exp.Nullif(this=right, expression=number(0))))
    return case((_apart(left, right), paren(exp.Sub(this=whole, expression=number(1)))), otherwise=whole)


def cast(value: Value, dtype: pl.DataType, dialect: Dialect) -> Any:
    """A value as another dtype, where both sides agree on every value."""
    was = value.dtype
    if was == dtype:
        return value.sql
    if was == pl.Null or _widens(was, dtype):
        return dialect.cast(value.sql, dtype)
    if value.most is not None and dtype == pl.Int64() and value.most < most(dtype):
        return dialect.cast(value.sql, dtype)
    if was == pl.Boolean and dtype.is_numeric():
        one, zero = (literal(n, dtype, dialect) for n in (1, 0))
        return case((value.sql, one), (paren(exp.Not(this=value.sql)), zero))
    raise UnsayableError(f"{was} as {dtype} cannot be said in {dialect.NAME}")


EXACT_DIGITS = 15
"""Of a decimal, so many are a float after one rounding only."""


def _widens(was: pl.DataType, dtype: pl.DataType) -> bool:
    if was.is_integer():
        if isinstance(dtype, pl.Decimal):
            return dtype.precision - dtype.scale >= DIGITS[str(was)]
        return dtype in (pl.Float64, pl.String) or (dtype.is_integer() and _inside(was, dtype))
    if isinstance(was, pl.Decimal):
        if isinstance(dtype, pl.Decimal):
            return dtype.scale >= was.scale and dtype.precision - dtype.scale >= was.precision - was.scale
        return dtype == pl.Float64 and was.precision <= EXACT_DIGITS
    if was == pl.Float32:
        return dtype == pl.Float64
    return was == pl.Date and isinstance(dtype, pl.Datetime) and dtype.time_zone is None


def _inside(was: pl.DataType, dtype: pl.DataType) -> bool:
    """Whether every whole number of the one dtype is one of the other."""
    (ours, signed), (theirs, also) = ((int(str(one).lstrip("UInt")), str(one)[0] == "I") for one in (was, dtype))
    return theirs >= ours if signed == also else also and theirs > ours
