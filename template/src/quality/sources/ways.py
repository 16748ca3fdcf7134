"""How a database that judges its tables is opened and asked: in one moment, as far as it has moments."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from quality.errors import ConfigurationError, first_line
from quality.pushdown.spark import SESSION
from quality.sources.drivers import driver
from quality.sources.postgresql import ATTEMPTS, ENCODING, patient, settled
from quality.sources.snapshots import NO_VARIABLES, file_of, quoted

Run = Callable[[str], pl.DataFrame]


class Way(NamedTuple):
    """How an open database is asked, and the types of a table's columns as it writes them."""

    run: Run
    explain: Run
    columns: Callable[[Sequence[str]], dict[str, str]]


def _frame(stream: Any) -> pl.DataFrame:
    return pl.scan_arrow_c_stream(stream).collect()


@contextmanager
def _duckdb(url: str, root: Path) -> Iterator[Way]:
    duckdb = driver("duckdb", "duckdb", "a DuckDB database")
    # Nobody writes a file that is open for reading: every statement sees the same rows, without a transaction, which
    # the first error would end.
    with closing(duckdb.connect(str(file_of(url, root)), read_only=True)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(NO_VARIABLES)

        def columns(parts: Sequence[str]) -> dict[str, str]:
            found = connection.sql(f"SELECT * FROM {'.'.join(map(quoted, parts))} LIMIT 0")
            return dict(zip(found.columns, map(str, found.types), strict=True))

        def run(statement: str) -> pl.DataFrame:
            return _frame(connection.sql(statement))

        yield Way(run, lambda statement: run(f"EXPLAIN {statement}"), columns)


@contextmanager
def _postgresql(url: str, root: Path) -> Iterator[Way]:
    dbapi = driver("adbc_driver_postgresql.dbapi", "postgresql", "a PostgreSQL database")
    with (
        closing(dbapi.connect(patient(url), autocommit=True)) as connection,  # transactions are begun and ended here
        closing(connection.cursor()) as cursor,
        closing(connection.cursor()) as planner,
    ):
        planner.adbc_statement.set_options(**{"adbc.postgresql.use_copy": "false"})

        def ask(statement: str, by: Any = cursor) -> pl.DataFrame:
            by.execute(statement)
            return _frame(by.fetch_arrow())

        def run(statement: str, by: Any = cursor) -> pl.DataFrame:
            """What breaks is undone alone: the moment that the check sees stays."""
            cursor.execute("SAVEPOINT asked")
            try:
                return ask(statement, by)
            except Exception:
                with suppress(Exception):  # a connection that is lost has nothing to undo
                    cursor.execute("ROLLBACK TO SAVEPOINT asked")
                raise

        def begin() -> None:
            cursor.execute("ROLLBACK")
            _begin(cursor.execute, ask)

        _begin(cursor.execute, ask)
        explain = partial(_explained, partial(run, by=planner))
        yield Way(run, explain, _columns(run, explain, begin))


def _explained(run: Run, statement: str) -> pl.DataFrame:
    return run(f"EXPLAIN {statement}")


def _columns(run: Run, explain: Run, begin: Callable[[], None]) -> Callable[[Sequence[str]], dict[str, str]]:
    """The types of a table's columns, once it is locked and is that of the moment; before the first, another begins."""
    known = list[str]()

    def columns(parts: Sequence[str]) -> dict[str, str]:
        named = ".".join(map(quoted, parts))
        for left in reversed(range(ATTEMPTS)):
            text = named.replace("'", "''")
            found = run(
                "SELECT attname::text, format_type(atttypid, atttypmod)::text FROM pg_attribute "
                f"WHERE attrelid = '{text}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
            )
            with suppress(Exception):  # what may not be read is told where it is
                explain(f"SELECT 1 FROM {named}")
            if settled(run, None if known or not left else begin):
                break
        known.append(named)
        return dict(found.rows())

    return columns


def _begin(execute: Callable[[str], Any], ask: Run) -> None:
    """One moment for all statements, which only read, on a server that says everything exactly.

    Settings are those of the transaction: a pool gives each transaction, and not each session, a server of its own.
    """
    execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    execute(ENCODING)
    for setting in EXACT:
        execute(f"SET LOCAL {setting}")
    known = ask("SELECT current_setting('server_encoding')::text AS e, current_setting('server_version_num')::int AS v")
    encoding, version = known.row(0)
    if encoding != "UTF8" or version < OLDEST:
        raise ConfigurationError(
            f"a table is judged there by PostgreSQL {OLDEST // 10_000} or later, in UTF8; "
            f"this one is {version // 10_000}, in {encoding}: read it by a source of `kind: sql`"
        )


EXACT = (
    "TimeZone TO 'UTC'",
    "DateStyle TO 'ISO'",
    "IntervalStyle TO 'postgres'",
    "bytea_output TO 'hex'",
    "extra_float_digits TO 1",
    "standard_conforming_strings TO on",
    "transform_null_equals TO off",
    "jit TO off",  # a SELECT of hundreds of counts takes longer to compile than to run
)


@contextmanager
def _spark(url: str, root: Path) -> Iterator[Way]:
    """A session of its own on a server of Spark Connect, which reads SQL as it is meant here."""
    with _session(url) as session:
        if int((version := _version(session)).partition(".")[0]) < 4:
            raise ConfigurationError(f"a table is judged there by Spark 4 or later; this one is {version}")
        for setting, value in SESSION.items():
            if session.conf.get(setting) != value:
                session.conf.set(setting, value)

        def columns(parts: Sequence[str]) -> dict[str, str]:
            named = ".".join(f"`{part.replace('`', '``')}`" for part in parts)
            return {one.name: one.dataType.simpleString() for one in session.table(named).schema}

        def run(statement: str) -> pl.DataFrame:
            return _frame(session.sql(statement).toArrow())

        def explain(statement: str) -> pl.DataFrame:
            """A plan that cannot be made is told as one."""
            plan = run(f"EXPLAIN {statement}")
            if (said := " ".join(plan.to_series())).startswith(UNPLANNED):
                raise ValueError(said.removeprefix(UNPLANNED).strip())
            return plan

        yield Way(run, explain, columns)


@contextmanager
def _session(url: str) -> Iterator[Any]:
    """A session that gives up on a server that does not answer within seconds, where Spark itself waits for minutes."""
    sessions, retries = (driver(f"pyspark.sql.connect.{name}", "spark", "a table of Spark") for name in SPARK)
    session = sessions.SparkSession(connection=url)
    session.client.set_retry_policies([retries.DefaultPolicy(max_retries=RETRIES)])
    try:
        yield session
    finally:
        session.stop()


def _version(session: Any) -> str:
    """What the server says first, or why it says nothing: in the words that gRPC has in a field."""
    try:
        return str(session.version)
    except Exception as error:
        found = re.search(r'details = "(.+)"', str(error))
        raise OSError(found[1] if found else first_line(error)) from None


SPARK = ("session", "client.retries")
RETRIES = 4
UNPLANNED = "Error occurred during query planning:"
OLDEST = 140_000
"""As PostgreSQL counts versions: since then moments are exact numbers of microseconds."""
WAYS = {"duckdb": _duckdb, "postgresql": _postgresql, "postgres": _postgresql, "sc": _spark}
