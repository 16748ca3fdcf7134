"""What the table as a whole lets one claim: its columns with their dtypes, and how many rows it has."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from quality.learning.claim import Claim, Place, claim
from quality.rules.dtype_names import DTYPES
from quality.texts import many

FEWEST, MOST, ENOUGH = 0.6, 1.6, 20


def of_table(schema: pl.Schema, rows: int) -> Iterator[tuple[Place, Claim]]:
    """The schema, closed where every dtype has a name; and a band for the number of rows."""
    named = {name: str(dtype.base_type().__name__) for name, dtype in schema.items()}
    stated = {name: dtype for name, dtype in named.items() if dtype.lower() in DTYPES and dtype != "Null"}
    if stated:
        fields = {"check": "schema", "columns": stated, "closed": len(stated) == len(named)}
        yield claim(None, "schema", "closed", fields, f"the data has {many(len(named), 'column')}")
    band = {"min": int(rows * FEWEST), "max": int(rows * MOST) + 1} if rows >= ENOUGH else {"min": 1}
    yield claim(None, "rows", "band", {"check": "row_count", **band}, f"the data has {many(rows, 'row')}")
