"""Formats of dates and times: what their texts are, and that each is written exactly so."""

from __future__ import annotations

import polars as pl

from quality.rules.date_style import strftime
from quality.rules.dates import pattern

CLOCK, CALENDAR, ZONE = set("HIMSTRrXcfsz+kl"), set("YymdjbBheDFxcsGuvC"), set("zs+")


def date_format(written: str) -> str:
    """The format in strftime's directives, of which YYYY-MM-DD is another style; ValueError for what is none."""
    pattern(written)
    return strftime(written)


def letters(form: str) -> set[str]:
    """The directives of a strftime format, without what is about their width."""
    return {part.lstrip("-_0.:123456789")[:1] for part in form.replace("%%", "").split("%")[1:]}


def dated(form: str) -> pl.DataType:
    """The dtype of a column that is written in a format: Date, Datetime (in UTC where it has a zone) or Time."""
    there = letters(form)
    if not there & CLOCK:
        return pl.Date()
    return pl.Datetime("us", "UTC" if there & ZONE else None) if there & CALENDAR else pl.Time()


def exactly_dated(text: pl.Expr, dtype: pl.DataType, form: str) -> pl.Expr:
    """The values of texts that are written exactly in the format, padding and all; null for others."""
    zoned = text.str.replace("Z$", "+00:00") if "z" in letters(form) else text
    value = zoned.str.strptime(dtype, form, strict=False)  # type: ignore[arg-type]
    return pl.when(text.str.contains(pattern(form))).then(value)
