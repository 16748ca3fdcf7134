"""Keys across files: 64 bits of each key, sorted and kept for each file, and merged to tell which keys repeat.

A mark is the value itself where a key is integer-like, else its hash. Rows whose mark repeats are looked up by their
real keys, once, in the files that hold them; what was found there is kept as well. The marks of all files are also kept
as one run, to which a new file adds: it is a cache, and made anew from those of the files where one of them is gone.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import polars as pl

from quality.engine.dtypes import col
from quality.engine.frame import Frame, Surroundings
from quality.file_states.asks import digest, expression
from quality.file_states.piece import Piece, light
from quality.file_states.spread import Spread
from quality.file_states.store import Store
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

ADDED = 0.25
"""The share of marks outside of the merged run from which on it is made anew."""
ALL_MARKS = 2**64
SPREAD = 0x9E3779B97F4A7C15
"""Odd, so that multiplying by it loses nothing: numbers, which lie close together, fill all ranges."""
GATHERED = pow(SPREAD, -1, ALL_MARKS)
"""What makes numbers of their marks again."""


class TooManyError(ValueError):
    """So many rows repeat that the whole is cheaper to ask."""


class Key(NamedTuple):
    """A key that rules count, and every `where` inside which they do."""

    columns: tuple[str, ...]
    wheres: Wheres
    frame: Frame

    def __reduce__(self) -> tuple[Any, ...]:
        """As another process takes it: the dtypes say how it is marked."""
        return _key, (self.columns, self.wheres, self.frame.schema, light(self.frame.around))

    @property
    def parts(self) -> list[pl.Expr]:
        """Its columns as they are the same in every file: categories by their text."""
        dtypes = [(name, self.frame.schema[name]) for name in self.columns]
        return [col(name).cast(pl.String) if dtype == pl.Categorical else col(name) for name, dtype in dtypes]

    @property
    def mark(self) -> pl.Expr:
        return key_of(self.frame, self.columns, self.parts).cast(pl.UInt64, wrap_numerical=True) * _word(SPREAD)

    @property
    def label(self) -> str:
        return f"unique({', '.join(self.columns)})"

    @property
    def said(self) -> str:
        """What shapes its marks: two machines need not hash alike."""
        return digest("marks", expression(self.mark), hashes())

    def shard_of(self, piece: Piece) -> str:
        """The name of a file's marks."""
        return f"{piece.key}.{self.said}"

    def same_of(self, piece: Piece) -> str:
        """The name of a file's rows that were looked up."""
        return f"{piece.key}.{digest('same', self.said, self.wheres)}"

    @property
    def is_number(self) -> bool:
        """Whether a mark holds the whole key, and no `where` leaves rows out."""
        return self.wheres == (None,) and number_of(self.frame, self.columns) is not None


def _word(number: int) -> pl.Expr:
    return pl.lit(number, pl.UInt64)


def _key(columns: tuple[str, ...], wheres: Wheres, schema: pl.Schema, around: Surroundings) -> Key:
    return Key(columns, wheres, Frame(pl.LazyFrame(schema=schema), around))


@functools.cache
def hashes() -> list[int]:
    """What this machine's hashes of a few values are."""
    some = pl.DataFrame({"text": ["", "a", "é" * 40], "number": [0.5, 1e300, None]})
    return [*some["text"].hash(), *some["number"].hash(), *some.to_struct().hash()]


def repeated(
    key: Key, pieces: Sequence[Piece], judged: dict[str | None, int], store: Store, spread: Spread
) -> dict[str | None, Repeated]:
    """The rows of repeated keys inside each `where`, of those `judged` there; TooManyError where too many repeat."""
    budget = key.frame.around.memory_budget
    rows = _shards(key, pieces, spread)
    again = _again(f"run.{key.said}", rows, store, spread, budget)
    total = int(again["rows"].sum())
    if total > budget // BYTES_COMPARED:
        raise TooManyError
    whole = key_of(key.frame, key.columns, [col(name) for name in key.columns])
    if key.is_number and (number := number_of(key.frame, key.columns)) is not None:
        marks = again.select((pl.col("mark") * _word(GATHERED)).unique()).to_series()
        values = marks.cast(number.dtype, wrap_numerical=True)
        return {None: Repeated(total, judged[None], whole.is_in(values.implode()))}
    held = {name: marks["mark"] for (name,), marks in again.partition_by("name", as_dict=True).items()}
    same = _all_looked_up(key, [piece for piece in pieces if key.shard_of(piece) in held], held, spread)
    answer = {}
    for inside, where in enumerate(key.wheres):
        keys = twice(same, inside, key_of(key.frame, key.columns, named(key.columns)))
        answer[where] = Repeated(int(keys["rows"].sum()), judged[where], whole.is_in(keys["key"].implode()))
    return answer


