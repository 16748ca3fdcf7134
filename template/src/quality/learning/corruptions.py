"""Forty ways in which data goes wrong, each done to rows in memory; the same rows and seed give the same damage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import polars as pl

from quality.engine.dtypes import Kind, col, free, kind_of

PART, SOME = 20, 5
"""Of a hundred rows, how many are damaged where a part is, and where a few are."""
Damage = Callable[[pl.DataFrame, str, int], pl.DataFrame]


class Corruption(NamedTuple):
    """A way to go wrong, and the columns it befalls; none for the table as a whole."""

    name: str
    kinds: tuple[Kind, ...] | None
    damage: Damage


class Case(NamedTuple):
    """One corruption of one column, or of the table, and the rows that it makes."""

    corruption: str
    column: str | None
    rows: pl.DataFrame


def cases(rows: pl.DataFrame, key: tuple[str, ...], seed: int, most: int) -> Iterator[Case]:
    """Every corruption of the rows, each of at most so many columns; what changes nothing is none."""
    for number, one in enumerate(CORRUPTIONS):
        for column in _befallen(rows, one, key, seed + number)[:most]:
            made = one.damage(rows, column or "", seed + number)
            if not made.equals(rows) or made.schema != rows.schema:
                yield Case(one.name, column, made)


def _befallen(rows: pl.DataFrame, one: Corruption, key: tuple[str, ...], seed: int) -> list[str | None]:
    """The columns that a corruption can befall, in an order that the seed chooses."""
    if one.name in OF_A_KEY:
        return [name for name in key[:1] if name in rows.columns]
    if one.kinds is None:
        return [None]
    there = [name for name, dtype in rows.schema.items() if name and kind_of(dtype) in one.kinds]
    order = pl.Series(there, dtype=pl.String).hash(seed).arg_sort().to_list()
    return [there[n] for n in order]


def _here(share: int, seed: int) -> pl.Expr:
    """True in so many of a hundred rows, evenly scattered."""
    return pl.int_range(pl.len()).hash(seed) % 100 < share


def _values(make: Callable[[pl.Expr, pl.DataType], pl.Expr], share: int = 100) -> Damage:
    """New values in so many of a hundred rows that have one."""

    def damage(rows: pl.DataFrame, name: str, seed: int) -> pl.DataFrame:
        value, dtype = col(name), rows.schema[name]
        new = make(value, dtype)
        if share < 100:
            new = pl.when(_here(share, seed) & value.is_not_null()).then(new).otherwise(value)
        return rows.with_columns(new.alias(name))

    return damage


def _number(make: Callable[[pl.Expr], pl.Expr], share: int = 100) -> Damage:
    """New numbers, of the same dtype where it can hold them."""

    def new(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
        made = make(value.cast(pl.Float64))
        return made.cast(dtype, strict=False) if dtype.is_float() else made.round(0).cast(dtype, strict=False)

    return _values(new, share)


def _text(make: Callable[[pl.Expr], pl.Expr], share: int = 100) -> Damage:
    return _values(lambda value, dtype: make(value.cast(pl.String)), share)


def _moment(make: Callable[[pl.Expr], pl.Expr], share: int = 100) -> Damage:
    return _values(lambda value, dtype: make(value).cast(dtype) if dtype in MOVING else value, share)


MOVING = (pl.Date, pl.Datetime)
EPOCH = datetime(1970, 1, 1)
DAYS = timedelta(days=1)


def _null(share: int) -> Damage:
    return lambda rows, name, seed: rows.with_columns(
        pl.when(~_here(share, seed)).then(col(name)).alias(name).cast(rows.schema[name])
    )


def _first(rows: pl.DataFrame, name: str, seed: int) -> pl.DataFrame:
    return rows.with_columns(col(name).drop_nulls().first().alias(name))


def _twice(share: int) -> Damage:
    return lambda rows, name, seed: pl.concat([rows, rows.filter(_here(share, seed))])


def _gone(rows: pl.DataFrame, name: str, seed: int) -> pl.DataFrame:
    return rows.drop(_any(rows, seed), strict=True)


def _added(rows: pl.DataFrame, name: str, seed: int) -> pl.DataFrame:
    return rows.with_columns(pl.lit(1).alias(free("extra", rows.columns)))


def _renamed(rows: pl.DataFrame, name: str, seed: int) -> pl.DataFrame:
    old = _any(rows, seed)
    return rows.rename({old: free(f"{old}_new", rows.columns)})


def _any(rows: pl.DataFrame, seed: int) -> str:
    return rows.columns[seed % rows.width]


def _exchanged(rows: pl.DataFrame, name: str, seed: int) -> pl.DataFrame:
    """The values of two columns of one dtype change places."""
    pairs = [(a, b) for a in rows.columns for b in rows.columns if a < b and rows.schema[a] == rows.schema[b]]
    if not pairs:
        return rows
    a, b = pairs[seed * 7 % len(pairs)]
    return rows.with_columns(col(a).alias(b), col(b).alias(a))


def _repeated(rows: pl.DataFrame, name: str, seed: int) -> pl.DataFrame:
    """Some rows have the first row's key, whole."""
    return rows.with_columns(pl.when(_here(PART, seed)).then(col(name).first()).otherwise(col(name)).alias(name))


