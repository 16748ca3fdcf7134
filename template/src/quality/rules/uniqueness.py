"""Which keys occur more than once: exactly, and in eight bytes a row, or four where the memory budget asks for that.

Each key is marked: with the value itself where it is integer-like, with its hash otherwise. The pass takes the marks
where they fit. They are sorted range by range; rows whose mark repeats are compared by their real keys: those that were
taken as well, where they are numbers, or looked up again. A mark that is the whole value needs no second look, and of
64 bits hardly any two are equal by chance.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import polars as pl
import polars.selectors as cs

from quality.engine.dtypes import col, width_of
from quality.engine.frame import Frame
from quality.engine.rule import Taken
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
Width = type[pl.UInt64 | pl.UInt32]


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


def taken(frame: Frame, key: tuple[str, ...], wheres: Wheres = ()) -> Taken | None:
    """What the pass takes of every row for a key; None where it may be in order, or where its marks do not fit."""
    if frame.once(_starts_in_order, key):
        return None
    room = frame.around.memory_budget // max(frame.rows, 1)
    return _taken(frame, key, wheres or (None,), room, pl.UInt64) if room >= BYTES_KEPT else None


def _taken(frame: Frame, key: tuple[str, ...], wheres: Wheres, room: int, width: Width) -> Taken:
    """Marks, what lies inside each `where`, and the key, where it is numbers that fit: none is looked up later then."""
    mark = key_of(frame, key, [col(name) for name in key]).cast(width, wrap_numerical=True)
    values: dict[str, pl.Expr] = {"mark": pl.when(present(key)).then(mark)}
    values |= {f"inside {n}": present(key, where) for n, where in enumerate(wheres)}
    more, held = width_of(frame.schema[name] for name in key), BYTES_KEPT
    is_known = wheres == (None,) and number_of(frame, key) is not None
    if more is not None and not is_known and held + more <= room:
        held += more
        values |= {f"key {n}": col(name) for n, name in enumerate(key)}
    return Taken(_name(key, wheres), _label(key), values, partial(_marked, frame, key, wheres), held)


def _name(key: tuple[str, ...], wheres: Wheres) -> tuple[Hashable, ...]:
    return "marks", key, wheres


def _label(key: tuple[str, ...]) -> str:
    return f"unique({', '.join(key)})"


class Marked(NamedTuple):
    """The rows judged inside each `where`, the marks that repeat, and the keys of each batch where keys were taken."""

    judged: dict[str | None, int]
    batches: list[Batch]
    same: list[pl.DataFrame] | None


def _marked(frame: Frame, key: tuple[str, ...], wheres: Wheres, rows: pl.DataFrame) -> Marked:
    """What became of the values of every row."""
    judged = {where: int(rows[f"inside {n}"].sum()) for n, where in enumerate(wheres)}
    batches = list(_candidates(rows["mark"], frame))
    if f"key {len(key) - 1}" not in rows.columns:
        return Marked(judged, batches, None)
    again = (rows.lazy().filter(pl.col("mark").is_in(batch.marks.implode())).drop("mark") for batch in batches)
    return Marked(judged, batches, [some.group_by(pl.all()).len("rows").collect() for some in again])


def _repeated(frame: Frame, key: tuple[str, ...], wheres: Wheres) -> dict[str | None, Repeated]:
    """A key that repeats inside `where` repeats in the whole: the whole is marked once, and looked up once for all."""
    marked = frame.taken.pop(_name(key, wheres), None)
    if marked is None and (rows := _increasing(frame, key)) is not None:
        judged: dict[str | None, int] = {None: rows, **_judged(frame, key, wheres)}
        return {where: Repeated(0, judged[where], pl.lit(False)) for where in wheres}
    width: Width = pl.UInt64 if marked or _is_roomy(frame) else pl.UInt32
    marked = marked or _asked(frame, key, wheres, width)
    whole, batches = key_of(frame, key, [col(name) for name in key]), marked.batches
    if width is pl.UInt64 and wheres == (None,) and (number := number_of(frame, key)) is not None:
        values = pl.concat([number, *(batch.marks.cast(number.dtype, wrap_numerical=True) for batch in batches)])
        rows = sum(batch.rows for batch in batches)
        return {None: Repeated(rows, marked.judged[None], whole.is_in(values.implode()))}
    mark, found, answer = whole.cast(width, wrap_numerical=True), marked.same, dict[str | None, Repeated]()
    if found is None:
        found = [suspects(frame, key, wheres, mark.is_in(one.marks.implode()), _label(key)) for one in batches]
    for inside, where in enumerate(wheres):
        parts = [twice(part, inside, key_of(frame, key, named(key))) for part in found]
        none = frame.lazy.head(0).select(whole.alias("key")).collect()
        keys = pl.concat([none, *(one.select("key") for one in parts)])
        rows = sum(int(one["rows"].sum()) for one in parts)
        answer[where] = Repeated(rows, marked.judged[where], whole.is_in(keys["key"].implode()))
    return answer


def _asked(frame: Frame, key: tuple[str, ...], wheres: Wheres, width: Width) -> Marked:
    """What the pass did not take, by a query of its own."""
    one = _taken(frame, key, wheres, 0, width)
    reads = {name for expr in one.values.values() for name in expr.meta.root_names()}
    rows = frame.collect(frame.lazy.select(expr.alias(name) for name, expr in one.values.items()), one.label, reads)
    marked: Marked = one.become(rows)
    return marked


def _judged(frame: Frame, key: tuple[str, ...], wheres: Wheres) -> dict[str | None, int]:
    """How many rows with a key lie inside each `where`."""
    inside = {where: present(key, where) for where in wheres if where is not None}
    if not inside:
        return {}
    counts = frame.lazy.select(expr.sum().alias(str(n)) for n, expr in enumerate(inside.values()))
    reads = [name for expr in inside.values() for name in expr.meta.root_names()]
    return dict(zip(inside, frame.collect(counts, f"{_label(key)}, rows judged", reads).row(0), strict=True))


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


def _increasing(frame: Frame, key: tuple[str, ...]) -> int | None:
    """The number of rows if the key strictly increases without nulls, which proves it unique; else None."""
    if not frame.once(_starts_in_order, key):
        return None
    falling = frame.collect(frame.lazy.select(_falls(key)), f"{_label(key)}, in order", key).item()
    return None if falling else frame.rows


def _starts_in_order(frame: Frame, key: tuple[str, ...]) -> bool:
    """Whether the first rows of an integer key strictly increase without nulls."""
    if len(key) > 1 or not frame.schema[key[0]].is_integer():
        return False
    first = frame.lazy.select(col(key[0])).head(SNIFF)
    return not frame.collect(first.select(_falls(key)), f"{_label(key)}, first rows", key).item()


def _falls(key: tuple[str, ...]) -> pl.Expr:
    value = col(key[0])
    return (value <= value.shift(1)).sum() + value.null_count()


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
    budget = frame.around.memory_budget
    limit, found, rows = budget // BYTES_COMPARED, list[pl.Series](), 0
    for part in _ranges(marks, max(1, -(-marks.len() * BYTES_SORTED // budget))):
        part = part.drop_nulls().sort()
        again = part.slice(1).filter(part.slice(1) == part.slice(0, max(part.len() - 1, 0)))
        found.append(again.unique())
        rows += again.len() + found[-1].len()
        if rows > limit:
            yield Batch(pl.concat(found), rows)
            found, rows = [], 0
    if rows:
        yield Batch(pl.concat(found), rows)


def _ranges(marks: pl.Series, number: int) -> Iterator[pl.Series]:
    """The marks in so many ranges, about as many in each: some of them say where they lie close, as numbers do."""
    some = marks.gather_every(-(-marks.len() // SNIFF) or 1).drop_nulls().sort()
    step, end = -(-some.len() // number) or 1, 2 ** (64 if marks.dtype == pl.UInt64 else 32)
    for low, after in pairwise(sorted({0, *some.gather_every(step, step), end})):
        first, last = (pl.lit(bound, marks.dtype) for bound in (low, after - 1))
        yield marks if number == 1 else marks.filter(marks.is_between(first, last))
