"""A sorted run of marks, cut into ranges that are read and written one by one, and what is read of one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import polars as pl

from quality.file_states.asks import digest
from quality.file_states.ends import Boxes, text_of, told
from quality.file_states.spread import Spread
from quality.file_states.store import GONE, Store

ALL_MARKS = 2**64
FAR = "far"
"""In place of its number: the range of all rows that lie far from most of their table; these are in the others, too."""


class Run(NamedTuple):
    """Where a run is kept, what carries out its parts, and how many bytes each of them may take."""

    name: str
    store: Store
    spread: Spread
    budget: int

    def place(self, number: int | str) -> str:
        """The name of one of its ranges."""
        return f"{self.name}.{number}"

    def repeated(self, names: Sequence[str]) -> str:
        """The name of what occurs more than once in these tables."""
        return f"{self.name}.again.{digest(sorted(names))}"


class Range(NamedTuple):
    """One range of a run: its first and last mark, where it is kept, and what is written beside it.

    It goes to a worker, and says of the tables, which may be many, no more than what they are known by.
    """

    number: int
    low: int
    high: int
    place: str
    about: dict[str, str]


class Ranges(NamedTuple):
    """A run of these tables, which have so many marks each, in so many ranges."""

    name: str
    store: Store
    names: tuple[str, ...]
    counts: tuple[int, ...]
    boxes: tuple[Boxes, ...]
    ranges: int

    def each(self) -> list[Range]:
        """The ranges, in their order."""
        width, numbers = -(-ALL_MARKS // self.ranges), range(self.ranges)
        bounds = [(number * width, min((number + 1) * width, ALL_MARKS) - 1) for number in numbers]
        abouts = zip(numbers, bounds, self._abouts(numbers), strict=True)
        return [Range(number, *ends, self.place(number), about) for number, ends, about in abouts]

    def about(self, number: int | str) -> dict[str, str]:
        """What is written beside a range."""
        return next(self._abouts([number]))

    def _abouts(self, numbers: Iterable[int | str]) -> Iterator[dict[str, str]]:
        """What is written beside each: its tables beside the first, beside others what these are known by."""
        tables = {"names": " ".join(self.names), "counts": " ".join(map(str, self.counts))}
        tables["boxes"] = text_of(self.boxes)
        said = {"tables": digest(tables), "ranges": str(self.ranges)}
        for number in numbers:
            yield (said if number else tables | said) | {"range": str(number)}

    def there(self, names: Collection[str]) -> dict[int, Boxes]:
        """The boxes of the tables that are among these, by their numbers."""
        there = set(names)
        return {n: self.boxes[n] for n, name in enumerate(self.names) if name in there}

    def gone(self, names: Collection[str]) -> dict[int, int]:
        """The numbers of the tables that are not among these, and how many marks the run has of each."""
        there = set(names)
        return {n: self.counts[n] for n, name in enumerate(self.names) if name not in there}

    def place(self, number: int | str) -> str:
        return f"{self.name}.{number}"


def is_there(store: Store, place: str, about: dict[str, str]) -> bool:
    """Whether a range is that of this run; another check may have written another."""
    return about.items() <= store.about(place).items()


class Table(NamedTuple):
    """Sorted marks of one file, or of several with the number of each, that number counted from `first`."""

    name: str
    first: int = 0
    several: bool = False


def kept_run(run: Run) -> Ranges | None:
    """The run as it is kept."""
    about = run.store.about(f"{run.name}.0")
    try:
        names, counts = about["names"].split(), [int(count) for count in about["counts"].split()]
        boxes = tuple(told(about["boxes"]))
        known = Ranges(run.name, run.store, tuple(names), tuple(counts), boxes, int(about["ranges"]))
    except (KeyError, TypeError, ValueError):
        return None
    run.store.touch(known.place(FAR))
    return known if len(names) == len(counts) == len(boxes) else None


def sorted_marks(tables: Sequence[Table], low: int, high: int, store: Store) -> pl.DataFrame:
    """The marks of these tables from one to another, sorted, each with the number of its file.

    They are read table by table, as a scan of all would hold more of them than the range has. One that is damaged is
    made again by the next check; this one asks the whole.
    """
    inside = pl.col("mark").is_between(pl.lit(low, pl.UInt64), pl.lit(high, pl.UInt64))

    def read(table: Table) -> pl.DataFrame | BaseException:
        first = pl.lit(table.first, pl.UInt32)
        of = pl.col("of") + first if table.several else first
        try:
            if low == 0:  # of a table that is read range by range, once
                store.refuse_damaged(table.name)
            return store.scan(table.name).filter(inside).select("mark", of.alias("of")).collect()
        except GONE as error:
            store.forget(table.name)
            return error

    parts = [pl.DataFrame(schema={"mark": pl.UInt64, "of": pl.UInt32})]
    for part in store.each(read, tables):
        if not isinstance(part, pl.DataFrame):
            raise part
        parts += [] if part.is_empty() else [part]
    return merged(parts[1:] or parts)


def merged(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Sorted marks of several tables as one; those of one table are not sorted again."""
    return parts[0].set_sorted("mark") if len(parts) == 1 else pl.concat(parts).sort("mark")


def repeats(marks: pl.DataFrame) -> pl.DataFrame:
    """Of sorted marks those that occur again, with their rows in each table."""
    mark = pl.col("mark")
    again = marks.lazy().filter((mark == mark.shift(1)) | (mark == mark.shift(-1)))
    return again.group_by("mark", "of").len("rows").sort("mark", "of").collect()


def of_tables(numbers: Sequence[int]) -> pl.Expr:
    """Rows of the tables with these numbers."""
    return pl.col("of").is_in(pl.Series("of", numbers, pl.UInt32).implode())
