"""Every claim that some rows let one make: about the table, its key, and each column."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from quality.engine.dtypes import kind_of
from quality.learning import keys, table
from quality.learning.claim import Claims, Column, Proposed, claim, column_of
from quality.learning.moments import of_moments
from quality.learning.numbers import of_numbers
from quality.learning.presence import of_presence
from quality.learning.related import References, related
from quality.learning.sample import Sample
from quality.learning.sets import of_few
from quality.learning.words import of_text

MOST_COLUMNS = 750
"""Of more columns no contract with rules of each could be read, by people least of all: rules are of the table then."""


def candidates(rows: pl.DataFrame, now: datetime, references: References, whole: Sample | None = None) -> Claims:
    """The claims, the strictest about each thing first; where the rows stand for a whole, about that."""
    schema = rows.schema
    total, rows = whole.total if whole else rows.height, rows.drop("", strict=False)
    claims = dict(table.of_table(schema, total)) | dict(keys.of_keys(rows))
    for name in rows.columns if rows.width <= MOST_COLUMNS else ():
        column = column_of(rows, name, whole.facts[name] if whole else None, total)
        for aspect, tier, fields, why in (*related(column, references), *_of_column(column, now)):
            place, made = claim(name, aspect, tier, fields, why)
            claims.setdefault(place, made)
    return claims


def _of_column(column: Column, now: datetime) -> Proposed:
    yield from of_presence(column)
    match kind_of(column.dtype):
        case "number":
            yield from of_numbers(column)
        case "text":
            yield from of_text(column)
        case "time":
            yield from of_moments(column, now)
        case "boolean":
            yield from (one for one in of_few(column) if one[0] == "varies")
