"""A claim: a rule that may hold, and what it stands on. Claims about one thing go from the strictest to the loosest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import polars as pl

from quality.engine.rule import Rule
from quality.learning.sample import Facts
from quality.rules.catalogue import parse_rule


class Place(NamedTuple):
    """Where a claim stands: its column (none for the table), what of it the claim is about, and how strict it is."""

    column: str | None
    aspect: str
    tier: str


class Claim(NamedTuple):
    """A rule, and in words why it is proposed."""

    rule: Rule
    why: str


Claims = dict[Place, Claim]
Proposed = Iterator[tuple[str, str, dict[str, Any], str]]
"""Aspect, tier, the fields of a rule about the column, and why; the strictest tier of an aspect first."""


class Column(NamedTuple):
    """A column of some rows: its values that are not null, and what is known of its whole where all rows are meant."""

    name: str
    dtype: pl.DataType
    values: pl.Series
    there: pl.Series
    rows: int
    nulls: int
    low: Any
    high: Any

    @property
    def filled(self) -> float:
        """The fraction of rows with a value."""
        return 1 - self.nulls / self.rows if self.rows else 0.0


def values_of(rows: pl.DataFrame, name: str) -> pl.Series:
    """A column under a name that is no pattern."""
    return rows.get_column(name).alias("value")


def column_of(rows: pl.DataFrame, name: str, facts: Facts | None, total: int) -> Column:
    """A column of these rows; where they stand for a larger whole, with the facts of that."""
    there = values_of(rows, name)
    values, filled = there.drop_nulls(), there.is_not_null().cast(pl.Int8)
    if facts is not None:
        return Column(name, there.dtype, values, filled, total, facts.nulls, facts.low, facts.high)
    return Column(name, there.dtype, values, filled, rows.height, there.null_count(), None, None)


def claim(column: str | None, aspect: str, tier: str, fields: dict[str, Any], why: str) -> tuple[Place, Claim]:
    """The claim that fields say."""
    about = {} if column is None else {"column": column}
    check = fields["check"]
    return Place(column, aspect, tier), Claim(parse_rule({"check": check, **about, **fields}), why)
