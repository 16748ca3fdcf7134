"""What every source is: a place that is scanned, and what says whether it has changed."""

from __future__ import annotations

import functools
import hashlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, NamedTuple

import polars as pl

from quality.engine.rule import Rule
from quality.errors import ConfigurationError, MalformedError, SourceError, first_line
from quality.pushdown.frame import Database
from quality.rules.catalogue import listed
from quality.sources.partition import Partition
from quality.values import Frozen

TICK = 0.1
"""Seconds after which a file that has just been written is looked at again."""


class Reading(NamedTuple):
    """A source, opened: its rows, and what its files say of themselves.

    `hidden` columns are for the rules in `declared`, which judge whether values read as their dtypes. `schemas` has
    the schema of every file that differs from others, by the file's name. `differs` says how files contradict each
    other, whose rows are then not judged. `rows` is how many there are, where every one was
    counted; `columnar` whether columns are read apart from each other. `version` names the one version of the data
    that all of its queries see, whatever is written meanwhile. `ended` is called when nobody reads it any more.
    `there` is the database that judges the rows itself: then none are in `lazy`. `exponents` are columns of text whose
    first rows have numbers such as 1e5, which are read as such only there.
    """

    lazy: pl.LazyFrame
    hidden: tuple[str, ...] = ()
    declared: tuple[Rule, ...] = ()
    schemas: Mapping[str, pl.Schema] = {}
    differs: str | None = None
    rows: int | None = None
    columnar: bool = False
    version: str | None = None
    ended: Callable[[], None] | None = None
    there: Database | None = None
    exponents: tuple[str, ...] = ()


def never() -> bool:
    """What is said of files that cannot be looked at again."""
    return False


class Part(NamedTuple):
    """One file of a source that is judged as a whole: its name, what changes when it does, and how it is opened alone.

    It is `settled` where a later change would be seen: clocks of file systems tick, and a file may change twice in one.
    Its `size` is in bytes, and 0 where that is not known. `has_changed` looks at it again: whether it is no longer of
    this version, or gone; it is asked once something of the file was read, before that is kept under the version.
    """

    name: str
    version: str
    read: Callable[[Collection[str]], Reading]
    settled: bool = True
    size: int = 0
    has_changed: Callable[[], bool] = never


class Looked(NamedTuple):
    """What can be said of a source without judging it: its columns, its version, and what is cheap to know."""

    columns: tuple[str, ...]
    version: str | None
    size: int | None = None
    rows: int | None = None
    columnar: bool = False
    said: str = ""


class Source(Frozen):
    """Where a dataset lies. A domain's own source is a subclass with its own `kind`, fields and `scan`."""

    UNKNOWN: ClassVar[str] = "unknown: this source does not tell versions"

    kind: str

    @property
    def columnar(self) -> bool:
        """Whether columns can be read apart from each other."""
        return False

    @property
    def is_remote(self) -> bool:
        """Whether each read waits for a network."""
        return False

    def scan(self, root: Path) -> pl.LazyFrame:
        """A lazy frame; SourceError when there is nothing to read."""
        raise NotImplementedError

    def read(self, root: Path, judged: Collection[str]) -> Reading:
        """The source, opened for rules that judge the dtypes of these columns."""
        return Reading(self.scan(root), columnar=self.columnar)

    def parts(self, root: Path) -> tuple[Part, ...]:
        """The files that the source is made of, in order; none where they cannot be judged apart from each other."""
        return ()

    def version(self, root: Path) -> str | None:
        """What changes when the data changes (size and time of files); None when it cannot be known cheaply."""
        return None

    def size(self, root: Path) -> int | None:
        """Bytes of the data as it lies there; None when it cannot be known cheaply."""
        return None

    def partitions(self, root: Path) -> tuple[str, ...]:
        """The columns that name the partition of a row; none where nothing is partitioned."""
        return ()

    def within(self, partition: Partition) -> Source:
        """This source, of one partition alone; ConfigurationError where it has none to choose from."""
        raise ConfigurationError(
            f"a source of kind {self.kind} has no partition columns, so no partition of it is judged alone; leave the "
            "partition out"
        )

    def describe(self) -> str:
        return self.kind

    def look(self, root: Path) -> Looked:
        """What there is to judge; SourceError where a check could not read it."""
        found = self.read(root, ())
        if found.differs:
            raise MalformedError(found.differs)
        columns = tuple(name for name in found.lazy.collect_schema() if name not in found.hidden)
        version = found.version or self.version(root)
        return Looked(columns, version, self.size(root), found.rows, found.columnar)


def settled_parts(source: Source, root: Path) -> tuple[Part, ...]:
    """The files of a source; where one was written just now, as they are after the next tick of the clock."""
    parts = source.parts(root)
    if all(part.settled for part in parts):
        return parts
    time.sleep(TICK)
    return source.parts(root)


def digest(version: str | None) -> str | None:
    """A version of a source in 16 hexadecimal digits: whole, it names every file."""
    return None if version is None else hashlib.sha256(version.encode()).hexdigest()[:16]


@contextmanager
def reading(source: Source) -> Iterator[None]:
    """What an own source raises is trouble of that source, told with its cause; files speak for themselves."""
    try:
        yield
    except (SourceError, ConfigurationError):
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        why = f"{type(error).__name__}: {first_line(error)}"
        raise SourceError(f"the source could not be read: {source.kind}: {why}") from error


@functools.cache
def domain_sources() -> dict[str, type[Source]]:
    """The domain's own sources by kind: `SOURCES` of `domain.sources`."""
    return {source.model_fields["kind"].default: source for source in listed("sources", "SOURCES")}
