"""Keys across files: 64 bits of each key, sorted and kept for each file, and merged to tell which keys repeat.

A mark is the value itself where a key is integer-like, else its hash. Rows whose mark repeats are looked up by their
real keys, once, in the files that hold them; what was found there is kept as well. The marks of all files are also kept
as one run, to which a new file adds: it is a cache, and made anew from those of the files where one of them is gone.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import polars as pl

from quality.engine.dtypes import col
from quality.engine.frame import Frame
from quality.rules.uniqueness import (
    BYTES_COMPARED,
    BYTES_SORTED,
    Repeated,
    Wheres,
    key_of,
    named,
    number_of,
    present,
    suspects,
    twice,
)
from quality.states.asks import digest, expression
from quality.states.piece import Piece
from quality.states.store import Store

ADDED = 0.25
"""The share of marks outside of the merged run from which on it is made anew."""
ALL_MARKS = 2**64


class TooManyError(ValueError):
    """So many rows repeat that the whole is cheaper to ask."""


class Key(NamedTuple):
    """A key that rules count, and every `where` inside which they do."""

    columns: tuple[str, ...]
    wheres: Wheres
    frame: Frame

    @property
    def parts(self) -> list[pl.Expr]:
        """Its columns as they are the same in every file: categories by their text."""
        dtypes = [(name, self.frame.schema[name]) for name in self.columns]
        return [col(name).cast(pl.String) if dtype == pl.Categorical else col(name) for name, dtype in dtypes]

    @property
    def mark(self) -> pl.Expr:
        return key_of(self.frame, self.columns, self.parts).cast(pl.UInt64, wrap_numerical=True)

    @property
    def label(self) -> str:
        return f"unique({', '.join(self.columns)})"

    @property
    def said(self) -> str:
        """What shapes its marks: two machines need not hash alike."""
        return digest("marks", expression(self.mark), hashes())

    @property
    def is_number(self) -> bool:
        """Whether a mark holds the whole key, and no `where` leaves rows out."""
        return self.wheres == (None,) and number_of(self.frame, self.columns) is not None


@functools.cache
def hashes() -> list[int]:
    """What this machine's hashes of a few values are."""
    some = pl.DataFrame({"text": ["", "a", "é" * 40], "number": [0.5, 1e300, None]})
    return [*some["text"].hash(), *some["number"].hash(), *some.to_struct().hash()]


def repeated(
    key: Key, pieces: Sequence[Piece], judged: dict[str | None, int], store: Store
) -> dict[str | None, Repeated]:
    """The rows of repeated keys inside each `where`, of those `judged` there; TooManyError where too many repeat."""
    budget = key.frame.around.memory_budget
    rows = {f"{piece.key}.{key.said}": _shard(key, piece) for piece in pieces}
    again = _again(f"run.{key.said}", rows, store, budget)
    if again["rows"].sum() > budget // BYTES_COMPARED:
        raise TooManyError
    whole = key_of(key.frame, key.columns, [col(name) for name in key.columns])
    if key.is_number and (number := number_of(key.frame, key.columns)) is not None:
        values = again["mark"].cast(number.dtype, wrap_numerical=True)
        return {None: Repeated(int(again["rows"].sum()), judged[None], whole.is_in(values.implode()))}
    same = pl.concat([_looked_up(key, piece, again["mark"]) for piece in pieces])
    answer = {}
    for inside, where in enumerate(key.wheres):
        keys = twice(same, inside, key_of(key.frame, key.columns, named(key.columns)))
        answer[where] = Repeated(int(keys["rows"].sum()), judged[where], whole.is_in(keys["key"].implode()))
    return answer


def _shard(key: Key, piece: Piece) -> int:
    """How many marks of a file are kept, sorted; they are made where they are not."""
    name = f"{piece.key}.{key.said}"
    if about := piece.store.about(name):
        return int(about["rows"])
    query = piece.frame.lazy.filter(present(key.columns)).select(key.mark.alias("mark"))
    marks = piece.frame.collect(query, key.label, key.columns).sort("mark")
    piece.store.write(name, marks, {"rows": str(marks.height)})
    return marks.height


