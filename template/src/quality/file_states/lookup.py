"""Sorted marks looked up in a larger table of sorted marks: what is sorted alike is searched and not hashed."""

from __future__ import annotations

from itertools import count

import polars as pl

PART = 2**19
"""Rows of the table that are held at a time, and written as one group: few enough for their memory to be used again."""


def looked_up(table: pl.LazyFrame, marks: pl.Series) -> pl.DataFrame:
    """Of each mark that is in the table one of its rows there; numbers of files are read only where a mark is."""
    found = [pl.DataFrame(schema={"mark": pl.UInt64, "of": pl.UInt32})]
    for first in count(0, PART):
        part = table.slice(first, PART)
        held = part.select("mark").collect()["mark"]
        if held.is_empty():
            break
        up_to = marks.search_sorted(held[-1], side="right")
        inside, marks = marks.head(up_to), marks.slice(up_to)
        at = held.search_sorted(inside, side="left")
        met = pl.DataFrame({"mark": inside, "at": at}).filter(held.gather(at) == inside).unique("at")
        if not met.is_empty():
            found.append(met.select("mark", part.select("of").collect()["of"].gather(met["at"])))
        if held.len() < PART or marks.is_empty():
            break
    return pl.concat(found)
