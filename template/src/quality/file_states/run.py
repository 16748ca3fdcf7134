"""The marks of all files as one sorted run, and those that occur in it more than once.

Both are kept. Where files came, only their marks are looked up in the run; where some are gone, what it has of them is
left out; where much came or is gone, it is made anew from the marks of each file. What is kept here is a cache: what is
not there, or of other files, is made again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import polars as pl

from quality.file_states.asks import digest
from quality.file_states.ends import RARE, Marks, far_of, near
from quality.file_states.ranges import (
    ALL_MARKS,
    FAR,
    Range,
    Ranges,
    Run,
    Table,
    is_there,
    kept_run,
    of_tables,
    repeats,
    sorted_marks,
)
from quality.file_states.store import GONE
from quality.rules.uniqueness import BYTES_SORTED

ADDED = 0.25
"""The run is made anew where more than this share of its marks came beside it, or as many of them are of files gone.

Each by itself: in a window, where files come and go alike, what is looked up again until then costs about as much as
one run, and the sum of both would make it anew twice as often.
"""
BYTES = BYTES_SORTED
"""Of each mark while a range is sorted."""
NEAR = 0.25
"""New marks are looked up in the run where tables near them have more than this share of its marks, else in those."""
FEW = 8
"""Tables that are small enough for so many of them to fit the budget together are merged first."""


Made = Callable[[Sequence[str]], Mapping[str, Marks]]
"""Sees to it that tables of marks are there, and says what is in each."""


class Near(NamedTuple):
    """Where added marks are looked up: in the run or, where few tables lie near, in these and in what lies far off.

    So many `rows` are looked through in the latter, the added ones among them.
    """

    tables: tuple[Table, ...] = ()
    far: bool = False
    whole: bool = False
    rows: int = 0


def again(run: Run, names: tuple[str, ...], made: Made) -> pl.DataFrame:
    """Every mark that occurs more than once, the names of the tables that hold it, and its rows in each.

    It is kept under the names of all tables: where none has come or gone, no mark is read. The run is not read for
    tables whose keys lie apart from those of all others.
    """
    for name in names:
        run.store.touch(name)
    kept = run.store.read(run.repeated(names))
    if kept is not None:
        return kept
    found = _after_few_came(run, names, made)
    if found is None:
        found = _made_anew(run, made(names))
    run.store.write(run.repeated(names), found)
    return found


def before(run: Run, names: Collection[str]) -> tuple[Ranges, pl.DataFrame] | None:
    """The run as it is kept, and what repeats in it; None where too much of it is of tables that are gone."""
    known = kept_run(run)
    if known is None or sum(known.gone(names).values()) > ADDED * sum(known.counts):
        return None
    repeated = run.store.read(run.repeated(known.names))
    return None if repeated is None else (known, repeated)


def _after_few_came(run: Run, names: Sequence[str], made: Made) -> pl.DataFrame | None:
    """What repeats in the run that is kept and in the tables that it lacks; None where it must be made anew."""
    found_before = before(run, names)
    if found_before is None:
        return None
    known, old = found_before
    there = set(known.names)
    came = made([name for name in names if name not in there])
    if sum(one.rows for one in came.values()) > ADDED * sum(known.counts):
        return None
    added = [Table(name, first) for first, name in enumerate(came, len(known.names))]
    looked = _near(known, came, names)
    ranges = known if looked.whole else known._replace(ranges=_in_ranges(run, looked.rows))
    met = partial(_met, run, added, looked, tuple(known.gone(names)))
    found = [part for part in run.spread.each_of(ranges.each(), met) if part is not None]
    if len(found) < ranges.ranges:
        return None
    new = _with_names(pl.concat(found), [*known.names, *came])
    return pl.concat([new, _left(old, names)]).unique(["mark", "name"], keep="first", maintain_order=True)


def _near(known: Ranges, came: Mapping[str, Marks], names: Collection[str]) -> Near:
    """Where the marks of tables that came are looked up."""
    there = known.there(names)
    for n in (n for n, boxes in there.items() if len(boxes) > 1):
        known.store.touch(far_of(known.names[n]))
    close, far = near([one.boxes for one in came.values()], there)
    rows = sum(known.counts[n] for n in close)
    if rows > NEAR * sum(known.counts) or (far and not is_there(known.store, known.place(FAR), known.about(FAR))):
        return Near(whole=True)
    rows += sum(one.rows for one in came.values()) + far * sum(known.counts) // RARE
    return Near(tuple(Table(known.names[n], n) for n in close), far, rows=rows)


def _in_ranges(run: Run, rows: int) -> int:
    """The number of ranges of so many marks that each fit the budget."""
    return -(-rows * BYTES // run.budget) or 1


def _left(again: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """What still repeats in those of the tables that are among these."""
    left = again.filter(pl.col("name").is_in(names))
    if left.height == again.height:
        return again
    return left.filter((pl.col("rows") > 1) | (pl.len().over("mark") > 1))


def _met(run: Run, added: Sequence[Table], looked: Near, gone: Sequence[int], one: Range) -> pl.DataFrame | None:
    """What repeats in one range among added marks, and those of the run that lie near them; None without these.

    What is of tables gone is left out of what was found: to look at every row's number would read a half more.
    """
    more = sorted_marks(added, one.low, one.high, run.store)
    try:
        found = [_held(table, more) for table in _looked_through(run, looked, one)]
    except GONE:
        return None
    if looked.whole and not is_there(run.store, one.place, one.about):
        return None
    there = pl.concat([more.clear(), *(held.filter(~of_tables(gone)) for held in found)]).sort("mark")
    return repeats(more.merge_sorted(there, "mark"))


def _looked_through(run: Run, looked: Near, one: Range) -> list[pl.LazyFrame]:
    """Sorted marks, with the numbers of their tables, among which those of tables near are; of one range."""
    if looked.whole:
        return [run.store.scan(one.place)]
    found = [sorted_marks(looked.tables, one.low, one.high, run.store)] if looked.tables else []
    if looked.far:
        far = sorted_marks([Table(run.place(FAR), several=True)], one.low, one.high, run.store)
        found.append(far.filter(~of_tables([table.first for table in looked.tables])))
    return [table.lazy() for table in found]


def _held(table: pl.LazyFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """The rows of a sorted table with one of these marks; numbers of tables are read where there are some.

    Both sides are known to be sorted before the query is planned, which then merges them.
    """
    found, table = asked, table.set_sorted("mark")
    for columns in (["mark"], ["mark", "of"]):
        marks = found.select(pl.col("mark").unique().sort()).lazy().set_sorted("mark")
        found = marks.join(table.select(columns), on="mark").collect()
        if found.is_empty():
            return asked.clear()
    return found


def _made_anew(run: Run, made: Mapping[str, Marks]) -> pl.DataFrame:
    """The run of all tables, range by range, and what repeats in it."""
    rows, boxes = {name: one.rows for name, one in made.items()}, tuple(one.boxes for one in made.values())
    number = _in_ranges(run, sum(rows.values()))
    ranges = Ranges(run.name, run.store, tuple(rows), tuple(rows.values()), boxes, number)
    tables = _grouped(run, rows)
    found = run.spread.each_of(ranges.each(), partial(_merged, run, tables))
    _keep_far(run, ranges)
    for table in tables:
        if table.several:
            run.store.forget(table.name)
    return _with_names(pl.concat(found), ranges.names)


def _keep_far(run: Run, ranges: Ranges) -> None:
    """The marks of all rows that lie far from most of their table, beside the run, unless they are many."""
    parts, left = list[pl.DataFrame](), run.budget // BYTES
    for number, (name, boxes) in enumerate(zip(ranges.names, ranges.boxes, strict=True)):
        if len(boxes) > 1:
            part = run.store.read(far_of(name))
            if part is None or (left := left - part.height) < 0:
                return
            parts.append(part.select("mark", of=pl.lit(number, pl.UInt32)))
    if parts:
        run.store.write(ranges.place(FAR), pl.concat(parts).sort("mark"), ranges.about(FAR))


def _merged(run: Run, tables: Sequence[Table], one: Range) -> pl.DataFrame:
    """One range of the run, kept, and what repeats in it."""
    marks = sorted_marks(tables, one.low, one.high, run.store)
    run.store.write(one.place, marks, one.about, sealed=False)
    return repeats(marks)


def _grouped(run: Run, rows: Mapping[str, int]) -> Sequence[Table]:
    """Tables from which ranges are read: small ones are merged first, or each range would open every one of them."""
    groups = list(_groups(rows, run.budget // BYTES))
    if not run.store.keeps or len(groups) == 1 or len(groups) * FEW > len(rows):
        return [Table(name, first) for first, name in enumerate(rows)]
    return run.spread.each_of(groups, partial(_group, run))


def _groups(rows: Mapping[str, int], most: int) -> Iterator[list[tuple[int, str]]]:
    """Tables that have so many marks together, one after the other, each with its number."""
    group, held = list[tuple[int, str]](), 0
    for numbered, count in zip(enumerate(rows), rows.values(), strict=True):
        if group and held + count > most:
            yield group
            group, held = [], 0
        group.append(numbered)
        held += count
    if group:
        yield group


def _group(run: Run, group: Sequence[tuple[int, str]]) -> Table:
    """One table of several, kept by what it is made of."""
    names, first = [name for _, name in group], group[0][0]
    name = f"{run.name}.group.{digest(names)}"
    if not run.store.about(name):
        marks = sorted_marks([Table(one, number) for number, one in enumerate(names)], 0, ALL_MARKS - 1, run.store)
        run.store.write(name, marks, {"rows": str(marks.height)})
    return Table(name, first, several=True)


def _with_names(again: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    return again.select("mark", pl.Series("name", names, pl.String).gather(again["of"]), "rows")
