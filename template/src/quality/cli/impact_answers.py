"""What `impact` answers: each contract that differs from a commit's, rule by rule, with what that does to rows."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from quality.cli.answers import Answer, Entry
from quality.masking import Shown
from quality.values import Frozen, Scalar, Severity, Status


class FieldChange(Frozen):
    """A field of a rule or a contract, before and after. A change can be looser in one respect, tighter in another."""

    field: str
    before: Any = None
    after: Any = None
    looser: bool = Field(False, description="Something is allowed after that was refused before.")
    tighter: bool = Field(False, description="Something is refused after that was allowed before.")


class Verdict(Frozen):
    """How one contract judged a rule on today's data; of one with `by`, all its segments together."""

    status: Status
    severity: Severity
    failing: int = Field(0, description="Rows that break it; of a rule about the whole table 1 where that does.")
    judged: int = Field(0, description="Rows that were judged; of a rule about the whole table 1.")
    value: Scalar = Field(None, description="The number that a rule about the whole table judged.")
    message: Shown = ""


class RuleImpact(Frozen):
    """What became of a rule, and which rows change sides by it."""

    rule: Shown
    was: Shown | None = Field(None, description="The rule's name before, where it has another one now.")
    check: str
    what: Literal["added", "removed", "loosened", "tightened", "changed"]
    breaking: bool = Field(False, description="Whether whoever relies on the data loses a promise.")
    fields: tuple[FieldChange, ...] = ()
    before: Verdict | None = Field(None, description="Null where there was no such rule, or nothing was judged.")
    after: Verdict | None = Field(None, description="Null where there is no such rule now, or nothing was judged.")
    newly_failing: int | None = Field(None, description="Rows that break it after and not before; null: see `note`.")
    newly_passing: int | None = Field(None, description="Rows that break it before and not after; null: see `note`.")
    note: Shown | None = Field(None, description="Why rows are not told apart.")


class DatasetImpact(Entry):
    """A dataset whose contract differs, judged by both. Its rows are those that break any rule about rows."""

    what: Literal["added", "removed", "renamed", "changed"] | None = None
    was: str | None = Field(None, description="What a dataset that was renamed was called.")
    breaking: tuple[Shown, ...] = Field((), description="What whoever relies on the data loses, a sentence each.")
    rules: tuple[RuleImpact, ...] = ()
    fields: tuple[FieldChange, ...] = Field((), description="Fields of the contract beside its rules.")
    columns_removed: tuple[str, ...] = Field((), description="Columns that the contract no longer declares.")
    rows: int | None = None
    status_before: Status | None = None
    status_after: Status | None = None
    failing_before: int | None = None
    failing_after: int | None = None
    newly_failing: int | None = None
    newly_passing: int | None = None
    note: Shown | None = None


class Impact(Answer):
    """impact: what a change of contracts does to today's data, and to whoever relies on it."""

    verb: Literal["impact"]
    compared_with: Shown | None = Field(None, description="The commit, as it was asked for.")
    commit: str | None = None
    breaking: bool = False
    notes: tuple[Shown, ...] = ()
    datasets: tuple[DatasetImpact, ...] = ()
