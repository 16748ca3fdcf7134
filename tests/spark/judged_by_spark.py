"""Tables that a real Spark judges: in every count the same as Polars, or refused by name before anything runs.

Not collected with the other tests, which need no Java: `nox -s spark` runs this file.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import odd_tables as odd
import polars as pl
import pyspark
import pytest
from checking import judge
from databases import free_port
from dirty_table import CREATE, CREATE_OTHER, compare, dirty, other, write
from pyspark.sql.connect.session import SparkSession
from test_pushdown import (
    test_a_rule_of_ones_own_is_judged_there_or_refused,
    test_a_type_that_is_not_judged_there_is_an_error_of_the_rules_that_read_it,
    test_all_counts_are_one_select_and_all_examples_one_statement,
    test_every_count_is_that_of_polars,
    test_examples_are_the_first_failing_rows_in_the_order_of_the_key,
    test_keys_are_looked_up_in_another_table_of_the_database,
    test_order_needs_what_orders_the_rows,
    test_two_tables_are_reconciled_by_one_select,
    test_two_tables_of_one_database_are_reconciled_there,
    test_what_cannot_be_said_exactly_is_refused_by_name_before_anything_runs,
    test_whatever_a_condition_says_both_count_alike,
    test_whatever_a_pattern_says_both_find_it_alike,
)
from test_pushdown_tables import compared, is_rule, read_here

from quality.contract.contract import parse_source
from quality.errors import SourceError
from quality.pushdown.frame import Database

__all__ = [
    "test_a_rule_of_ones_own_is_judged_there_or_refused",
    "test_a_type_that_is_not_judged_there_is_an_error_of_the_rules_that_read_it",
    "test_all_counts_are_one_select_and_all_examples_one_statement",
    "test_every_count_is_that_of_polars",
    "test_examples_are_the_first_failing_rows_in_the_order_of_the_key",
    "test_keys_are_looked_up_in_another_table_of_the_database",
    "test_order_needs_what_orders_the_rows",
    "test_two_tables_are_reconciled_by_one_select",
    "test_two_tables_of_one_database_are_reconciled_there",
    "test_what_cannot_be_said_exactly_is_refused_by_name_before_anything_runs",
    "test_whatever_a_condition_says_both_count_alike",
    "test_whatever_a_pattern_says_both_find_it_alike",
]
EXAMPLES = int(os.environ.get("QUALITY_EXAMPLES", "3"))
"""Odd tables; a campaign asks for more."""
HOME = Path(os.environ.get("SPARK_HOME") or Path(pyspark.__file__).parent)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spark")


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[str]:
    """The address of a server of Spark Connect with two threads."""
    port = free_port()
    settings = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(place / "warehouse"),
        "spark.ui.enabled": "false",
    }
    command = [str(HOME / "bin" / "spark-submit"), "--master", "local[2]"]
    command += [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    command += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"]
    with (place / "log").open("wb") as log:
        about: dict[str, Any] = {"cwd": place, "env": {**os.environ, "SPARK_HOME": str(HOME)}}
        running = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, **about)
    try:
        until = time.monotonic() + 120
        while "Spark Connect server started" not in (place / "log").read_text("utf-8"):
            assert time.monotonic() < until, (place / "log").read_text("utf-8")[-3000:]
            assert running.poll() is None, (place / "log").read_text("utf-8")[-3000:]
            time.sleep(0.2)
        yield f"sc://127.0.0.1:{port}"
    finally:
        os.killpg(running.pid, signal.SIGTERM)
        running.wait(30)


@pytest.fixture(scope="module")
def data() -> pl.DataFrame:
    return dirty()


@pytest.fixture(scope="module")
def filled(server: str, data: pl.DataFrame, place: Path) -> str:
    session = SparkSession.builder.remote(server).create()
    for name, frame, create in (("dirty", data, CREATE), ("other", other(data), CREATE_OTHER)):
        frame.write_parquet(place / f"{name} theirs.parquet")
        session.sql(spelled(create.format(name, "string collate UTF8_LCASE"))).collect()
        session.sql(f"INSERT INTO {name} SELECT * FROM parquet.`{place / name} theirs.parquet`").collect()
    for statement in (
        "CREATE TABLE reference (id bigint, name string)",
        "INSERT INTO reference VALUES (1, 'a'), (7, 'abc'), (NULL, NULL), (24, 'x1')",
        "CREATE TABLE odd (rid bigint, odd array<int>)",
    ):
        session.sql(statement).collect()
    session.stop()
    return server


def spelled(create: str) -> str:
    """The types as Spark writes them."""
    for word, own in (
        ("varchar", "string"),
        ("double precision", "double"),
        ("real", "float"),
        ('"at"', "at"),
        ("timestamp with time zone", "timestamp "),
        ("ts timestamp,", "ts timestamp_ntz,"),
    ):
        create = create.replace(word, own)
    return create


@pytest.fixture
def there(filled: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The dirty table in Spark."""
    monkeypatch.setenv("QUALITY_ROOT", str(place))
    monkeypatch.setenv("THERE", filled)
    write(place)
    return {"kind": "table", "connection": "env:THERE", "table": "dirty", "order_by": ["rid"]}


