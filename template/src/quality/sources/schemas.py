"""The schemas of all files as one: what differs between them is declared, or named."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple

import polars as pl

Evolution = Literal["new_columns", "missing_columns", "wider_numbers", "time_units"]
UNITS = ("ms", "us", "ns")
SIGNED = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Int128)
UNSIGNED = (pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)
MOST = 3
"""Differences that a message tells."""


class Difference(NamedTuple):
    """How one file differs from those before it, and what would allow it; None where nothing does."""

    said: str
    allowed_by: Evolution | None


class United(NamedTuple):
    """One schema that every file's rows fit in, what differs that is not declared, and the schemas that there are."""

    schema: pl.Schema
    differs: str | None
    schemas: Mapping[str, pl.Schema]


def unite(schemas: Sequence[tuple[str, pl.Schema]], allowed: Collection[Evolution]) -> United:
    """The schemas of files in order, by name, as one. Columns are matched by name, never by place."""
    distinct: dict[tuple[tuple[str, pl.DataType], ...], str] = {}
    for file, schema in schemas:
        distinct.setdefault(tuple(schema.items()), file)
    whole: dict[str, tuple[pl.DataType, str]] = {}
    found: list[Difference] = []
    for columns, file in distinct.items():
        found += _compare(dict(columns), file, whole)
    bad = [one for one in found if one.allowed_by not in allowed]
    schema = pl.Schema({name: dtype for name, (dtype, _) in whole.items()})
    if not bad and found:
        return United(schema, None, {})
    several = {file: pl.Schema(columns) for columns, file in distinct.items()}
    return United(schema, _told(bad), several if len(several) > 1 else {})


def _compare(there: dict[str, pl.DataType], file: str, whole: dict[str, tuple[pl.DataType, str]]) -> list[Difference]:
    """What differs in one file from the union of those before, which takes in what this file adds."""
    first, found = not whole, list[Difference]()
    for name, (dtype, other) in list(whole.items()):
        if name not in there:
            found.append(Difference(f"{file} has no column '{name}', which {other} has", "missing_columns"))
        elif there[name] != dtype:
            wide, by = wider(dtype, there[name])
            zones = " (one has a time zone, the other has none)" if _zones(dtype, there[name]) else ""
            said = f"{file} has '{name}' as {there[name]} where {other} has {dtype}{zones}"
            found.append(Difference(said, by))
            whole[name] = (wide, other)
    for name, dtype in there.items():
        if name not in whole:
            if not first:
                found.append(Difference(f"{file} has a column '{name}', which files before it lack", "new_columns"))
            whole[name] = (dtype, file)
    return found


def _zones(one: pl.DataType, other: pl.DataType) -> bool:
    both = isinstance(one, pl.Datetime) and isinstance(other, pl.Datetime)
    return both and (one.time_zone is None) != (other.time_zone is None)  # type: ignore[attr-defined]


def _told(bad: Sequence[Difference]) -> str | None:
    if not bad:
        return None
    more = f"; and {len(bad) - MOST:,} more" if len(bad) > MOST else ""
    words = list(dict.fromkeys(one.allowed_by for one in bad if one.allowed_by))
    allow = f"declare `source.evolution: [{', '.join(words)}]`" if words else ""
    fix = "write the files anew with one schema" if any(one.allowed_by is None for one in bad) else ""
    said = " ".join("; ".join(one.said for one in bad[:MOST]).split())
    return f"the files differ: {said}{more}: {' and '.join(filter(None, (allow, fix)))}"


def wider(one: pl.DataType, other: pl.DataType) -> tuple[pl.DataType, Evolution | None]:
    """The dtype that holds both without loss, and what declares it; the first with None where there is none."""
    if pl.Null in (one, other):
        return (other if one == pl.Null else one), "missing_columns"
    if one.is_integer() and other.is_integer():
        wide = _integer(one, other)
        return (wide, "wider_numbers") if wide is not None else (one, None)
    if one.is_float() and other.is_float():
        return (pl.Float64() if pl.Float64 in (one, other) else one), "wider_numbers"
    if isinstance(one, pl.Decimal) and isinstance(other, pl.Decimal):
        return _decimal(one, other)
    if isinstance(one, pl.Datetime) and isinstance(other, pl.Datetime) and one.time_zone == other.time_zone:
        return pl.Datetime(_finest(one.time_unit, other.time_unit), one.time_zone), "time_units"
    if isinstance(one, pl.Duration) and isinstance(other, pl.Duration):
        return pl.Duration(_finest(one.time_unit, other.time_unit)), "time_units"
    if isinstance(one, pl.List) and isinstance(other, pl.List):
        inner, by = wider(one.inner, other.inner)  # type: ignore[arg-type]
        return pl.List(inner), by
    return one, None


def _finest(one: Literal["ns", "us", "ms"], other: Literal["ns", "us", "ms"]) -> Literal["ns", "us", "ms"]:
    return max(one, other, key=UNITS.index)


def _integer(one: pl.DataType, other: pl.DataType) -> pl.DataType | None:
    for family in (SIGNED, UNSIGNED):
        if one in family and other in family:
            return max((one, other), key=family.index)
    signed, unsigned = (one, other) if one in SIGNED else (other, one)
    if signed not in SIGNED or unsigned not in UNSIGNED:
        return None
    return SIGNED[max(SIGNED.index(signed), UNSIGNED.index(unsigned) + 1)]()


def _decimal(one: pl.Decimal, other: pl.Decimal) -> tuple[pl.DataType, Evolution | None]:
    scale = max(one.scale, other.scale)
    digits = max(one.precision - one.scale, other.precision - other.scale) + scale
    return (pl.Decimal(digits, scale), "wider_numbers") if digits <= 38 else (one, None)


def exactly(name: str) -> pl.Expr:
    """The column of this very name, where names such as `*` and `^a$` are patterns to Polars."""
    is_pattern = name == "*" or (name.startswith("^") and name.endswith("$"))
    return pl.col(f"^{re.escape(name)}$") if is_pattern else pl.col(name)


def fitted(lazy: pl.LazyFrame, there: pl.Schema, whole: pl.Schema) -> pl.LazyFrame:
    """The rows of files of one schema in the schema of all."""
    if list(there.items()) == list(whole.items()):
        return lazy
    columns = [
        (exactly(name) if there[name] == dtype else exactly(name).cast(dtype)).alias(name)
        if name in there
        else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in whole.items()
    ]
    return lazy.select(columns)
