"""Tables and queries of databases: streamed once for each check, of one moment, with no credentials in sight."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from checking import judge
from databases import PASSWORD, QUOTED, execute, postgres_server
from test_versions import disturbed

from quality.contract.contract import parse_source
from quality.errors import ConfigurationError, SourceError
from quality.sources import Sql
from quality.values import Status

ROWS = {"check": "row_count", "min": 1}
POSITIVE, UNIQUE = {"check": "positive", "column": "v"}, {"check": "unique", "column": "id"}
CREATE = "CREATE TABLE shop (id integer, v double precision, name text)"
FILL = "INSERT INTO shop VALUES (1, 1.5, 'a'), (2, -1.0, 'é'), (2, NULL, NULL)"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server() as url:
        execute(url, CREATE, FILL)
        yield url


@pytest.fixture(params=["postgresql", "sqlite", "duckdb", "sqlalchemy"])
def shop(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The same table in each database."""
    if request.param == "postgresql":
        os.environ["SHOP"] = request.getfixturevalue("server")
        return {"connection": "env:SHOP"}
    if request.param == "duckdb":
        with closing(duckdb.connect("shop.duckdb")) as connection:
            connection.execute(CREATE)
            connection.execute(FILL)
        return {"connection": "duckdb:///shop.duckdb"}
    sqlite("shop.db", CREATE, FILL)
    driver = "sqlite" if request.param == "sqlite" else f"sqlite+pysqlite:///{Path.cwd()}/shop.db".split(":", 1)[0]
    return {"connection": f"{driver}:///shop.db"}


def sqlite(path: str, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    monkeypatch.setenv("SHOP", "")


@pytest.mark.parametrize("asked", [{"table": "shop"}, {"query": "SELECT * FROM shop WHERE id > 0;"}])
def test_every_database_gives_the_verdict_of_its_rows(shop: dict[str, Any], asked: dict[str, Any]) -> None:
    result = judge(None, POSITIVE, UNIQUE, {"check": "not_null", "column": "name"}, source={**shop, **asked})
    assert [(rule.failed_count, rule.total_count) for rule in result.rules] == [(1, 2), (2, 3), (1, 3)]
    assert result.row_count == 3
    again = judge(None, POSITIVE, source={**shop, **asked}).metadata.version
    assert result.metadata.version == again
    assert result.metadata.source is not None
    assert "postgresql" not in result.metadata.source


def test_a_query_without_rows_is_not_green(shop: dict[str, Any]) -> None:
    result = judge(None, POSITIVE, source={**shop, "query": "SELECT * FROM shop WHERE id > 9"})
    assert result.status in (Status.SKIPPED, Status.ERROR)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        pytest.param({"table": "nope"}, "nope", id="table"),
        pytest.param({"query": "SELECT nope FROM shop"}, "nope", id="column"),
        pytest.param({"query": "SELECT id FROM"}, "", id="syntax"),
        pytest.param({"table": "shop", "dtypes": {"nope": "Int64"}}, "no column 'nope'", id="declared"),
    ],
)
def test_what_a_database_refuses_is_a_verdict_in_one_sentence(
    shop: dict[str, Any], asked: dict[str, Any], said: str
) -> None:
    result = judge(None, ROWS, source={**shop, **asked})
    assert (result.status, result.exit_code) == (Status.ERROR, 3)
    assert "cannot be read: " in str(result.reason) or "source.dtypes" in str(result.reason)
    assert said in str(result.reason)
    assert "\n" not in str(result.reason)


@pytest.mark.parametrize("shop", ["postgresql", "sqlite", "sqlalchemy"], indirect=True)
def test_two_columns_of_one_name_are_refused(shop: dict[str, Any]) -> None:
    """DuckDB gives the second a name of its own."""
    result = judge(None, ROWS, source={**shop, "query": "SELECT id, v AS id FROM shop -- both"})
    assert "the query gives the column 'id' more than once; name each with AS" in str(result.reason)


def test_a_value_that_is_not_of_its_declared_dtype_is_a_failing_row(shop: dict[str, Any]) -> None:
    result = judge(None, ROWS, source={**shop, "table": "shop", "dtypes": {"name": "Int64", "id": "Int64"}})
    parses = next(rule for rule in result.rules if rule.rule_name.startswith("parses"))
    assert (parses.rule_name, parses.failed_count, parses.total_count) == ("parses(name, Int64)", 2, 2)
    assert "row 1: 'a'" in parses.message


