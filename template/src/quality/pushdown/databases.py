"""The databases that judge their tables, by the scheme of their address."""

from __future__ import annotations

from quality.pushdown.dialects import Dialect, DuckDB, PostgreSQL
from quality.pushdown.spark import Spark

DIALECTS: dict[str, Dialect] = {
    "duckdb": DuckDB(),
    "postgresql": PostgreSQL(),
    "postgres": PostgreSQL(),
    "sc": Spark(),
}
