"""The rows of a query as Parquet files that last as long as the process: streamed, and of one moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from quality.errors import MalformedError, SourceError
from quality.files import expanded
from quality.sources.arrow_schema import field_names
from quality.sources.connections import scheme
from quality.sources.drivers import driver
from quality.sources.postgresql import ATTEMPTS, ENCODING, patient, settled
from quality.sources.schemas import exactly

NO_VARIABLES = "SET python_enable_replacements = false"
"""A table that DuckDB does not have is none, and no variable of this process by that name."""
BATCH = 50_000
"""Rows that are in memory at once."""
KINDS: Mapping[str, pl.DataType] = {
    "integer": pl.Int64(),
    "real": pl.Float64(),
    "text": pl.String(),
    "blob": pl.Binary(),
    "null": pl.Null(),
}
NATIVE = (
    "smallint", "integer", "bigint", "real", "double precision", "text", "character varying", "character", "boolean",
    "date", "bytea", "timestamp without time zone", "timestamp with time zone", "time without time zone",
)  # fmt: skip
"""Types of PostgreSQL that Arrow has; every other one is read as the text that the server writes."""


class Asked(NamedTuple):
    """What is read: a query, or a table by the parts of its name; `declared` columns are read as text."""

    query: str | None
    table: tuple[str, ...]
    declared: Collection[str] = ()

    def rows(self, quoted: Callable[[str], str]) -> str:
        """What stands behind FROM."""
        return f"(\n{self.query}\n) AS asked" if self.query else ".".join(map(quoted, self.table))


class Query(NamedTuple):
    """An open query: its columns, and what writes all of its rows into a folder."""

    columns: Sequence[str]
    write: Callable[[Path], None]


@contextmanager
def opened(url: str, root: Path, asked: Asked) -> Iterator[Query]:
    """A query in a transaction that reads only, and sees one moment."""
    kind = scheme(url)
    way = {"sqlite": _sqlite, "duckdb": _duckdb, "postgresql": _postgresql, "postgres": _postgresql}.get(kind, _other)
    with way(url, root, asked) as query:
        if twice := next((one for one in query.columns if list(query.columns).count(one) > 1), None):
            raise MalformedError(f"the query gives the column '{twice}' more than once; name each with AS")
        yield query


def quoted(name: str) -> str:
    """A name as it stands in SQL, whatever its letters."""
    return '"' + name.replace('"', '""') + '"'


def file_of(url: str, root: Path) -> Path:
    """The file of an address: sqlite:///data/a.db is in the repository, sqlite:////data/a.db is not."""
    place = root / expanded(url.partition("://")[2].partition("?")[0].removeprefix("/"))
    if not place.is_file():
        raise SourceError(f"the database {place.name} does not exist: {url}")
    return place


