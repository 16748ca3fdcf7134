"""Rules about the shape of a dataset: its columns and their dtypes."""

from __future__ import annotations

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
from quality.errors import nearest
from quality.values import Text, shorten


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
        note = "it is there" if there else f"there is none; {nearest(self.column, frame.schema)}"
        return outcome(there, there, note)


class DtypeRule(TableRule):
    """The column has the Polars dtype, or one of the family: integer, float, numeric, string, temporal."""

    check: Literal["dtype"] = "dtype"
    column: Text
    dtype: Dtype = Field(validation_alias=AliasChoices("dtype", "data_type", "type_"))

    @property
    def subjects(self) -> tuple[str, ...]:
        return (self.column,)

    def says(self) -> str:
        return f"{self.column} is {self.dtype}"

    def judge(self, state: State, frame: Frame) -> Judgement:
        dtype = frame.schema[self.column]
        return outcome(is_dtype(dtype, self.dtype), str(dtype), f"it is {dtype}")


class SchemaRule(TableRule):
    """The dataset has `columns` of these dtypes; `closed` forbids others, `ordered` asks for this order."""

    check: Literal["schema"] = "schema"
    columns: dict[str, Dtype] = Field(min_length=1)
    closed: bool = False
    ordered: bool = False

    def derived_name(self) -> str:
        return f"schema({shorten(list(self.columns))})"

    def says(self) -> str:
        return f"the schema has {len(self.columns)} columns as stated{', and no others' if self.closed else ''}"

    def judge(self, state: State, frame: Frame) -> Judgement:
        there = frame.schema
        wrong = [f"{c} is missing" for c in self.columns if c not in there]
        known = {column: dtype for column, dtype in self.columns.items() if column in there}
        wrong += [f"{c} is {there[c]}, not {dtype}" for c, dtype in known.items() if not is_dtype(there[c], dtype)]
        if self.closed:
            wrong += [f"{c} is extra" for c in there if c not in self.columns]
        if self.ordered and [column for column in there if column in known] != list(known):
            wrong.append("the order differs")
        return outcome(not wrong, len(wrong), "; ".join(wrong) or "it does")
