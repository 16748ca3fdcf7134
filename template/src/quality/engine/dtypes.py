"""Columns by their exact names, and the families that dtypes are of."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Container, Iterable
from typing import Literal

import polars as pl

Kind = Literal["number", "text", "time", "boolean", "nested", "null", "other"]
Kinds = frozenset[Kind]
ANY: Kinds = frozenset(("number", "text", "time", "boolean", "nested", "null", "other"))
NUMBER: Kinds = frozenset(("number", "null"))
TEXT: Kinds = frozenset(("text", "null"))
TIME: Kinds = frozenset(("time", "null"))
ORDERED: Kinds = NUMBER | TEXT | TIME
PLAIN: Kinds = ORDERED | {"boolean"}


def col(name: str) -> pl.Expr:
    """The column of exactly this name, which `pl.col` would take for a pattern where it is `*` or `^…$`."""
    if name != "*" and not (name.startswith("^") and name.endswith("$")):
        return pl.col(name)
    return pl.Expr.deserialize(io.StringIO(json.dumps({"Column": name})), format="json")


def exact(expr: pl.Expr) -> pl.Expr:
    """The expression with `*` and `^…$` as the names of columns that they are between the quotes of SQL."""
    if not expr.meta.has_multiple_outputs():
        return expr
    written = str(expr.meta.serialize(format="json")).replace('{"Selector":"Wildcard"}', '{"Column":"*"}')
    named = re.sub(r'\{"Selector":\{"Matches":("(?:[^"\\]|\\.)*")\}\}', r'{"Column":\1}', written)
    return pl.Expr.deserialize(io.StringIO(named), format="json")


def free(name: str, taken: Container[str]) -> str:
    """The name, made longer until no column has it."""
    return name if name not in taken else free(f"{name}_", taken)


def kind_of(dtype: pl.DataType) -> Kind:
    """The family of a dtype, which decides what rules can judge it."""
    if dtype.is_numeric():
        return "number"
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "text"
    if dtype.is_temporal():
        return "time"
    if dtype == pl.Boolean:
        return "boolean"
    if dtype.is_nested():
        return "nested"
    return "null" if dtype == pl.Null else "other"


def width_of(dtypes: Iterable[pl.DataType]) -> int | None:
    """Bytes of numbers and moments together, at most; None where one is of a dtype whose values are of any length."""
    known = list(dtypes)
    if not all(dtype.is_numeric() or dtype.is_temporal() for dtype in known):
        return None
    return sum(16 if dtype in (pl.Decimal, pl.Int128, pl.UInt128) else 8 for dtype in known)
