"""The limit: every column that a rule needs is decoded, and nothing is judged."""

from __future__ import annotations

import polars as pl
from contestant import Job

PACKAGES = ("polars",)


def judge(job: Job) -> dict[str, int]:
    pl.scan_parquet(job.table).select(pl.col(job.columns).null_count()).collect(engine="streaming")
    return {}
