"""What the verbs answer that bring a dataset aboard: learn, challenge, import and export."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from quality.cli.answers import Answer, Entry
from quality.values import Frozen


class Proposal(Entry):
    """Rules that the data of a dataset satisfies, held out on its later part, each with what it stands on."""

    rows: int | None = None
    rules: tuple[dict[str, Any], ...] = ()
    key: tuple[str, ...] = Field((), description="Columns that name a row.")
    source: dict[str, Any] | None = Field(None, description="The source with dtypes that it had better declare.")


class Learned(Answer):
    """learn: rules for each dataset, for a person to review."""

    verb: Literal["learn"]
    datasets: tuple[Proposal, ...] = ()


class ImportedDataset(Entry):
    """A contract that was written from a document of another tool."""

    path: str
    rules: int
    left: tuple[str, ...] = Field((), description="Rules of the document without a counterpart, by name.")


class Imported(Answer):
    """import: the contracts that were written, and what was left out of each."""

    verb: Literal["import"]
    tool: str | None = None
    datasets: tuple[ImportedDataset, ...] = ()


class Exported(Answer):
    """export: a contract as the Open Data Contract Standard has it."""

    verb: Literal["export"]
    document: dict[str, Any] = Field({})
    own: tuple[str, ...] = Field((), description="Rules that only this engine reads in it, by name.")
    path: str | None = None


class MissedCase(Frozen):
    """A corruption that no rule noticed, and a rule that held out and would; null where none is known."""

    corruption: str
    column: str | None
    rule: dict[str, Any] | None = None


class Challenged(Entry):
    """What the rules of a dataset notice when its own rows are corrupted."""

    rows: int | None = None
    cases: int = 0
    noticed: int = 0
    score: float | None = Field(None, description="Fraction of the cases that is noticed; null where there are none.")
    missed: tuple[MissedCase, ...] = ()
    accepted: tuple[dict[str, Any], ...] = Field((), description="Rules that were added to the contract.")


class Challenge(Answer):
    """challenge: a score for each dataset, and what no rule noticed."""

    verb: Literal["challenge"]
    datasets: tuple[Challenged, ...] = ()
