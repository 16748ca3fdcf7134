'''Sources of this domain that are not files.

A source is one small class, listed in `SOURCES`, then used in a contract as `source: {kind: warehouse, table: orders}`:

    class Warehouse(Source):
        """A table of the warehouse."""

        kind: Literal["warehouse"] = "warehouse"
        table: str

        def scan(self, root: Path) -> pl.LazyFrame:
            return pl.read_database_uri(f"SELECT * FROM {self.table}", os.environ["WAREHOUSE"]).lazy()

    SOURCES = (Warehouse,)
'''

from __future__ import annotations

from quality.sources import Source

SOURCES: tuple[type[Source], ...] = ()
