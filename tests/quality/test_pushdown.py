"""Tables that a database judges itself: in every count the same as Polars, or refused by name before anything runs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as postgresql
import duckdb
import polars as pl
import pytest
from checking import NOW, judge
from databases import execute, postgres_server
from dirty_table import (
    CONDITIONS,
    CREATE,
    CREATE_OTHER,
    ODD,
    PATTERNS,
    RECONCILED,
    RULES,
    compare,
    dirty,
    other,
    said_there,
    write,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quality import CheckConfig, ColumnRule, Frame, Judgement, Measure
from quality.checking import check, open_source
from quality.contract.contract import parse_source
from quality.engine.judge import judge as engine_judge
from quality.engine.judge import verdict
from quality.errors import ConfigurationError
from quality.pushdown.frame import TableFrame
from quality.rules.catalogue import parse_rules

EXAMPLES = int(os.environ.get("QUALITY_EXAMPLES", "4"))
"""Of each property; a campaign asks for more."""


def fill(url: str, table: str, frame: pl.DataFrame) -> None:
    with closing(postgresql.connect(url)) as connection, closing(connection.cursor()) as cursor:
        rows = [tuple(row) for row in frame.with_columns(pl.col("amount").cast(pl.String)).iter_rows()]
        types = {"amount": "::text::numeric", "small": "::smallint", "f4": "::real"}
        marks = ", ".join(f"${n}{types.get(name, '')}" for n, name in enumerate(frame.columns, 1))
        cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        connection.commit()


@pytest.fixture(scope="module")
def data() -> pl.DataFrame:
    return dirty()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pushdown")


@pytest.fixture(scope="module")
def postgres(data: pl.DataFrame) -> Iterator[str]:
    with postgres_server() as url:
        execute(url, CREATE.format("dirty", "text"), "CREATE TABLE reference (id bigint, name text)")
        execute(url, "INSERT INTO reference VALUES (1, 'a'), (7, 'abc'), (NULL, NULL), (24, 'x1')")
        execute(url, ODD.format("point"))
        execute(url, CREATE_OTHER.format("other", "text"))
        fill(url, "dirty", data)
        fill(url, "other", other(data))
        yield url


@pytest.fixture(scope="module")
def duck(data: pl.DataFrame, place: Path) -> str:
    path = place / "dirty.duckdb"
    with closing(duckdb.connect(str(path))) as connection:
        connection.execute(CREATE.format("dirty", "varchar COLLATE NOCASE"))
        connection.register("theirs", data.to_arrow())
        connection.execute("INSERT INTO dirty SELECT * FROM theirs")
        connection.execute(CREATE_OTHER.format("other", "varchar COLLATE NOCASE"))
        connection.register("others", other(data).to_arrow())
        connection.execute("INSERT INTO other SELECT * FROM others")
        connection.execute(ODD.format("integer[]"))
        connection.execute("CREATE TABLE reference (id bigint, name varchar)")
        connection.execute("INSERT INTO reference VALUES (1, 'a'), (7, 'abc'), (NULL, NULL), (24, 'x1')")
    return f"duckdb:///{path}"


@pytest.fixture(params=["duckdb", "postgresql"])
def there(request: pytest.FixtureRequest, place: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The dirty table in each database."""
    monkeypatch.setenv("QUALITY_ROOT", str(place))
    url = request.getfixturevalue("duck" if request.param == "duckdb" else "postgres")
    monkeypatch.setenv("THERE", url)
    write(place)
    return {"kind": "table", "connection": "env:THERE", "table": "dirty", "order_by": ["rid"]}


