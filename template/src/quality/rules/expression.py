"""The rule that is a SQL condition."""

from typing import ClassVar, Literal

import polars as pl
from pydantic import AliasChoices, Field

from quality.engine.frame import Frame
from quality.engine.rule import RowRule
from quality.engine.sql import Sql, condition
from quality.rules.text import LONGEST
from quality.texts import shorten


class Expression(RowRule):
    """The SQL `expression` over the row's columns is true; where it is null the row is skipped."""

    ALIASES: ClassVar[tuple[str, ...]] = ("custom_expression", "custom", "satisfies")
    check: Literal["expression"] = "expression"
    expression: Sql = Field(validation_alias=AliasChoices("expression", "expr", "formula", "sql"))

    @property
    def subjects(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(condition(self.expression).meta.root_names()))

    def derived_name(self) -> str:
        return f"expression({shorten(self.expression, 60)}){self._scope()}"

    def says(self) -> str:
        return shorten(self.expression, LONGEST)

    def bind(self, frame: Frame) -> None:
        frame.check_condition(self.expression)

    def passes(self, frame: Frame) -> pl.Expr:
        return condition(self.expression)
