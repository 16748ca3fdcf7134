"""The rows whose marks repeat, by their real keys: looked up once in the files that hold them, and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import polars as pl

from quality.file_states.asks import digest
from quality.file_states.ends import far_of
from quality.file_states.keys import Key
from quality.file_states.piece import Piece
from quality.file_states.ranges import Run
from quality.file_states.run import before
from quality.rules.uniqueness import suspects


def same_of(key: Key, run: Run, pieces: Mapping[str, Piece], found: pl.DataFrame) -> pl.DataFrame:
    """The rows whose marks repeat, by their real keys; kept as one table beside those of each file."""
    kind = digest("same", key.wheres)
    kept = run.store.read(f"{run.repeated(tuple(pieces))}.{kind}")
    if kept is not None:
        return kept
    rows, new = [key.none.with_columns(file=pl.lit(""))], found
    known = before(run, pieces)
    there = run.store.read(f"{run.repeated(known[0].names)}.{kind}") if known else None
    if known is not None and there is not None:
        new = found.join(known[1], on=["mark", "name"], how="anti")
        asked = pl.col("file").is_in(new["name"].unique().implode())
        rows.append(there.filter(pl.col("file").is_in(list(pieces)) & ~asked))
    held = found.filter(pl.col("name").is_in(new["name"].unique().implode())).partition_by(
        "name", as_dict=True, include_key=False
    )
    rows += _all_looked_up(key, run, pieces, {name: marks for (name,), marks in held.items()})
    kept = pl.concat(rows)
    if not any(piece.has_changed for piece in pieces.values()):
        run.store.write(f"{run.repeated(tuple(pieces))}.{kind}", kept)
    return kept


def _all_looked_up(
    key: Key, run: Run, pieces: Mapping[str, Piece], held: Mapping[str, pl.DataFrame]
) -> list[pl.DataFrame]:
    """The rows of each file with the marks that it holds, by their real keys; a file is asked once for each mark.

    Files that were read come first: the others are looked through for keys that are known then.
    """
    found, before = dict[str, pl.DataFrame](), partial(_looked_up_before, key)
    asked_before = run.store.each(before, [pieces[name] for name in held])
    for (name, marks), (same, asked) in zip(held.items(), asked_before, strict=True):
        if marks["mark"].is_in(asked.implode()).all():
            found[name] = same
    for was_read in (True, False):
        left = [name for name in held if name not in found and pieces[name].was_read >= was_read]
        known = pl.concat([key.none, *found.values()])
        for name in left:
            pieces[name].sought = held[name]
        looked = run.spread.over([pieces[name] for name in left], partial(_look_up, key, known))
        found |= zip(left, looked, strict=True)
    return [same.with_columns(file=pl.lit(name)) for name, same in found.items()]


def _looked_up_before(key: Key, piece: Piece) -> tuple[pl.DataFrame, pl.Series]:
    """The file's rows that were looked up, and the marks that it was asked for."""
    kept = piece.store.read(key.same_of(piece))
    if kept is None:
        return key.none, pl.Series("asked", [], pl.UInt64)
    return kept.filter(pl.col("asked").is_null()).drop("asked"), kept["asked"].drop_nulls().explode().drop_nulls()


def _look_up(key: Key, known: pl.DataFrame, pieces: Sequence[Piece]) -> list[pl.DataFrame]:
    return [_looked_up(key, piece, piece.seek(), known) for piece in pieces]


def _looked_up(key: Key, piece: Piece, marks: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The file's rows with all marks that it was ever asked for, kept; another check may have asked meanwhile.

    Rows of known keys are found sooner; where they are fewer than have the marks, one of them is of another key.
    """
    same, asked = _looked_up_before(key, piece)
    new = _with_far(key, piece, marks).filter(~pl.col("mark").is_in(asked.implode()))
    again, among = key.mark.is_in(new["mark"].implode()), key.among(known, new["mark"])
    found = suspects(piece.frame, key.columns, key.wheres, again if among is None else among & again, key.label)
    if among is not None and found["rows"].sum() < new["rows"].sum():
        found = suspects(piece.frame, key.columns, key.wheres, again, key.label)
    about = pl.DataFrame({"asked": [pl.concat([asked, new["mark"]])]}, schema={"asked": pl.List(pl.UInt64)})
    rows = pl.concat([same, found])
    piece.keep(key.same_of(piece), pl.concat([rows, about], how="diagonal"))
    return rows


def _with_far(key: Key, piece: Piece, marks: pl.DataFrame) -> pl.DataFrame:
    """The marks, and of a file that was just read those of rows that lie far off: a later file may have their keys."""
    far = piece.store.read(far_of(key.shard_of(piece))) if piece.was_read else None
    if far is None:
        return marks
    more = far.group_by("mark").agg(pl.len().cast(marks["rows"].dtype).alias("rows"))
    return pl.concat([marks.select("mark", "rows"), more]).unique("mark")
