"""A table of a database as rules see it: each query is said in SQL and answered there; no row is read here."""

from __future__ import annotations

import copy
import inspect
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source

from quality.engine.dtypes import col
from quality.engine.frame import Frame, Reference, Surroundings
from quality.engine.samples import Wanted, readable
from quality.errors import CannotJudgeError
from quality.pushdown.dialects import Dialect, UnsayableError, exp, number
from quality.pushdown.functions import case, filled, paren
from quality.pushdown.plans import Plan, Table
from quality.pushdown.tree import Tree
from quality.texts import place_of
from quality.values import Scalar

RULE = "\0rule"
"""The column of a statement of examples that tells whose they are: a name that no column of a table has."""


@dataclass(frozen=True)
class Database:
    """An open database: how it is asked, its dialect, and the table of it that a reference means, if it means one."""

    dialect: Dialect
    run: Callable[[str], pl.DataFrame]
    explain: Callable[[str], pl.DataFrame]
    table: Table
    same: Callable[[Any], Table | None]


class Absent:
    """The rows of a table, which are not here; in a rehearsal there are none."""

    def __init__(self, table: Table, rehearses: bool) -> None:
        self.table, self.rehearses = table, rehearses

    def __call__(self, columns: Any, predicate: Any, rows: Any, batch: Any) -> Iterator[pl.DataFrame]:
        if not self.rehearses:
            raise UnsayableError("the rows of a table that is judged there cannot be read here")
        schema = self.table.schema
        yield pl.DataFrame(schema={name: schema[name] for name in (schema if columns is None else columns)})


def table_of(node: Any) -> Table | None:
    """The table that a scan of a plan stands for."""
    if type(node).__name__ != "PythonScan":
        return None
    source = inspect.getclosurevars(node.options[0]).nonlocals.get("io_source")
    return source.table if isinstance(source, Absent) else None


