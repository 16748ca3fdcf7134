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
    total = int(again["rows"].sum())
    if total > budget // BYTES_COMPARED:
        raise TooManyError
    whole = key_of(key.frame, key.columns, [col(name) for name in key.columns])
    if key.is_number and (number := number_of(key.frame, key.columns)) is not None:
        values = again["mark"].unique().cast(number.dtype, wrap_numerical=True)
        return {None: Repeated(total, judged[None], whole.is_in(values.implode()))}
    held = {name: marks["mark"] for (name,), marks in again.partition_by("name", as_dict=True).items()}
    holders = [(piece, held.get(f"{piece.key}.{key.said}")) for piece in pieces]
    same = pl.concat([_none(key), *(_looked_up(key, piece, marks) for piece, marks in holders if marks is not None)])
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
    """Every mark that occurs more than once, the names of the tables that hold it, and its rows in each."""
    about, total = store.about(f"{run}.0"), sum(rows.values())
    covered = about.get("names", "").split()
    added = [name for name in rows if name not in covered]
    if not about or not set(covered) <= set(rows) or sum(rows[one] for one in added) > ADDED * total:
        return _made_anew(run, list(rows), -(-total * BYTES_SORTED // budget) or 1, store)
    count, found = int(about["ranges"]), []
    for number, (low, high) in enumerate(_ranges(count)):
        table = store.read(f"{run}.{number}")
        if table is None or store.about(f"{run}.{number}") != about | {"range": str(number)}:
            return _made_anew(run, list(rows), count, store)
        more = _sorted(added, low, high, store, len(covered))
        found.append(_repeats(table.lazy().merge_sorted(more.lazy(), key="mark")))
    return _with_names(pl.concat(found), [*covered, *added])


def _made_anew(run: str, names: Sequence[str], count: int, store: Store) -> pl.DataFrame:
    """The merged run of all files, range by range, and what repeats in it."""
    found, about = [], {"names": " ".join(names), "ranges": str(count)}
    for number, (low, high) in enumerate(_ranges(count)):
        marks = _sorted(names, low, high, store)
        found.append(_repeats(marks.lazy()))
        store.write(f"{run}.{number}", marks, about | {"range": str(number)})
    return _with_names(pl.concat(found), names)


def _sorted(names: Sequence[str], low: int, high: int, store: Store, first: int = 0) -> pl.DataFrame:
    """The marks of these tables in one range, sorted, each with the number of its table."""
    inside = pl.col("mark").is_between(pl.lit(low, pl.UInt64), pl.lit(high - 1, pl.UInt64))
    tables = enumerate(names, first)
    parts = [store.scan(name).filter(inside).select("mark", pl.lit(n, pl.UInt32).alias("of")) for n, name in tables]
    empty = pl.LazyFrame(schema={"mark": pl.UInt64, "of": pl.UInt32})
    return pl.concat([empty, *parts]).collect(engine="streaming").sort("mark")


def _repeats(marks: pl.LazyFrame) -> pl.DataFrame:
    """Of sorted marks those that occur again, with their rows in each table."""
    mark = pl.col("mark")
    again = marks.filter((mark == mark.shift(1)) | (mark == mark.shift(-1)))
    return again.group_by("mark", "of").len("rows").sort("mark", "of").collect()


def _with_names(again: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    return again.select("mark", pl.Series("name", names, pl.String).gather(again["of"]), "rows")


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
    same = pl.concat([same, suspects(piece.frame, key.columns, key.wheres, key.mark.is_in(new.implode()), key.label)])
    about = pl.DataFrame({"asked": [pl.concat([asked, new])]}, schema={"asked": pl.List(pl.UInt64)})
    piece.store.write(name, pl.concat([same, about], how="diagonal"))
    return same


def _none(key: Key) -> pl.DataFrame:
    empty = Frame(pl.LazyFrame(schema=key.frame.schema), key.frame.around)
    return suspects(empty, key.columns, key.wheres, pl.lit(False), key.label)
