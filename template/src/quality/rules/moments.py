"""Rules about moments: before now, after now, and how old the newest is."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import ClassVar, Literal

import polars as pl

from quality.engine.dtypes import TIME, Kinds
from quality.engine.frame import Frame
from quality.rules.literals import Duration, parse_duration
from quality.engine.rule import (
    ColumnRule,
    Judgement,
    Measure,
    State,
    TableRule,
    nothing,
    outcome,
)
from quality.errors import ConfigurationError
from quality.values import Text


class _Moment(ColumnRule):
    JUDGES: ClassVar[Kinds] = TIME
    PROVABLE: ClassVar[bool] = True

    def bind(self, frame: Frame) -> None:
        dtype = frame.schema[self.column]
        if dtype in (pl.Time, pl.Duration):
            raise ConfigurationError(f"column '{self.column}' is {dtype}; {self.check} judges dates and datetimes")

    def present(self, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        """Now, as the column counts time: in its zone, in UTC when it has none, as a day when it holds days."""
        zone = getattr(dtype, "time_zone", None)
        if dtype == pl.Date:
            return pl.lit(frame.around.now.date())
        moment = pl.lit(frame.around.now)
        return moment.dt.convert_time_zone(zone) if zone else moment.dt.replace_time_zone(None)


class NotFuture(_Moment):
    """The moment is not after now."""

    check: Literal["not_future"] = "not_future"

    def says(self) -> str:
        return f"{self.column} is not in the future"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        return value <= self.present(dtype, frame)


class NotPast(_Moment):
    """The moment is not before now."""

    check: Literal["not_past"] = "not_past"

    def says(self) -> str:
        return f"{self.column} is not in the past"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        return value >= self.present(dtype, frame)


class Freshness(TableRule):
    """The newest value of the column is at most `max_age` old."""

    JUDGES: ClassVar[Kinds] = TIME
    check: Literal["freshness"] = "freshness"
    column: Text
    max_age: Duration

    @property
    def subjects(self) -> tuple[str, ...]:
        return (self.column,)

    def says(self) -> str:
        return f"the newest {self.column} is at most {self.max_age} old"

    def bind(self, frame: Frame) -> None:
        if frame.schema[self.column] in (pl.Time, pl.Duration):
            dtype = frame.schema[self.column]
            raise ConfigurationError(f"column '{self.column}' is {dtype}; freshness judges dates and datetimes")

    def measures(self, frame: Frame) -> dict[str, Measure]:
        return {"newest": Measure(self.col(self.column).max(), "max")}

    def judge(self, state: State, frame: Frame) -> Judgement:
        newest = state["newest"]
        if newest is None:
            return nothing("no value to judge")
        if not isinstance(newest, datetime):
            newest = datetime.combine(newest, time())
        newest = newest.replace(tzinfo=UTC) if newest.tzinfo is None else newest
        age = frame.around.now - newest
        note = f"the newest is of {newest:%Y-%m-%d %H:%M %Z}"
        return outcome(age <= parse_duration(self.max_age), newest.isoformat(), note)