class TableFrame(Frame):
    """A frame whose queries are statements of one database, until `close` is called: by who looks at it last."""

    close: Callable[[], Any]

    def __init__(
        self, database: Database, around: Surroundings, refer: Callable[[Any], Any], *, rehearses: bool = False
    ) -> None:
        self.database, self.refer, self.rehearses = database, refer, rehearses
        self.keeps: tuple[pl.Expr, ...] = ()
        self.statements: list[str] = []
        self.patterns: set[str] = set()
        self._outside = around.references
        self.there = weakref.proxy(self)  # a circle would keep the connection open after the last look
        references = partial(_reference, database, refer, around.references, rehearses)
        super().__init__(_rows(database.table, rehearses), replace(around, references=references))

    def rehearsal(self) -> TableFrame:
        """A frame that says every query, and answers it as of a table without rows."""
        around = replace(self.around, references=self._outside)
        return TableFrame(self.database, around, self.refer, rehearses=True)

    @property
    def order(self) -> tuple[str, ...]:
        """The columns that order the rows; none where nothing does."""
        return self.database.table.order

    @property
    def lazy(self) -> pl.LazyFrame:
        found = _rows(self.database.table, self.rehearses)
        for keep in self.keeps:
            found = found.filter(keep)
        return found

    def check_readable(self, columns: Iterable[str]) -> None:
        self.check_columns(columns := list(columns))
        for name in columns:
            if not self.is_readable(name):
                raise CannotJudgeError(str(self.database.table.columns[name]))

    @property
    def whole(self) -> pl.LazyFrame:
        """The rows with every column: of a type that is not judged there, the text that the database writes."""
        table = self.database.table
        schema = table.schema | dict.fromkeys(table.texts, pl.String())
        return _rows(replace(table, columns={**table.columns, **table.texts}, schema=schema), self.rehearses)

    def where(self, keep: pl.Expr) -> TableFrame:
        part = copy.copy(self)
        part.there = weakref.proxy(part)
        part.keeps, part.known = (*self.keeps, keep), {}
        return part

    def collect(self, query: pl.LazyFrame, label: str, reads: Iterable[str]) -> pl.DataFrame:
        if not is_there(query):
            return super().collect(query, label, reads)
        self.queries.append((label, tuple(sorted(set(reads)))))
        return self.answer(Plan(query, self.database.dialect, table_of), query)

    def answer(self, plan: Plan, query: pl.LazyFrame) -> pl.DataFrame:
        names, dialect = plan.schema.names(), self.database.dialect
        if len(names) > dialect.MOST and plan.is_one_row:
            starts = range(0, len(names), dialect.MOST)
            parts = [Plan(query, dialect, table_of, names[at : at + dialect.MOST]) for at in starts]
            return pl.concat(
                [self.answer(part, query.select(map(col, part.schema))) for part in parts], how="horizontal"
            )
        statement = plan.written()
        self.statements.append(statement)
        self.patterns |= plan.patterns
        if self.rehearses:
            return query.collect()
        return typed(self.database.run(statement), plan.schema)

    def beside(self, reference: Any) -> Table:
        """Another table of this database, which a reference means; UnsayableError where it means none."""
        other = self.database.same(self.refer(reference))
        if other is None:
            raise UnsayableError(f"the reference {place_of(reference)} is not a table of the same database")
        return other

    def readable(self, columns: Iterable[str], reference: Any) -> None:
        """UnsayableError for a column, here or of a reference, that has a type that is not judged there."""
        for table in (self.database.table, self.beside(reference)):
            for name in columns:
                readable_column(table, name)

    def occurs(self, column: str, reference: Any, theirs: str) -> pl.Expr:
        """Whether a value is one of a column of another table of this database; null where it is null."""
        name, table, dialect = f"\0{column} in {theirs} of {reference}", self.database.table, self.database.dialect
        if name not in table.columns:
            other = self.beside(reference)
            ours, wanted = table.schema[column], other.schema[theirs]
            if ours != wanted and not (ours.is_integer() and wanted.is_integer()):
                raise UnsayableError(f"{ours} is not looked up in {wanted} in {dialect.NAME}")
            keys = exp.Select().select(exp.alias_(readable_column(other, theirs), "k", quoted=True)).from_(other.rows)
            keys = keys.where(filled(readable_column(other, theirs)))
            value = readable_column(table, column)
            found = paren(exp.In(this=value, query=exp.Subquery(this=keys)))
            table.columns[name] = case((filled(value.copy()), found))
            table.schema[name] = pl.Boolean()
        return pl.col(name)

    def samples(
        self, wanted: Mapping[int, Wanted], key: tuple[str, ...], rows: int
    ) -> dict[int, list[dict[str, Scalar]]]:
        """Up to `rows` failing rows for each, in the order of the key, by one statement.

        A column of the key, or of what orders the rows, that is of a type that is not judged there is left out.
        """
        key, order = (tuple(n for n in names if self.is_readable(n)) for names in (key, self.order))
        shown = {n: list(dict.fromkeys((*key, *one.rule.reads))) for n, one in wanted.items()}
        every = [name for name in self.schema if any(name in names for names in shown.values())]
        parts = [self._some(n, one, every, key or order, rows) for n, one in wanted.items()]
        schema = pl.Schema({RULE: pl.Int64(), **{name: self.schema[name] for name in every}})
        self.queries.append((f"examples of {len(wanted)} rules", tuple(every)))
        statement = " UNION ALL ".join(f"({self.database.dialect.written(part)})" for part in parts)
        self.statements.append(statement)
        found = typed(self.database.run(statement), schema)
        return {
            n: [
                {name: readable(row[name]) for name in shown[n]}
                for row in found.filter(pl.col(RULE) == n).iter_rows(named=True)
            ]
            for n in wanted
        }

    def is_readable(self, name: str) -> bool:
        """Whether a column has a type that is judged there."""
        return not isinstance(self.database.table.columns.get(name), UnsayableError)

    def _some(self, rule: int, one: Wanted, every: list[str], key: Iterable[str], rows: int) -> Any:
        order = [name for name in key if name in self.schema] or every
        columns = list(dict.fromkeys((*every, *order)))
        query = self.lazy.filter(one.failing).select(map(col, columns))
        plan = Plan(query, self.database.dialect, table_of)
        found = plan.relation()
        given = [exp.alias_(number(rule), "rule", quoted=True)]
        given += [
            exp.alias_(plan.given(found.column(c), self.schema[c]), f"r{n}", quoted=True) for n, c in enumerate(every)
        ]
        select = exp.Select().select(*given).from_(found.select.subquery("t", copy=False), copy=False)
        by = [exp.Ordered(this=found.column(name), nulls_first=False) for name in dict.fromkeys((*order, *every))]
        return select.order_by(*by, copy=False).limit(rows, copy=False)


def _rows(table: Table, rehearses: bool) -> pl.LazyFrame:
    return register_io_source(Absent(table, rehearses), schema=pl.Schema(table.schema))


def _reference(
    database: Database, refer: Callable[[Any], Any], outside: Reference, rehearses: bool, written: Any
) -> pl.LazyFrame:
    """Another table of the same database, or rows that are read."""
    table = database.same(refer(written))
    return outside(written) if table is None else _rows(table, rehearses)


def readable_column(table: Table, name: str) -> Any:
    """The SQL of a column; UnsayableError where none reads it."""
    found = table.columns[name]
    if isinstance(found, UnsayableError):
        raise found
    return found.copy()


def is_there(query: pl.LazyFrame) -> bool:
    """Whether a query is about a table of a database, or about rows that are here."""
    return any(table_of(node) is not None for node in Tree(query).leaves())


def typed(found: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """What a database answered, in the dtypes of the query."""
    if found.width != len(schema):
        raise CannotJudgeError(f"the database answered {found.width} columns where {len(schema)} were asked for")
    named = zip(found.get_columns(), schema.items(), strict=True)
    return pl.DataFrame([values.cast(dtype).alias(name) for values, (name, dtype) in named])
