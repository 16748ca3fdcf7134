"""How much of a column is filled: all, or a share with room for chance."""

from __future__ import annotations

import math

from quality.learning.blocks import parts
from quality.learning.claim import Column, Proposed

ENOUGH = 1


def of_presence(column: Column) -> Proposed:
    """That no value is missing, or that at least such a share is there."""
    if column.rows < ENOUGH or column.nulls == column.rows:
        return
    shares = [float(part.sum()) / max(part.len(), 1) for part in parts(column.there)]
    filled = max(0.0, min(column.filled, *shares, 2 * min(shares) - max(shares) if len(shares) > 1 else 1.0))
    seen = f"{column.nulls:,} of {column.rows:,} rows have no value"
    if column.nulls == 0:
        yield "filled", "always", {"check": "not_null"}, seen
    chance = 4 * math.sqrt(max(filled * (1 - filled), 1 / column.rows) / column.rows)
    for tier, least in (("mostly", filled - chance - 0.01), ("roughly", 0.8 * filled), ("partly", 0.5 * filled)):
        ratio = math.floor(least * 100) / 100
        if ratio > 0:
            yield "filled", tier, {"check": "completeness_ratio", "min_ratio": ratio}, seen