def _shards(key: Key, pieces: Sequence[Piece], spread: Spread) -> dict[str, int]:
    """How many marks of each file are kept, by their name, made where they are not."""
    rows = {key.shard_of(piece): _marks_kept(key, piece) for piece in pieces}
    missing = [piece for piece in pieces if rows[key.shard_of(piece)] is None]
    made = spread.over(missing, partial(_made, key))
    rows |= {key.shard_of(piece): count for piece, count in zip(missing, made, strict=True)}
    return {name: count or 0 for name, count in rows.items()}


def _marks_kept(key: Key, piece: Piece) -> int | None:
    about = piece.store.about(key.shard_of(piece))
    return int(about["rows"]) if about else None


def _made(key: Key, pieces: Sequence[Piece]) -> list[int]:
    return [marks_of(key, piece) for piece in pieces]


def marks_of(key: Key, piece: Piece) -> int:
    """Keeps the marks of a file, sorted, where they are not kept yet; how many they are."""
    kept = _marks_kept(key, piece)
    if kept is not None:
        return kept
    query = piece.frame.lazy.filter(present(key.columns)).select(key.mark.alias("mark"))
    marks = piece.frame.collect(query, key.label, key.columns).sort("mark")
    piece.keep(key.shard_of(piece), marks, {"rows": str(marks.height)})
    return marks.height


def _again(run: str, rows: dict[str, int], store: Store, spread: Spread, budget: int) -> pl.DataFrame:
    """Every mark that occurs more than once, the names of the tables that hold it, and its rows in each.

    It is kept under the names of all tables: where none has come or gone, no mark is read.
    """
    name = f"{run}.again.{digest(sorted(rows))}"
    if (kept := store.read(name)) is not None:
        return kept
    found = _found_again(run, rows, store, spread, budget)
    store.write(name, found)
    return found


