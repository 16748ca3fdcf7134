"""A dataset as the rules see it: dtypes at once, rows only through counted, streamed queries."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import polars as pl

from quality.engine.dtypes import col
from quality.engine.sql import across_rows, condition
from quality.errors import CannotJudgeError, MalformedError, SourceError
from quality.merging import segment
from quality.provenance import Explain
from quality.sql_text import brief, fixed, several
from quality.texts import place_of, there_is

Reference = Callable[[Any], pl.LazyFrame]
History = Callable[[int], list[float]]
Given = ParamSpec("Given")
Found = TypeVar("Found")


@dataclass(frozen=True)
class Surroundings:
    """What rules may ask for beside the frame. `now` is aware; paths start at `root`; the budget is in bytes.

    Every query runs inside `reading`; so many as `at_once` of one pass run beside each other. Of `far` data, which is
    waited for or small, queries are few and wide.
    """

    references: Reference
    history: History
    now: datetime
    root: Path = Path()
    memory_budget: int = 256 * 2**20
    past: Callable[[str, str, int, str | None], list[Any]] | None = None
    references_changed: Callable[[], bool] = lambda: False
    reading: Callable[[], AbstractContextManager[None]] = nullcontext
    at_once: int = 1
    far: bool = False


class Frame:
    """A lazy frame, the other datasets its rules refer to, and a log of every query run on it.

    `version` is the source's when the frame was opened, where it has one. `hidden` columns are no part of the schema.
    `schemas` are those of files that differ, by name; `differs` says how they contradict each other: no row is read.
    `there` answers queries where the data lives, where no row is read here; `parts` give samples, file by file.
    """

    there: Any = None
    parts: Any = None

    def __init__(
        self,
        lazy: pl.LazyFrame,
        around: Surroundings,
        *,
        columnar: bool = False,
        version_now: Callable[[], str | None] = lambda: None,
        version: str | None = None,
        hidden: Iterable[str] = (),
        schemas: Mapping[str, pl.Schema] | None = None,
        differs: str | None = None,
    ) -> None:
        self.hidden = frozenset(hidden)
        self.schemas, self.differs = schemas or {}, differs
        self._lazy = lazy
        self.version_now = version_now
        self.version = version
        named: dict[str, pl.DataType] = {}
        for schema in self.schemas.values():
            named |= {name: dtype for name, dtype in schema.items() if name not in named}
        there = named if differs else lazy.collect_schema()
        self.schema = pl.Schema({name: dtype for name, dtype in there.items() if name not in self.hidden})
        self.around = around
        self.columnar = columnar
        self.queries: list[tuple[str, tuple[str, ...]]] = []
        self.known: dict[tuple[Hashable, ...], Any] = {}
        self.taken: dict[Hashable, Any] = {}
        self.lock = threading.RLock()

    @property
    def lazy(self) -> pl.LazyFrame:
        """The rows; MalformedError where files contradict each other, so that they have no common ones."""
        if self.differs is not None:
            raise MalformedError(self.differs)
        return self._lazy

    def collect(self, query: pl.LazyFrame, label: str, reads: Iterable[str]) -> pl.DataFrame:
        """The query's rows, streamed; written into the log under its label with the columns it reads."""
        self.queries.append((label, tuple(sorted(set(reads)))))
        with self.around.reading():
            return query.collect(engine="streaming")

    def segment(self, by: str) -> pl.Expr:
        """What rows are grouped by: a column as Python tells its values."""
        return segment(col(by), self.schema[by])

    def number(self, expr: pl.Expr, label: str) -> Any:
        """One number about the whole frame."""
        return self.collect(self.lazy.select(expr), label, expr.meta.root_names()).item()

    def where(self, keep: pl.Expr) -> Frame:
        """The rows where `keep` is true; queries go to the same log."""
        part = Frame(self.lazy.filter(keep), self.around, columnar=self.columnar, hidden=self.hidden)
        part.queries = self.queries
        return part

    def reference(self, reference: Any, column: str | None = None) -> pl.LazyFrame:
        """Another dataset, by name, path or source; its column is known to exist."""
        other = self.around.references(reference)
        if column is not None and column not in (schema := other.collect_schema()):
            raise CannotJudgeError(
                f"column '{column}' of the reference {place_of(reference)} is gone; {there_is(column, schema)}"
            )
        return other

    def check_columns(self, columns: Iterable[str]) -> None:
        """CannotJudgeError for a column that is not there, with the nearest that is."""
        for column in columns:
            if column not in self.schema:
                raise CannotJudgeError(f"column '{column}' is gone; {there_is(column, self.schema)}")

    def check_readable(self, columns: Iterable[str]) -> None:
        """CannotJudgeError for a column that is not there, or that no rule reads where the data lives."""
        self.check_columns(columns)

    def check_condition(self, sql: str) -> None:
        """CannotJudgeError for SQL whose columns are gone, or that is not a condition on this data's dtypes."""
        self.once(Frame._check_condition, sql)

    def _check_condition(self, sql: str) -> None:
        expr = condition(sql)
        names = set(expr.meta.root_names())
        self.check_readable(sorted(names))
        rows = pl.DataFrame({name: pl.Series([None, None], dtype=self.schema[name]) for name in sorted(names)})
        try:
            answer, across = rows.select(expr.alias("answer")), across_rows(expr, self.schema)
        except pl.exceptions.PolarsError as error:
            raise CannotJudgeError(f"the SQL '{brief(sql)}' cannot be computed: {fixed(error)}") from None
        if across:
            raise CannotJudgeError(several(sql, across))
        if answer.schema["answer"] not in (pl.Boolean, pl.Null) or answer.height != 2:
            raise CannotJudgeError(f"the SQL '{brief(sql)}' is not a condition on single rows")

    def once(self, compute: Callable[Concatenate[Frame, Given], Found], *of: Given.args, **by: Given.kwargs) -> Found:
        """What a function gives for this frame and these arguments, computed once."""
        key = (compute, _hashable(of), _hashable(by))
        with self.lock:
            if key not in self.known:
                self.known[key] = compute(self, *of, **by)
            found: Found = self.known[key]
        return found

    @property
    def rows(self) -> int:
        """The number of rows: of a pass that counted them, or counted now."""
        return self.once(Frame._count)

    def _count(self) -> int:
        return int(self.collect(self.lazy.select(pl.len()), "number of rows", ()).item())

    @property
    def has_changed(self) -> bool:
        """Whether the source, or a reference, is another one than it was when it was opened, or gone."""
        try:
            return self.version_now() != self.version or self.around.references_changed()
        except (SourceError, OSError):
            return True

    def rows_seen(self, rows: int) -> None:
        """Remembers the number of rows that a pass counted."""
        self.known[Frame._count, (), frozenset()] = rows

    def explain(self) -> Explain:
        reads = Counter(column for _, columns in self.queries for column in columns)
        labels = tuple(f"{label}: {', '.join(columns) or '(metadata)'}" for label, columns in self.queries)
        return Explain(queries=labels, columns_read=dict(sorted(reads.items())))


def _hashable(given: Any) -> Hashable:
    """Arguments as a key: a mapping by its items, a sequence by its members."""
    if isinstance(given, Mapping):
        return frozenset((name, _hashable(value)) for name, value in given.items())
    return tuple(map(_hashable, given)) if isinstance(given, (tuple, list)) else given