@contextmanager
def _sqlite(url: str, root: Path, asked: Asked) -> Iterator[Query]:
    place = file_of(url, root)
    with closing(sqlite3.connect(f"{place.as_uri()}?mode=ro", uri=True, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        rows = asked.rows(quoted)
        names = [one[0] for one in connection.execute(asked.query or f"SELECT * FROM {rows} LIMIT 0").description]
        yield Query(names, lambda folder: _write_sqlite(connection, rows, names, asked.declared, folder))


def _write_sqlite(
    connection: sqlite3.Connection, rows: str, names: Sequence[str], declared: Collection[str], folder: Path
) -> None:
    """Any cell of SQLite may be of any type, so that all are looked at before one is read."""
    counts = {name: _kinds(connection, rows, name) for name in names if name not in declared}
    schema = pl.Schema({name: _dtype(name, counts[name]) if name in counts else pl.String() for name in names})
    own = ", ".join(quoted(n) if n in counts else f"CAST({quoted(n)} AS TEXT) AS {quoted(n)}" for n in names)
    cursor, number = connection.execute(f"SELECT {own} FROM {rows}"), 0
    while (batch := cursor.fetchmany(BATCH)) or not number:
        pl.DataFrame(batch, schema=schema, orient="row").write_parquet(folder / f"{number:06}.parquet")
        number += 1


def _kinds(connection: sqlite3.Connection, rows: str, name: str) -> dict[str, int]:
    own = quoted(name)
    return dict(connection.execute(f"SELECT typeof({own}), count(*) FROM {rows} GROUP BY 1").fetchall())


def _dtype(name: str, counts: Mapping[str, int]) -> pl.DataType:
    there = {kind: count for kind, count in counts.items() if kind != "null"}
    if there.keys() == {"integer", "real"}:
        return pl.Float64()
    if len(there) > 1:
        said = " and ".join(f"{kind} in {count:,} rows" for kind, count in sorted(there.items()))
        raise MalformedError(f"column '{name}' holds {said}: write one kind, or declare its dtype in source.dtypes")
    return KINDS[next(iter(there), "null")]


@contextmanager
def _duckdb(url: str, root: Path, asked: Asked) -> Iterator[Query]:
    duckdb = driver("duckdb", "duckdb", "a DuckDB database")
    with closing(duckdb.connect(str(file_of(url, root)), read_only=True)) as connection:
        connection.execute("SET TimeZone = 'UTC'")  # not that of the machine: a moment beside a date depends on it
        connection.execute(NO_VARIABLES)
        connection.execute("BEGIN TRANSACTION")
        rows = asked.rows(quoted)
        whole = connection.sql(f"SELECT * FROM {rows}")
        texts = [
            n for n, t in zip(whole.columns, whole.types, strict=True) if _is_foreign(str(t)) or n in asked.declared
        ]
        own = ", ".join(
            f"CAST({quoted(n)} AS VARCHAR) AS {quoted(n)}" if n in texts else quoted(n) for n in whole.columns
        )

        def write(folder: Path) -> None:
            stream = connection.sql(f"SELECT {own} FROM {rows}")
            pl.scan_arrow_c_stream(stream).sink_parquet(folder / "0.parquet")
            _refuse_endless(folder / "0.parquet")

        yield Query(whole.columns, write)


def _is_foreign(dtype: str) -> bool:
    return any(word in dtype for word in ("INTERVAL", "HUGEINT", "BIT", "UUID", "JSON", "TIME WITH", "UNION", "MAP"))


@contextmanager
def _postgresql(url: str, root: Path, asked: Asked) -> Iterator[Query]:
    dbapi = driver("adbc_driver_postgresql.dbapi", "postgresql", "a PostgreSQL database")
    with closing(dbapi.connect(patient(url))) as connection, closing(connection.cursor()) as cursor:
        rows = asked.rows(quoted)
        for left in reversed(range(ATTEMPTS)):
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute(ENCODING)
            cursor.adbc_statement.set_sql_query(asked.query or f"SELECT * FROM {rows}")
            names = field_names(cursor.adbc_statement.execute_schema())
            if settled(partial(_found, cursor), connection.rollback if left else None):
                break
        types = _types(cursor, rows, names) if len(set(names)) == len(names) else {}

        def write(folder: Path) -> None:
            own = ", ".join(_postgresql_value(n, types[n], n in asked.declared) for n in names)
            cursor.execute(f"SELECT {own} FROM {rows}")
            pl.scan_arrow_c_stream(cursor.fetch_arrow()).sink_parquet(folder / "0.parquet")
            _refuse_endless(folder / "0.parquet")
            _as_decimals(folder, [n for n in names if types[n] == "numeric" and n not in asked.declared])

        yield Query(names, write)


def _found(cursor: Any, statement: str) -> pl.DataFrame:
    cursor.execute(statement)
    return pl.scan_arrow_c_stream(cursor.fetch_arrow()).collect()


def _types(cursor: Any, rows: str, names: Sequence[str]) -> dict[str, str]:
    """The type of each column, also where there is no row."""
    asked = ", ".join(f"pg_typeof(asked_of.{quoted(name)})::text AS type_{number}" for number, name in enumerate(names))
    found = _found(
        cursor,
        f"SELECT {asked} FROM (SELECT 1) AS one LEFT JOIN (SELECT * FROM {rows} LIMIT 0) AS asked_of ON true",
    )
    return dict(zip(names, found.row(0), strict=True))


def _postgresql_value(name: str, kind: str, declared: bool) -> str:
    own = quoted(name)
    return own if kind.removesuffix("[]") in NATIVE and not declared else f"{own}::text AS {own}"


def _refuse_endless(file: Path) -> None:
    """`infinity` is a moment that no calendar has, and Python has none before the year 1."""
    lazy = pl.scan_parquet(file, glob=False)
    times = [name for name, dtype in lazy.collect_schema().items() if dtype in (pl.Date, pl.Datetime)]
    for name in times:
        is_day = lazy.collect_schema()[name] == pl.Date
        of = exactly(name) if is_day else exactly(name).dt.cast_time_unit("us")
        day = of.to_physical().cast(pl.Int64) // (1 if is_day else 86_400_000_000)
        low, high = lazy.select(day.min().alias("low"), day.max().alias("high")).collect().row(0)
        if high is not None and (high > 2_932_896 or low < -719_162):
            raise MalformedError(
                f"column '{name}' holds infinity, or a day after the year 9999 or before the year 1; leave it out by a "
                "query"
            )


def _as_decimals(folder: Path, names: Sequence[str]) -> None:
    """`numeric` has no scale of its own: the most digits after the point that there are."""
    if not names:
        return
    lazy = pl.scan_parquet(folder / "0.parquet", glob=False)
    parts = [exactly(name).str.extract_groups(r"\A-?([0-9]+)(?:[.]([0-9]+))?\z") for name in names]
    before = [part.struct.field("1").str.len_bytes().max().alias(f"{n} before") for n, part in enumerate(parts)]
    after = [
        part.struct.field("2").str.len_bytes().max().fill_null(0).alias(f"{n} after") for n, part in enumerate(parts)
    ]
    odd = [
        (part.struct.field("1").is_null() & exactly(name).is_not_null()).any().alias(f"{n} odd")
        for n, (name, part) in enumerate(zip(names, parts, strict=True))
    ]
    found = lazy.select(*before, *after, *odd).collect(engine="streaming").row(0, named=True)
    for n, name in enumerate(names):
        if found[f"{n} odd"] or (found[f"{n} before"] or 0) + found[f"{n} after"] > 38:
            raise MalformedError(
                f"column '{name}' holds NaN or more than 38 digits: declare its dtype in source.dtypes"
            )
    own = [exactly(name).cast(pl.Decimal(38, found[f"{n} after"])) for n, name in enumerate(names)]
    lazy.with_columns(own).sink_parquet(folder / "1.parquet")
    (folder / "0.parquet").unlink()


@contextmanager
def _other(url: str, root: Path, asked: Asked) -> Iterator[Query]:
    """Any database that SQLAlchemy has a driver for, which the project names among its dependencies."""
    import sqlalchemy

    try:
        engine = sqlalchemy.create_engine(url)
    except (sqlalchemy.exc.NoSuchModuleError, ImportError) as error:
        raise SourceError(
            f"there is no driver for {scheme(url)}: add its package to pyproject.toml ({error})"
        ) from None
    with engine.connect() as connection:
        quote = engine.dialect.identifier_preparer.quote
        text = asked.query or f"SELECT * FROM {asked.rows(quote)}"
        found = connection.execution_options(stream_results=True, yield_per=BATCH).execute(sqlalchemy.text(text))
        names = list(found.keys())

        def write(folder: Path) -> None:
            number = 0
            for number, batch in enumerate(found.partitions(BATCH), 1):
                rows = [tuple(row) for row in batch]
                frame = pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None, strict=True)
                frame.write_parquet(folder / f"{number:06}.parquet")
            if not number:
                pl.DataFrame(schema=dict.fromkeys(names, pl.Null())).write_parquet(folder / "000000.parquet")

        yield Query(names, write)
    engine.dispose()
