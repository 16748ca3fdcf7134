"""What is asked of each file for a rule, and the key that its answer is kept under."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import polars as pl

from quality.engine.groups import Planned
from quality.engine.rule import Measure, Rule, TableRule

Edges = tuple[float, ...]
Row = tuple[dict[str, Any], dict[str, Any]]
"""A segment, by the column that it is of, and its state."""


class Ask(NamedTuple):
    """Measures of a rule, known by a key; `merge` says how they merge where saying them takes a query.

    Measures `of_all` speak of all rows of the file together, and do not merge by segments.
    What they count changes only where one of the `values` lies between an edge of then and that of now.
    """

    key: str
    rule: Rule
    measures: Callable[[], dict[str, Measure]]
    merge: Mapping[str, Measure] | None = None
    edges: Edges = ()
    values: pl.Expr | None = None
    of_all: bool = False

    def planned(self, number: int) -> Planned:
        return Planned(number, self.rule, self.measures())

    def __reduce__(self) -> tuple[Any, ...]:
        """As another process takes it: with its measures said, and a domain's own rule told by its columns alone."""
        own = not type(self.rule).__module__.startswith("quality.")
        rule = Measured(columns=self.rule.reads, by=self.rule.by) if own else self.rule
        return _said, (self.key, rule, self.measures(), self.edges, self.values, self.of_all)

    @property
    def merged_by(self) -> dict[str, Measure]:
        """Measures that say how states merge."""
        return dict(self.measures() if self.merge is None else self.merge)


def _said(
    key: str, rule: Rule, measures: dict[str, Measure], edges: Edges, values: pl.Expr | None, of_all: bool
) -> Ask:
    return Ask(key, rule, lambda: measures, edges=edges, values=values, of_all=of_all)


Gap = tuple[float | None, float | None]
"""The nearest values up to an edge and above it; None where there is none."""


class Kept(NamedTuple):
    """What one file answered: a state for each segment, the edges it was asked with, and the gap that each lies in."""

    rows: list[Row]
    edges: Edges = ()
    gaps: tuple[Gap, ...] = ()

    @property
    def failed(self) -> int:
        """Rows that fail a rule about rows."""
        return sum(state["failed"] or 0 for _, state in self.rows)

    def holds_for(self, ask: Ask) -> bool:
        """Whether the answer is the same for the edges of now: each of them lies in the gap of then."""
        if self.edges == ask.edges:
            return True
        if len(self.edges) != len(ask.edges):
            return False
        return all(map(_within, self.gaps, self.edges, ask.edges))


def _within(gap: Gap, then: float, now: float) -> bool:
    """Whether the same values are up to the edge of now; where edges are computed, rounding is left room for."""
    close = 1e-9 * max(abs(then), abs(now), 1) if isinstance(now, float) else 0
    below, above = gap
    return (below is None or below <= min(then, now) - close) and (above is None or above > max(then, now) + close)


class Measured(TableRule):
    """Measures that no rule of a contract says itself; it takes part in a pass and is never judged."""

    check: str = "measured"
    columns: tuple[str, ...] = ()

    @property
    def subjects(self) -> tuple[str, ...]:
        return self.columns


def digest(*said: object) -> str:
    """32 hexadecimal digits of what shapes a state."""
    text = json.dumps(said, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def expression(expr: pl.Expr) -> str:
    """The digest of an expression with every value in it; what serializes differently is another one."""
    return hashlib.sha256(expr.meta.serialize()).hexdigest()[:32]


def ask_for(measures: Mapping[str, Measure], columns: tuple[str, ...], of_all: bool = True) -> Ask:
    """Measures beside those of rules, of all rows of a file."""
    shaped = {name: (expression(one.expr), one.merge) for name, one in measures.items()}
    return Ask(digest("beside", shaped), Measured(columns=columns), lambda: dict(measures), of_all=of_all)
