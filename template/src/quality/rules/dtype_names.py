"""The names that people write for dtypes: one of Polars, or of a family of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import polars as pl
from pydantic import AfterValidator, WithJsonSchema

from quality.texts import nearest

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
