"""DuckDB: the same statement, with the numbers of five failing rows for each rule about rows."""

from __future__ import annotations

from contestant import Job

from contestants import duckdb_sql

PACKAGES = duckdb_sql.PACKAGES


def judge(job: Job) -> dict[str, int]:
    return duckdb_sql.judge(job, samples=True)
