"""Keys across files: 64 bits of each key, sorted and kept for each file, and merged to tell which keys repeat.

A mark is the value itself where a key is integer-like, else its hash. Rows whose mark repeats are looked up by their
real keys, once, in the files that hold them; what was found there is kept as well.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import polars as pl

from quality.engine.dtypes import col
from quality.engine.frame import Frame, Surroundings
from quality.engine.groups import Planned
from quality.engine.rule import Taken
from quality.file_states.asks import Measured, digest, expression
from quality.file_states.ends import BYTES, ends_of, ordered
from quality.file_states.piece import BROKEN, Piece, light
from quality.file_states.run import ALL_MARKS, Marks, Run, again, before, marks_in
from quality.file_states.spread import Spread
from quality.file_states.store import Store
from quality.rules.uniqueness import (
    BYTES_COMPARED,
    BYTES_KEPT,
    Repeated,
    Wheres,
    key_of,
    named,
    number_of,
    present,
    suspects,
    twice,
)

SPREAD = 0x9E3779B97F4A7C15
"""Odd, so that multiplying by it loses nothing: numbers, which lie close together, fill all ranges."""
GATHERED = pow(SPREAD, -1, ALL_MARKS)
"""What makes numbers of their marks again."""


class TooManyError(ValueError):
    """So many rows repeat that the whole is cheaper to ask."""


@dataclass(frozen=True, eq=False)
class Key:
    """A key that rules count, and every `where` inside which they do."""

    columns: tuple[str, ...]
    wheres: Wheres
    frame: Frame

    def __reduce__(self) -> tuple[Any, ...]:
        """As another process takes it: the dtypes say how it is marked."""
        return _key, (self.columns, self.wheres, self.frame.schema, light(self.frame.around))

    @cached_property
    def mark(self) -> pl.Expr:
        return self._mark([col(name) for name in self.columns])

    def _mark(self, columns: Sequence[pl.Expr]) -> pl.Expr:
        """That of columns as they are the same in every file: categories by their text."""
        dtypes = [self.frame.schema[name] for name in self.columns]
        parts = [
            one.cast(pl.String) if dtype == pl.Categorical else one for one, dtype in zip(columns, dtypes, strict=True)
        ]
        return key_of(self.frame, self.columns, parts).cast(pl.UInt64, wrap_numerical=True) * _word(SPREAD)

    def among(self, same: pl.DataFrame, marks: pl.Series) -> pl.Expr | None:
        """What tells rows with one of these keys before they are marked; None where one of the marks is of no key."""
        of = same.select(self._mark(named(self.columns)).alias("mark"), *named(self.columns)).filter(
            pl.col("mark").is_in(marks.implode())
        )
        dtypes = [self.frame.schema[name] for name in self.columns]
        plain = [n for n, dtype in enumerate(dtypes) if dtype.is_integer() or dtype.is_temporal() or dtype == pl.String]
        if not plain or not marks.is_in(of["mark"].implode()).all():
            return None
        return pl.all_horizontal([col(self.columns[n]).is_in(of[f"key {n}"].unique().implode()) for n in plain])

    @cached_property
    def planned(self) -> Planned:
        """What the pass over a file takes along: marks, and what tells files without a key in common."""
        width = BYTES_KEPT + BYTES * (len(self.values) - 1)
        taken = Taken(self.said, self.label, self.values, self.made, width)
        return Planned(0, Measured(columns=self.columns), {}, taken)

    @cached_property
    def values(self) -> dict[str, pl.Expr]:
        """What is asked of every row; a mark that is a number has its place in an order itself."""
        ends = {} if self.holds_all else ordered(self.columns, self.frame)
        return {"mark": pl.when(present(self.columns)).then(self.mark), **ends}

    def made(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, Marks]:
        """The marks, sorted, and what is told of them."""
        marks = rows.select(pl.col("mark").drop_nulls().sort())
        values = [self.numbers(marks["mark"])] if self.holds_all else rows.drop("mark").get_columns()
        return marks, Marks(marks.height, ends_of(values))

    @property
    def label(self) -> str:
        return f"unique({', '.join(self.columns)})"

    @cached_property
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
    def holds_all(self) -> bool:
        """Whether a mark holds the whole key."""
        return number_of(self.frame, self.columns) is not None

    @property
    def is_number(self) -> bool:
        """Whether a mark holds the whole key, and no `where` leaves rows out."""
        return self.wheres == (None,) and self.holds_all

    def numbers(self, marks: pl.Series) -> pl.Series:
        """The numbers that marks were made of; none where they are hashes."""
        number = number_of(self.frame, self.columns)
        if number is None:
            return marks.clear()
        return (marks * GATHERED).cast(number.dtype, wrap_numerical=True)


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
    key: Key, pieces: Sequence[Piece], judged: dict[str | None, int], store: Store, spread: Spread, scope: str = ""
) -> dict[str | None, Repeated]:
    """The rows of repeated keys inside each `where`, of those `judged` there; TooManyError where too many repeat.

    Every `scope`, the whole or a partition, has a run of its own, as they would take turns to make theirs anew.
    """
    budget = key.frame.around.memory_budget
    named_by = {key.shard_of(piece): piece for piece in pieces}
    run = Run(f"run.{digest(key.said, scope) if scope else key.said}", store, spread, budget)
    found = again(run, tuple(named_by), lambda names: _shards(key, [named_by[name] for name in names], spread))
    total = int(found["rows"].sum())
    if total > budget // BYTES_COMPARED:
        raise TooManyError
    whole = key_of(key.frame, key.columns, [col(name) for name in key.columns])
    if key.is_number:
        values = key.numbers(found["mark"].unique())
        return {None: Repeated(total, judged[None], whole.is_in(values.implode()))}
    same, answer = _same(key, run, named_by, found), {}
    for inside, where in enumerate(key.wheres):
        keys = twice(same, inside, key_of(key.frame, key.columns, named(key.columns)))
        answer[where] = Repeated(int(keys["rows"].sum()), judged[where], whole.is_in(keys["key"].implode()))
    return answer


def _shards(key: Key, pieces: Sequence[Piece], spread: Spread) -> dict[str, Marks]:
    """What the marks of each file are, by their name; they are made where they are not kept."""
    kept = {key.shard_of(piece): _marks_kept(key, piece) for piece in pieces}
    missing = [piece for piece in pieces if kept[key.shard_of(piece)] is None]
    made = spread.over(missing, partial(_made, key))
    kept |= {key.shard_of(piece): marks for piece, marks in zip(missing, made, strict=True)}
    return {name: marks for name, marks in kept.items() if marks is not None}


def missing_marks(keys: Sequence[Key], piece: Piece) -> list[Planned]:
    """What the pass over a file takes along for keys whose marks of it are not kept; nothing of a broken file."""
    missing = [key.planned for key in keys if _marks_kept(key, piece) is None]
    with suppress(*BROKEN):  # the pass says what is wrong
        return missing if missing and piece.frame.rows else []
    return []


def _marks_kept(key: Key, piece: Piece) -> Marks | None:
    return marks_in(piece.store.about(key.shard_of(piece)))


def _made(key: Key, pieces: Sequence[Piece]) -> list[Marks]:
    return [marks_of(key, piece) for piece in pieces]


def marks_of(key: Key, piece: Piece) -> Marks:
    """Keeps the marks of a file, sorted, where they are not kept yet; what they are."""
    kept = _marks_kept(key, piece)
    if kept is not None:
        return kept
    made: tuple[pl.DataFrame, Marks] | None = piece.frame.taken.pop(key.said, None)
    if made is None:
        query = piece.frame.lazy.select(value.alias(name) for name, value in key.values.items())
        made = key.made(piece.frame.collect(query, key.label, key.columns))
    found, marks = made
    piece.keep(key.shard_of(piece), found, marks.about())
    return marks


def _same(key: Key, run: Run, pieces: Mapping[str, Piece], found: pl.DataFrame) -> pl.DataFrame:
    """The rows whose marks repeat, by their real keys; kept as one table beside those of each file."""
    kind = digest("same", key.wheres)
    kept = run.store.read(f"{run.repeated(tuple(pieces))}.{kind}")
    if kept is not None:
        return kept
    rows, new = [_none(key).with_columns(file=pl.lit(""))], found
    known = before(run, pieces)
    there = run.store.read(f"{run.repeated(known[0].names)}.{kind}") if known else None
    if known is not None and there is not None:
        new = found.join(known[1], on=["mark", "name"], how="anti")
        asked = pl.col("file").is_in(new["name"].unique().implode())
        rows.append(there.filter(pl.col("file").is_in(list(pieces)) & ~asked))
    held = found.filter(pl.col("name").is_in(new["name"].unique().implode())).partition_by("name", as_dict=True)
    rows += _all_looked_up(key, pieces, {name: marks for (name,), marks in held.items()}, run.spread)
    kept = pl.concat(rows)
    if not any(piece.has_changed for piece in pieces.values()):
        run.store.write(f"{run.repeated(tuple(pieces))}.{kind}", kept)
    return kept


def _all_looked_up(
    key: Key, pieces: Mapping[str, Piece], held: Mapping[str, pl.DataFrame], spread: Spread
) -> list[pl.DataFrame]:
    """The rows of each file with the marks that it holds, by their real keys; a file is asked once for each mark.

    Files that were read come first: the others are looked through for keys that are known then.
    """
    found = dict[str, pl.DataFrame]()
    for name, marks in held.items():
        same, asked = _looked_up_before(key, pieces[name])
        if marks["mark"].is_in(asked.implode()).all():
            found[name] = same
    for was_read in (True, False):
        left = [name for name in held if name not in found and pieces[name].was_read >= was_read]
        known = pl.concat([_none(key), *found.values()])
        looked = spread.over([pieces[name] for name in left], partial(_look_up, key, held, known))
        found |= zip(left, looked, strict=True)
    return [same.with_columns(file=pl.lit(name)) for name, same in found.items()]


def _looked_up_before(key: Key, piece: Piece) -> tuple[pl.DataFrame, pl.Series]:
    """The file's rows that were looked up, and the marks that it was asked for."""
    kept = piece.store.read(key.same_of(piece))
    if kept is None:
        return _none(key), pl.Series("asked", [], pl.UInt64)
    return kept.filter(pl.col("asked").is_null()).drop("asked"), kept["asked"].drop_nulls().explode().drop_nulls()


