"""Which keys occur more than once: exactly, and in eight bytes a row, or four where the memory budget asks for that.

Each key is marked: with the value itself where it is integer-like, with its hash otherwise. Marks are sorted range by
range; rows whose mark repeats are looked up again and compared by their real keys. A mark that is the whole value
needs no second look, and of 64 bits hardly any two are equal by chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import polars as pl
import polars.selectors as cs

from quality.engine.dtypes import col
from quality.engine.frame import Frame
from quality.engine.sql import condition

SNIFF = 10_000
BYTES_KEPT = 16
"""Of a mark of 64 bits and its place in what is sorted; where that is above the budget, marks have 32."""
BYTES_SORTED = 64
BYTES_COMPARED = 64


class Repeated(NamedTuple):
    """Rows whose key occurs more than once, of the rows judged; `among` selects them."""

    rows: int
    judged: int
    among: pl.Expr


Wheres = tuple[str | None, ...]


def repeated(frame: Frame, key: tuple[str, ...], where: str | None, wheres: Wheres = ()) -> Repeated:
    """Counts the rows of repeated keys among those inside `where`, in one go with all `wheres` of rules on this key."""
    try:
        return frame.once(_repeated, key, wheres or (where,))[where]
    except pl.exceptions.PolarsError:
        return _repeated(frame, key, (where,))[where]  # the `where` of another rule may be what broke


def present(key: tuple[str, ...], where: str | None = None) -> pl.Expr:
    """Rows that are judged: with no null in the key, and inside `where`."""
    filled = pl.all_horizontal([col(name).is_not_null() for name in key])
    return filled if where is None else filled & condition(where)


def _repeated(frame: Frame, key: tuple[str, ...], wheres: Wheres) -> dict[str | None, Repeated]:
    """A key that repeats inside `where` repeats in the whole: the whole is marked once, and looked up once for all."""
    label = f"unique({', '.join(key)})"
    whole = key_of(frame, key, [col(name) for name in key])
    if (rows := _increasing(frame, key, label)) is not None:
        judged: dict[str | None, int] = {None: rows, **_judged(frame, key, wheres, label)}
        return {where: Repeated(0, judged[where], pl.lit(False)) for where in wheres}
    width: type[pl.UInt64 | pl.UInt32] = pl.UInt64 if _is_roomy(frame) else pl.UInt32
    mark = whole.cast(width, wrap_numerical=True)
    marks = frame.collect(frame.lazy.select(pl.when(present(key)).then(mark).alias("mark")), label, key)["mark"]
    judged = {None: marks.len() - marks.null_count(), **_judged(frame, key, wheres, label)}
    batches = list(_candidates(marks, frame))
    del marks  # a gigabyte for 250 million rows, which nothing needs from here on
    if width is pl.UInt64 and wheres == (None,) and (number := number_of(frame, key)) is not None:
        values = pl.concat([number, *(batch.marks.cast(number.dtype, wrap_numerical=True) for batch in batches)])
        return {None: Repeated(sum(batch.rows for batch in batches), judged[None], whole.is_in(values.implode()))}
    found = [suspects(frame, key, wheres, mark.is_in(batch.marks.implode()), label) for batch in batches]
    answer = {}
    for inside, where in enumerate(wheres):
        parts = [twice(part, inside, key_of(frame, key, named(key))) for part in found]
        keys = pl.concat(
            [frame.lazy.head(0).select(whole.alias("key")).collect(), *(one.select("key") for one in parts)]
        )
        rows = sum(int(one["rows"].sum()) for one in parts)
        answer[where] = Repeated(rows, judged[where], whole.is_in(keys["key"].implode()))
    return answer


def _judged(frame: Frame, key: tuple[str, ...], wheres: Wheres, label: str) -> dict[str | None, int]:
    """How many rows with a key lie inside each `where`."""
    inside = {where: present(key, where) for where in wheres if where is not None}
    if not inside:
        return {}
    counts = frame.lazy.select(expr.sum().alias(str(n)) for n, expr in enumerate(inside.values()))
    reads = [name for expr in inside.values() for name in expr.meta.root_names()]
    return dict(zip(inside, frame.collect(counts, f"{label}, rows judged", reads).row(0), strict=True))


def suspects(frame: Frame, key: tuple[str, ...], wheres: Wheres, again: pl.Expr, label: str) -> pl.DataFrame:
    """The keys whose mark repeats, with the number of their rows inside and outside of each `where`."""
    inside = [present(key, where).alias(f"inside {number}") for number, where in enumerate(wheres)]
    named = [col(name).alias(f"key {n}") for n, name in enumerate(key)]
    rows = frame.lazy.filter(present(key) & again).select(*named, *inside)
    counted = rows.group_by(pl.all()).len("rows")
    reads = [*key, *(name for expr in inside for name in expr.meta.root_names())]
    return frame.collect(counted, f"{label}, compared", reads)


def named(key: tuple[str, ...]) -> list[pl.Expr]:
    """The key's columns among suspects, whose names of their own may be any."""
    return [pl.col(f"key {n}") for n in range(len(key))]


