"""The hand-written select with `n_unique` for `is_duplicated`: it finds whether values repeat, not in how many rows."""

from __future__ import annotations

from contestant import Job

from contestants import fused

PACKAGES = ("polars",)


def judge(job: Job) -> dict[str, int]:
    return fused.judge(job, distinct=True)
