"""Text as a dtype, exactly: `1.`, `+1`, ` 1`, `inf` and 2024-1-1 are none, unless a contract says so."""

from __future__ import annotations

import re
from typing import NamedTuple

import polars as pl

from quality.sources.dates import exactly_dated
from quality.texts import BROKE

DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
CLOCK = "[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]{1,9})?)?"
WORDS = {"true": True, "false": False}


class Written(NamedTuple):
    """How the values of a column are written."""

    decimal: str = "."
    thousands: str | None = None
    scientific: bool = False
    date: str | None = None


def given(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Whether there is a value: an empty text is none, but for text."""
    return text.is_not_null() if dtype == pl.String else text.is_not_null() & (text != "")


def parsed(text: pl.Expr, dtype: pl.DataType, written: Written) -> pl.Expr:
    """The values of a text column; null where there is none, and where the text is not exactly one."""
    if dtype == pl.String:
        return text
    if dtype == pl.Null:
        return pl.lit(None)
    if dtype in (pl.Categorical, pl.Enum):
        return text.cast(dtype)
    if dtype == pl.Boolean:
        return text.str.to_lowercase().replace_strict(WORDS, default=None, return_dtype=pl.Boolean)
    return _time(text, dtype, written.date) if dtype.is_temporal() else _number(text, dtype, written)


def unparsed(text: pl.Expr, dtype: pl.DataType, written: Written) -> pl.Expr:
    """Whether there is a text that is not a value of the dtype."""
    return given(text, dtype) & parsed(text, dtype, written).is_null()


def strictly(text: pl.Expr, dtype: pl.DataType, written: Written, said: str) -> pl.Expr:
    """The values of a text column; a query that meets a text which is none of the dtype's breaks, and says so."""
    if dtype == pl.String:
        return text
    wrong = pl.when(unparsed(text, dtype, written)).then(pl.concat_str(pl.lit(f"{BROKE}{said} "), text))
    breaks = wrong.cast(pl.Int8, strict=True).cast(pl.Boolean)
    return pl.when(breaks.is_null()).then(parsed(text, dtype, written))


def _number(text: pl.Expr, dtype: pl.DataType, written: Written) -> pl.Expr:
    digits = "[0-9]+"
    if written.thousands:
        digits = f"(?:[0-9]+|[0-9]{{1,3}}(?:{re.escape(written.thousands)}[0-9]{{3}})+)"
    decimals = f"(?:{re.escape(written.decimal)}[0-9]+)?" if not dtype.is_integer() else ""
    if dtype == pl.Decimal:
        decimals = f"(?:{re.escape(written.decimal)}[0-9]{{1,9}})?"
    pattern = f"-?{digits}{decimals}"
    if written.scientific and dtype.is_float():
        pattern = f"(?:{pattern}(?:[eE][+-]?[0-9]+)?|-?(?i:inf|nan))"
    plain = text.str.replace_all(written.thousands, "", literal=True) if written.thousands else text
    plain = plain.str.replace(written.decimal, ".", literal=True) if written.decimal != "." else plain
    return pl.when(text.str.contains(rf"\A{pattern}\z")).then(plain).cast(dtype, strict=False)


def _time(text: pl.Expr, dtype: pl.DataType, form: str | None) -> pl.Expr:
    if form is not None:
        return exactly_dated(text, dtype, form)
    pattern = DAY if dtype == pl.Date else CLOCK if dtype == pl.Time else f"{DAY}[T ]{CLOCK}"
    exact_text = pl.when(text.str.contains(rf"\A{pattern}\z")).then(text)
    if dtype == pl.Date:
        return exact_text.str.to_date("%Y-%m-%d", strict=False)
    whole = pl.when(exact_text.str.contains(r"[T ]?[0-9]{2}:[0-9]{2}\z") & ~exact_text.str.contains(":.*:"))
    clock = whole.then(exact_text + ":00").otherwise(exact_text)
    if dtype == pl.Time:
        return clock.str.to_time("%H:%M:%S%.f", strict=False)
    return clock.str.replace("T", " ", literal=True).str.to_datetime(
        "%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False
    )
