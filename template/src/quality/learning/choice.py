"""Which claims become rules: for each thing the strictest that held out, and that all rows bear out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from quality.engine.frame import Surroundings
from quality.engine.rule import KeyRule, RowRule, Rule
from quality.learning.claim import Claim, Claims, Place
from quality.learning.holdout import FEWEST, Outcome, rates
from quality.rules.keys import Decreasing, Increasing

ROOM = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05)
"""Fractions of rows that may break a rule."""
RAREST_BREAK, UNSEEN, ONE_OR_TWO = 0.015, 5, 2
GIVEN = {("schema", "closed"), ("rows", "band"), ("varies", "fresh")}
"""What is claimed without being held out: earlier rows say nothing of it."""
ROUNDS = 4


def roomy(rule: Rule, rows: int, worst: float) -> Rule | None:
    """The rule with room for what is too rare to be seen in so many rows, and for what was seen to break it.

    None where that is frequent, or where the rule has no room: a key, an order, a number about all rows.
    """
    if not isinstance(rule, RowRule) or isinstance(rule, (KeyRule, Increasing, Decreasing)):
        return None if worst else rule
    if rows < FEWEST:
        return None if worst else rule
    if worst > max(RAREST_BREAK, ONE_OR_TWO / max(rows, 1)):
        return None
    wanted = max(2.5 * worst, UNSEEN / max(rows, 1))
    room = next((step for step in ROOM if step >= wanted), ROOM[-1])
    return rule.model_copy(update={"max_failure_rate": max(room, rule.max_failure_rate)})


class Choice:
    """The claims about a dataset of so many rows, and what became of them when they were held out."""

    def __init__(self, claims: Claims, outcomes: Mapping[Place, Outcome], rows: int) -> None:
        self.claims, self.outcomes, self.rows = claims, outcomes, rows

    def first(self) -> Claims:
        """For each thing the claim to make."""
        groups: dict[tuple[str | None, str], list[Place]] = {}
        for place in self.claims:
            groups.setdefault(place[:2], []).append(place)
        made = (next(self.held(places), None) for places in groups.values())
        return dict(one for one in made if one is not None)

    def held(self, places: list[Place]) -> Iterator[tuple[Place, Claim]]:
        """The claims that held out, the strictest first; then those that need room for what broke them."""
        given = GIVEN | ({("filled", "always")} if self.rows < FEWEST else set())
        known = [place for place in places if place in self.outcomes or place[1:] in given]
        worst = {place: 0.0 if place[1:] in given else self.outcomes[place].worst for place in known}
        chance = ONE_OR_TWO / max(self.rows, 1)
        for wanted in (True, False):
            for place in known:
                rule = roomy(self.claims[place].rule, self.rows, worst[place])
                if rule is not None and (worst[place] <= chance) is wanted:
                    yield place, Claim(rule, self.claims[place].why)

    def true(self, lazy: pl.LazyFrame, around: Surroundings, columnar: bool = False) -> Claims:
        """The claims to make that all rows bear out; for one that they do not, the next that they do."""
        asked = self.first()
        kept: Claims = {}
        for _ in range(ROUNDS):
            broken = rates({place: one.rule for place, one in asked.items()}, lazy, around, columnar) if asked else {}
            wrong = {place: broken[place] for place, one in asked.items() if not _is_borne_out(one.rule, broken[place])}
            kept |= {place: one for place, one in asked.items() if place not in wrong and broken[place] is not None}
            others = [self._instead(place, asked[place], rate or 0) for place, rate in wrong.items()]
            asked = dict(pair for pairs in others for pair in pairs)
        return kept

    def _instead(self, place: Place, one: Claim, rate: float) -> list[tuple[Place, Claim]]:
        if (rule := roomy(one.rule, self.rows, rate)) is not None:
            return [(place, Claim(rule, one.why))]
        same = [other for other in self.claims if other[:2] == place[:2]]
        return [*self.held(same[same.index(place) + 1 :])][:1]


def _is_borne_out(rule: Rule, rate: float | None) -> bool:
    return rate is None or rate <= rule.max_failure_rate
