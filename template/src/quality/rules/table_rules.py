"""What table rules have in common: one number, judged against bounds, or remembered."""

from typing import Any, ClassVar

from quality.engine.dtypes import NUMBER, Kinds
from quality.engine.frame import Frame
from quality.engine.rule import Judgement, State, TableRule
from quality.values import Scalar, Text


class NumberRule(TableRule):
    """A table rule about one column's number, judged against bounds."""

    JUDGES: ClassVar[Kinds] = NUMBER

    column: Text

    @property
    def subjects(self) -> tuple[str, ...]:
        return (self.column,)


def outcome(ok: bool, value: Scalar, note: str) -> Judgement:
    """One number, judged."""
    return Judgement(0 if ok else 1, 1, value=value, note=note)


def nothing(note: str, value: Scalar = None) -> Judgement:
    """Nothing judged, and why."""
    return Judgement(0, 0, value=value, note=note)


class Metric(TableRule):
    """A table rule that tells its number apart from its verdict, so that a trend rule can judge the same number."""

    NOTHING: ClassVar[str] = "no value to judge"

    def number(self, state: State, frame: Frame) -> Any:
        """The number; None where there is nothing to judge, for the reason `NOTHING`."""
        raise NotImplementedError
