"""Rules about moments: before now, after now, and how old the newest is."""

from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal

import polars as pl

from quality.engine.dtypes import TIME, Kinds
from quality.engine.frame import Frame
from quality.engine.rule import ColumnRule, Judgement, Measure, State, TableRule
from quality.errors import CannotJudgeError
from quality.rules.bounds import Duration, parse_duration
from quality.rules.literals import Sign, compare, logical, place
from quality.rules.table_rules import nothing, outcome
from quality.values import Text

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_moments(column: str, dtype: pl.DataType, check: str) -> None:
    """Refuses times of day and durations, which are neither before nor after now."""
    if dtype in (pl.Time, pl.Duration):
        raise CannotJudgeError(f"column '{column}' is {dtype}; {check} judges dates and datetimes")


class _Moment(ColumnRule):
    JUDGES: ClassVar[Kinds] = TIME
    PROVABLE: ClassVar[bool] = True
    SIGN: ClassVar[Sign]

    def bind(self, frame: Frame) -> None:
        check_moments(self.column, frame.schema[self.column], self.check)

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        """Against now as the column counts time: in its zone, in UTC when it has none, as a day when it holds days."""
        now = frame.around.now.astimezone(UTC)
        if dtype == pl.Date:
            said = now.date().isoformat()
        else:
            said = (now if getattr(dtype, "time_zone", None) else now.replace(tzinfo=None)).isoformat()
        return compare(value, self.SIGN, place(said, dtype), dtype)


class NotFuture(_Moment):
    """The moment is not after now."""

    SIGN: ClassVar[Sign] = "<="
    check: Literal["not_future"] = "not_future"

    def says(self) -> str:
        return f"{self.column} is not in the future"


class NotPast(_Moment):
    """The moment is not before now."""

    SIGN: ClassVar[Sign] = ">="
    check: Literal["not_past"] = "not_past"

    def says(self) -> str:
        return f"{self.column} is not in the past"


class Freshness(TableRule):
    """The newest value of the column is at most `max_age` old, and at most `max_ahead` (1h) in the future.

    A day counts from its midnight, and what has no time zone counts as UTC.
    """

    JUDGES: ClassVar[Kinds] = TIME
    check: Literal["freshness"] = "freshness"
    column: Text
    max_age: Duration
    max_ahead: Duration = "1h"

    @property
    def subjects(self) -> tuple[str, ...]:
        return (self.column,)

    def says(self) -> str:
        return f"the newest {self.column} is at most {self.max_age} old"

    def bind(self, frame: Frame) -> None:
        check_moments(self.column, frame.schema[self.column], self.check)

    def measures(self, frame: Frame) -> dict[str, Measure]:
        """In microseconds since 1970, which hold years that Python's dates do not."""
        newest = self.col(self.column).max().cast(pl.Datetime("us", self._zone(frame)))
        return {"newest": Measure(newest.to_physical(), "max")}

    def _zone(self, frame: Frame) -> str | None:
        return getattr(frame.schema[self.column], "time_zone", None)

    def judge(self, state: State, frame: Frame) -> Judgement:
        newest = state["newest"]
        if newest is None:
            return nothing("no value to judge")
        age = (frame.around.now - EPOCH) // MICROSECOND - newest
        old, ahead = (parse_duration(text) // MICROSECOND for text in (self.max_age, self.max_ahead))
        shown = logical([newest], pl.Datetime("us", self._zone(frame) or "UTC")).dt
        note = f"the newest is of {shown.to_string('%Y-%m-%d %H:%M %Z').item()}"
        if age < -ahead:
            note += f", more than {self.max_ahead} in the future" + ("" if self._zone(frame) else " if it is in UTC")
        return outcome(-ahead <= age <= old, shown.to_string("%Y-%m-%dT%H:%M:%S%.f%:z").item(), note)