@pytest.mark.parametrize("shop", ["postgresql", "sqlite", "duckdb"], indirect=True)
def test_a_check_sees_one_moment_of_a_database(shop: dict[str, Any]) -> None:
    """Rows that come between two queries of a check are not seen by the second."""
    more = "INSERT INTO shop VALUES (7, -7.0, 'late')"

    def change() -> None:
        if shop["connection"] == "env:SHOP":
            execute(os.environ["SHOP"], more)
        elif "duckdb" in shop["connection"]:
            with closing(duckdb.connect("shop.duckdb")) as connection:
                connection.execute(more)
        else:
            sqlite("shop.db", more)

    source = parse_source({**shop, "query": "SELECT * FROM shop WHERE id <> 9"})
    result = disturbed(source, change, POSITIVE, UNIQUE)
    assert (result.status, result.row_count) == (Status.FAILED, 3)
    assert judge(None, ROWS, source=source).row_count == 4
    if shop["connection"] == "env:SHOP":
        execute(os.environ["SHOP"], "DELETE FROM shop WHERE id = 7")


def test_every_type_of_postgresql_is_exact_or_the_text_of_the_server(server: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("SHOP", server)
    query = (
        "SELECT 12.50::numeric(12, 2) AS amount, 1.125::numeric AS exact, '{\"a\": 1}'::jsonb AS doc, "
        "'00000000-0000-0000-0000-000000000001'::uuid AS who, interval '1 day' AS wait, ARRAY[1, 2] AS list, "
        "true AS flag, date '2024-01-01' AS day, timestamptz '2024-01-01 12:00+02' AS at, 'ab'::char(3) AS padded, "
        "'7'::money AS price, NULL::numeric AS nothing, inet '10.0.0.1' AS host"
    )
    row = Sql(connection="env:SHOP", query=query).scan(Path.cwd()).collect()
    assert row.schema["amount"] == pl.Decimal(38, 2)
    assert row.schema["exact"] == pl.Decimal(38, 3)
    assert row.schema["list"] == pl.List(pl.Int32)
    assert str(row.schema["at"]) == "Datetime(time_unit='us', time_zone='UTC')"
    told = {name: str(row[name][0]) for name in ("amount", "exact", "doc", "who", "wait", "flag", "day", "host")}
    assert told == {
        "amount": "12.50",
        "exact": "1.125",
        "doc": '{"a": 1}',
        "who": "00000000-0000-0000-0000-000000000001",
        "wait": "1 day",
        "flag": "True",
        "day": "2024-01-01",
        "host": "10.0.0.1/32",
    }
    for odd, said in (
        ("'NaN'::numeric", "NaN or more than 38"),
        ("'infinity'::date", "infinity"),
        ("'-infinity'::timestamptz", "infinity"),
    ):
        reason = judge(None, ROWS, source={"connection": "env:SHOP", "query": f"SELECT {odd} AS x"}).reason
        assert said in str(reason), odd


def test_a_cell_of_sqlite_of_another_type_is_noticed_wherever_it_is() -> None:
    sqlite("a.db", "CREATE TABLE t (v integer)", *(f"INSERT INTO t VALUES ({n})" for n in range(5)))
    sqlite("a.db", "INSERT INTO t VALUES ('N/A')", "INSERT INTO t VALUES (NULL)")
    source = {"connection": "sqlite:///a.db", "table": "t"}
    reason = str(judge(None, ROWS, source=source).reason)
    assert "column 'v' holds integer in 5 rows and text in 1 rows" in reason
    declared = judge(None, ROWS, source={**source, "dtypes": {"v": "Int64"}})
    parses = next(rule for rule in declared.rules if rule.rule_name.startswith("parses"))
    assert (parses.failed_count, parses.total_count) == (1, 6)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param((QUOTED, "wrong-word-here"), "password authentication failed", id="wrong password"),
        pytest.param(("/postgres", "/nowhere"), "nowhere", id="no database"),
        pytest.param(("127.0.0.1:", "127.0.0.1:1"), "", id="no server"),
        pytest.param(("checker", "stranger"), "stranger", id="no user"),
        pytest.param(("127.0.0.1:", "nowhere.invalid:"), "", id="no host"),
    ],
)
def test_no_message_has_a_password(server: str, change: tuple[str, str], said: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("SHOP", server.replace(*change))
    result = judge(None, ROWS, source={"connection": "env:SHOP", "table": "shop"})
    assert (result.status, result.exit_code) == (Status.ERROR, 3)
    assert said in str(result.reason)
    whole = result.model_dump_json()
    assert not [word for word in (PASSWORD, QUOTED, "wrong-word-here") if word in whole]
    with pytest.raises(SourceError) as refused:
        Sql(connection="env:SHOP", table="shop").look(Path.cwd())
    assert not (refused.value.__cause__ and refused.value.__cause__.args)
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(
    ("source", "said"),
    [
        pytest.param({"connection": "postgresql://a:hush@h/d", "table": "t"}, "must have no password", id="password"),
        pytest.param(
            {"connection": "postgresql://h/d?password=hush", "table": "t"}, "must have no password", id="asked"
        ),
        pytest.param({"path": "https://a:hush@h/d.parquet"}, "must have no password", id="files"),
        pytest.param({"connection": "shop", "table": "t"}, "`env:NAME` for an address", id="no address"),
        pytest.param({"connection": "env:SHOP"}, "has a `query` or a `table`", id="neither"),
        pytest.param({"connection": "env:SHOP", "table": "t", "query": "SELECT 1"}, "one of them only", id="both"),
        pytest.param({"connection": "env:SHOP", "query": "DELETE FROM t"}, "must be one SELECT", id="no select"),
        pytest.param(
            {"connection": "env:SHOP", "table": "t", "dtypes": {"a": "List"}}, "cannot be read from", id="dtype"
        ),
    ],
)
def test_a_database_that_cannot_be_asked_is_refused(source: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_source(source)
    assert said in str(refused.value)
    assert "hush" not in str(refused.value)


def test_moments_of_duckdb_are_those_of_utc_wherever_the_machine_is(tmp_path: Path) -> None:
    """DuckDB shows moments of a zone in that of the machine, in which a day begins at another moment."""
    with closing(duckdb.connect(str(tmp_path / "shop.duckdb"))) as connection:
        connection.execute("CREATE TABLE orders AS SELECT TIMESTAMPTZ '2024-01-01 00:00:00+00' AS placed_at")
    rule = {"check": "expression", "expression": "placed_at = DATE '2024-01-01'"}
    source = {"connection": "duckdb:///shop.duckdb", "query": "SELECT * FROM orders"}
    told = f"from checking import judge; print(judge(None, {rule!r}, source={source!r}).status)"
    here = {**os.environ, "TZ": "America/New_York", "PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run([sys.executable, "-c", told], cwd=tmp_path, env=here, capture_output=True, encoding="utf-8")
    assert said.stdout.strip() == "PASSED", said


@pytest.mark.parametrize("value", ["", "hush"])
def test_a_variable_that_is_not_set_is_named(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP", value)
    with pytest.raises(
        ConfigurationError, match=r"the environment variable SHOP (is not set|holds no address)"
    ) as told:
        judge(None, ROWS, source={"connection": "env:SHOP", "table": "t"})
    assert "hush" not in str(told.value)


def test_a_driver_that_is_not_installed_is_named_with_what_to_add(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(
        ConfigurationError, match='a DuckDB database needs the extra `duckdb`: add "duckdb" to `extras`'
    ):
        judge(None, ROWS, source={"connection": "duckdb:///a.duckdb", "table": "t"})
    monkeypatch.setenv("SHOP", "mysql+nowhere://h/d")
    assert "there is no driver for mysql+nowhere" in str(
        judge(None, ROWS, source={"connection": "env:SHOP", "table": "t"}).reason
    )


def test_a_snapshot_is_gone_when_its_check_is_over() -> None:
    from quality.sources.encoding import scratch

    sqlite("a.db", CREATE, FILL)
    folder = scratch("x").parent
    before = len(list(folder.iterdir()))
    for _ in range(3):
        judge(None, POSITIVE, UNIQUE, source={"connection": "sqlite:///a.db", "table": "shop"})
    assert len(list(folder.iterdir())) == before


def test_a_table_of_many_rows_is_streamed(server: str) -> None:
    """A million wide rows, without pyarrow, in a child whose memory is measured."""
    made = "SELECT i AS id, repeat(md5(i::text), 16) AS text FROM generate_series(1, 700000) i"
    execute(server, "DROP TABLE IF EXISTS wide", f"CREATE UNLOGGED TABLE wide AS {made}")
    code = """
import sys, resource, json
sys.modules['pyarrow'] = None
from checking import judge
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before, source = peak(), {'connection': 'env:SHOP', 'table': 'wide'}
found = judge(None, {'check': 'not_null', 'column': 'text'}, source=source)
print(json.dumps([found.row_count, found.reason, peak() - before]))
"""
    places = {"SHOP": server, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=os.environ | places, capture_output=True, text=True, check=True)
    rows, reason, kilobytes = json.loads(done.stdout)
    assert (rows, reason) == (700_000, None)
    assert kilobytes < 250_000, "the table has 360 MB"
