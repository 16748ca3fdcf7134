"""Rules for a dataset: proposed, held out, at most three for a column, and true of all its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import polars as pl

from quality.engine.frame import Surroundings
from quality.engine.rule import Rule
from quality.learning.candidates import candidates
from quality.learning.choice import Choice
from quality.learning.claim import Claims, Place
from quality.learning.holdout import Outcome, outcomes, rates
from quality.learning.related import References
from quality.learning.sample import sampled
from quality.provenance import Learned
from quality.rules.catalogue import canonical
from quality.rules.keys import PrimaryKey

TABLE = ("schema", "rows", "key")
ASPECTS = ("filled", "values", "varies")
"""What the rules of the table are about, and those of a column: one each."""
MOST_RULES = 3
"""For each column, those of the table counted in."""
SPARE = ("stddev", "distinct_count")
"""Rules that go first where there would be more."""
Told = Callable[[str], None]
"""Is told what is done now."""


class Proposal(NamedTuple):
    """The rules of a dataset in the order of its columns, each with what it stands on; its key, rows and columns."""

    rules: tuple[Rule, ...]
    key: tuple[str, ...]
    rows: int
    columns: tuple[str, ...]

    def written(self) -> list[dict[str, Any]]:
        """The rules as a contract has them."""
        return [written(rule) for rule in self.rules]


def written(rule: Rule) -> dict[str, Any]:
    """A rule as a contract has it, with what it stands on."""
    said = canonical(rule)
    common = [name for name in said if name in Rule.model_fields and name != "check"]
    own = {name: one for name, one in said.items() if name not in common}
    about = {name: own.pop(name) for name in ("check", "column", "columns") if name in own}
    learned = {"learned": rule.learned.model_dump(mode="json")} if rule.learned else {}
    return about | own | {name: said[name] for name in common} | learned


def learn(
    lazy: pl.LazyFrame,
    *,
    now: datetime | None = None,
    references: References | None = None,
    columnar: bool = False,
    partitions: Sequence[str] = (),
    told: Told = lambda what: None,
) -> Proposal:
    """Rules that this data satisfies and that held on a part of it that had not proposed them.

    `references` are other datasets by name, each with the columns that may be referred to; `columnar` says that columns
    can be read apart from each other; `partitions` are the columns that name the partition of a row.
    """
    there, now = references or {}, now or datetime.now(UTC)
    told("reading the data")
    sample = sampled(lazy)
    around = Surroundings(references=lambda name: there[str(name)][0], history=lambda window: [], now=now)
    propose = partial(candidates, now=now, references=there)
    told("proposing on earlier rows, holding out on later ones")
    claims = propose(sample.rows, whole=sample)
    found = outcomes(sample.rows, claims, propose, around, partitions)
    told("checking what held out on all rows")
    choice = Choice(claims, found, sample.total)
    kept = choice.true(*((sample.rows.lazy(), around) if sample.is_whole else (lazy, around, columnar)))
    return _proposal(kept, found, sample.rows.columns, sample.total)


def claims_of(rows: pl.DataFrame, around: Surroundings, references: References) -> list[Rule]:
    """Every rule about these rows that held out and that they all bear out, the strictest about a thing first."""
    propose = partial(candidates, now=around.now, references=references)
    sample = sampled(rows.lazy())
    claims = propose(sample.rows, whole=sample)
    found = outcomes(sample.rows, claims, propose, around)
    held = dict(Choice(claims, found, sample.total).held(list(claims)))
    broken = rates({place: one.rule for place, one in held.items()}, rows.lazy(), around)
    return [
        one.rule.model_copy(update={"learned": _learned(one.why, found.get(place), sample.total)})
        for place, one in held.items()
        if (broken[place] or 0.0) <= one.rule.max_failure_rate
    ]


def _proposal(kept: Claims, found: dict[Place, Outcome], columns: list[str], rows: int) -> Proposal:
    keys = [one.rule.columns for one in kept.values() if isinstance(one.rule, PrimaryKey)]
    key = keys[0] if keys else ()
    order = {name: number for number, name in enumerate(columns)}
    places = sorted(
        (place for place in kept if not (place.aspect == "filled" and place.column in key)),
        key=lambda place: (order.get(str(place.column), -1) if place.column is not None else -1, _rank(place)),
    )
    spare = [place for place in places if kept[place].rule.check in SPARE][::-1]
    left = {*places} - {*spare[: max(0, len(places) - MOST_RULES * len(columns))]}
    rules = (
        kept[place].rule.model_copy(update={"learned": _learned(kept[place].why, found.get(place), rows)})
        for place in places
        if place in left
    )
    return Proposal(tuple(rules), key, rows, tuple(columns))


def _rank(place: Place) -> int:
    return (TABLE if place.column is None else ASPECTS).index(place.aspect)


def _learned(why: str, outcome: Outcome | None, rows: int) -> Learned:
    return Learned(rows=rows, holds_out=outcome is not None and outcome.judged > 0 and not outcome.worst > 0.5, why=why)
