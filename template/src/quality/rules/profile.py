"""What a dataset looks like: one profile per column, saved as JSON, and the rules that it suggests."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import polars as pl

from quality.engine.dtypes import col, kind_of
from quality.errors import ConfigurationError
from quality.texts import json_value, nearest
from quality.values import Frozen, Scalar

BINS = 20
CATEGORIES = 100


class ColumnProfile(Frozen):
    """Counts are rows. Numbers have quantile `edges`, other values frequent `categories`; `shares` are theirs."""

    name: str
    dtype: str
    count: int
    null_count: int
    distinct: int | None = None
    min: Scalar = None
    max: Scalar = None
    mean: float | None = None
    stddev: float | None = None
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()


class Profile(Frozen):
    """A profile of every column. `count` is the number of rows."""

    dataset: str
    count: int
    columns: tuple[ColumnProfile, ...]

    def column(self, name: str) -> ColumnProfile:
        known = {column.name: column for column in self.columns}
        if name not in known:
            raise ConfigurationError(f"the profile of {self.dataset} has no column '{name}'; {nearest(name, known)}")
        return known[name]

    @classmethod
    def load(cls, path: str, root: Path = Path()) -> Profile:
        """Reads a saved profile, or says why it cannot."""
        try:
            return cls.model_validate_json((root / path).read_text("utf-8"))
        except OSError:
            raise ConfigurationError(f"there is no saved profile {path}; save one with `nox -s learn`") from None
        except ValueError:
            raise ConfigurationError(f"{path} is not a saved profile; save it anew with `nox -s learn`") from None


def profile_column(frame: pl.LazyFrame, name: str) -> ColumnProfile:
    """Profiles one column. Nested and binary columns have counts only."""
    dtype = frame.collect_schema()[name]
    value, kind = col(name), kind_of(dtype)
    counts = [value.count().alias("count"), value.null_count().alias("nulls")]
    if kind in ("number", "text", "time", "boolean"):
        plain = value.cast(pl.String) if dtype == pl.Categorical else value
        counts += [plain.drop_nulls().n_unique().alias("distinct"), plain.min().alias("min"), plain.max().alias("max")]
    if kind == "number":
        number = value.cast(pl.Float64)
        counts += [number.mean().alias("mean"), number.std().alias("stddev")]
    row = frame.select(counts).collect(engine="streaming").row(0, named=True)
    more: dict[str, Any] = {k: json_value(row[k]) for k in ("distinct", "min", "max", "mean", "stddev") if k in row}
    if kind == "number":
        more |= _bins(frame, name)
    elif kind in ("text", "boolean"):
        more |= _categories(frame, name)
    return ColumnProfile(name=name, dtype=str(dtype), count=row["count"], null_count=row["nulls"], **more)


def _bins(frame: pl.LazyFrame, name: str) -> dict[str, Any]:
    """Edges, just below the minimum and at quantiles, and the share of values up to each and above the one before."""
    number = pl.col("value")
    value = frame.select(col(name).cast(pl.Float64).drop_nulls().alias("value")).filter(number.is_finite())
    cuts = [number.quantile(i / BINS, "lower").alias(str(i)) for i in range(1, BINS)]
    least, *quantiles = value.select(number.min().alias("min"), *cuts).collect().row(0)
    if least is None:
        return {}
    edges = sorted({math.nextafter(least, -math.inf), *quantiles})
    upto = value.select(pl.len().alias("n"), *((number <= e).sum().alias(f"e{i}") for i, e in enumerate(edges)))
    total, *below = upto.collect(engine="streaming").row(0)
    shares = [(after - before) / total for before, after in zip([0, *below], below, strict=False)]
    return {"edges": tuple(edges), "shares": tuple(shares)}


def _categories(frame: pl.LazyFrame, name: str) -> dict[str, Any]:
    value = frame.select(col(name).cast(pl.String).drop_nulls().alias("value"))
    counts = value.group_by("value").len("rows").sort(["rows", "value"], descending=[True, False]).head(CATEGORIES)
    top = counts.collect(engine="streaming")
    total = value.select(pl.len()).collect(engine="streaming").item() or 1
    return {"categories": tuple(top["value"]), "shares": tuple(n / total for n in top["rows"])}


def profile(frame: pl.LazyFrame, dataset: str = "data") -> Profile:
    """Profiles every column, one at a time, in bounded memory."""
    names = list(frame.collect_schema())
    rows = int(frame.select(pl.len()).collect(engine="streaming").item())
    return Profile(dataset=dataset, count=rows, columns=tuple(profile_column(frame, name) for name in names))
