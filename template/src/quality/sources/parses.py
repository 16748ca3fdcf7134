"""The rule that a dtype is: every text of a column reads as one. A source adds it; nobody writes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import polars as pl
from pydantic import PrivateAttr

from quality.engine.frame import Frame
from quality.engine.rule import Judgement, RowRule, State
from quality.sources.parsing import Written, given, unparsed
from quality.texts import shorten
from quality.values import Scalar

FEW = 20
"""Wrong values that are looked up with their lines."""
TOLD = 3

Wrong = Callable[[int, Frame], list[dict[str, Scalar]]]


class Parses(RowRule):
    """Every text of the column reads as the dtype, which is declared, or `inferred` from the first rows."""

    check: Literal["parses"] = "parses"
    column: str
    dtype: str
    inferred: bool = False
    _text: str = PrivateAttr()
    _dtype: pl.DataType = PrivateAttr()
    _written: Written = PrivateAttr()
    _wrong: Wrong = PrivateAttr()

    @classmethod
    def of(cls, column: str, dtype: pl.DataType, written: Written, inferred: bool, text: str, wrong: Wrong) -> Parses:
        """The rule over the text column `text` of a frame; `wrong` looks the first wrong values up."""
        rule = cls(column=column, dtype=dtype.base_type().__name__, inferred=inferred)
        rule._text, rule._dtype, rule._written, rule._wrong = text, dtype, written, wrong
        return rule

    @property
    def told(self) -> tuple[str, pl.DataType, Written]:
        """The text column that is read, as what dtype, and how its values are written."""
        return self._text, self._dtype, self._written

    def look(self, most: int, frame: Frame) -> list[dict[str, Scalar]]:
        """The first wrong values, with their lines."""
        return self._wrong(most, frame)

    @property
    def subjects(self) -> tuple[str, ...]:
        return (self.column,)

    def derived_name(self) -> str:
        return f"parses({self.column}, {self.dtype})"

    def says(self) -> str:
        if self.inferred:
            return (
                f"{self.column} reads as {self.dtype}, as its first rows do; declare its dtype in source.dtypes, or "
                "the texts that mean no value in source.null_values"
            )
        return f"{self.column} reads as {self.dtype}, its declared dtype"

    def passes(self, frame: Frame) -> pl.Expr:
        text = pl.col(self._text)
        return pl.when(given(text, self._dtype)).then(~unparsed(text, self._dtype, self._written))

    def judge(self, state: State, frame: Frame) -> Judgement:
        found = super().judge(state, frame)
        if not found.failed:
            return found
        rows = self.look(FEW, frame)
        said = [f"{_place(row)}: '{shorten(row[self.column])}'" for row in rows]
        return found._replace(note=", ".join(said[:TOLD]), rows=tuple(rows))


def _place(row: dict[str, Scalar]) -> str:
    """`a.csv line 7`, as far as a row says where it was found: its last value is the text itself."""
    at = [f"{name} {place:,}" for name, place in list(row.items())[:-1] if isinstance(place, int)]
    return " ".join([*([str(row["file"])] if "file" in row else []), *at])
