"""Whether a rule promises less or more where it speaks of other rows: by `where`, by `by`, or of other columns."""

from __future__ import annotations

from collections.abc import Sequence

from quality.engine.rule import KeyRule, RowRule, Rule
from quality.impact.bounds import BOTH, LOOSER, OTHER, TIGHTER, Way
from quality.rules.catalogue import BUILT_IN
from quality.rules.keys import Ordered
from quality.rules.outliers import ZScoreOutlier


def where(before: Rule, after: Rule) -> Way:
    """Fewer rows are looser, where each of them counts by itself; a share or a number of fewer rows may be any."""
    if before.where is not None and after.where is not None:
        return OTHER
    if not _counts_each(before, after):
        return BOTH
    return LOOSER if before.where is None else TIGHTER


def by(before: Rule, after: Rule) -> Way:
    """Keys and orders inside segments are looser than those of all rows; a rate that holds in each one is tighter."""
    if not all(type(rule) in BUILT_IN for rule in (before, after)):
        return OTHER
    together = any(isinstance(rule, (KeyRule, Ordered)) for rule in (before, after))
    alone = None in (before.by, after.by)
    if _counts_each(before, after):
        if not together:
            return OTHER
        return BOTH if not alone else LOOSER if before.by is None else TIGHTER
    if together or not alone or not _by_row(before, after):
        return BOTH
    return TIGHTER if before.by is None else LOOSER


def _by_row(*rules: Rule) -> bool:
    return all(isinstance(rule, RowRule) and not isinstance(rule, ZScoreOutlier) for rule in rules)


def _counts_each(*rules: Rule) -> bool:
    """Whether one row that breaks the rule is enough for it to fail."""
    return _by_row(*rules) and not any(rule.max_failure_rate for rule in rules)


def key(before: Sequence[str], after: Sequence[str]) -> Way:
    """Of columns that are unique together: with more of them less is promised."""
    one, other = set(before), set(after)
    return LOOSER if one < other else TIGHTER if other < one else BOTH
