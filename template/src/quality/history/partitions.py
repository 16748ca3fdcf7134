"""What is remembered of partitions that were judged alone, beside the history of the whole."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import polars as pl

from quality.contract.config import CheckConfig
from quality.history.runs import SCHEMA, TOLD, shelf
from quality.values import Frozen, Status

READ = pl.Schema({name: SCHEMA[name] for name in ("run", "at", "status", "partition", "partition_told")})
DIGEST = re.compile(r" \([0-9a-f]{16}\)$")
"""What stands behind a partition whose values are hidden, to tell it from others."""


class Alone(Frozen):
    """The runs of partitions by the same columns, and the newest of them."""

    by: str
    runs: int
    partitions: int
    newest: str
    status: Status
    at: datetime

    def says(self) -> str:
        """One line for operators."""
        runs = "1 run" if self.runs == 1 else f"{self.runs:,} runs"
        many = "1 partition" if self.partitions == 1 else f"{self.partitions:,} partitions"
        return f"{runs} of {many} by {self.by}, the last of {self.newest}: {self.status}"

    @property
    def asked(self) -> str:
        """The newest partition as it is asked for."""
        return DIGEST.sub("", self.newest)


def judged_alone(config: CheckConfig) -> list[Alone]:
    """One for each choice of columns, in the order of their names; SourceError where history cannot be read."""
    place = shelf(config.model_copy(update={"partition": None}))._replace(kind="partition-runs")
    here = [folder.name for folder in sorted(Path(place.folder).glob("by-*"))]
    shelves = [place._replace(environment=f"{place.environment}/{by}") for by in (["by-*"] if place.remote else here)]
    rows = pl.concat([READ.to_frame(), *(one.read(READ) for one in shelves)]).with_columns(TOLD).sort("at")
    by = pl.col("partition_told").str.replace_all("=[^,]*", "").alias("by")
    runs = (
        rows.unique("run", keep="last", maintain_order=True)
        .group_by(by)
        .agg(
            pl.len().alias("runs"),
            pl.col("partition").n_unique().alias("partitions"),
            pl.col("partition_told").last().alias("newest"),
            pl.col("status", "at").last(),
        )
    )
    return [Alone(**row) for row in runs.sort("by").iter_rows(named=True)]
