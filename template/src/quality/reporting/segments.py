"""Rules against segments: one matrix for each column that rules are judged by."""

from __future__ import annotations

from collections.abc import Sequence

from quality.result import RuleResult
from quality.texts import cell_text
from quality.values import Frozen, Status

SEGMENTS = 200
"""Lines of a matrix; those with most failures come first."""
LOUD = (Status.FAILED, Status.ERROR, Status.WARNING)


class Matrix(Frozen):
    """The rules that are judged by one column: a line for each of its values, a cell for each rule."""

    by: str
    rules: tuple[str, ...]
    lines: tuple[tuple[str, tuple[RuleResult | None, ...]], ...]
    hidden: int


def matrices(rules: Sequence[RuleResult]) -> list[Matrix]:
    """One matrix for each column, in the order of the rules."""
    columns = dict.fromkeys(rule.by for rule in rules if rule.by is not None)
    return [_matrix(by, [rule for rule in rules if rule.by == by]) for by in columns]


def _matrix(by: str, rules: list[RuleResult]) -> Matrix:
    names = tuple(dict.fromkeys(rule.rule_name for rule in rules))
    cells = {(cell_text(rule.segment), rule.rule_name): rule for rule in rules}
    worst: dict[str, int] = {}
    for rule in rules:
        worst[cell_text(rule.segment)] = worst.get(cell_text(rule.segment), 0) + (rule.status in LOUD)
    order = sorted(worst, key=lambda name: (-worst[name], name))
    lines = tuple((name, tuple(cells.get((name, rule)) for rule in names)) for name in order[:SEGMENTS])
    return Matrix(by=by, rules=names, lines=lines, hidden=max(0, len(order) - SEGMENTS))


def together(rules: Sequence[RuleResult]) -> list[RuleResult]:
    """One line for each rule: the segments of a rule taken together, with the verdict of the first, the worst."""
    by_name: dict[str, list[RuleResult]] = {}
    for rule in rules:
        by_name.setdefault(rule.rule_name, []).append(rule)
    return [same[0] if same[0].by is None else _together(same) for same in by_name.values()]


def _together(segments: list[RuleResult]) -> RuleResult:
    worst = segments[0]
    count = sum(one.status is worst.status for one in segments)
    taken = {
        "by": None,
        "segment": None,
        "value": f"in {count} of {len(segments)} segments",
        "failed_count": sum(one.failed_count for one in segments),
        "total_count": sum(one.total_count for one in segments),
    }
    return worst.model_copy(update=taken)
