"""Which keys repeat across files: the marks of each, sorted and kept, and merged to tell which of them do.

Rows whose mark repeats are looked up by their real keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import polars as pl

from quality.engine.dtypes import col
from quality.engine.groups import Planned
from quality.file_states.asks import digest
from quality.file_states.ends import Marks, far_of, marks_in
from quality.file_states.keys import Key, Made
from quality.file_states.piece import BROKEN, Piece
from quality.file_states.ranges import Run
from quality.file_states.real_keys import same_of
from quality.file_states.run import again
from quality.file_states.spread import Spread
from quality.file_states.store import Store
from quality.rules.uniqueness import BYTES_COMPARED, Repeated, key_of, named, twice


class Found(NamedTuple):
    """The rows of repeated keys, and how many of them each file has, in the order of the files."""

    repeated: Repeated
    rows: list[int]


class TooManyError(ValueError):
    """So many rows repeat that the whole is cheaper to ask."""


def repeated(
    key: Key, pieces: Sequence[Piece], judged: dict[str | None, int], store: Store, spread: Spread, scope: str = ""
) -> dict[str | None, Found]:
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
        one = Repeated(total, judged[None], whole.is_in(values.implode()))
        return {None: Found(one, _by_file(found.select("rows", file="name"), named_by))}
    same, answer = same_of(key, run, named_by, found), {}
    compared = key_of(key.frame, key.columns, named(key.columns))
    for inside, where in enumerate(key.wheres):
        keys = twice(same, inside, compared)
        rows = same.filter(pl.col(f"inside {inside}") & compared.is_in(keys["key"].implode()))
        one = Repeated(int(keys["rows"].sum()), judged[where], whole.is_in(keys["key"].implode()))
        answer[where] = Found(one, _by_file(rows, named_by))
    return answer


def _by_file(again: pl.DataFrame, names: Iterable[str]) -> list[int]:
    """How many of these rows each file has."""
    rows = dict(again.group_by("file").agg(pl.col("rows").sum()).iter_rows())
    return [rows.get(name, 0) for name in names]


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
    name = key.shard_of(piece)
    if name not in piece.marks:
        piece.marks[name] = None if piece.is_new else marks_in(piece.store.about(name))
    return piece.marks[name]


def _made(key: Key, pieces: Sequence[Piece]) -> list[Marks]:
    return [marks_of(key, piece) for piece in pieces]


def marks_of(key: Key, piece: Piece) -> Marks:
    """Keeps the marks of a file, sorted, where they are not kept yet; what they are."""
    kept = _marks_kept(key, piece)
    if kept is not None:
        return kept
    made: Made | None = piece.frame.taken.pop(key.said, None)
    if made is None:
        query = piece.frame.lazy.select(value.alias(name) for name, value in key.values.items())
        made = key.made(piece.frame.collect(query, key.label, key.columns))
    if made.far is not None:
        piece.keep(far_of(key.shard_of(piece)), made.far)
    piece.keep(key.shard_of(piece), made.marks, made.told.about())
    piece.marks[key.shard_of(piece)] = made.told
    return made.told