def _look_up(
    key: Key, held: Mapping[str, pl.DataFrame], known: pl.DataFrame, pieces: Sequence[Piece]
) -> list[pl.DataFrame]:
    return [_looked_up(key, piece, held[key.shard_of(piece)], known) for piece in pieces]


def _looked_up(key: Key, piece: Piece, marks: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The file's rows with all marks that it was ever asked for, kept; another check may have asked meanwhile.

    Rows of known keys are found sooner; where they are fewer than have the marks, one of them is of another key.
    """
    same, asked = _looked_up_before(key, piece)
    new = marks.filter(~pl.col("mark").is_in(asked.implode()))
    again, among = key.mark.is_in(new["mark"].implode()), key.among(known, new["mark"])
    found = suspects(piece.frame, key.columns, key.wheres, again if among is None else among & again, key.label)
    if among is not None and found["rows"].sum() < new["rows"].sum():
        found = suspects(piece.frame, key.columns, key.wheres, again, key.label)
    about = pl.DataFrame({"asked": [pl.concat([asked, new["mark"]])]}, schema={"asked": pl.List(pl.UInt64)})
    rows = pl.concat([same, found])
    piece.keep(key.same_of(piece), pl.concat([rows, about], how="diagonal"))
    return rows


def _none(key: Key) -> pl.DataFrame:
    empty = Frame(pl.LazyFrame(schema=key.frame.schema), key.frame.around)
    return suspects(empty, key.columns, key.wheres, pl.lit(False), key.label)