REFUSED = [
    pytest.param(
        {"check": "reconcile", "reference": "reference.parquet", "key": ["rid"]},
        "the reference reference.parquet is not a table of the same database",
        id="reconcile with a file",
    ),
    pytest.param(
        {
            "check": "reconcile",
            "reference": {"kind": "table", "connection": "duckdb:///elsewhere.duckdb", "table": "dirty"},
            "key": ["rid"],
        },
        "is not a table of the same database",
        id="reconcile with another database",
    ),
    pytest.param(
        {
            "check": "reconcile",
            "reference": {"kind": "table", "connection": "env:THERE", "table": "other"},
            "key": ["rid"],
            "columns": ["amount"],
            "tolerance": 0.5,
        },
        "Minus of Decimal",
        id="reconcile decimals nearly",
    ),
    pytest.param(
        {"check": "referential_integrity", "column": "big", "reference": "reference.parquet", "reference_column": "id"},
        "is not a table of the same database",
        id="reference elsewhere",
    ),
    pytest.param(
        {"check": "expression", "expression": "LOWER(s) = 'a'"},
        "the function StringFunction.Lowercase cannot be said in",
        id="function",
    ),
    pytest.param(
        {"check": "expression", "expression": "f / calm > 1"}, "a division by a column that may hold 0", id="division"
    ),
    pytest.param(
        {"check": "expression", "expression": "CAST(s AS INTEGER) > 1"}, "String as Int32 cannot be said in", id="cast"
    ),
    pytest.param(
        {"check": "expression", "expression": "CAST(f AS INTEGER) > 1"},
        "Float64 as Int32 cannot be said in",
        id="truncation",
    ),
    pytest.param(
        {"check": "expression", "expression": "amount * 2 > 1"},
        "the function decimal_mul cannot be said in",
        id="decimal",
    ),
    pytest.param({"check": "regex", "column": "s", "pattern": "(?m)^a$"}, "the regex (?m)", id="lines"),
    pytest.param({"check": "date_format", "column": "s", "format": "%a, %d %b %Y"}, "ExtractGroups", id="weekday"),
    pytest.param({"check": "not_null", "column": "s", "where": "LOWER(s) = 'a'"}, "Lowercase", id="where"),
]
OF_A_TYPE: list[dict[str, Any]] = [
    {"check": "positive", "column": "odd"},
    {"check": "not_null", "column": "rid", "where": "odd IS NULL"},
    {"check": "not_null", "column": "rid", "by": "odd"},
    {
        "check": "reconcile",
        "reference": {"kind": "table", "connection": "env:THERE", "table": "odd"},
        "key": ["rid"],
        "columns": ["odd"],
    },
]


@pytest.mark.parametrize(("rule", "said"), REFUSED)
def test_what_cannot_be_said_exactly_is_refused_by_name_before_anything_runs(
    there: dict[str, Any], rule: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TableFrame, "answer", rehearsed(TableFrame.answer))
    with pytest.raises(ConfigurationError) as refused:
        judge(None, {"check": "row_count", "min": 1}, rule, source=there)
    assert said in str(refused.value)
    assert f"({rule['check']}" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_type_that_is_not_judged_there_is_an_error_of_the_rules_that_read_it(there: dict[str, Any]) -> None:
    others = ({"check": "column_exists", "column": "odd"}, {"check": "dtype", "column": "odd", "dtype": "Int64"})
    found = judge(None, *OF_A_TYPE, *others, source={**there, "table": "odd"}).rules
    assert [rule.status.value for rule in found] == ["ERROR"] * len(OF_A_TYPE) + ["PASSED", "FAILED"]
    assert all(rule.message.startswith("column 'odd' is ") for rule in found[: len(OF_A_TYPE)])


def rehearsed(answer: Any) -> Any:
    """An answer that is asked of the rows of a database fails the test."""

    def asked(frame: TableFrame, *given: Any) -> pl.DataFrame:
        assert frame.rehearses
        found: pl.DataFrame = answer(frame, *given)
        return found

    return asked


def test_a_regex_that_one_dialect_has_no_words_for(there: dict[str, Any], data: pl.DataFrame) -> None:
    """RE2 knows word boundaries of ASCII only; PostgreSQL repeats 255 times at most."""
    boundary, repeated = ({"check": "regex", "column": "s", "pattern": p} for p in (r"\bx|é\B", "a{0,300}b"))
    postgres = "postgresql" in os.environ["THERE"]
    works, refused = (boundary, repeated) if postgres else (repeated, boundary)
    compare(judge(data, works), judge(None, works, source=there))
    why = "" if postgres else ", whose words are of ASCII letters alone, so that é ends one; write what may stand there"
    with pytest.raises(
        ConfigurationError, match=rf"the regex (\{{0,300\}}|\\b) of .* cannot be said in (DuckDB|PostgreSQL){why}"
    ):
        judge(None, refused, source=there)
    instead = {**boundary, "pattern": r"(^|\W)x|é\w"}
    compare(judge(data, instead), judge(None, instead, source=there))


def test_order_needs_what_orders_the_rows(there: dict[str, Any]) -> None:
    rule = {"check": "increasing", "column": "big"}
    with pytest.raises(ConfigurationError, match=r"name the columns that order them in source\.order_by"):
        judge(None, rule, source={**there, "order_by": []})
    found = judge(None, rule, source={**there, "order_by": ["nope"]})
    assert "column 'nope' of source.order_by is gone; the data has " in found.rules[0].message


def test_keys_are_looked_up_in_another_table_of_the_database(
    there: dict[str, Any], data: pl.DataFrame, place: Path
) -> None:
    theirs = pl.DataFrame({"id": [1, 7, None, 24], "name": ["a", "abc", None, "x1"]})
    theirs.write_parquet(place / "keys.parquet")
    rules = [("big", "id"), ("s", "name"), ("small", "id")]
    asked = [{"check": "referential_integrity", "column": ours, "reference_column": column} for ours, column in rules]
    asked += [{"check": "cross_table_row_count"}]
    here = judge(data, *({**rule, "reference": "keys.parquet", "name": str(n)} for n, rule in enumerate(asked)))
    reference = {"kind": "table", "connection": "env:THERE", "table": "reference"}
    compare(
        here,
        judge(None, *({**rule, "reference": reference, "name": str(n)} for n, rule in enumerate(asked)), source=there),
    )


