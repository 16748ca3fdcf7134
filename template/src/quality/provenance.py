"""Where a rule comes from, when data proposed it and no person."""

from __future__ import annotations

from pydantic import Field

from quality.values import Count, Flag, Frozen, Text


class Learned(Frozen):
    """What a rule that was learned stands on; it changes no verdict, and is no part of a fingerprint."""

    rows: Count = Field(description="Rows that it was learned from.")
    holds_out: Flag = Field(description="Whether it held on rows that it was not learned from.")
    why: Text = Field(description="What was seen in the data.")
