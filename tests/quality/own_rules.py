"""Rules and a source of a domain's own, in a module by itself: all of what decides their verdicts is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import polars as pl

from quality import NUMBER, ColumnRule, Frame, Judgement, Kinds, Measure, Source, TableRule

DATA = pl.DataFrame({"a": [2, 4, 5], "b": [1, 2, 3]})


class Even(ColumnRule):
    """Every value is an even number.

    The second paragraph is for whoever reads the class.
    """

    JUDGES: ClassVar[Kinds] = NUMBER
    check: Literal["even"] = "even"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        return value % 2 == 0


class Silent(Even):
    check: Literal["silent"] = "silent"  # type: ignore[assignment]


class Total(TableRule):
    """The total of the column is even."""

    check: Literal["total"] = "total"
    column: str = "a"

    @property
    def subjects(self) -> tuple[str, ...]:
        return (self.column,)

    def measures(self, frame: Frame) -> dict[str, Measure]:
        return {"sum": Measure(self.col(self.column).sum())}

    def judge(self, state: Mapping[str, Any], frame: Frame) -> Judgement:
        return Judgement(state["sum"] % 2, 1, value=state["sum"], note=f"it is {state['sum']}")


class DriverError(Exception):
    """What a driver raises that no one here has heard of."""


class Warehouse(Source):
    kind: Literal["warehouse"] = "warehouse"
    breaks: str = "scan"

    def scan(self, root: Path) -> pl.LazyFrame:
        if self.breaks == "scan":
            raise DriverError("login refused for quality@warehouse\nhint: ask the database's owner")
        if self.breaks == "schema":
            return pl.LazyFrame({"a": [1]}).select("b")
        return DATA.lazy()

    def version(self, root: Path) -> str | None:
        if self.breaks == "version":
            raise DriverError("login refused for quality@warehouse")
        return None

    def size(self, root: Path) -> int | None:
        raise DriverError("login refused for quality@warehouse")