def _again(run: str, rows: dict[str, int], store: Store, budget: int) -> pl.DataFrame:
    """Every mark that occurs more than once among the marks of these names, and in how many rows."""
    about, total = store.about(f"{run}.0"), sum(rows.values())
    covered = set(about.get("names", "").split())
    added = [name for name in rows if name not in covered]
    if not about or not covered <= set(rows) or sum(rows[one] for one in added) > ADDED * total:
        return _made_anew(run, list(rows), -(-total * BYTES_SORTED // budget) or 1, store)
    count, found = int(about["ranges"]), []
    for number, (low, high) in enumerate(_ranges(count)):
        table = store.read(f"{run}.{number}")
        if table is None or store.about(f"{run}.{number}") != about | {"range": str(number)}:
            return _made_anew(run, list(rows), count, store)
        more = _sorted(added, low, high, store)
        found.append(_repeats(table.lazy().merge_sorted(more.lazy(), key="mark")))
    return pl.concat(found)


def _made_anew(run: str, names: Sequence[str], count: int, store: Store) -> pl.DataFrame:
    """The merged run of all files, range by range, and what repeats in it."""
    found, about = [], {"names": " ".join(names), "ranges": str(count)}
    for number, (low, high) in enumerate(_ranges(count)):
        marks = _sorted(names, low, high, store)
        found.append(_repeats(marks.lazy()))
        store.write(f"{run}.{number}", marks, about | {"range": str(number)})
    return pl.concat(found)


def _sorted(names: Sequence[str], low: int, high: int, store: Store) -> pl.DataFrame:
    """The marks of these names in one range, sorted."""
    inside = pl.col("mark").is_between(pl.lit(low, pl.UInt64), pl.lit(high - 1, pl.UInt64))
    parts = [store.scan(name).filter(inside) for name in names]
    empty = pl.LazyFrame(schema={"mark": pl.UInt64})
    return pl.concat([empty, *parts]).collect(engine="streaming").sort("mark")


def _repeats(marks: pl.LazyFrame) -> pl.DataFrame:
    """Of sorted marks those that occur again, each once, with their rows."""
    mark = pl.col("mark")
    again = marks.filter((mark == mark.shift(1)) | (mark == mark.shift(-1)))
    return again.group_by("mark").len("rows").sort("mark").collect()


def _ranges(count: int) -> Iterator[tuple[int, int]]:
    width = -(-ALL_MARKS // count)
    for low in range(0, ALL_MARKS, width):
        yield low, min(low + width, ALL_MARKS)


def _looked_up(key: Key, piece: Piece, marks: pl.Series) -> pl.DataFrame:
    """The file's rows with one of these marks, by their real keys; a file is asked once for each mark."""
    name = f"{piece.key}.{digest('same', key.said, key.wheres)}"
    kept = piece.store.read(name)
    same = kept.filter(pl.col("asked").is_null()).drop("asked") if kept is not None else _none(key)
    asked = kept["asked"].drop_nulls().explode().drop_nulls() if kept is not None else marks.clear()
    new = marks.filter(~marks.is_in(asked.implode()))
    if not new.len():
        return same
    held = new.filter(new.is_in(piece.store.marks(f"{piece.key}.{key.said}").implode()))
    if held.len():
        found = suspects(piece.frame, key.columns, key.wheres, key.mark.is_in(held.implode()), key.label)
        same = pl.concat([same, found])
    about = pl.DataFrame({"asked": [pl.concat([asked, new])]}, schema={"asked": pl.List(pl.UInt64)})
    piece.store.write(name, pl.concat([same, about], how="diagonal"))
    return same


def _none(key: Key) -> pl.DataFrame:
    empty = Frame(pl.LazyFrame(schema=key.frame.schema), key.frame.around)
    return suspects(empty, key.columns, key.wheres, pl.lit(False), key.label)
