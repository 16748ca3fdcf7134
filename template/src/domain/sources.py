'''Sources of this domain that are not files.

A source is one small class, listed in `SOURCES`, then used in a contract as `source: {kind: warehouse, table: orders}`:

    import sqlite3
    from pathlib import Path
    from typing import Literal

    import polars as pl

    from quality import Source


    class Warehouse(Source):
        """A table of the warehouse."""

        kind: Literal["warehouse"] = "warehouse"
        table: str

        def scan(self, root: Path) -> pl.LazyFrame:
            connection = sqlite3.connect(root / "data" / "warehouse.db")
            try:
                return pl.read_database(f"SELECT * FROM {self.table}", connection).lazy()
            finally:
                connection.close()


    SOURCES: tuple[type[Source], ...] = (Warehouse,)

`sqlite3` comes with Python; any other driver is a dependency in pyproject.toml, pinned by `nox -s lock`. What a driver
raises is an ERROR of the check, "source could not be read", with the driver's own words; a check is retried as
policy.yml says. `version` (what changes when the data changes) lets a verdict be reused and a change during a check be
seen.
'''

from __future__ import annotations

from quality import Source

SOURCES: tuple[type[Source], ...] = ()
