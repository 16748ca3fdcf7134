"""Rules about the shape of a dataset: its columns and their dtypes."""

import difflib
from collections.abc import Iterable
from typing import ClassVar, Literal

import polars as pl
from pydantic import AliasChoices, Field

from quality.engine.frame import Frame
from quality.engine.rule import Judgement, Rule, State, TableRule
from quality.rules.dtype_names import Dtype, is_dtype
from quality.rules.table_rules import outcome
from quality.texts import shorten
from quality.values import Flag, Text


def gone(column: str, schema: Iterable[str]) -> str:
    """That a column is not there, and which one is that may be meant."""
    there = list(schema)
    like = [f"'{name}'" for name in difflib.get_close_matches(column, there, n=1, cutoff=0.5)]
    return f"column '{column}' is gone; the data has {''.join(like) or shorten(there, 200)}"


MOST = 12
"""Differences that a message tells."""


def files_of(frame: Frame) -> list[tuple[str, pl.Schema]]:
    """The schema of the frame; where its files differ, that of each, with the file's name to begin a sentence."""
    each = [(f"{file}: " if file else "", schema) for file, schema in frame.schemas.items()]
    return each or [("", frame.schema)]


def told(said: list[str]) -> str:
    """Differences as one text."""
    return "; ".join(said[:MOST]) + (f"; and {len(said) - MOST:,} more" if len(said) > MOST else "")


class ColumnExists(TableRule):
    """The dataset has the column."""

    JUDGES_SCHEMAS: ClassVar[bool] = True
    check: Literal["column_exists"] = "column_exists"
    column: Text

    def derived_name(self) -> str:
        return f"column_exists({self.column})"

    def says(self) -> str:
        return f"there is a column {self.column}"

    def judge(self, state: State, frame: Frame) -> Judgement:
        lacking = [(file, schema) for file, schema in files_of(frame) if self.column not in schema]
        if not lacking:
            return outcome(True, True, "it is there")
        return outcome(False, False, told([f"{file}{gone(self.column, schema)}" for file, schema in lacking]))


class DtypeRule(TableRule):
    """The column has the Polars dtype, or one of the family: integer, float, numeric, string, temporal."""

    JUDGES_SCHEMAS: ClassVar[bool] = True
    check: Literal["dtype"] = "dtype"
    column: Text
    dtype: Dtype = Field(validation_alias=AliasChoices("dtype", "data_type", "type_"))

    def derived_name(self) -> str:
        return f"dtype({self.column}, dtype={self.dtype}){self._scope()}"

    def says(self) -> str:
        return f"{self.column} is {self.dtype}"

    def judge(self, state: State, frame: Frame) -> Judgement:
        found = [(file, schema, schema.get(self.column)) for file, schema in files_of(frame)]
        wrong = [one for one in found if one[2] is None or not is_dtype(one[2], self.dtype)]
        said = [
            f"{file}{gone(self.column, schema) if dtype is None else f'it is {dtype}'}"
            for file, schema, dtype in wrong or found[:1]
        ]
        dtype = (wrong or found)[0][2]
        return outcome(not wrong, None if dtype is None else str(dtype), told(said))


class SchemaRule(TableRule):
    """The dataset has `columns` of these dtypes; `closed` forbids others, `ordered` asks for this order."""

    JUDGES_SCHEMAS: ClassVar[bool] = True
    check: Literal["schema"] = "schema"
    columns: dict[str, Dtype] = Field(min_length=1)
    closed: Flag = False
    ordered: Flag = False

    def derived_name(self) -> str:
        return f"schema({shorten(list(self.columns))})"

    def says(self) -> str:
        return f"the schema has {len(self.columns)} columns as stated{', and no others' if self.closed else ''}"

    def judge(self, state: State, frame: Frame) -> Judgement:
        wrong = [f"{file}{said}" for file, schema in files_of(frame) for said in self.differences(schema)]
        return outcome(not wrong, len(wrong), told(wrong) or "it does")

    def differences(self, there: pl.Schema) -> list[str]:
        """What is not as stated in one schema."""
        new = [column for column in there if column not in self.columns]
        wrong = [_missing(column, new) for column in self.columns if column not in there]
        known = {column: dtype for column, dtype in self.columns.items() if column in there}
        wrong += [f"{c} is {there[c]}, not {dtype}" for c, dtype in known.items() if not is_dtype(there[c], dtype)]
        if self.closed:
            wrong += [f"{column} is extra" for column in new]
        if self.ordered and (order := [column for column in there if column in known]) != list(known):
            wrong.append(f"the order is {shorten(order, 80)}, not {shorten(list(known), 80)}")
        return wrong


def _missing(column: str, new: list[str]) -> str:
    like = difflib.get_close_matches(column, new, n=1, cutoff=0.5)
    return f"{column} is missing" + (f" (the data has '{like[0]}')" if like else "")


def judged_columns(rules: Iterable[Rule]) -> frozenset[str]:
    """Every column whose dtype a rule judges."""
    found = list(rules)
    stated = (name for rule in found if isinstance(rule, SchemaRule) for name in rule.columns)
    return frozenset((*(rule.column for rule in found if isinstance(rule, DtypeRule)), *stated))
