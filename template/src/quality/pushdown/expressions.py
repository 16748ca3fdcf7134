"""Expressions of Polars, node by node, in SQL over the columns of one SELECT."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import polars as pl

from quality.pushdown.aggregates import aggregate, counted, interpolated
from quality.pushdown.dialects import Dialect, UnsayableError, call, exp
from quality.pushdown.dialects import number as sql_number
from quality.pushdown.functions import Value, all_of, case, filled, function, is_null, paren
from quality.pushdown.literals import literal
from quality.pushdown.operators import cast, most, operation, reach
from quality.pushdown.tree import Tree

FIRST = "BooleanFunction.IsFirstDistinct"
AGGREGATED = ("SUM", "COUNT", "MIN", "MAX", "AVG", "STDDEV_SAMP", "VAR_SAMP", "BOOL_OR")
WHOLE = ("quantile", "null_count")
"""Functions with one value for all rows."""


class Inside(NamedTuple):
    """A value that is asked for in the SELECT below: a window over its rows."""

    name: str
    sql: Any


class Reader:
    """Reads expressions against the columns of a SELECT; windows are collected, and named, for a SELECT below.

    `order` gives what orders the rows, where anything does; `keys` are what the rows are grouped by.
    """

    def __init__(
        self,
        tree: Tree,
        column: Callable[[str], Any],
        dialect: Dialect,
        names: Callable[[], str],
        order: Callable[[], Sequence[Any]],
    ) -> None:
        self.tree, self.column, self.dialect, self.names, self.order = tree, column, dialect, names, order
        self.keys: tuple[Any, ...] = ()
        self.windows: list[Inside] = []
        self._kept: list[Any] | None = None

    def row(self, number: int) -> Any:
        """What an expression is for each row."""
        return self._value(number, among=False)

    def group(self, number: int) -> Any:
        """What an expression is of all rows, or of each group of them."""
        return self._value(number, among=True)

    def is_one(self, at: int) -> bool:
        """Whether an expression has one value for all rows."""
        node = self.tree.expr(at)
        kind = type(node).__name__
        if kind in ("Agg", "Len", "Literal") or (kind == "Function" and node.function_data[0] in WHOLE):
            return True
        if kind in ("Column", "Window", "Filter"):
            return False
        return all(self.is_one(one) for one in self._parts(node))

    def _parts(self, node: Any) -> list[int]:
        match type(node).__name__:
            case "BinaryExpr":
                return [node.left, node.right]
            case "Cast":
                return [node.expr]
            case "Ternary":
                return [node.predicate, node.truthy, node.falsy]
            case "Function":
                return list(node.input)
        raise UnsayableError(f"{type(node).__name__} cannot be said in {self.dialect.NAME}")

    def _value(self, at: int, among: bool) -> Any:
        node, dtype = self.tree.expr(at), self.tree.dtype(at)
        match type(node).__name__:
            case "Column":
                return self._column(node.name, among)
            case "Literal":
                return None if dtype.is_nested() else literal(node.value, dtype, self.dialect)
            case "Len":
                return call("COUNT", exp.Star()) if among else self._window(call("COUNT", exp.Star()), self.keys)
            case "Agg":
                return self._aggregate(node, dtype, among)
            case "Window":
                return self._over(node, dtype, among)
            case "Cast":
                return cast(self._argument(node.expr, among), node.dtype, self.dialect)
            case "Ternary":
                when, then, otherwise = (self._value(one, among) for one in self._parts(node))
                return case((when, then), otherwise=otherwise)
            case "BinaryExpr" if self._counts_filled(node):
                left, right = (self._value(one, among) for one in (node.left, node.right))
                return paren(exp.Sub(this=left, expression=right))
            case "BinaryExpr":
                left, right = (self._argument(one, among) for one in (node.left, node.right))
                return operation(str(node.op).rpartition(".")[2], left, right, dtype, self.dialect)
            case "Function":
                return self._function(node, dtype, among)
            case "Filter" if self._kept is not None:
                self._kept.append(self._value(node.by, False))
                return self._value(node.input, False)
        raise UnsayableError(f"{type(node).__name__} cannot be said in {self.dialect.NAME}")

    def _counts_filled(self, node: Any) -> bool:
        """Whether it is how Polars itself writes a number of rows that are not null, which is never below zero."""
        less = self.tree.expr(node.right)
        nulls = type(less).__name__ == "Function" and less.function_data[0] == "null_count"
        return nulls and str(node.op).endswith("Minus") and self.is_one(node.left)

    def _column(self, name: str, among: bool) -> Any:
        if among:
            raise UnsayableError(f"a column that is not aggregated cannot be said in {self.dialect.NAME}")
        return self.column(name)

    def _argument(self, at: int, among: bool) -> Value:
        node = self.tree.expr(at)
        held, of = None, None
        if type(node).__name__ == "Literal":
            held = pl.Series._from_pyseries(node.value) if self.tree.dtype(at).is_nested() else node.value
        if type(node).__name__ == "Cast":
            of = self._argument(node.expr, among)
        return Value(self._value(at, among), self.tree.dtype(at), held, of, self._most(at))

    def _most(self, at: int) -> int | None:
        """What a whole number is at most, its sign aside."""
        node, dtype = self.tree.expr(at), self.tree.dtype(at)
        if not dtype.is_integer():
            return None
        of, whole = [], most(dtype)
        match type(node).__name__:
            case "Literal":
                return abs(node.value) if isinstance(node.value, int) else whole
            case "Cast":
                of = [self._most(node.expr)]
            case "BinaryExpr":
                of = [self._most(node.left), self._most(node.right)]
            case "Function" if node.function_data[0] == "abs":
                of = [self._most(node.input[0])]
        if not of or None in of:
            return whole
        op = str(node.op).rpartition(".")[2] if len(of) > 1 else "Plus"
        return min(whole, reach(op, [one for one in of if one is not None], whole))

    def _function(self, node: Any, dtype: pl.DataType, among: bool) -> Any:
        name, *options = node.function_data
        name = str(name)
        if name in (FIRST, "shift"):
            return self._placed(name, node, self.keys, among)
        if name == "quantile":
            return self._quantile(node, options, among)
        if name == "null_count":
            value, by = self._filtered(node.input[0])
            null = is_null(value.sql) if by is None else all_of([by, is_null(value.sql)])
            return self._made(counted(null), sql_number(0), among)
        return function(name, options, [self._argument(one, among) for one in node.input], dtype, self.dialect)

    def _quantile(self, node: Any, options: Sequence[Any], among: bool) -> Any:
        """Of values in the order that both have, NaN the greatest; two neighbours are weighed alike."""
        share = self._argument(node.input[1], True).held
        value, by = self._filtered(node.input[0])
        if not among or options != ["linear"] or not isinstance(share, float) or value.dtype != pl.Float64:
            raise UnsayableError(f"this quantile cannot be said in {self.dialect.NAME}")
        return interpolated(value.sql if by is None else case((by, value.sql)), share, self.dialect)

    def _filtered(self, at: int) -> tuple[Value, Any]:
        """The values that are aggregated, and the one condition on their rows, if there is one."""
        node = self.tree.expr(at)
        if type(node).__name__ == "Function" and node.function_data[0] == "drop_nulls":
            value, by = self._filtered(node.input[0])
            there = filled(value.sql.copy())
            return value, there if by is None else all_of([by, there])
        outer, self._kept = self._kept, []
        try:
            value, kept = self._argument(at, False), self._kept
        finally:
            self._kept = outer
        if any(one != kept[0] for one in kept):
            raise UnsayableError(f"values of different rows beside each other cannot be said in {self.dialect.NAME}")
        return value, kept[0] if kept else None

    def _aggregate(self, node: Any, dtype: pl.DataType, among: bool) -> Any:
        return self._made(*self._aggregated(node, dtype), among)

    def _made(self, made: Any, empty: Any, among: bool) -> Any:
        """An aggregate, of the group or beside each row, and what it is of no rows."""
        if not among:
            made = self._beside(made, self.keys)
        return call("COALESCE", made, empty) if empty is not None else made

    def _beside(self, made: Any, keys: Sequence[Any]) -> Any:
        """Each aggregate within as a window."""
        aggregates = [one for one in made.find_all(exp.Anonymous, exp.Count) if one.name in AGGREGATED or not one.name]
        for one in aggregates:
            window = self._window(one.copy(), keys)
            if one is made:
                return window
            one.replace(window)
        return made

    def _aggregated(self, node: Any, dtype: pl.DataType) -> tuple[Any, Any]:
        value, by = self._filtered(node.arguments[0])
        if by is not None:
            counts_rows = node.name == "count" and node.options
            value = value._replace(sql=case((by, sql_number(1) if counts_rows else value.sql)))
            if counts_rows:
                return call("COUNT", value.sql), None
        if node.name == "n_unique" and by is None:
            raise UnsayableError(f"a number of distinct values that counts null cannot be said in {self.dialect.NAME}")
        return aggregate(node.name, node.options, value, dtype, self.dialect)

    def _over(self, node: Any, dtype: pl.DataType, among: bool) -> Any:
        if among or node.order_by is not None or str(node.options.kind) != "groups_to_rows":
            raise UnsayableError(f"this window cannot be said in {self.dialect.NAME}")
        keys = [self._value(one, False) for one in node.partition_by]
        inner = self.tree.expr(node.function)
        match type(inner).__name__:
            case "Agg":
                made, empty = self._aggregated(inner, dtype)
                made = self._beside(made, keys)
                return call("COALESCE", made, empty) if empty is not None else made
            case "Len":
                return self._window(call("COUNT", exp.Star()), keys)
            case "Function" if str(inner.function_data[0]) in (FIRST, "shift"):
                return self._placed(str(inner.function_data[0]), inner, keys, among)
        raise UnsayableError(f"a window of {type(inner).__name__} cannot be said in {self.dialect.NAME}")

    def _placed(self, name: str, node: Any, keys: Sequence[Any], among: bool) -> Any:
        """What depends on the order of rows, which in a database is that of `order_by`."""
        if among:
            raise UnsayableError(f"{name} of groups cannot be said in {self.dialect.NAME}")
        if name == FIRST:
            value = self._value(node.input[0], False)
            first = self._window(call("ROW_NUMBER"), [*keys, value], self.dialect.any_order())
            return paren(exp.EQ(this=first, expression=sql_number(1)))
        by, order = self._argument(node.input[1], False).held, self.order()
        if not order:
            raise UnsayableError("it depends on the order of rows: name the columns that order them in source.order_by")
        if not isinstance(by, int) or by < 1:
            raise UnsayableError(f"a shift by {by} cannot be said in {self.dialect.NAME}")
        return self._window(call("LAG", self._value(node.input[0], False), sql_number(by)), keys, order)

    def _window(self, made: Any, keys: Sequence[Any], order: Sequence[Any] = ()) -> Any:
        """The column of a SELECT below, in which the window is."""
        inner = {one.name for one in self.windows}
        if any(column.name in inner for part in (made, *keys) for column in part.find_all(exp.Column)):
            raise UnsayableError(f"a window within a window cannot be said in {self.dialect.NAME}")
        ordered = [exp.Ordered(this=one.copy(), nulls_first=True) for one in order]
        sql = exp.Window(
            this=made,
            partition_by=[one.copy() for one in keys],
            order=exp.Order(expressions=ordered) if ordered else None,
        )
        for one in self.windows:
            if one.sql == sql:
                return exp.column(one.name, quoted=True)
        name = self.names()
        self.windows.append(Inside(name, sql))
        return exp.column(name, quoted=True)
