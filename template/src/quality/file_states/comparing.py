"""What a check of kept states and one of the whole say of the same data, compared."""

from __future__ import annotations

import math
from collections.abc import Sequence

from quality.result import RuleResult

COUNTED = ("status", "failed_count", "total_count", "segment", "value")


def difference(kept: Sequence[RuleResult], whole: Sequence[RuleResult]) -> str | None:
    """The first rule that kept states judge unlike the whole, as one sentence; None where there is none."""
    if len(kept) != len(whole):
        return _said(f"give {len(kept):,} results", f"{len(whole):,}")
    for one, other in zip(kept, whole, strict=True):
        for name in COUNTED:
            ours, theirs = getattr(one, name), getattr(other, name)
            if not _same(ours, theirs):
                return _said(f"give the rule '{other.rule_name}' the {name} {ours}", f"{theirs}")
    return None


def _said(ours: str, theirs: str) -> str:
    return (
        f"kept states {ours} where the whole data gives {theirs}, which is a defect: all of them are deleted, and the "
        "next check reads everything; tell the platform engineer"
    )


def _same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9)
    return one == other
