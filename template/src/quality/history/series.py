"""Trends: each rule's number, run by run, as history has it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from quality.history.store import SUBJECT
from quality.texts import many, told_apart
from quality.values import Frozen, Status

BLOCKS = "▁▂▃▄▅▆▇█"
RUNS = 30


class Trend(Frozen):
    """One number over the last runs, oldest first; None where a run has none."""

    name: str
    unit: str
    values: tuple[float | None, ...]

    @property
    def known(self) -> tuple[float, ...]:
        return tuple(value for value in self.values if value is not None)

    @property
    def steady(self) -> bool:
        """Whether every run has the same number."""
        return len(set(self.known)) == 1

    def says(self) -> str:
        """The trend in words, for whoever cannot see it."""
        if not self.known:
            return f"{self.name}: no earlier number"
        return f"{self.name} over {many(len(self.known), 'run')}: between {self.low} and {self.high}, last {self.last}"

    @property
    def low(self) -> str:
        """The lowest number, with its unit."""
        return self._beside_others(0)

    @property
    def high(self) -> str:
        """The highest number, with its unit."""
        return self._beside_others(1)

    @property
    def last(self) -> str:
        """The newest number, with its unit."""
        return self._beside_others(2)

    def _beside_others(self, which: int) -> str:
        if not self.known:
            return ""
        return f"{told_apart(min(self.known), max(self.known), self.known[-1])[which]} {self.unit}".strip()

    def text(self) -> str:
        """The trend in block characters; a gap where a run has no number."""
        low, high = (min(self.known), max(self.known)) if self.known else (0.0, 0.0)
        step = (high - low) / (len(BLOCKS) - 1) or 1.0
        return "".join(" " if value is None else BLOCKS[int((value - low) / step)] for value in self.values)

    def points(self, width: float, height: float) -> str:
        """The points of an SVG polyline in a box of this size."""
        low, high = (min(self.known), max(self.known)) if self.known else (0.0, 0.0)
        span, wide = (high - low) or 1.0, max(len(self.values) - 1, 1)
        flat = (height if high == 0 else height / 2) if high == low else None
        at = [(n, value) for n, value in enumerate(self.values) if value is not None]
        ys = [height - (value - low) / span * height if flat is None else flat for _, value in at]
        return " ".join(f"{n / wide * width:.1f},{y:.1f}" for (n, _), y in zip(at, ys, strict=True))


def rule_trends(metrics: pl.DataFrame) -> dict[str, Trend]:
    """For each rule, segments taken together, the percentage that failed; for a table rule, the number it judged."""
    if metrics.is_empty():
        return {}
    judged = pl.col("judged").sum()
    rate = pl.when(judged > 0).then(100 * pl.col("failed").sum() / judged).alias("rate")
    of_table = (pl.col("judged").max() <= 1).alias("one")
    found = (
        metrics.drop_nulls("rule")
        .group_by("run", "at", "rule", maintain_order=True)
        .agg(rate, of_table, pl.col("value").mean())
    )
    runs = metrics.select("run", "at").unique(maintain_order=True)
    return {
        str(name): _rule_trend(str(name), rows, runs) for (name,), rows in found.group_by("rule", maintain_order=True)
    }


def _rule_trend(name: str, rows: pl.DataFrame, runs: pl.DataFrame) -> Trend:
    by_value = bool(rows["one"].all()) and rows["value"].drop_nulls().len() > 0
    values = runs.join(rows, on=["run", "at"], how="left", maintain_order="left")["value" if by_value else "rate"]
    return Trend(name=name, unit="" if by_value else "%", values=tuple(values))


def run_trends(metrics: pl.DataFrame) -> Sequence[Trend]:
    """Rows and duration of each run."""
    runs = metrics.group_by("run", "at", maintain_order=True).first()
    return (
        Trend(name="rows", unit="rows", values=tuple(runs["rows"].cast(pl.Float64))),
        Trend(name="duration", unit="ms", values=tuple(runs["duration_ms"])),
    )


def verdicts(metrics: pl.DataFrame) -> list[tuple[datetime, Status]]:
    """When each version of the data was first judged, and what its last look said; oldest first."""
    first = pl.coalesce("first_at", "at").min().alias("first")
    looks = metrics.group_by(SUBJECT.alias("subject"), maintain_order=True).agg(first, pl.col("status").last())
    return [(at, Status(status)) for at, status in looks.sort("first").select("first", "status").rows()]
