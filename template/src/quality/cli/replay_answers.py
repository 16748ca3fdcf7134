"""What `replay` answers: earlier nights, with the verdict of then and that of other rules."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from quality.cli.answers import Answer, Entry
from quality.masking import Shown
from quality.values import Frozen, Status


class Replayed(Frozen):
    """One version of the data: the verdict of its check then, and what other rules say of it."""

    at: datetime
    was: Status
    alarmed: bool = Field(False, description="Whether it was no success: FAILED, ERROR, or nothing judged.")
    would_be: Status | None = Field(None, description="Of the rules that could be judged; null where none could.")
    alarm: Literal["new", "gone", "same", "none"] | None = Field(
        None, description="Whether it alarms, and did; null where a rule that could make it alarm is not judged."
    )
    failing: tuple[Shown, ...] = Field((), description="Rules that would not have held.")
    unanswered: tuple[Shown, ...] = Field((), description="Rules of which no state is kept: rows would tell.")
    problem: Shown | None = None


class DatasetReplay(Entry):
    """The nights of one dataset, oldest first."""

    nights: tuple[Replayed, ...] = ()
    note: Shown | None = Field(None, description="Why no night is judged.")
    without_states: int = Field(
        0, description="More nights of that time in history, of which no states are kept, so that none is judged."
    )
    without_states_alarmed: int = Field(0, description="How many of those alarmed.")


class Replay(Answer):
    """replay: earlier nights by the rules of this tree or of a commit, from kept states alone."""

    verb: Literal["replay"]
    rules: Shown | None = Field(None, description="The commit whose rules judge; those of this tree when null.")
    datasets: tuple[DatasetReplay, ...] = ()