def twice(suspects: pl.DataFrame, number: int, whole: pl.Expr) -> pl.DataFrame:
    """The keys that occur more than once inside a `where`, in 64 bits, and their rows."""
    inside = suspects.lazy().filter(f"inside {number}").group_by(cs.starts_with("key ")).agg(pl.col("rows").sum())
    return inside.filter(pl.col("rows") > 1).select("rows", whole.alias("key")).collect()


def key_of(frame: Frame, key: tuple[str, ...], parts: list[pl.Expr]) -> pl.Expr:
    """The key, whose columns are `parts`, in 64 bits: its value where it is integer-like, else its hash."""
    dtype = frame.schema[key[0]]
    if len(key) == 1 and (dtype.is_integer() or dtype.is_temporal()):
        return parts[0].to_physical()
    return (pl.struct(parts) if len(key) > 1 else parts[0]).hash()


def _increasing(frame: Frame, key: tuple[str, ...], label: str) -> int | None:
    """The number of rows if the key strictly increases without nulls, which proves it unique; else None."""
    if len(key) > 1 or not frame.schema[key[0]].is_integer():
        return None
    value = col(key[0])
    falls = (value <= value.shift(1)).sum() + value.null_count()
    first = frame.lazy.select(value).head(SNIFF)
    if frame.collect(first.select(falls), f"{label}, first rows", key).item():
        return None
    falling = frame.collect(frame.lazy.select(falls), f"{label}, in order", key).item()
    return None if falling else frame.rows


def _is_roomy(frame: Frame) -> bool:
    """Whether a mark of 64 bits for each row fits the budget; asked where rows are counted without being read."""
    return frame.columnar and frame.rows * BYTES_KEPT <= frame.around.memory_budget


def number_of(frame: Frame, key: tuple[str, ...]) -> pl.Series | None:
    """An empty series of what a key is that its mark holds as a whole; None for other keys."""
    dtype = frame.schema[key[0]]
    if len(key) > 1 or not (dtype.is_integer() or dtype.is_temporal()):
        return None
    value = pl.Series("mark", [], dtype).to_physical()
    return value if value.dtype not in (pl.Int128, pl.UInt128) else None


class Batch(NamedTuple):
    """Marks that repeat, each once, and how many rows have them."""

    marks: pl.Series
    rows: int


def _candidates(marks: pl.Series, frame: Frame) -> Iterator[Batch]:
    """Marks that repeat, in batches that stand for as many rows as the budget allows, give or take one range."""
    budget, all_marks = frame.around.memory_budget, 2**64 if marks.dtype == pl.UInt64 else 2**32
    ranges, limit = max(1, -(-marks.len() * BYTES_SORTED // budget)), budget // BYTES_COMPARED
    width, found, rows = -(-all_marks // ranges), list[pl.Series](), 0
    for low in range(0, all_marks, width):
        first, last = (pl.lit(bound, marks.dtype) for bound in (low, min(low + width, all_marks) - 1))
        part = marks if ranges == 1 else marks.filter(marks.is_between(first, last))
        part = part.drop_nulls().sort()
        again = part.slice(1).filter(part.slice(1) == part.slice(0, max(part.len() - 1, 0)))
        found.append(again.unique())
        rows += again.len() + found[-1].len()
        if rows > limit:
            yield Batch(pl.concat(found), rows)
            found, rows = [], 0
    if rows:
        yield Batch(pl.concat(found), rows)
