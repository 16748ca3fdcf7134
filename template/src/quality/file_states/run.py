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
from quality.file_states.ends import Ends, near, text_of, told
from quality.file_states.spread import Spread
from quality.file_states.store import GONE, Store
from quality.rules.uniqueness import BYTES_SORTED

ADDED = 0.25
"""The run is made anew where more than this share of its marks came beside it, or as many of them are of files gone.

Each by itself: in a window, where files come and go alike, what is looked up again until then costs about as much as
one run, and the sum of both would make it anew twice as often.
"""
ALL_MARKS = 2**64
BYTES = BYTES_SORTED
"""Of each mark while a range is sorted."""
FEW = 8
"""Tables that are small enough for so many of them to fit the budget together are merged first."""


class Marks(NamedTuple):
    """How many marks a table has, and between which values the columns of their keys lie."""

    rows: int
    ends: Ends

    def about(self) -> dict[str, str]:
        """As it is written beside the table."""
        return {"rows": str(self.rows), "ends": text_of([self.ends])}


def marks_in(about: Mapping[str, str]) -> Marks | None:
    """What is written beside a table; None where nothing is that can be understood."""
    try:
        return Marks(int(about["rows"]), *told(about["ends"]))
    except (KeyError, TypeError, ValueError):
        return None


Made = Callable[[Sequence[str]], Mapping[str, Marks]]
"""Sees to it that tables of marks are there, and says what is in each."""


class Run(NamedTuple):
    """Where a run is kept, what carries out its parts, and how many bytes each of them may take."""

    name: str
    store: Store
    spread: Spread
    budget: int

    def repeated(self, names: Sequence[str]) -> str:
        """The name of what occurs more than once in these tables."""
        return f"{self.name}.again.{digest(sorted(names))}"


