"""Rules about what is there: nulls, blanks, and nulls where a condition holds."""

from typing import ClassVar, Literal

import polars as pl
from pydantic import AliasChoices, Field

from quality.engine.dtypes import TEXT, Kinds, col
from quality.engine.frame import Frame
from quality.engine.rule import ColumnRule, RowRule
from quality.engine.sql import Sql, condition
from quality.values import Text


class NotNull(ColumnRule):
    """The column is never null."""

    JUDGES_NULLS: ClassVar[bool] = True
    PROVABLE: ClassVar[bool] = True

    ALIASES: ClassVar[tuple[str, ...]] = ("required",)
    check: Literal["not_null"] = "not_null"

    def says(self) -> str:
        return f"{self.column} is not null"

    def passes(self, frame: Frame) -> pl.Expr:
        return col(self.column).is_not_null()


class NotEmpty(ColumnRule):
    """The text is neither null nor blank."""

    JUDGES_NULLS: ClassVar[bool] = True
    JUDGES: ClassVar[Kinds] = TEXT
    check: Literal["not_empty"] = "not_empty"

    def says(self) -> str:
        return f"{self.column} is not null or blank"

    def passes(self, frame: Frame) -> pl.Expr:
        text = col(self.column).cast(pl.String)
        return text.is_not_null() & (text.str.strip_chars() != "").fill_null(False)


class ConditionalNull(RowRule):
    """The column is not null in every row where `condition` (SQL) holds."""

    ALIASES: ClassVar[tuple[str, ...]] = ("conditional_not_null",)
    check: Literal["conditional_null"] = "conditional_null"
    column: Text
    condition: Sql = Field(validation_alias=AliasChoices("condition", "when", "predicate"))

    @property
    def subjects(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.column, *condition(self.condition).meta.root_names())))

    def says(self) -> str:
        return f"{self.column} is not null where {self.condition}"

    def bind(self, frame: Frame) -> None:
        frame.check_condition(self.condition)

    def passes(self, frame: Frame) -> pl.Expr:
        return pl.when(condition(self.condition)).then(col(self.column).is_not_null())