def test_two_tables_of_one_database_are_reconciled_there(
    there: dict[str, Any], data: pl.DataFrame, place: Path
) -> None:
    other(data).write_parquet(place / "other.parquet")
    table = {"kind": "table", "connection": "env:THERE", "table": "other"}
    here, found = (
        judge(rows, *(reconciled(n, one, theirs) for n, one in enumerate(RECONCILED)), source=source)
        for rows, source, theirs in ((data, None, "other.parquet"), (None, there, table))
    )
    compare(here, found)
    said = [[re.sub(r"-0\.0\b", "0.0", rule.message) for rule in result.rules] for result in (here, found)]
    assert [one.replace("other of env:THERE", "other.parquet") for one in said[1]] == said[0]
    assert {rule.status.value for rule in found.rules} == {"FAILED"}


def reconciled(number: int, rule: dict[str, Any], reference: Any) -> dict[str, Any]:
    return {"check": "reconcile", **rule, "name": str(number), "reference": reference}


def test_two_tables_are_reconciled_by_one_select(there: dict[str, Any], data: pl.DataFrame) -> None:
    table = {"kind": "table", "connection": "env:THERE", "table": "other"}
    rule = reconciled(0, {"key": ["rid"], "where": "rid > 2"}, table)
    config = CheckConfig(rules=parse_rules([rule]), source=there)
    frame = open_source(None, config, now=NOW, history=lambda window: []).frame
    assert isinstance(frame, TableFrame)
    verdict(engine_judge(config, frame), config, frame)
    (counts, names, rows) = frame.statements
    assert counts.count("FULL ") == 1
    assert "JOIN" not in names + rows


def test_all_counts_are_one_select_and_all_examples_one_statement(there: dict[str, Any], data: pl.DataFrame) -> None:
    kinds = (
        "not_null",
        "unique",
        "primary_key",
        "in_range",
        "regex",
        "increasing",
        "distinct_count",
        "sum",
        "freshness",
    )
    rules = [next(rule for rule in RULES if rule["check"] == kind) for kind in kinds]
    config = CheckConfig(rules=parse_rules(rules), source=there)
    frame = open_source(None, config, now=NOW, history=lambda window: []).frame
    assert isinstance(frame, TableFrame)
    fields = verdict(engine_judge(config, frame), config, frame)
    counts, examples = frame.statements
    assert fields["row_count"] == data.height
    assert "LIMIT" not in counts
    assert examples.count("UNION ALL") == len([rule for rule in fields["rules"] if rule.samples]) - 1
    plan = "\n".join(map(str, frame.database.explain(counts).rows()))
    assert len(re.findall("Seq Scan|FileScan", plan)) == 1


def test_examples_are_the_first_failing_rows_in_the_order_of_the_key(there: dict[str, Any], data: pl.DataFrame) -> None:
    rules = (
        {"check": "positive", "column": "amount"},
        {"check": "unique", "column": "at", "where": "b"},
        {"check": "increasing", "column": "f"},
    )
    here, found = (
        judge(rows, *rules, key=("rid",), sensitive=("f",), source=source)
        for rows, source in ((data, None), (None, there))
    )
    assert [rule.samples for rule in found.rules] == [rule.samples for rule in here.rules]
    assert found.rules[2].samples[0]["f"] == "***"
    again = judge(None, *rules, source={**there, "order_by": ["rid"]})
    assert [rule.samples for rule in again.rules] == [rule.samples for rule in judge(None, *rules, source=there).rules]


def test_a_rule_of_ones_own_is_judged_there_or_refused(there: dict[str, Any], data: pl.DataFrame) -> None:
    config = CheckConfig(rules=(Even(column="small"), Far(column="calm")))
    here = check(data, config, now=NOW)
    compare(here, check(None, config.model_copy(update={"source": parse_source(there)}), now=NOW))
    with pytest.raises(
        ConfigurationError, match=r"the rows of a table that is judged there cannot be read here|Reverse|reverse"
    ):
        check(None, CheckConfig(rules=(Backwards(column="small"),), source=there), now=NOW)
    own = check(None, CheckConfig(rules=(Itself(column="small"),), source=there), now=NOW)
    assert (own.status.value, own.rules[0].failed_count) == ("ERROR", 0)


class Even(ColumnRule):
    """The number is even."""

    check: str = "even"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        return value % 2 == 0


class Far(ColumnRule):
    """The number is near the greatest."""

    check: str = "far"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        return value.max() - value < 100


