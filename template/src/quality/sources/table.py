"""A table of a database that is judged there: each check asks for counts, and no row is read here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import Field

from quality.errors import ConfigurationError, MalformedError, SourceError
from quality.pushdown.databases import DIALECTS
from quality.pushdown.dialects import Dialect, UnreadableError, exp
from quality.pushdown.frame import Database
from quality.pushdown.plans import Table as Rows
from quality.pushdown.types import dtype_of
from quality.sources.connections import Connection, TableName, address, name_parts, scheme, trouble
from quality.sources.drivers import driver
from quality.sources.source import Looked, Reading, Source
from quality.sources.sql import Sql
from quality.sources.ways import WAYS, Run
from quality.texts import there_is
from quality.values import Text


class Table(Source):
    """A table or view of DuckDB, PostgreSQL or Spark, judged by the database itself."""

    UNKNOWN: ClassVar[str] = "unknown: a database does not tell versions of a table"

    kind: Literal["table"] = "table"
    connection: Connection = Field(
        description="env:NAME, secret:NAME, or an address without a password such as duckdb:///data/shop.duckdb."
    )
    table: TableName = Field(description="A table or view, with its schema where it has one: sales.orders.")
    order_by: tuple[Text, ...] = Field(
        (), description="Columns that order the rows, and tell each from its neighbors, for rules about order."
    )

    def describe(self) -> str:
        return f"{self.table} of {self.connection}"

    def rows(self) -> Sql:
        """The same rows, read: for what needs them here, such as a reference of files."""
        return Sql(connection=self.connection, table=self.table)

    def scan(self, root: Path) -> pl.LazyFrame:
        return self.rows().scan(root)

    def read(self, root: Path, judged: Collection[str]) -> Reading:
        """The table's columns; its connection, in one transaction, is open until nobody asks any more."""
        with ExitStack() as open_now:
            database = self._database(open_now, root)
            ended = open_now.pop_all()
        return Reading(pl.LazyFrame(), there=database, ended=ended.close)

    def look(self, root: Path) -> Looked:
        with ExitStack() as open_now:
            found = self._database(open_now, root)
        if gone := [name for name in self.order_by if name not in found.table.schema]:
            raise MalformedError(f"{self._gone(gone[0], found.table)}; rules about order are an ERROR without it")
        said = f"judged there, by {found.dialect.NAME}: each check asks for counts in one transaction"
        return Looked(tuple(found.table.schema), None, columnar=True, said=said)

    def _database(self, open_now: ExitStack, root: Path) -> Database:
        url = address(self.connection)
        kind = scheme(url)
        if kind not in WAYS:
            *names, last = sorted({one.NAME for one in DIALECTS.values()})
            raise ConfigurationError(
                f"a table is judged there by {', '.join(names)} or {last}; "
                f"read one of {kind} by a source of `kind: sql`"
            )
        driver("sqlglot", "pushdown", "a table that is judged where it lies")
        with self._told(url, of_rows=False):
            way = open_now.enter_context(WAYS[kind](url, root))
        watched, tables = partial(self._told, url), dict[str, Rows]()

        def rows(name: str, order: tuple[str, ...] = ()) -> Rows:
            if name not in tables:
                with watched():
                    tables[name] = as_rows(name_parts(name), way.columns(name_parts(name)), DIALECTS[kind], order)
            return tables[name]

        def same(other: Source) -> Rows | None:
            return rows(other.table) if isinstance(other, Table) and address(other.connection) == url else None

        mine = rows(self.table, self.order_by)
        for name in self.order_by:
            mine.columns.setdefault(name, UnreadableError(self._gone(name, mine)))
        run, explain = (_one_by_one(one, watched) for one in (way.run, way.explain))
        explain(str(exp.Select().select(exp.Literal.number(1)).from_(mine.rows.copy()).sql(DIALECTS[kind].SQLGLOT)))
        return Database(DIALECTS[kind], run, explain, mine, same)

    def _gone(self, name: str, rows: Rows) -> str:
        return f"column '{name}' of source.order_by is gone; {there_is(name, rows.schema)}"

    @contextmanager
    def _told(self, url: str, of_rows: bool = True) -> Iterator[None]:
        """What a driver says is told without what gives access."""
        try:
            yield
        except (ConfigurationError, SourceError):
            raise
        except (Exception, pl.exceptions.PanicException) as error:
            made = trouble(error, url, f"{self.describe()} cannot be judged", of_rows)
            raise made from made.__cause__


def _one_by_one(run: Run, told: Callable[[], Any]) -> Run:
    """A connection answers one statement at a time."""
    lock = threading.Lock()

    def locked(statement: str) -> pl.DataFrame:
        with lock, told():
            return run(statement)

    return locked


def as_rows(named: Sequence[str], types: Mapping[str, str], dialect: Dialect, order: tuple[str, ...]) -> Rows:
    """A table with the SQL of each column, of which some have a type that is not judged there."""
    columns: dict[str, Any] = {}
    texts: dict[str, Any] = {}
    schema: dict[str, pl.DataType] = {}
    for name, kind in types.items():
        dtype = dtype_of(kind, dialect)
        schema[name] = pl.Object() if dtype is None else dtype
        own = exp.column(name, quoted=True)
        if dtype is None:
            texts[name] = dialect.cast(own.copy(), pl.String())
        columns[name] = (
            UnreadableError(f"column '{name}' is {kind} in {dialect.NAME}; give it another type by a view")
            if dtype is None
            else dialect.read(own, kind, dtype)
        )
    table = exp.table_(*reversed([exp.to_identifier(part, quoted=True) for part in named]))
    return Rows(table, columns, schema, order, texts)
