"""Held out: claims proposed on an earlier part of the rows are judged on a later part, at several cuts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from quality.engine.dtypes import col, kind_of
from quality.engine.frame import Frame, Surroundings
from quality.engine.judge import Found, judge
from quality.engine.request import Request
from quality.engine.rule import Rule
from quality.learning.claim import Claims, Place, values_of

HALVES = ((0.0, 0.5, 0.5, 1.0), (0.5, 1.0, 0.0, 0.5))
QUARTERS = ((0.0, 0.25, 0.25, 0.5), (0.25, 0.5, 0.5, 0.75), (0.5, 0.75, 0.75, 1.0))
"""Where the part that proposes begins and ends, then the part that judges, as fractions of the rows."""
FEWEST, ENOUGH = 16, 160
SORTED, WIDE = 0.95, 60


class Outcome(NamedTuple):
    """How often a claim was judged on rows that it had not seen, and the largest fraction that broke it."""

    judged: int = 0
    worst: float = 0.0

    def with_(self, rate: float) -> Outcome:
        return Outcome(self.judged + 1, max(self.worst, rate))


class Cut(NamedTuple):
    """The part that proposes, and the part that judges."""

    earlier: pl.DataFrame
    later: pl.DataFrame


def cuts(rows: pl.DataFrame, partitions: Sequence[str] = ()) -> Iterator[Cut]:
    """Halves, and quarters where there are rows enough; in the order of the rows, then in that of their time.

    Rows of partitions, which these columns name, are in the order of these, and no partition is on both sides of a cut.
    """
    for number, ordered in enumerate(_orders(rows, partitions)):
        chosen = (*HALVES, *QUARTERS) if rows.height >= ENOUGH and not number else HALVES[: 2 - number]
        places = _places(ordered, partitions) if not number else None
        for start, end, then, until in chosen if rows.height >= FEWEST else ():
            cut = Cut(_part(ordered, start, end, places), _part(ordered, then, until, places))
            if cut.earlier.height and cut.later.height:
                yield cut


def _part(rows: pl.DataFrame, start: float, end: float, places: pl.Series | None) -> pl.DataFrame:
    first, last = (_nearest(round(rows.height * share), places) for share in (start, end))
    return rows.slice(first, last - first)


def _nearest(row: int, places: pl.Series | None) -> int:
    return row if places is None else int(places[int((places - row).abs().arg_min() or 0)])


def _places(rows: pl.DataFrame, partitions: Sequence[str]) -> pl.Series | None:
    """The rows at which a partition begins or the last one ends; None where there are no two partitions."""
    if not partitions:
        return None
    run = rows.select(pl.struct(map(col, partitions)).rle_id().alias("run"))["run"]
    begins = (run != run.shift(1)).fill_null(True).arg_true().cast(pl.Int64)
    return pl.concat([begins, pl.Series([rows.height])]) if begins.len() > 1 else None


def _orders(rows: pl.DataFrame, partitions: Sequence[str]) -> Iterator[pl.DataFrame]:
    yield rows.sort(list(map(col, partitions)), maintain_order=True) if partitions else rows
    if (name := time_column(rows)) is not None:
        yield rows.sort(col(name), maintain_order=True)


def time_column(rows: pl.DataFrame) -> str | None:
    """The first column of moments that is filled, where the rows are not in its order already."""
    for name, dtype in rows.schema.items():
        if kind_of(dtype) == "time" and dtype not in (pl.Time, pl.Duration):
            values = values_of(rows, name)
            if values.null_count() <= 0.01 * rows.height and values.n_unique() > 4:
                rises = values.drop_nulls().to_physical().diff().drop_nulls()
                return None if (rises >= 0).mean() >= SORTED else name  # type: ignore[operator]
    return None


def rates(
    rules: Mapping[Place, Rule], rows: pl.LazyFrame, around: Surroundings, columnar: bool = False
) -> dict[Place, float | None]:
    """The fraction of judged rows that breaks each rule; 1 where it cannot be judged, None where it judged none."""
    frame, places = Frame(rows, around, columnar=columnar), list(rules)
    found = judge(Request(rules=tuple(rules.values())), frame)
    return {place: _rate(one) for place, one in zip(places, found, strict=True)}


def _rate(one: Found) -> float | None:
    if one.judgement is None:
        return 1.0
    return one.judgement.failed / one.judgement.judged if one.judgement.judged else None


def outcomes(
    rows: pl.DataFrame,
    claims: Claims,
    propose: Callable[[pl.DataFrame], Claims],
    around: Surroundings,
    partitions: Sequence[str] = (),
) -> dict[Place, Outcome]:
    """What became of every claim at every cut; of many columns, no looser claim is asked where a strict one held."""
    made = [(cut.later, propose(cut.earlier)) for cut in cuts(rows, partitions)]
    found: dict[Place, Outcome] = {}
    heads = {place[:2]: place for place in reversed(claims)}
    first = set(heads.values()) if rows.width > WIDE else {place for _, proposed in made for place in proposed}
    _judge(made, first.__contains__, around, found)
    settled = {place[:2] for place in heads.values() if place in found and not found[place].worst}
    _judge(made, lambda place: place not in first and place[:2] not in settled, around, found)
    return found


def _judge(
    made: list[tuple[pl.DataFrame, Claims]],
    wanted: Callable[[Place], bool],
    around: Surroundings,
    found: dict[Place, Outcome],
) -> None:
    for later, proposed in made:
        rules = {place: one.rule for place, one in proposed.items() if wanted(place)}
        for place, rate in rates(rules, later.lazy(), around).items() if rules else ():
            if rate is not None:
                found[place] = found.get(place, Outcome()).with_(rate)
