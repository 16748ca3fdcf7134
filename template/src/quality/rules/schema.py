"""Rules about the shape of a dataset: its columns and their dtypes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Literal

from pydantic import AliasChoices, Field

from quality.engine.dtypes import Dtype, is_dtype
from quality.engine.frame import Frame
from quality.engine.rule import (
    Judgement,
    State,
    TableRule,
    outcome,
)
from quality.values import Flag, Text, shorten


def gone(column: str, schema: Iterable[str]) -> str:
    """That a column is not there, and which one is that may be meant."""
    there = list(schema)
    like = [f"'{name}'" for name in difflib.get_close_matches(column, there, n=1, cutoff=0.5)]
    return f"column '{column}' is gone; the data has {''.join(like) or shorten(there, 200)}"


class ColumnExists(TableRule):
    """The dataset has the column."""

    check: Literal["column_exists"] = "column_exists"
    column: Text

    def derived_name(self) -> str:
        return f"column_exists({self.column})"

    def says(self) -> str:
        return f"there is a column {self.column}"

    def judge(self, state: State, frame: Frame) -> Judgement:
        there = self.column in frame.schema
        return outcome(there, there, "it is there" if there else gone(self.column, frame.schema))


class DtypeRule(TableRule):
    """The column has the Polars dtype, or one of the family: integer, float, numeric, string, temporal."""

    check: Literal["dtype"] = "dtype"
    column: Text
    dtype: Dtype = Field(validation_alias=AliasChoices("dtype", "data_type", "type_"))

    def derived_name(self) -> str:
        return f"dtype({self.column}, dtype={self.dtype}){self._scope()}"

    def says(self) -> str:
        return f"{self.column} is {self.dtype}"

    def judge(self, state: State, frame: Frame) -> Judgement:
        dtype = frame.schema.get(self.column)
        if dtype is None:
            return outcome(False, None, gone(self.column, frame.schema))
        return outcome(is_dtype(dtype, self.dtype), str(dtype), f"it is {dtype}")


class SchemaRule(TableRule):
    """The dataset has `columns` of these dtypes; `closed` forbids others, `ordered` asks for this order."""

    check: Literal["schema"] = "schema"
    columns: dict[str, Dtype] = Field(min_length=1)
    closed: Flag = False
    ordered: Flag = False

    def derived_name(self) -> str:
        return f"schema({shorten(list(self.columns))})"

    def says(self) -> str:
        return f"the schema has {len(self.columns)} columns as stated{', and no others' if self.closed else ''}"

    def judge(self, state: State, frame: Frame) -> Judgement:
        there = frame.schema
        new = [column for column in there if column not in self.columns]
        wrong = [_missing(column, new) for column in self.columns if column not in there]
        known = {column: dtype for column, dtype in self.columns.items() if column in there}
        wrong += [f"{c} is {there[c]}, not {dtype}" for c, dtype in known.items() if not is_dtype(there[c], dtype)]
        if self.closed:
            wrong += [f"{column} is extra" for column in new]
        if self.ordered and (order := [column for column in there if column in known]) != list(known):
            wrong.append(f"the order is {shorten(order, 80)}, not {shorten(list(known), 80)}")
        return outcome(not wrong, len(wrong), "; ".join(wrong) or "it does")


def _missing(column: str, new: list[str]) -> str:
    like = difflib.get_close_matches(column, new, n=1, cutoff=0.5)
    return f"{column} is missing" + (f" (the data has '{like[0]}')" if like else "")
