"""Plans of Polars' lazy frames as nested SELECTs over one table."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import polars as pl

from quality.pushdown.dialects import PATTERN, Dialect, UnsayableError, call, exp
from quality.pushdown.expressions import Reader
from quality.pushdown.functions import all_of, is_null, paren
from quality.pushdown.literals import some_value
from quality.pushdown.tree import Tree


@dataclass
class Table:
    """What stands for a table of a database: its rows, and for each column the SQL that reads it, or why none does.

    Columns that no rule reads have `texts`, which the database writes of them for whoever looks at a row.
    """

    rows: Any
    columns: dict[str, Any]
    schema: dict[str, pl.DataType]
    order: tuple[str, ...] = ()
    texts: Mapping[str, Any] = field(default_factory=dict)


class Relation(NamedTuple):
    """A SELECT, how each of its columns is called there, and what orders its rows."""

    select: Any
    column: Callable[[str], Any]
    order: Callable[[], Sequence[Any]] = tuple


class Base:
    """The innermost SELECT, which reads the columns that are asked for."""

    def __init__(self, table: Table, dialect: Dialect, names: Callable[[], str]) -> None:
        self.table, self.dialect, self.names = table, dialect, names
        self.select = (
            exp.Select().select(exp.alias_(exp.Literal.number(1), "row", quoted=True)).from_(table.rows.copy())
        )
        self.used: dict[str, str] = {}

    def column(self, name: str) -> Any:
        if name not in self.used:
            found = self.table.columns[name]
            if isinstance(found, UnsayableError):
                raise found
            self.used[name] = self.names()
            self.select.select(exp.alias_(found.copy(), self.used[name], quoted=True), copy=False)
        return exp.column(self.used[name], quoted=True)

    def order(self) -> Sequence[Any]:
        return [self.column(name) for name in self.table.order]


class Plan:
    """One query of Polars as one statement; of one row of counts, those that are `wanted`."""

    def __init__(
        self,
        query: pl.LazyFrame,
        dialect: Dialect,
        table_of: Callable[[Any], Table | None],
        wanted: Sequence[str] | None = None,
    ) -> None:
        self.tree, self.dialect, self.table_of = Tree(query), dialect, table_of
        whole = query.collect_schema()
        self.schema = whole if wanted is None else pl.Schema({name: whole[name] for name in wanted})
        self.patterns: set[str] = set()
        self._numbers = itertools.count()

    @property
    def is_one_row(self) -> bool:
        """Whether the query is of counts alone, which may be asked for in parts."""
        if self.tree.kind != "Select":
            return False
        columns = self.tree.node.expr
        with self.tree.below():
            reader = self.reader(Relation(None, exp.column))
            return len(columns) > 1 and all(reader.is_one(one.node) for one in columns)

    def relation(self) -> Relation:
        """The whole query; UnsayableError names what the database has no exact words for."""
        try:
            found = self._relation()
        except (NotImplementedError, RecursionError) as error:
            raise UnsayableError(f"this query cannot be said in {self.dialect.NAME}: {error or 'too deep'}") from None
        self.patterns = {one.meta[PATTERN] for one in found.select.walk() if PATTERN in one.meta}
        return found

    def written(self) -> str:
        """The statement, whose columns are those of the query, each as a driver gives it without loss."""
        found = self.relation()
        given = [self.given(found.column(name), dtype) for name, dtype in self.schema.items()]
        named = [exp.alias_(sql, f"r{number}", quoted=True) for number, sql in enumerate(given)]
        return self.dialect.written(exp.Select().select(*named).from_(_as_rows(found.select)))

    def given(self, sql: Any, dtype: pl.DataType) -> Any:
        return exp.Cast(this=sql, to=exp.DataType.build(_carried(dtype, self.dialect), dialect="duckdb"))

    def _name(self) -> str:
        return f"c{next(self._numbers)}"

    def _relation(self) -> Relation:
        tree, node, kind = self.tree, self.tree.node, self.tree.kind
        if (table := self.table_of(node)) is not None:
            base = Base(table, self.dialect, self._name)
            return Relation(base.select, base.column, base.order)
        if kind == "Join":
            with tree.below():
                left = self._relation()
            with tree.below(1):
                right = self._relation()
            return self.join(node, left, right)
        if tree.inputs != 1 or kind not in KINDS:
            raise UnsayableError(f"{kind} of rows cannot be said in {self.dialect.NAME}")
        with tree.below():
            below = self._relation()
            return KINDS[kind](self, node, below)

    def reader(self, below: Relation) -> Reader:
        return Reader(self.tree, below.column, self.dialect, self._name, below.order)

    def with_windows(self, below: Relation, reader: Reader) -> Any:
        """The rows below, with the windows over them that were asked for."""
        if not reader.windows:
            return _as_rows(below.select)
        windows = [exp.alias_(one.sql, one.name, quoted=True) for one in reader.windows]
        return _as_rows(exp.Select().select(exp.Star(), *windows).from_(_as_rows(below.select), copy=False))

    def filter(self, node: Any, below: Relation) -> Relation:
        reader = self.reader(below)
        keep = reader.row(node.predicate.node)
        select = exp.Select().select(exp.Star()).from_(self.with_windows(below, reader), copy=False)
        return Relation(select.where(keep, copy=False), below.column, below.order)

    def slice(self, node: Any, below: Relation) -> Relation:
        if node.offset < 0 or node.len is None:
            raise UnsayableError(f"the last rows cannot be said in {self.dialect.NAME}")
        if below.select.args.get("order"):
            select = below.select
        else:
            select = exp.Select().select(exp.Star()).from_(_as_rows(below.select), copy=False)
        return Relation(select.limit(node.len, copy=False).offset(node.offset, copy=False), below.column, below.order)

    def sort(self, node: Any, below: Relation) -> Relation:
        reader = self.reader(below)
        keys = [reader.row(one.node) for one in node.by_column]
        _, last, down = node.sort_options
        by = [
            exp.Ordered(this=key, desc=descending, nulls_first=not nulls_last)
            for key, nulls_last, descending in zip(keys, last, down, strict=True)
        ]
        select = exp.Select().select(exp.Star()).from_(self.with_windows(below, reader), copy=False)
        return Relation(select.order_by(*by, copy=False), below.column)

    def join(self, node: Any, left: Relation, right: Relation) -> Relation:
        """A full join by keys of one dtype, of which null is equal to null, and whose columns become one."""
        how, nulls_equal, cut, _, coalesce, *_ = node.options
        if (how, nulls_equal, cut, coalesce) != ("Full", True, None, True):
            raise UnsayableError(f"this join cannot be said in {self.dialect.NAME}")
        keys = [one.output_name for one in node.left_on]
        if keys != [one.output_name for one in node.right_on]:
            raise UnsayableError(f"a join by keys of different names cannot be said in {self.dialect.NAME}")
        with self.tree.below():
            ours = self.tree.schema
        pairs = {key: (left.column(key), right.column(key)) for key in keys}
        named = {key: (self._name(), call("COALESCE", *pair)) for key, pair in pairs.items()}
        for name in self.tree.schema:
            if name not in keys:
                named[name] = (self._name(), (left if name in ours else right).column(name))
        on = all_of([same for key, pair in pairs.items() for same in _same(*pair, ours[key], self.dialect)])
        columns = [exp.alias_(sql.copy(), alias, quoted=True) for alias, sql in named.values()]
        select = exp.Select().select(*columns).from_(_as_rows(left.select, "l"), copy=False)
        select = select.join(_as_rows(right.select, "r"), on=on, join_type="full", copy=False)
        return Relation(select, _of({name: alias for name, (alias, _) in named.items()}))

    def project(self, node: Any, below: Relation) -> Relation:
        return below

    def with_columns(self, node: Any, below: Relation) -> Relation:
        reader = self.reader(below)
        named = {one.output_name: (self._name(), reader.row(one.node)) for one in node.exprs}
        select = self._selected([exp.Star()], named, below, reader)
        mine = _of({name: alias for name, (alias, _) in named.items()})
        return Relation(select, lambda name: mine(name) if name in named else below.column(name), below.order)

    def select(self, node: Any, below: Relation) -> Relation:
        reader = self.reader(below)
        if len(node.expr) == 1 and (some := self.some(node.expr[0], below, reader)) is not None:
            return some
        whole = all(reader.is_one(one.node) for one in node.expr)
        read = reader.group if whole else reader.row
        asked = [one for one in node.expr if not whole or one.output_name in self.schema] or node.expr
        named = {one.output_name: (self._name(), read(one.node)) for one in asked}
        if whole and not any(sql.find(exp.AggFunc, exp.Anonymous) for _, sql in named.values()):
            raise UnsayableError(f"a query of constants cannot be said in {self.dialect.NAME}")
        return Relation(self._selected([], named, below, reader), _of({n: alias for n, (alias, _) in named.items()}))

    def some(self, column: Any, below: Relation, reader: Reader) -> Relation | None:
        """A column of fewer rows: of those where a condition holds, or of each value once."""
        one, name = self.tree.expr(column.node), self._name()
        found = _of({column.output_name: name})
        if type(one).__name__ == "Filter":
            kept, named = reader.row(one.by), {column.output_name: (name, reader.row(one.input))}
            return Relation(self._selected([], named, below, reader).where(kept, copy=False), found)
        if type(one).__name__ == "Function" and one.function_data[0] == "unique":
            named = {column.output_name: (name, reader.row(one.input[0]))}
            return Relation(self._selected([], named, below, reader).distinct(copy=False), found)
        return None

    def group(self, node: Any, below: Relation) -> Relation:
        reader = self.reader(below)
        keys = {one.output_name: (self._name(), reader.row(one.node)) for one in node.keys}
        reader.keys = tuple(sql for _, sql in keys.values())
        named = {one.output_name: (self._name(), reader.group(one.node)) for one in node.aggs}
        select = self._selected([], keys | named, below, reader)
        select = select.group_by(*(exp.Literal.number(n + 1) for n in range(len(keys))), copy=False)
        return Relation(select, _of({name: alias for name, (alias, _) in (keys | named).items()}))

    def _selected(
        self, first: Sequence[Any], named: Mapping[str, tuple[str, Any]], below: Relation, reader: Reader
    ) -> Any:
        columns = [exp.alias_(sql, alias, quoted=True) for alias, sql in named.values()]
        return exp.Select().select(*first, *columns).from_(self.with_windows(below, reader), copy=False)


def _of(aliases: Mapping[str, str]) -> Callable[[str], Any]:
    return lambda name: exp.column(aliases[name], quoted=True)


def _as_rows(select: Any, name: str = "t") -> Any:
    return select.subquery(name, copy=False)


def _same(left: Any, right: Any, dtype: pl.DataType, dialect: Dialect) -> list[Any]:
    """Conditions that hold where two keys are equal or both null, and that every database can look up."""
    filler = some_value(dtype, dialect)
    values = [call("COALESCE", side.copy(), filler.copy()) for side in (left, right)]
    nulls = [is_null(side.copy()) for side in (left, right)]
    return [paren(exp.EQ(this=one, expression=other)) for one, other in (values, nulls)]


def _carried(dtype: pl.DataType, dialect: Dialect) -> str:
    """The type in which a value crosses to Polars: numbers without a type of their own there as text."""
    if isinstance(dtype, pl.Decimal) or dtype in (pl.Int128, pl.UInt64):
        return "TEXT"
    return "BIGINT" if dtype.is_integer() else dialect.type(dtype)


KINDS: dict[str, Callable[[Plan, Any, Relation], Relation]] = {
    "Filter": Plan.filter,
    "Slice": Plan.slice,
    "SimpleProjection": Plan.project,
    "Sort": Plan.sort,
    "HStack": Plan.with_columns,
    "Select": Plan.select,
    "GroupBy": Plan.group,
}