class Backwards(ColumnRule):
    """The number is that of the row as far from the end."""

    check: str = "backwards"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        return value == value.reverse()


class Itself(ColumnRule):
    """Reads the rows by itself."""

    check: str = "itself"

    def measures(self, frame: Frame) -> dict[str, Measure]:
        return {}

    def judge(self, state: Any, frame: Frame) -> Judgement:
        return Judgement(0, 1 + frame.lazy.collect().height)


def test_every_count_is_that_of_polars(there: dict[str, Any], data: pl.DataFrame, place: Path) -> None:
    compare(judge(data, *RULES, sample_rows=0), judge(None, *RULES, source=there, sample_rows=0))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(patterns=st.lists(PATTERNS, min_size=12, max_size=12, unique=True))
def test_whatever_a_pattern_says_both_find_it_alike(
    there: dict[str, Any], data: pl.DataFrame, patterns: list[str]
) -> None:
    """Of patterns that nobody chose none finds otherwise; one that is refused is refused by name."""
    rules = [{"check": "regex", "column": "s", "pattern": one, "name": str(n)} for n, one in enumerate(patterns)]
    compare_those_judged_there(there, data, [rule for rule in rules if is_pattern(rule["pattern"])])


def is_pattern(written: str) -> bool:
    try:
        pl.Series([""]).str.contains(written)
    except pl.exceptions.ComputeError:
        return False
    return True


def compare_those_judged_there(there: dict[str, Any], data: pl.DataFrame, rules: list[dict[str, Any]]) -> None:
    kept = said_there(rules, there)
    compare(judge(data, *kept, sample_rows=0), judge(None, *kept, source=there, sample_rows=0))


@pytest.mark.parametrize(
    "pattern", ["(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", r"(a)\1", "(?>a)", r"a\Z", "a{,2}", "(?#c)a"]
)
def test_a_pattern_that_the_engine_does_not_know_is_none_anywhere(there: dict[str, Any], pattern: str) -> None:
    with pytest.raises(ConfigurationError, match="pattern"):
        judge(None, {"check": "regex", "column": "s", "pattern": pattern}, source=there)


def test_whole_numbers_do_not_wrap_there(there: dict[str, Any], data: pl.DataFrame) -> None:
    """Counts are those of Python, whose whole numbers have no bounds."""
    conditions = {"big + 1 > big": ["big"], "small * 3000 >= small": ["small"]}
    conditions |= {one: ["big", "small"] for one in ("abs(big - small) > 0", "-big < small", "big * small > -5")}
    rules = [{"check": "expression", "expression": one, "name": str(n)} for n, one in enumerate(conditions)]
    assert said_there(rules, there) == rules
    for rule, (one, reads) in zip(
        judge(None, *rules, source=there, sample_rows=0).rules, conditions.items(), strict=True
    ):
        answers = [eval(one, dict(row)) for row in data.drop_nulls(reads).rows(named=True)]
        assert (rule.failed_count, rule.total_count) == (answers.count(False), len(answers)), one
    with pytest.raises(ConfigurationError, match="a number that may have more than 38 digits cannot be said in"):
        judge(None, {"check": "expression", "expression": "big * big * 3 > 0"}, source=there)


def test_a_condition_means_there_what_sql_means_by_it(there: dict[str, Any], data: pl.DataFrame) -> None:
    """Counts are those of Python."""
    meant: dict[str, Any] = {
        "b IS TRUE": lambda row: row["b"] is True,
        "b IS NOT TRUE": lambda row: row["b"] is not True,
        "(small > 2) IS NOT FALSE": lambda row: row["small"] is None or row["small"] > 2,
        "STRPOS(s, '.') > 0": lambda row: None if row["s"] is None else "." in row["s"],
        "POSITION('\\' IN s) = 0": lambda row: None if row["s"] is None else "\\" not in row["s"],
    }
    rules = [{"check": "expression", "expression": one, "name": str(n)} for n, one in enumerate(meant)]
    assert said_there(rules, there) == rules
    found = judge(None, *rules, source=there, sample_rows=0).rules
    for rule, (one, answer) in zip(found, meant.items(), strict=True):
        answers = [answer(row) for row in data.rows(named=True)]
        assert (rule.failed_count, rule.total_count) == (answers.count(False), len(answers) - answers.count(None)), one


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(conditions=st.lists(CONDITIONS, min_size=12, max_size=12, unique=True))
def test_whatever_a_condition_says_both_count_alike(
    there: dict[str, Any], data: pl.DataFrame, conditions: list[str]
) -> None:
    """Of conditions that nobody chose none counts otherwise; one that is refused is refused by name."""
    rules = [{"check": "expression", "expression": one, "name": str(n)} for n, one in enumerate(conditions)]
    rules = [rule for rule in rules if judge(data.head(1), rule).rules[0].status.value != "ERROR"]
    compare_those_judged_there(there, data, rules)
