"""When values are so few, and each so frequent, that others would be a mistake."""

from __future__ import annotations

from quality.learning.blocks import fewest_distinct, is_clumped
from quality.learning.claim import Column, Proposed
from quality.texts import json_value

LEAST_OFTEN, LEAST_SHARE = 5, 0.002
LONGEST = 60


def of_few(column: Column, most: int = 40) -> Proposed:
    """A set of several values, each of them frequent; and, where no part of the rows lacks one, that none may."""
    values = column.values
    few = values.head(2_000).n_unique()
    if few > most or values.len() < 20:
        return
    counts = values.value_counts(sort=True)
    if not 1 < counts.height <= most:
        return
    rarest = counts["count"][-1]
    members = sorted(counts[counts.columns[0]].to_list(), key=lambda value: (str(type(value)), value))
    if rarest < max(LEAST_OFTEN, LEAST_SHARE * values.len()) or any(len(str(one)) > LONGEST for one in members):
        return
    if is_clumped(values):
        return
    why = f"{len(members)} values, the rarest {rarest:,} times in {values.len():,}"
    yield "values", "set", {"check": "in_set", "values": [json_value(one) for one in members]}, why
    if fewest_distinct(values) == len(members):
        yield "varies", "every value", {"check": "distinct_count", "min": len(members)}, why
