"""SQL of conditions that knows the dtypes of its columns, and is then computed as it reads, whatever they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar

import polars as pl
from pydantic import BaseModel

from quality.errors import CannotJudgeError
from quality.sql_meaning import expr_of
from quality.time_units import COMPARED, JOINED, OFFSET, brought_together, is_listed, may_be_cut

Model = TypeVar("Model", bound=BaseModel)
CONDITIONS = ("where", "expression", "condition")
"""The fields of rules that are SQL."""
COUNTED = ("Plus", "Minus", "Mul")
"""Operators whose result may lie beyond the range of what they are given: 1 - 2 of UInt32 is 4,294,967,295."""
COUNTING = (*COUNTED, "Abs", {"Pow": "Generic"})
"""They and others, which take whole numbers as those of 128 bits."""
WRITTEN = tuple(f'"{word}"' for word in (*COUNTED, "Abs", "Pow"))
"""How an expression that counts is written down."""
DECIMAL = '{"Scalar":{"Decimal"'
"""How a written fraction is written down."""


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


def as_it_reads(expr: pl.Expr, sql: str) -> pl.Expr:
    """The expression of the SQL; whole numbers do not wrap and moments are not cut where it knows its dtypes."""
    if not isinstance(sql, Known):
        return expr
    names = [name for name in dict.fromkeys(expr.meta.root_names()) if name in sql.dtypes]
    written = str(expr.meta.serialize(format="json"))
    dtypes = tuple((name, sql.dtypes[name]) for name in names)
    rounded = DECIMAL in written and any(dtype == pl.Float32 for _, dtype in dtypes)
    if not rounded and not any(word in written for word in WRITTEN) and not may_be_cut(dict(dtypes).values(), written):
        return expr
    made = _exact(written, dtypes)
    return expr if made is None else made


@lru_cache(maxsize=1024)
def _exact(written: str, dtypes: tuple[tuple[str, pl.DataType], ...]) -> pl.Expr | None:
    """The expression that is written down, made exact; None where it is."""
    try:
        reader = _Reader(pl.Schema(dtypes))
        node, _ = reader.read(json.loads(written))
        return expr_of(node) if reader.changed else None
    except (RecursionError, pl.exceptions.ComputeError):
        raise CannotJudgeError("the SQL nests more operators than can be read; write it as several rules") from None


class _Reader:
    """Reads an expression as Polars writes it down: each part with whether it is a whole number of 128 bits by now."""

    def __init__(self, schema: pl.Schema) -> None:
        self.schema, self.changed = schema, False
        self.timed = any(dtype.is_temporal() for dtype in schema.dtypes())

    def read(self, node: Any) -> tuple[Any, bool]:
        match node:
            case {"BinaryExpr": {"left": left, "op": op, "right": right}}:
                parts, wide = self._operands([left, right], op)
                return {"BinaryExpr": {"left": parts[0], "op": op, "right": parts[1]}}, wide
            case {"Function": {"input": [*given], "function": name, **more}}:
                parts, wide = self._operands(given, _operator(name))
                return {"Function": {"input": parts, "function": name, **more}}, wide
            case {"Ternary": {"predicate": condition, "truthy": one, "falsy": other}}:
                parts, _ = self._operands([one, other], "Ternary")
                return {"Ternary": {"predicate": self.read(condition)[0], "truthy": parts[0], "falsy": parts[1]}}, False
            case dict():
                return {name: self.read(part)[0] for name, part in node.items()}, False
            case list():
                return [self.read(part)[0] for part in node], False
        return node, False

    def _operands(self, nodes: list[Any], op: Any) -> tuple[list[Any], bool]:
        """What an operator is given: whole numbers in 128 bits where it counts, and moments in one unit."""
        read = [self.read(node) for node in nodes]
        parts = [part for part, _ in read]
        if op in COUNTING and all(wide or self._is_whole(part) for part, wide in read):
            self.changed = True
            if all(_is_written(part) for part in parts):  # 2 * 300 beside a column of 8 bits would have 8, too
                return [_wide(part) for part in parts], True
            return [part if wide or _is_written(part) else _wide(part) for part, wide in read], True
        return self._moments(self._floats(parts), op), False

    def _floats(self, parts: list[Any]) -> list[Any]:
        """Written fractions as 32-bit floats beside one: those of `BETWEEN` are decimals, to which 0.3 is not equal."""
        written = [_fraction(part) for part in parts] if pl.Float32 in self.schema.dtypes() else []
        if not any(written) or not any(self._dtype(part) == pl.Float32 for part in parts):
            return parts
        self.changed = True
        return [new or part for new, part in zip(written, parts, strict=True)]

    def _moments(self, parts: list[Any], op: Any) -> list[Any]:
        meet = self.timed and (op in (*COMPARED, *JOINED, OFFSET) or is_listed(op))
        dtypes = [self._dtype(part) for part in parts] if meet else []
        exprs = brought_together(op, [expr_of(part) for part in parts], dtypes) if dtypes else None
        if exprs is None:
            return parts
        self.changed = True
        return [json.loads(expr.meta.serialize(format="json")) for expr in exprs]

    def _is_whole(self, node: Any) -> bool:
        return _is_written(node) or self._dtype(node).is_integer()

    def _dtype(self, node: Any) -> pl.DataType:
        """Of a part; Null where it has none, of which the condition as a whole says what is wrong."""
        part = expr_of(node).alias("value")
        try:
            return pl.LazyFrame(schema=self.schema).select(part).collect_schema()["value"]
        except pl.exceptions.PolarsError:
            return pl.Null()


def _operator(function: Any) -> Any:
    """The operator that a function is another form of, or the function."""
    match function:
        case {"Sql": {"Binary": op}}:
            return op
    return function


def _is_written(node: Any) -> bool:
    """Whether it is a whole number as SQL has it, which takes the width of what stands beside it."""
    match node:
        case {"Literal": {"Dyn": {"Int": _}}}:
            return True
    return False


def _fraction(node: Any) -> Any:
    """A written decimal as a number that takes the dtype of what stands beside it; None where it is none."""
    match node:
        case {"Literal": {"Scalar": {"Decimal": [digits, _, scale]}}}:
            return {"Literal": {"Dyn": {"Float": float(Decimal(digits).scaleb(-scale))}}}
    return None


def _wide(node: Any) -> Any:
    return {"Cast": {"expr": node, "dtype": {"Literal": "Int128"}, "options": "Strict"}}
