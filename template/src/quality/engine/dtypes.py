"""What dtypes there are, their families, and the names that people write for them."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Container
from typing import Annotated, Literal

import polars as pl
from pydantic import AfterValidator, WithJsonSchema

from quality.texts import nearest

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


PATTERN = "|".join(
    [*FAMILIES, *("".join(f"[{sign.upper()}{sign}]" if sign.isalpha() else sign for sign in n) for n in DTYPES)]
)
Dtype = Annotated[str, AfterValidator(_dtype), WithJsonSchema({"type": "string", "pattern": f"^({PATTERN})$"})]


def is_dtype(dtype: pl.DataType, name: str) -> bool:
    """Whether a dtype is of the named Polars type (`String`) or family (`string`, in lower case)."""
    family = FAMILIES.get(name)
    return bool(family(dtype)) if family else bool(dtype == DTYPES[name.lower()])