def _found_again(run: str, rows: dict[str, int], store: Store, spread: Spread, budget: int) -> pl.DataFrame:
    about, total = store.about(f"{run}.0"), sum(rows.values())
    covered = tuple(about.get("names", "").split())
    added = tuple(name for name in rows if name not in covered)
    if not about or not set(covered) <= set(rows) or sum(rows[one] for one in added) > ADDED * total:
        return _made_anew(Run(run, store, tuple(rows), -(-total * BYTES_SORTED // budget) or 1), spread)
    known = Run(run, store, covered, int(about["ranges"]))
    found = spread.each_of(range(known.ranges), partial(_with_added, known, added))
    there = [one for one in found if one is not None]
    if len(there) < len(found):
        return _made_anew(known._replace(names=tuple(rows)), spread)
    return _with_names(pl.concat(there), [*covered, *added])


class Run(NamedTuple):
    """The marks of these tables as one, sorted, in so many ranges."""

    run: str
    store: Store
    names: tuple[str, ...]
    ranges: int

    def about(self, number: int) -> dict[str, str]:
        return {"names": " ".join(self.names), "ranges": str(self.ranges), "range": str(number)}


def _made_anew(of: Run, spread: Spread) -> pl.DataFrame:
    """The merged run of all files, range by range, and what repeats in it."""
    found = spread.each_of(range(of.ranges), partial(_merged, of))
    return _with_names(pl.concat(found), of.names)


def _merged(of: Run, number: int) -> pl.DataFrame:
    """One range of the run, kept, and what repeats in it."""
    marks = _sorted(of.names, *_range(of.ranges, number), of.store)
    of.store.write(f"{of.run}.{number}", marks, of.about(number))
    return _repeats(marks.lazy())


def _with_added(of: Run, added: Sequence[str], number: int) -> pl.DataFrame | None:
    """What repeats in one range of the run that is kept and of the marks added to it; None where it is not kept."""
    table = of.store.read(f"{of.run}.{number}")
    if table is None or not of.about(number).items() <= of.store.about(f"{of.run}.{number}").items():
        return None
    more = _sorted(added, *_range(of.ranges, number), of.store, len(of.names))
    return _repeats(table.lazy().merge_sorted(more.lazy(), key="mark"))


def _sorted(names: Sequence[str], low: int, high: int, store: Store, first: int = 0) -> pl.DataFrame:
    """The marks of these tables in one range, sorted, each with the number of its table.

    They are read one table after the other, as a scan of all would hold more of them than the range has.
    """
    inside = pl.col("mark").is_between(pl.lit(low, pl.UInt64), pl.lit(high - 1, pl.UInt64))
    parts = [pl.DataFrame(schema={"mark": pl.UInt64, "of": pl.UInt32})]
    for number, name in enumerate(names, first):
        found = store.scan(name).filter(inside).select("mark", pl.lit(number, pl.UInt32).alias("of"))
        parts.append(found.collect())
    return pl.concat(parts).sort("mark")


def _repeats(marks: pl.LazyFrame) -> pl.DataFrame:
    """Of sorted marks those that occur again, with their rows in each table."""
    mark = pl.col("mark")
    again = marks.filter((mark == mark.shift(1)) | (mark == mark.shift(-1)))
    return again.group_by("mark", "of").len("rows").sort("mark", "of").collect()


def _with_names(again: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    return again.select("mark", pl.Series("name", names, pl.String).gather(again["of"]), "rows")


def _range(count: int, number: int) -> tuple[int, int]:
    width = -(-ALL_MARKS // count)
    return number * width, min((number + 1) * width, ALL_MARKS)


def _all_looked_up(key: Key, pieces: Sequence[Piece], held: Mapping[str, pl.Series], spread: Spread) -> pl.DataFrame:
    """The rows of all files with the marks that each holds, by their real keys; a file is asked once for each mark."""
    found, left = [_none(key)], list[Piece]()
    for piece in pieces:
        same, asked = _looked_up_before(key, piece)
        found.append(same)
        left += [] if held[key.shard_of(piece)].is_in(asked.implode()).all() else [piece]
    return pl.concat([*found, *spread.over(left, partial(_look_up, key, held))])


def _looked_up_before(key: Key, piece: Piece) -> tuple[pl.DataFrame, pl.Series]:
    """The file's rows that were looked up, and the marks that it was asked for."""
    kept = piece.store.read(key.same_of(piece))
    if kept is None:
        return _none(key), pl.Series("asked", [], pl.UInt64)
    return kept.filter(pl.col("asked").is_null()).drop("asked"), kept["asked"].drop_nulls().explode().drop_nulls()


def _look_up(key: Key, held: Mapping[str, pl.Series], pieces: Sequence[Piece]) -> list[pl.DataFrame]:
    return [_looked_up(key, piece, held[key.shard_of(piece)]) for piece in pieces]


def _looked_up(key: Key, piece: Piece, marks: pl.Series) -> pl.DataFrame:
    """The file's rows with marks that it was not asked for yet, kept beside those of before."""
    same, asked = _looked_up_before(key, piece)
    new = marks.filter(~marks.is_in(asked.implode()))
    found = suspects(piece.frame, key.columns, key.wheres, key.mark.is_in(new.implode()), key.label)
    about = pl.DataFrame({"asked": [pl.concat([asked, new])]}, schema={"asked": pl.List(pl.UInt64)})
    piece.keep(key.same_of(piece), pl.concat([same, found, about], how="diagonal"))
    return found


def _none(key: Key) -> pl.DataFrame:
    empty = Frame(pl.LazyFrame(schema=key.frame.schema), key.frame.around)
    return suspects(empty, key.columns, key.wheres, pl.lit(False), key.label)
