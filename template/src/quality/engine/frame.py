"""A dataset as the rules see it: dtypes at once, rows only through counted, streamed queries."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from quality.engine.sql import across_rows, condition
from quality.errors import ConfigurationError, SourceError, first_line, nearest
from quality.result import Explain

os.environ.setdefault("POLARS_ROW_GROUP_PREFETCH_SIZE", "2")  # a quarter less memory, for no time

Reference = Callable[[Any], pl.LazyFrame]
History = Callable[[int], list[float]]


@dataclass(frozen=True)
class Surroundings:
    """What rules may ask for beside the frame. `now` is aware; paths start at `root`; the budget is in bytes."""

    references: Reference
    history: History
    now: datetime
    root: Path = Path()
    memory_budget: int = 256 * 2**20
    past: Callable[[str, str, int, str | None], list[Any]] | None = None


class Frame:
    """A lazy frame, the other datasets its rules refer to, and a log of every query run on it.

    `version` is the source's when the frame was opened, where it has one.
    """

    def __init__(
        self,
        lazy: pl.LazyFrame,
        around: Surroundings,
        *,
        columnar: bool = False,
        version_now: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.lazy = lazy
        self.version_now = version_now
        self.version = version_now()
        self.schema = lazy.collect_schema()
        self.around = around
        self.columnar = columnar
        self.queries: list[tuple[str, tuple[str, ...]]] = []
        self.known: dict[str, Any] = {}
        self.keys: dict[tuple[str, ...], list[str | None]] = {}
        self._rows: int | None = None

    def collect(self, query: pl.LazyFrame, label: str, reads: Iterable[str]) -> pl.DataFrame:
        """The query's rows, streamed; written into the log under its label with the columns it reads."""
        self.queries.append((label, tuple(sorted(set(reads)))))
        return query.collect(engine="streaming")

    def number(self, expr: pl.Expr, label: str) -> Any:
        """One number about the whole frame."""
        return self.collect(self.lazy.select(expr), label, expr.meta.root_names()).item()

    def where(self, keep: pl.Expr | None) -> Frame:
        """The rows where `keep` is true; queries go to the same log."""
        if keep is None:
            return self
        part = Frame(self.lazy.filter(keep), self.around, columnar=self.columnar)
        part.queries = self.queries
        return part

    def reference(self, reference: Any, column: str | None = None) -> pl.LazyFrame:
        """Another dataset, by name, path or source; its column is known to exist."""
        other = self.around.references(reference)
        if column is not None and column not in (schema := other.collect_schema()):
            raise ConfigurationError(f"the reference {reference} has no column '{column}'; {nearest(column, schema)}")
        return other

    def check_columns(self, columns: Iterable[str]) -> None:
        """Refuse a column that is not there, with the nearest that is."""
        for column in columns:
            if column not in self.schema:
                raise ConfigurationError(f"no column '{column}'; {nearest(column, self.schema)}")

    def check_condition(self, sql: str) -> None:
        """Refuse SQL that names unknown columns, is not a condition, or does not speak of single rows."""
        self.once(f"condition {sql}", lambda: self._check_condition(sql))

    def _check_condition(self, sql: str) -> None:
        expr = condition(sql)
        names = set(expr.meta.root_names())
        self.check_columns(sorted(names))
        rows = pl.DataFrame({name: pl.Series([None, None], dtype=self.schema[name]) for name in sorted(names)})
        try:
            answer = rows.select(expr.alias("answer"))
            across = across_rows(expr, self.schema)
        except pl.exceptions.PolarsError as error:
            raise ConfigurationError(f"the SQL '{sql}' cannot be computed: {first_line(error)}") from None
        if across:
            raise ConfigurationError(f"the SQL '{sql}' speaks of several rows at once ({', '.join(sorted(across))})")
        if answer.schema["answer"] not in (pl.Boolean, pl.Null) or answer.height != 2:
            raise ConfigurationError(f"the SQL '{sql}' is not a condition on single rows")

    def once(self, key: str, compute: Callable[[], Any]) -> Any:
        """What `compute` gives, computed once for this frame."""
        if key not in self.known:
            self.known[key] = compute()
        return self.known[key]

    @property
    def rows(self) -> int:
        """The number of rows: of a pass that counted them, or counted now."""
        if self._rows is None:
            self._rows = int(self.collect(self.lazy.select(pl.len()), "number of rows", ()).item())
        return self._rows

    @property
    def has_changed(self) -> bool:
        """Whether the source is another one than it was when the frame was opened, or gone."""
        try:
            return self.version_now() != self.version
        except (SourceError, OSError):
            return True

    def rows_seen(self, rows: int) -> None:
        """Remembers the number of rows that a pass counted."""
        self._rows = rows

    def explain(self) -> Explain:
        reads: dict[str, int] = {}
        for _, columns in self.queries:
            for column in columns:
                reads[column] = reads.get(column, 0) + 1
        labels = tuple(f"{label}: {', '.join(columns) or '(metadata)'}" for label, columns in self.queries)
        return Explain(queries=labels, columns_read=dict(sorted(reads.items())))
