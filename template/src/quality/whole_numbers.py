"""Arithmetic of conditions in whole numbers of 128 bits: in those of its columns, 1 - 2 of UInt32 is 4,294,967,295."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar

import polars as pl
from pydantic import BaseModel

from quality.errors import CannotJudgeError

Model = TypeVar("Model", bound=BaseModel)
CONDITIONS = ("where", "expression", "condition")
"""The fields of rules that are SQL."""
COUNTED = ("Plus", "Minus", "Mul")
"""Operators whose result may lie beyond the range of what they are given; so may those of `RAISED`."""
RAISED = ("Abs", {"Pow": "Generic"})
WRITTEN = tuple(f'"{word}"' for word in (*COUNTED, "Abs", "Pow"))
"""How an expression that has one of them is written down."""


class Known(str):
    """SQL that knows the dtypes of its columns."""

    dtypes: Mapping[str, pl.DataType]


def known(rule: Model, dtypes: Mapping[str, pl.DataType]) -> Model:
    """The rule, its conditions knowing the dtypes of their columns."""
    said = {name: getattr(rule, name) for name in CONDITIONS if name in type(rule).model_fields}
    conditions = {name: _known(sql, dtypes) for name, sql in said.items() if isinstance(sql, str)}
    return rule.model_copy(update=conditions) if conditions else rule


def _known(sql: str, dtypes: Mapping[str, pl.DataType]) -> Known:
    one = Known(sql)
    one.dtypes = dtypes
    return one


def widened(expr: pl.Expr, sql: str) -> pl.Expr:
    """The expression of the SQL, whose whole numbers do not wrap where it knows the dtypes of its columns."""
    if not isinstance(sql, Known):
        return expr
    written = str(expr.meta.serialize(format="json"))
    if not any(word in written for word in WRITTEN):
        return expr
    dtypes = tuple((name, sql.dtypes[name]) for name in dict.fromkeys(expr.meta.root_names()) if name in sql.dtypes)
    wide = _widened(written, dtypes)
    return expr if wide is None else wide


@lru_cache(maxsize=1024)
def _widened(written: str, dtypes: tuple[tuple[str, pl.DataType], ...]) -> pl.Expr | None:
    """The expression that is written down, wide; None where it has no whole numbers to widen."""
    try:
        reader = _Reader(pl.Schema(dtypes))
        node, _ = reader.read(json.loads(written))
        return _expr(node) if reader.has_widened else None
    except (RecursionError, pl.exceptions.ComputeError):
        raise CannotJudgeError("the SQL nests more operators than can be read; write it as several rules") from None


def _expr(node: Any) -> pl.Expr:
    return pl.Expr.deserialize(io.StringIO(json.dumps(node)), format="json")


class _Reader:
    """Reads an expression as Polars writes it down: each part with whether it is a whole number of 128 bits by now."""

    def __init__(self, schema: pl.Schema) -> None:
        self.schema, self.has_widened = schema, False

    def read(self, node: Any) -> tuple[Any, bool]:
        match node:
            case {"BinaryExpr": {"left": left, "op": op, "right": right}}:
                parts, wide = self._operands([left, right], op in COUNTED)
                return {"BinaryExpr": {"left": parts[0], "op": op, "right": parts[1]}}, wide
            case {"Function": {"input": [*given], "function": name, **more}}:
                counts = name in [{"Sql": {"Binary": op}} for op in COUNTED] or name in RAISED
                parts, wide = self._operands(given, counts)
                return {"Function": {"input": parts, "function": name, **more}}, wide
            case dict():
                return {name: self.read(part)[0] for name, part in node.items()}, False
            case list():
                return [self.read(part)[0] for part in node], False
        return node, False

    def _operands(self, nodes: list[Any], counts: bool) -> tuple[list[Any], bool]:
        """What an operator is given, in 128 bits where it counts whole numbers, and nothing else."""
        read = [self.read(node) for node in nodes]
        parts = [part for part, _ in read]
        if not counts or not all(wide or self._is_whole(part) for part, wide in read):
            return parts, False
        if all(_is_written(part) for part in parts):
            return parts, False
        self.has_widened = True
        return [part if wide or _is_written(part) else _wide(part) for part, wide in read], True

    def _is_whole(self, node: Any) -> bool:
        if _is_written(node):
            return True
        try:
            dtype = pl.LazyFrame(schema=self.schema).select(_expr(node).alias("value")).collect_schema()["value"]
        except pl.exceptions.PolarsError:  # the condition as a whole says what is wrong
            return False
        return dtype.is_integer()


def _is_written(node: Any) -> bool:
    """Whether it is a whole number as SQL has it, which takes the width of what stands beside it."""
    match node:
        case {"Literal": {"Dyn": {"Int": _}}}:
            return True
    return False


def _wide(node: Any) -> Any:
    return {"Cast": {"expr": node, "dtype": {"Literal": "Int128"}, "options": "Strict"}}