def test_a_statement_that_spark_cannot_plan_is_told_before_it_runs(there: dict[str, Any]) -> None:
    with opened(there) as database, pytest.raises(SourceError, match="nope"):
        database.explain("SELECT SUM(nope) FROM dirty")


@contextmanager
def opened(source: dict[str, Any]) -> Iterator[Database]:
    """The database of a source, as a check opens it."""
    reading = parse_source(source).read(Path.cwd(), ())
    assert reading.there is not None
    assert reading.ended is not None
    try:
        yield reading.there
    finally:
        reading.ended()


def test_a_server_that_does_not_answer_is_told_within_seconds_and_without_its_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("THERE", f"sc://127.0.0.1:{free_port()}/;token=hush-now")
    begun = time.monotonic()
    with pytest.raises(SourceError, match="cannot be judged") as told:
        parse_source({"kind": "table", "connection": "env:THERE", "table": "dirty"}).look(Path.cwd())
    assert "hush-now" not in str(told.value)
    assert time.monotonic() - begun < 60


def test_a_text_that_spark_would_take_apart_is_that_text(there: dict[str, Any]) -> None:
    """Not a variable, an escape or a comment; neither in a condition nor in a set."""
    texts = [
        "${spark.sql.warehouse.dir}",
        "a\\nb",
        "a\nb",
        "\\u0041",
        "-- x",
        "/* x */",
        "'",
        "\\'",
        "%\\_",
        "\u2028",
        "\r",
    ]
    data = pl.DataFrame({"rid": range(len(texts)), "s": texts})
    rules = [{"check": "in_set", "column": "s", "values": [one], "name": str(n)} for n, one in enumerate(texts)]
    data.write_parquet(Path(os.environ["QUALITY_ROOT"]) / "texts.parquet")
    session = SparkSession.builder.remote(os.environ["THERE"]).create()
    session.read.parquet(os.environ["QUALITY_ROOT"] + "/texts.parquet").write.saveAsTable("texts")
    session.stop()
    compare(judge(data, *rules), judge(None, *rules, source={**there, "table": "texts"}))


@pytest.mark.parametrize("seed", range(EXAMPLES))
def test_whatever_a_table_holds_spark_counts_alike(
    there: dict[str, Any], seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of rules that nobody chose, about tables that nobody chose, none counts otherwise or is refused too late."""
    address, made = os.environ["THERE"], odd.table("spark", seed)
    with closing(duckdb.connect(str(tmp_path / "odd.duckdb"))) as connection:
        for statement in (*odd.MADE, *made.statements):
            connection.execute(statement)
    monkeypatch.setenv("THERE", f"duckdb:///{tmp_path / 'odd.duckdb'}")
    data = read_here(made, tmp_path)
    monkeypatch.setenv("THERE", address)
    data.write_parquet(tmp_path / "odd.parquet")
    session = SparkSession.builder.remote(address).create()
    session.read.parquet(str(tmp_path / "odd.parquet")).write.saveAsTable(f"odd_{seed}")
    session.stop()
    rules = [rule for rule in odd.rules("spark", seed, data, 40) if is_rule(data, rule)]
    count, apart = compared({**there, "table": f"odd_{seed}", "order_by": [data.columns[0]]}, data, rules)
    assert not apart, "\n".join(map(str, apart))
    assert count > 10