def _beyond(value: pl.Expr) -> pl.Expr:
    return value.max() + 5 * (value.max() - value.min() + 1)


OF_A_KEY = ("a key repeats", "a key is missing")
NUMBER: tuple[Kind, ...] = ("number",)
WORD: tuple[Kind, ...] = ("text",)
TIME: tuple[Kind, ...] = ("time",)
PLAIN: tuple[Kind, ...] = ("number", "text", "time", "boolean")
CORRUPTIONS: tuple[Corruption, ...] = (
    Corruption("half of the rows are lost", None, lambda rows, name, seed: rows.head(rows.height // 2)),
    Corruption("99 % of the rows are lost", None, lambda rows, name, seed: rows.head(-(-rows.height // 100))),
    Corruption("some rows are there twice", None, _twice(PART)),
    Corruption("all rows are there twice", None, _twice(100)),
    Corruption("a column is gone", None, _gone),
    Corruption("a column is renamed", None, _renamed),
    Corruption("a column is added", None, _added),
    Corruption("two columns are exchanged", None, _exchanged),
    Corruption("a key repeats", None, _repeated),
    Corruption("a key is missing", None, _null(PART)),
    Corruption("a part is null", PLAIN, _null(PART)),
    Corruption("half is null", PLAIN, _null(50)),
    Corruption("all is null", PLAIN, _null(100)),
    Corruption("one value is everywhere", PLAIN, _first),
    Corruption("the sign is turned", NUMBER, _number(lambda value: -value)),
    Corruption("another unit, 100 times", NUMBER, _number(lambda value: value * 100)),
    Corruption("another unit, a thousandth", NUMBER, _number(lambda value: value / 1_000)),
    Corruption("a few are far outside", NUMBER, _number(_beyond, SOME)),
    Corruption("999999 for no value", NUMBER, _number(lambda value: pl.lit(999_999.0), PART)),
    Corruption("-1 for no value", NUMBER, _number(lambda value: pl.lit(-1.0), PART)),
    Corruption("zero is everywhere", NUMBER, _number(lambda value: value * 0)),
    Corruption("all are shifted", NUMBER, _number(lambda value: value + 2 * (value.max() - value.min()))),
    Corruption("numbers that are none", NUMBER, _number(lambda value: value * float("nan"), SOME)),
    Corruption("numbers as text", NUMBER, _values(lambda value, dtype: value.cast(pl.String))),
    Corruption("blanks around text", WORD, _text(lambda value: " " + value + " ")),
    Corruption("capitals only", WORD, _text(lambda value: value.str.to_uppercase())),
    Corruption("small letters only", WORD, _text(lambda value: value.str.to_lowercase())),
    Corruption("text is cut", WORD, _text(lambda value: value.str.head(2))),
    Corruption("text in another encoding", WORD, _text(lambda value: value.str.replace_all("[aeou0-4]", "Ã¼"), PART)),
    Corruption("an unknown word", WORD, _text(lambda value: pl.lit("Zzyzx#9"), SOME)),
    Corruption("N/A for no value", WORD, _text(lambda value: pl.lit("N/A"), PART)),
    Corruption("empty text for no value", WORD, _text(lambda value: pl.lit(""), PART)),
    Corruption("control characters in text", WORD, _text(lambda value: value + "\x00", PART)),
    Corruption("markup in text", WORD, _text(lambda value: "<td>" + value + "</td>", PART)),
    Corruption("moments are a year old", TIME, _moment(lambda value: value - 365 * DAYS)),
    Corruption("moments far in the future", TIME, _moment(lambda value: value + 36_500 * DAYS, SOME)),
    Corruption("1970 for no moment", TIME, _moment(lambda value: pl.lit(EPOCH), PART)),
    Corruption("moments a century off", TIME, _moment(lambda value: value - 36_525 * DAYS, SOME)),
    Corruption("moments as text", TIME, _values(lambda value, dtype: value.cast(pl.String))),
    Corruption("yes and no as text", ("boolean",), _values(lambda value, dtype: value.cast(pl.String))),
)  # fmt: skip
