"""A query or a table of a database as a source: streamed once for each check, so that all rules see one moment."""

from __future__ import annotations

import re
import shutil
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from quality.engine.frame import Frame
from quality.errors import ConfigurationError, MalformedError
from quality.rules.dtype_names import Dtype
from quality.sources.columnar import read_columnar
from quality.sources.connections import Connection, TableName, address, name_parts, trouble
from quality.sources.encoding import scratch
from quality.sources.listing import File
from quality.sources.options import DateForm, TextFormat
from quality.sources.records import Records, located
from quality.sources.schemas import exactly
from quality.sources.snapshots import Asked, Query, opened
from quality.sources.source import Looked, Reading, Source
from quality.sources.typed import Text as Texts
from quality.sources.typed import typed
from quality.texts import nearest
from quality.values import Scalar, Text

KEPT = 4
"""Snapshots of one source that are kept for whoever still reads them, where nobody says when they are done with."""


class Sql(Source):
    """Rows of a database: a `query`, or a whole `table`."""

    UNKNOWN: ClassVar[str] = "unknown: the rows of this query cannot be told from others"

    kind: Literal["sql"] = "sql"
    connection: Connection = Field(
        description="env:NAME, secret:NAME, or an address without a password such as sqlite:///data/shop.db."
    )
    query: Text | None = Field(None, description="One SELECT.")
    table: TableName | None = Field(
        None, description="A table or view, with its schema where it has one: sales.orders."
    )
    dtypes: dict[str, Dtype] = Field({}, description="Dtypes of columns that are read as text first, and judged.")
    dates: dict[str, DateForm] = Field({}, description="Formats of dates that are text: {day: DD.MM.YYYY}.")

    @model_validator(mode="after")
    def _asks_for_rows(self) -> Self:
        if (self.query is None) == (self.table is None):
            raise ValueError("an SQL source has a `query` or a `table`, and one of them only")
        if self.query is not None and not re.match(r"\s*(select|with|from|values)\b", self.query, re.IGNORECASE):
            raise ValueError("query must be one SELECT, such as SELECT id, amount FROM orders")
        self._as_text()
        return self

    def _as_text(self) -> TextFormat:
        return TextFormat(dtypes=self.dtypes, dates=self.dates, scientific=True)

    def describe(self) -> str:
        return f"{self.table or 'a query'} of {self.connection}"

    @property
    def columnar(self) -> bool:
        return True

    def scan(self, root: Path) -> pl.LazyFrame:
        kept = _kept.setdefault(self.model_dump_json(), deque())
        found, folder = self._snapshot(root, None)
        kept.append(folder)
        while len(kept) > KEPT:
            shutil.rmtree(kept.popleft(), ignore_errors=True)
        return found.lazy

    def read(self, root: Path, judged: Collection[str]) -> Reading:
        found, folder = self._snapshot(root, judged)
        return found._replace(ended=partial(shutil.rmtree, folder, ignore_errors=True))

    def look(self, root: Path) -> Looked:
        with self._asked(root) as query:
            return Looked(
                tuple(query.columns), None, columnar=True, said="each check reads it once, in one transaction"
            )

    @contextmanager
    def _asked(self, root: Path) -> Iterator[Query]:
        """The open query; what a driver says is told without what gives access."""
        url = address(self.connection)
        declared = {*self.dtypes, *self.dates}
        query = self.query.strip().rstrip(";") if self.query else None
        asked = Asked(query, name_parts(self.table or ""), declared)
        try:
            with opened(url, root, asked) as found:
                yield found
        except ConfigurationError:
            raise
        except (Exception, pl.exceptions.PanicException) as error:
            made = trouble(error, url, f"{self.describe()} cannot be read")
            raise made from made.__cause__

    def _snapshot(self, root: Path, judged: Collection[str] | None) -> tuple[Reading, Path]:
        folder = scratch("sql")
        folder.mkdir()
        with self._asked(root) as query:
            for column in sorted({*self.dtypes, *self.dates} - set(query.columns)):
                raise MalformedError(f"source.dtypes: there is no column '{column}'; {nearest(column, query.columns)}")
            query.write(folder)
        return self._reading(sorted(folder.iterdir()), judged), folder

    def _reading(self, files: Sequence[Path], judged: Collection[str] | None) -> Reading:
        parts = [File(str(file), f"rows of {self.describe()}") for file in files]
        found = read_columnar(parts, "parquet", ("missing_columns", "wider_numbers", "time_units"), {}, None)
        if found.differs:
            raise MalformedError(f"{self.describe()}: its values change their kind: {found.differs}; declare a dtype")
        declared = {*self.dtypes, *self.dates}
        schema = found.lazy.collect_schema()
        version, count = _content(found.lazy)
        if not declared:
            return found._replace(version=version, rows=count)
        rows = _Rows(found.lazy, list(schema), count, declared)
        native = {name: dtype for name, dtype in schema.items() if name not in declared}
        text = Texts(rows.scan(), list(schema), {}, rows.wrong, native)
        return typed(text, self._as_text(), judged, count)._replace(version=version, rows=count, columnar=True)


_kept: dict[str, deque[Path]] = {}


def _content(lazy: pl.LazyFrame) -> tuple[str | None, int]:
    """What names the rows, in whatever order they came; None where they have no hash; and how many there are."""
    count = int(lazy.select(pl.len()).collect().item())
    try:
        total = lazy.select(pl.struct(pl.all()).hash().sum()).collect(engine="streaming").item()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None, count
    return f"{count}:{total}:{lazy.collect_schema()}", count


class _Rows:
    """The rows of a snapshot whose declared columns are text, with names of their own: `0`, `1`, …"""

    def __init__(self, lazy: pl.LazyFrame, names: Sequence[str], count: int, declared: Collection[str]) -> None:
        self.lazy, self.names, self.declared = lazy, names, declared
        self.shape = Records((), 0, count, (), "row")

    def scan(self) -> pl.LazyFrame:
        return self.lazy.select(
            (exactly(name).cast(pl.String) if name in self.declared else exactly(name)).alias(str(number))
            for number, name in enumerate(self.names)
        )

    def wrong(self, column: int, name: str, bad: pl.Expr, most: int, frame: Frame) -> list[dict[str, Scalar]]:
        """The first rows of a column where a condition on its text holds."""
        rows = self.scan().with_row_index("record").select("record", pl.col(str(column)).alias("text"))
        found = frame.collect(rows.filter(bad).head(most), f"rows of {name}", (name,)).rows()
        return located(found, name, [("", self.shape)], several=False)