class Ranges(NamedTuple):
    """A run of these tables, which have so many marks each, in so many ranges."""

    name: str
    store: Store
    names: tuple[str, ...]
    counts: tuple[int, ...]
    ends: tuple[Ends, ...]
    ranges: int

    def about(self, number: int) -> dict[str, str]:
        """What is written beside a range: its tables beside the first, beside others what these are known by."""
        tables = {"names": " ".join(self.names), "counts": " ".join(map(str, self.counts)), "ends": text_of(self.ends)}
        said = {"tables": digest(tables), "ranges": str(self.ranges), "range": str(number)}
        return said if number else tables | said

    def there(self, names: Collection[str]) -> list[Ends]:
        """The ends of the tables that are among these."""
        there = set(names)
        return [ends for name, ends in zip(self.names, self.ends, strict=True) if name in there]

    def gone(self, names: Collection[str]) -> dict[int, int]:
        """The numbers of the tables that are not among these, and how many marks the run has of each."""
        there = set(names)
        return {n: self.counts[n] for n, name in enumerate(self.names) if name not in there}

    def place(self, number: int) -> str:
        return f"{self.name}.{number}"

    def bounds(self, number: int) -> tuple[int, int]:
        """The first and the last mark of a range."""
        width = -(-ALL_MARKS // self.ranges)
        return number * width, min((number + 1) * width, ALL_MARKS) - 1


class Table(NamedTuple):
    """Sorted marks of one file, or of several with the number of each, that number counted from `first`."""

    name: str
    first: int = 0
    several: bool = False


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
    known = _kept(run)
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
    close = near([one.ends for one in came.values()], known.there(names))
    met = partial(_met, known, added, tuple(known.gone(names)), [added[n].first for n in close])
    found = [part for part in run.spread.each_of(range(known.ranges), met) if part is not None]
    if len(found) < known.ranges:
        return None
    new = _with_names(pl.concat(found), [*known.names, *came])
    return pl.concat([_left(old, names).filter(~pl.col("mark").is_in(new["mark"].unique().implode())), new])


def _left(again: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """What still repeats in those of the tables that are among these."""
    left = again.filter(pl.col("name").is_in(names))
    if left.height == again.height:
        return again
    return left.filter((pl.col("rows") > 1) | (pl.len().over("mark") > 1))


def _kept(run: Run) -> Ranges | None:
    """The run as it is kept."""
    about = run.store.about(f"{run.name}.0")
    try:
        names, counts = about["names"].split(), [int(count) for count in about["counts"].split()]
        ends = tuple(told(about["ends"]))
        known = Ranges(run.name, run.store, tuple(names), tuple(counts), ends, int(about["ranges"]))
    except (KeyError, TypeError, ValueError):
        return None
    return known if len(names) == len(counts) == len(ends) else None


def _met(
    known: Ranges, added: Sequence[Table], gone: Sequence[int], near: Sequence[int], number: int
) -> pl.DataFrame | None:
    """What repeats in one range among added marks, and those of the run that are in a table near it; None without it.

    What is of tables gone is left out of what was found: to look at every row's number would read a half more.
    """
    more = _sorted(added, *known.bounds(number), known.store)
    asked = more.filter(_of(near))["mark"].unique()
    if asked.is_empty():
        return _repeats(more)
    try:
        known.store.refuse_damaged(known.place(number))
        found = known.store.scan(known.place(number)).filter(pl.col("mark").is_in(asked.implode())).collect()
    except GONE:
        return None
    if not known.about(number).items() <= known.store.about(known.place(number)).items():
        return None  # another check has written another run meanwhile
    return _repeats(pl.concat([found.filter(~_of(gone)), more]).sort("mark"))


def _of(numbers: Sequence[int]) -> pl.Expr:
    """Rows of the tables with these numbers."""
    return pl.col("of").is_in(pl.Series("of", numbers, pl.UInt32).implode())


def _made_anew(run: Run, made: Mapping[str, Marks]) -> pl.DataFrame:
    """The run of all tables, range by range, and what repeats in it."""
    rows, ends = {name: one.rows for name, one in made.items()}, tuple(one.ends for one in made.values())
    number = -(-sum(rows.values()) * BYTES // run.budget) or 1
    ranges = Ranges(run.name, run.store, tuple(rows), tuple(rows.values()), ends, number)
    tables = _grouped(run, rows)
    found = run.spread.each_of(range(ranges.ranges), partial(_merged, ranges, tables))
    for table in tables:
        if table.several:
            run.store.forget(table.name)
    return _with_names(pl.concat(found), ranges.names)


def _merged(of: Ranges, tables: Sequence[Table], number: int) -> pl.DataFrame:
    """One range of the run, kept, and what repeats in it."""
    marks = _sorted(tables, *of.bounds(number), of.store)
    of.store.write(of.place(number), marks, of.about(number))
    return _repeats(marks)


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
        marks = _sorted([Table(one, number) for number, one in enumerate(names)], 0, ALL_MARKS - 1, run.store)
        run.store.write(name, marks, {"rows": str(marks.height)})
    return Table(name, first, several=True)


def _sorted(tables: Sequence[Table], low: int, high: int, store: Store) -> pl.DataFrame:
    """The marks of these tables from one to another, sorted, each with the number of its file.

    They are read one table after the other, as a scan of all would hold more of them than the range has. One that is
    damaged is made again by the next check; this one asks the whole.
    """
    inside = pl.col("mark").is_between(pl.lit(low, pl.UInt64), pl.lit(high, pl.UInt64))
    parts, broken = [pl.DataFrame(schema={"mark": pl.UInt64, "of": pl.UInt32})], None
    for table in tables:
        first = pl.lit(table.first, pl.UInt32)
        of = pl.col("of") + first if table.several else first
        try:
            if low == 0:  # of a table that is read range by range, once
                store.refuse_damaged(table.name)
            parts.append(store.scan(table.name).filter(inside).select("mark", of.alias("of")).collect())
        except GONE as error:
            store.forget(table.name)
            broken = error
    if broken is not None:
        raise broken
    return pl.concat(parts).sort("mark")


def _repeats(marks: pl.DataFrame) -> pl.DataFrame:
    """Of sorted marks those that occur again, with their rows in each table."""
    mark = pl.col("mark")
    again = marks.lazy().filter((mark == mark.shift(1)) | (mark == mark.shift(-1)))
    return again.group_by("mark", "of").len("rows").sort("mark", "of").collect()


def _with_names(again: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    return again.select("mark", pl.Series("name", names, pl.String).gather(again["of"]), "rows")
