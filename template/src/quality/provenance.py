"""Where things come from: a class, a rule that data proposed and no person, a result with the way to its verdict."""

from __future__ import annotations

from pydantic import Field

from quality.masking import Shown
from quality.values import Count, Flag, Frozen, Text


def is_own(kind: type) -> bool:
    """Whether a class is a team's own and not the template's: what it answers has to be looked at."""
    return kind.__module__.partition(".")[0] != "quality"


class Learned(Frozen):
    """What a rule that was learned stands on; it changes no verdict, and is no part of a fingerprint."""

    rows: Count = Field(description="Rows that it was learned from.")
    holds_out: Flag = Field(description="Whether it held on rows that it was not learned from.")
    why: Text = Field(description="What was seen in the data.")


class Explain(Frozen):
    """How the verdict was reached: each query's columns, in order, and how often each column was read."""

    queries: tuple[str, ...] = ()
    columns_read: dict[str, int] = Field({})

    @property
    def collects(self) -> int:
        return len(self.queries)


class RunMetadata(Frozen):
    """Where a result comes from: enough to find the contract, the owner and the environment that produced it.

    `contract` is a page on the web where the policy knows it, else the file's path in the repository. `version` is what
    the source was, as a digest of its files' sizes and times, or `unknown: …` and why; None of data in memory.
    `judged_by` is the digest of the judging code.
    """

    dataset: str = "data"
    owner: str | None = None
    environment: str | None = None
    partition: Shown | None = None
    contract: Shown | None = None
    source: Shown | None = None
    version: Shown | None = None
    fingerprint: str | None = None
    template_version: str | None = None
    compatibility: str | None = None
    judged_by: str | None = None
    explain: Explain = Field(default_factory=Explain)

    @property
    def subject(self) -> str:
        """The dataset and, where one was judged alone, its partition: `orders day=2026-11-26`."""
        return " ".join(filter(None, (self.dataset, self.partition)))

    @property
    def known_version(self) -> str | None:
        return None if (self.version or "unknown").startswith("unknown") else self.version
