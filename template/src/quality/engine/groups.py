"""Which rules one query is about: those that read the same columns, as wide and as much at once as is worth it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable
from typing import NamedTuple

from quality.engine.dtypes import width_of
from quality.engine.frame import Frame
from quality.engine.rule import ColumnRule, Measure, Rule, Taken

WIDEST = 8
"""Columns that one query decodes at once, unless a single rule needs more; more would cost memory, not time."""
WIDEST_FAR = 24  # where every request is waited for
MOST_QUERIES = 250  # each costs as much more as the table is wider
FLAG = 1 / 4
"""Bytes of a value that is true, false or null."""


class Planned(NamedTuple):
    """A rule, its position among the rules, its measures, and what is taken of every row for it."""

    number: int
    rule: Rule
    measures: dict[str, Measure]
    taken: Taken | None = None

    @property
    def is_flat(self) -> bool:
        """Whether one value for each row tells its measures."""
        return self.rule.by is None and all(one.rows is not None for one in self.measures.values())


def groups(ready: list[Planned], frame: Frame) -> list[list[Planned]]:
    """The rules of each query."""
    return [some for group in _connected(ready, frame) for some in _split(group, frame)]


def _connected(ready: list[Planned], frame: Frame) -> list[list[Planned]]:
    """For columnar sources the rules of each connected group of columns, as long as it stays narrow; else one group."""
    if not frame.columnar:
        return [ready] if ready else []
    groups, of = dict[int, tuple[set[str], list[Planned]]](), defaultdict[str, set[int]](set)
    for number, one in enumerate(sorted(ready, key=lambda planned: -len(planned.rule.reads))):
        columns, members = set(one.rule.reads), [one]
        for at in sorted({at for column in columns for at in of[column]}):
            known, others = groups[at]
            if len(known | columns) <= max(len(known), WIDEST):
                columns, members = known | columns, others + members
                del groups[at]
        groups[number] = columns, members
        of.update({column: of[column] & groups.keys() | {number} for column in columns})
    found = [members for _, members in groups.values()]
    width = WIDEST_FAR if frame.around.far else len(found) // MOST_QUERIES + 1
    return _wide(found, frame, width) if width > 1 else found


def _wide(groups: list[list[Planned]], frame: Frame, width: int) -> list[list[Planned]]:
    """Groups of one kind, and of the same segments, together: few and wide queries."""
    wide, columns = dict[tuple[Hashable, int], list[Planned]](), Counter[Hashable]()
    for group in groups:
        kind = is_provable(group, frame), frozenset(one.rule.by for one in group)
        wide.setdefault((kind, columns[kind] // width), []).extend(group)
        columns[kind] += len({column for one in group for column in one.rule.reads})
    return [*wide.values()]


def _split(group: list[Planned], frame: Frame) -> list[list[Planned]]:
    """Where values of every row are taken, as many as fit: rules whose flags or columns fit as well join that query."""
    if not any(one.taken for one in group):
        return [group]
    room, joining, apart = frame.around.memory_budget / max(frame.rows, 1), list[Planned](), list[Planned]()
    for one in sorted(group, key=lambda planned: planned.taken is None):
        width = _width(one, frame)
        if width is not None and width <= room:
            joining.append(one)
            room -= width
        else:
            apart.append(one._replace(taken=None))
    if not any(one.taken for one in joining):
        joining, apart = [], [*joining, *apart]
    return [some for some in (joining, [one for one in apart if one.measures]) if some]


def _width(one: Planned, frame: Frame) -> float | None:
    """Bytes of a row of what is held for a rule; None where its measures are better asked by themselves.

    Columns are held where that costs less than to read them twice, and as much again for what is computed of them.
    """
    taken, exprs = one.taken.width if one.taken else 0, [measure.expr.meta for measure in one.measures.values()]
    if one.is_flat:
        return taken + FLAG * len(exprs)
    columns = width_of(frame.schema[name] for name in one.rule.reads)
    said = not any(expr.has_multiple_outputs() or {*expr.root_names()} - {*one.rule.reads} for expr in exprs)
    dear = frame.around.far or not frame.columnar
    return taken + 2 * columns if columns and said and dear and one.rule.by is None else None


def is_provable(group: list[Planned], frame: Frame) -> bool:
    """Whether each rule is about one column of files whose statistics, or dictionary, may prove rows clean unread."""
    rules = [one.rule for one in group]
    alone = all(rule.reads == rule.subjects and rule.where is None and rule.by is None for rule in rules)
    return frame.columnar and alone and all(isinstance(rule, ColumnRule) and rule.PROVABLE for rule in rules)
