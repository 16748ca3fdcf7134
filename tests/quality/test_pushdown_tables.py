"""Tables that nobody chose, judged there as here: of every type, by any name; and what a server says or is told."""

from __future__ import annotations

import os
import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as postgresql
import duckdb
import odd_tables as odd
import polars as pl
import pytest
from checking import NOW, judge
from databases import PASSWORD, QUOTED, execute, postgres_server
from dirty_table import said_there, told

from quality import CheckConfig
from quality.checking import open_source
from quality.contract.contract import parse_source
from quality.engine.judge import judge as engine_judge
from quality.engine.judge import verdict
from quality.errors import ConfigurationError, MalformedError
from quality.learning.proposal import learn
from quality.pushdown.dialects import Dialect, PostgreSQL
from quality.pushdown.frame import TableFrame
from quality.result import CheckResult
from quality.rules.catalogue import parse_rules
from quality.sources import Sql, Table
from quality.sources.connections import masked
from quality.sources.postgresql import PATIENCE, patient

EXAMPLES = int(os.environ.get("QUALITY_EXAMPLES", "3"))
"""Tables of each database; a campaign asks for more."""
FIRST_DAY, LAST_DAY = -719_162, 2_932_896
OVERFLOWS = ("out of range: underflow", "out of range: overflow", "Overflow")
"""What databases say where floats leave their range, which is an ERROR there and never a count."""


class There:
    """A database: how statements are run in it, and which kinds of columns it has."""

    def __init__(self, name: str, run: Callable[..., None]) -> None:
        self.name, self.run = name, run

    def source(self, table: str, **more: Any) -> dict[str, Any]:
        return {"kind": "table", "connection": "env:THERE", "table": table, **more}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server() as url:
        execute(url, *odd.MADE_IN_POSTGRES, *(odd.MADE_WITH_ICU if knows_icu(url) else ()))
        yield url


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("odd") / "odd.duckdb"
    with closing(duckdb.connect(str(path))) as connection:
        for statement in odd.MADE:
            connection.execute(statement)
    return path


def knows_icu(url: str) -> bool:
    with closing(postgresql.connect(url)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("SELECT count(*) FROM pg_collation WHERE collname = 'en-x-icu'")
        return bool(cursor.fetchall()[0][0])


@pytest.fixture
def postgres(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> There:
    monkeypatch.setenv("THERE", server)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    return There("postgresql with icu" if knows_icu(server) else "postgresql", lambda *said: execute(server, *said))


@pytest.fixture
def duck(file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> There:
    monkeypatch.setenv("THERE", f"duckdb:///{file}")
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))

    def run(*statements: str) -> None:
        with closing(duckdb.connect(str(file))) as connection:
            for statement in statements:
                connection.execute(statement)

    return There("duckdb", run)


@pytest.fixture(params=["duck", "postgres"])
def there(request: pytest.FixtureRequest) -> There:
    found: There = request.getfixturevalue(request.param)
    return found


def test_whatever_a_table_holds_both_count_alike(there: There, tmp_path: Path) -> None:
    """Of rules that nobody chose, about tables that nobody chose, none counts otherwise or is refused too late."""
    judged, apart = 0, []
    for seed in range(EXAMPLES):
        made = odd.table(there.name, seed)
        there.run(*made.statements)
        data = read_here(made, tmp_path)
        if data.width:
            rules = [rule for rule in odd.rules(there.name, seed, data, 40) if is_rule(data, rule)]
            count, found = compared(there.source(written(made)), data, rules)
            judged += count
            apart += [(there.name, seed, *one) for one in found]
    assert not apart, "\n".join(map(str, apart))
    assert judged > 10 * EXAMPLES


def read_here(made: odd.Made, root: Path) -> pl.DataFrame:
    """The columns that are judged there, as rows that are read; without those that hold a day of no calendar."""
    asked = Table(connection="env:THERE", table=written(made)).read(root, ())
    assert asked.there is not None
    schema = dict(asked.there.table.schema)
    if asked.ended is not None:
        asked.ended()
    found: dict[str, pl.Series] = {}
    for name in (one.name for one in made.columns if schema[one.name] != pl.Object):
        query = f"SELECT {odd.quoted(name)} FROM {written(made)}"
        try:
            read = Sql(connection="env:THERE", query=query).scan(root).collect()
        except MalformedError:  # infinity, and NaN of a number of a fixed scale
            continue
        values = read.to_series().alias("v").cast(schema[name])
        if is_of_calendar(values):
            found[name] = values
    return pl.DataFrame([values.alias(name) for name, values in found.items()])


def written(made: odd.Made) -> str:
    """The name of a table as a source has it, whatever its letters."""
    return ".".join(map(odd.quoted, made.name.split(".", 1)))


def is_of_calendar(values: pl.Series) -> bool:
    if not values.dtype.is_temporal():
        return True
    unit = 1 if values.dtype == pl.Date else 86_400_000_000
    days = [one // unit for one in values.to_physical().to_list() if one is not None]
    return all(FIRST_DAY <= day <= LAST_DAY for day in days)


def is_rule(data: pl.DataFrame, rule: dict[str, Any]) -> bool:
    """Whether a rule can be read, and can judge such columns."""
    try:
        return judge(data.head(1), rule).rules[0].status.value != "ERROR"
    except ConfigurationError:
        return False


def compared(
    source: dict[str, Any], data: pl.DataFrame, rules: list[dict[str, Any]]
) -> tuple[int, list[tuple[Any, ...]]]:
    """How many rules are judged there, and which of them not like here, with as many examples."""
    kept = said_there(rules, source)
    if not kept:
        return 0, []
    here, found = (judge(rows, *kept, source=s, sample_rows=2) for rows, s in ((data, None), (None, source)))
    return len(kept), [
        (next(rule for rule in kept if rule["name"] == one[0]), *one[1:]) for one in differences(here, found)
    ]


def differences(here: CheckResult, found: CheckResult) -> list[tuple[Any, ...]]:
    assert found.reason == here.reason
    mine, theirs = ({(one.rule_name, str(one.segment)): one for one in result.rules} for result in (here, found))
    apart: list[tuple[Any, ...]] = []
    for key in dict.fromkeys((*mine, *theirs)):
        one, other = mine.get(key), theirs.get(key)
        if other is not None and any(word in other.message for word in OVERFLOWS):
            continue
        if one is None or other is None or nearly(told(one)) != nearly(told(other)):
            apart.append((*key, one and (told(one), one.message), other and (told(other), other.message)))
        elif len(one.samples) != len(other.samples):
            apart.append((*key, one.samples, other.samples))
    return apart


def nearly(of: tuple[Any, ...]) -> tuple[Any, ...]:
    """A number whose floats were added in another order differs in its last digits."""
    value = getattr(of[-1], "expected", of[-1])
    return (*of[:-1], f"{value:.6g}" if isinstance(value, float) else value)


def test_a_day_of_no_calendar_is_an_error_of_the_rules_that_read_it(there: There) -> None:
    there.run("CREATE TABLE endless AS SELECT 'infinity'::date AS d, 'infinity'::timestamp AS ts, 1 AS id")
    rules = [{"check": "not_past", "column": column} for column in ("d", "ts")]
    found = judge(None, *rules, {"check": "positive", "column": "id"}, source=there.source("endless"))
    assert [rule.status.value for rule in found.rules] == ["ERROR", "ERROR", "PASSED"]
    assert all("infinity has no place in Polars" in rule.message for rule in found.rules[:2])
    read = judge(None, rules[1], source={"kind": "sql", "connection": "env:THERE", "table": "endless"})
    assert "holds infinity, or a day after the year 9999" in str(read.reason)


def test_a_day_before_the_year_one_is_told_wherever_rows_are_read(postgres: There) -> None:
    postgres.run("CREATE TABLE ancient AS SELECT '0044-03-15 BC'::date AS d, 1 AS id")
    for kind in ("table", "sql"):
        found = judge(None, {"check": "not_null", "column": "d"}, source=postgres.source("ancient") | {"kind": kind})
        assert (found.status.value, found.failures[0].failed_count) == ("ERROR", 0)
        assert "before the year 1" in found.rules[0].message
    with pytest.raises(MalformedError, match=r"column 'd' holds infinity, or a day .* before the year 1"):
        learn(parse_source(postgres.source("ancient")).scan(Path()))


NAMED = ("*", "^a.*$", "rule", "r0", "c0", 'quo"te', "a.b")


@pytest.mark.parametrize("name", NAMED)
def test_a_column_of_any_name_is_judged_and_shown(there: There, name: str) -> None:
    own, table = odd.quoted(name), f"named {NAMED.index(name)}"
    there.run(f"CREATE TABLE {odd.quoted(table)} AS SELECT -1 AS {own}, 2 AS id")
    source = there.source(table, order_by=[name])
    found = judge(None, {"check": "positive", "column": name}, {"check": "negative", "column": "id"}, source=source)
    assert [rule.samples for rule in found.rules] == [({name: -1},), ({"id": 2},)]
    with pytest.raises(ConfigurationError, match=r"StringFunction\.Uppercase cannot be said"):
        judge(None, {"check": "expression", "expression": f"UPPER(CAST({own} AS VARCHAR)) = 'A'"}, source=source)


@pytest.mark.parametrize("kind", ["table", "sql"])
@pytest.mark.parametrize(
    ("written", "part"),
    [
        *((blank, None) for blank in ("  ", "\t", "\n", "\u00a0", " \u2003")),
        *((name, "") for name in (".", "sales.", ".orders", "sales..orders", '"sales".')),
        *((name, name) for name in ('"', '""', '"orders', '"a"b', " orders", "orders\n", "or\0ders")),
        ("sales . orders", "sales "),
        ('sales."orders', '"orders'),
    ],
)
def test_a_table_that_none_can_have_is_refused_in_one_sentence(kind: str, written: str, part: str | None) -> None:
    what = "a blank is no name" if part is None else f"{written!r} has the part {part!r}, which is no name"
    with pytest.raises(ConfigurationError) as refused:
        parse_source({"kind": kind, "connection": "env:THERE", "table": written})
    assert str(refused.value) == (
        f"table: {what}: write it as sales.orders, and in double quotes a part with dots, or with blanks at its ends"
    )


@pytest.mark.parametrize("made", ['named." "', 'named." a. "', 'named."\t"'])
def test_a_table_whose_name_has_blanks_at_its_ends_stands_in_quotes(there: There, made: str) -> None:
    there.run("CREATE SCHEMA IF NOT EXISTS named", f"CREATE TABLE IF NOT EXISTS {made} AS SELECT 1 AS x")
    found = judge(None, {"check": "positive", "column": "x"}, source=there.source(made))
    assert (found.status.value, found.row_count) == ("PASSED", 1), found.reason


@pytest.mark.parametrize("check", ["increasing", "decreasing"])
@pytest.mark.parametrize("by", [{}, {"by": "g"}])
def test_rows_that_nothing_orders_are_judged_only_where_their_order_does_not_matter(
    there: There, check: str, by: dict[str, str]
) -> None:
    """Whichever row of two is first must not decide a verdict: not by chance, and not twice otherwise."""
    there.run(
        "CREATE TABLE IF NOT EXISTS tied (day integer, nr integer, v double precision, g integer)",
        "DELETE FROM tied",
        "INSERT INTO tied VALUES (1, 1, 5, 0), (1, 2, 5, 0), (NULL, 3, 5, 0), (NULL, 4, NULL, 0), (2, 5, 5, 0)",
    )
    rule = {"check": check, "column": "v", **by}
    same = judge(None, rule, source=there.source("tied", order_by=["day"])).rules[0]
    assert (same.status.value, same.total_count) == ("PASSED", 4)
    for row in ("(2, 6, 6, 0)", "(NULL, 6, 6, 0)", "(2, 6, 'NaN', 0)"):
        there.run("DELETE FROM tied WHERE nr = 6", f"INSERT INTO tied VALUES {row}")
        (apart,) = judge(None, rule, source=there.source("tied", order_by=["day"])).rules
        assert (apart.status.value, apart.failed_count) == ("ERROR", 0), row
        assert "rows of the same day have different values of v, and nobody knows which is first" in apart.message
        (known,) = judge(None, rule, source=there.source("tied", order_by=["day", "nr"])).rules
        assert (known.status.value, known.total_count) == ("FAILED" if known.failed_count else "PASSED", 5)


@pytest.mark.parametrize("kind", ["table", "sql"])
@pytest.mark.parametrize(
    ("made", "written"),
    [
        ('"v1.5"', '"v1.5"'),
        ('named."v1.5"', 'named."v1.5"'),
        ('named."a""b.c"', 'named."a""b.c"'),
        ('named."a""b"', 'named.a"b'),
        ('named."Select"', "named.Select"),
        ('named."order table; x"', "named.order table; x"),
    ],
)
def test_a_table_of_any_name_is_judged(there: There, kind: str, made: str, written: str) -> None:
    there.run("CREATE SCHEMA IF NOT EXISTS named", f"CREATE TABLE IF NOT EXISTS {made} AS SELECT 1 AS x, 2 AS y")
    found = judge(None, {"check": "equal", "column": "y", "value": 2}, source=there.source(written) | {"kind": kind})
    assert (found.status.value, found.row_count) == ("PASSED", 1), found.reason


@pytest.mark.parametrize("by", [{}, {"by": "id"}])
@pytest.mark.parametrize("check", [{"check": "median"}, {"check": "quantile", "q": 0.5}])
@pytest.mark.parametrize("bound", ["at_least", "at_most"])
def test_what_is_asked_only_of_some_counts_is_refused_before_there_are_any(
    there: There, check: dict[str, Any], by: dict[str, Any], bound: str
) -> None:
    """A quantile is asked for only where ranks do not prove its bounds: whether they will, nobody knows before."""
    there.run("CREATE TABLE IF NOT EXISTS wide_numbers (id integer, amount numeric(38, 0))")
    with pytest.raises(ConfigurationError, match=r"Decimal\(precision=38, scale=0\) as Float64 cannot be said"):
        judge(None, {**check, "column": "amount", bound: 3, **by}, source=there.source("wide_numbers"))


APART = (
    "a >= 0.1",
    "a >= b",
    "a > 1.25",
    "a BETWEEN 0.5 AND 2",
    "a IN (0.5, 1)",
    "a > ABS(COALESCE(0.1, 2.5))",
    "i > c",
)
"""Conditions on numbers whose digits before the point and behind it no 38 digits hold together."""


@pytest.mark.parametrize("condition", [*APART, "a > 5", "b > 0.5", "i > b", "c > 5", "i > 0.5", "b IN (1.5, 2)"])
def test_numbers_that_no_decimal_holds_together_are_not_compared_where_rows_would_decide_it(
    there: There, condition: str
) -> None:
    great = "9" * 38
    there.run(
        "CREATE TABLE IF NOT EXISTS digits (a numeric(38, 0), b numeric(20, 3), c numeric(38, 30), i bigint)",
        "DELETE FROM digits",
        f"INSERT INTO digits VALUES ({great}, 1.5, 12345678.5, 9223372036854775807), (1, 2, 3, 4)",
    )
    rule, source = {"check": "expression", "expression": condition}, there.source("digits")
    if there.name == "duckdb" and condition in APART:
        with pytest.raises(ConfigurationError, match="cannot be compared with Decimal"):
            judge(None, rule, source=source)
        return
    rows = pl.DataFrame({"a": [great, "1"], "b": ["1.5", "2"], "c": ["12345678.5", "3"], "i": [2**63 - 1, 4]})
    scales = {"a": pl.Decimal(38, 0), "b": pl.Decimal(20, 3), "c": pl.Decimal(38, 30)}
    here = judge(rows.cast(scales), rule)  # type: ignore[arg-type]
    assert told(judge(None, rule, source=source).rules[0]) == told(here.rules[0])


def test_quantiles_between_infinite_neighbors_are_those_of_polars(there: There) -> None:
    pick = random.Random(5)
    odd_ones = ["'-Infinity'", "'-Infinity'", "'Infinity'", "'Infinity'", "'NaN'", "0", "1.5"]
    cells = [(group, pick.choice(odd_ones)) for group in range(30) for _ in range(pick.randint(1, 7))]
    there.run(
        "CREATE TABLE endless_numbers (g integer, v double precision)",
        f"INSERT INTO endless_numbers VALUES {', '.join(f'({group}, {value})' for group, value in cells)}",
    )
    floats = [float(value.strip("'")) for _, value in cells]
    data = pl.DataFrame({"g": [group for group, _ in cells], "v": floats}, schema={"g": pl.Int32, "v": pl.Float64})
    rule = {"check": "quantile", "column": "v", "at_least": 1e300, "at_most": 1.5e300, "by": "g"}
    rules = [{**rule, "q": q, "name": str(q)} for q in (0.1, 0.5, 0.7)]
    here, found = (judge(d, *rules, source=s) for d, s in ((data, None), (None, there.source("endless_numbers"))))
    assert [str(told(one)) for one in found.rules] == [str(told(one)) for one in here.rules]
    assert len(found.rules) == 90


def test_bytes_are_segments(there: There) -> None:
    hexes = "decode('00ff', 'hex')" if there.name != "duckdb" else "unhex('00ff')"
    there.run(f"CREATE TABLE of_bytes AS SELECT {hexes} AS code, -1 AS id")
    (rule,) = judge(None, {"check": "positive", "column": "id", "by": "code"}, source=there.source("of_bytes")).rules
    assert (rule.failed_count, len(rule.samples)) == (1, 1)


def test_scales_below_zero_and_above_the_digits_are_decimals(postgres: There) -> None:
    postgres.run("CREATE TABLE scales (small numeric(3, 5), great numeric(3, -2))")
    postgres.run("INSERT INTO scales VALUES (0.00999, 99900), (-0.00001, -100)")
    rules = ({"check": "in_range", "column": "small", "min": 0}, {"check": "equal", "column": "great", "value": 99900})
    found = judge(None, *rules, source=postgres.source("scales"))
    assert [rule.failed_count for rule in found.rules] == [1, 1]


def statements_of(server: str, words: str) -> list[str]:
    """What the server's log says that it was asked, of the statements with these words."""
    with closing(postgresql.connect(server)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("SELECT current_setting('data_directory')::text")
        log = Path(cursor.fetchall()[0][0]).parent / "log"
    said = re.findall(r"LOG:  (?:statement|execute [^:]*): (.*)", log.read_text("utf-8"))
    return [one for one in said if words in one and "EXPLAIN" not in one]


def test_the_servers_log_has_one_select_of_counts_and_one_of_examples(postgres: There, server: str) -> None:
    postgres.run("CREATE TABLE logged AS SELECT g AS id, g % 7 AS x, 'a' || g AS s FROM generate_series(1, 50) AS s(g)")
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("unique", {}),
        ("not_null", {}),
        ("mean", {"at_least": 1}),
        ("in_set", {"values": [1, 2]}),
    ]
    rules = [{"check": check, "column": c, **more} for check, more in kinds for c in ("x", "id")]
    rules += [{"check": "regex", "column": "s", "pattern": f"a{n}", "name": f"{n}"} for n in range(60)]
    postgres.run("ALTER ROLE checker SET log_statement = 'all'")
    try:
        found = judge(None, *rules, source=postgres.source("logged"))
    finally:
        postgres.run("ALTER ROLE checker RESET log_statement")
    assert found.row_count == 50
    asked = statements_of(server, 'FROM "logged"')
    counts = [one for one in asked if "UNION ALL" not in one]
    assert (len(counts), len(asked) - len(counts)) == (1, 1)


def test_more_counts_than_a_select_can_have_are_asked_for_in_few(
    there: There, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """PostgreSQL gives 1,664 columns at most: what is more is asked for in parts, and not for each rule."""
    there.run("CREATE TABLE parted AS SELECT g AS x, g % 3 AS y FROM generate_series(1, 20) AS s(g)")
    kinds: dict[str, dict[str, Any]] = {"unique": {}, "mean": {"at_least": 99}, "in_range": {"min": 3}}
    kinds |= {"distinct_count": {"min": 5}, "not_null": {}}
    rules = [{"check": check, "column": c, **more} for check, more in kinds.items() for c in ("x", "y")]
    config = CheckConfig(rules=parse_rules(rules), source=there.source("parted"))

    def counted() -> tuple[int, list[tuple[Any, ...]]]:
        frame = open_source(None, config, now=NOW, history=lambda window: []).frame
        assert isinstance(frame, TableFrame)
        found = verdict(engine_judge(config, frame), config, frame)["rules"]
        return len([one for one in frame.statements if "UNION ALL" not in one]), [told(rule) for rule in found]

    one, whole = counted()
    monkeypatch.setattr(Dialect, "MOST", 8)
    monkeypatch.setattr(PostgreSQL, "MOST", 8)
    few, parts = counted()
    assert parts == whole
    assert (one, few) == (1, 3)


def test_settings_of_a_role_change_no_verdict(postgres: There, server: str) -> None:
    """Zones, and how a role likes its dates, intervals and bytes, are those of the transaction."""
    postgres.run(
        "CREATE TABLE settled AS SELECT '2024-06-01 23:30+00'::timestamptz AS at, '1 day 2 hours'::interval AS took, "
        "NULL::integer AS x, '2024-06-01'::date AS d"
    )
    rules: list[dict[str, Any]] = [
        {"check": "expression", "expression": "EXTRACT(hour FROM at) = 23"},
        {"check": "equal", "column": "took", "value": "1 day 02:00:00"},
        {"check": "in_range", "column": "d", "min": "2024-06-01", "max": "2024-06-01"},
        {"check": "freshness", "column": "at", "max_age": "1h", "max_ahead": "12h"},
        {"check": "not_future", "column": "at"},
    ]
    odd_ones = ("TimeZone = 'Asia/Tokyo'", "DateStyle = 'German, DMY'", "IntervalStyle = 'sql_standard'")
    before = judge(None, *rules, source=postgres.source("settled"))
    postgres.run(*(f"ALTER ROLE checker SET {one}" for one in odd_ones))
    try:
        after = judge(None, *rules, source=postgres.source("settled"))
    finally:
        postgres.run("ALTER ROLE checker RESET ALL")
    assert [rule.failed_count for rule in before.rules] == [0, 0, 0, 0, 1]
    assert [told(rule) for rule in after.rules] == [told(rule) for rule in before.rules]


@pytest.mark.parametrize("kind", ["table", "sql"])
def test_texts_are_what_they_are_whatever_encoding_a_client_is_told(
    postgres: There, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A role, or the environment, may have it that clients read and write another encoding than UTF-8.

    The driver reads the names of all columns at first, which may have letters that the other encoding has not.
    """
    postgres.run("CREATE TABLE IF NOT EXISTS umlauts AS SELECT unnest(ARRAY['ä', 'ö']) AS s")
    postgres.run('CREATE TABLE IF NOT EXISTS "smile" ("😀" integer)')
    rules: list[dict[str, Any]] = [
        {"check": "in_set", "column": "s", "values": ["ä", "ö"]},
        {"check": "not_in_set", "column": "s", "values": ["ä"]},
    ]
    source = postgres.source("umlauts") | {"kind": kind}
    before = judge(None, *rules, source=source)
    assert [rule.failed_count for rule in before.rules] == [0, 1]
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    assert [told(rule) for rule in judge(None, *rules, source=source).rules] == [told(rule) for rule in before.rules]
    monkeypatch.delenv("PGCLIENTENCODING")
    postgres.run("ALTER ROLE checker SET client_encoding = 'LATIN1'")
    try:
        after = judge(None, *rules, source=source)
    finally:
        postgres.run("ALTER ROLE checker RESET ALL")
    assert [told(rule) for rule in after.rules] == [told(rule) for rule in before.rules]
    assert [len(rule.samples) for rule in after.rules] == [0, 1]


REPLACING = {
    "truncated": ("TRUNCATE {0}", "INSERT INTO {0} SELECT generate_series(1, 9)"),
    "made anew": ("DROP TABLE {0} CASCADE", "CREATE TABLE {0} AS SELECT generate_series(1, 9) AS id"),
    "swapped": (
        "CREATE TABLE {0}_new AS SELECT generate_series(1, 9) AS id",
        "ALTER TABLE {0} RENAME TO {0}_old",
        "ALTER TABLE {0}_new RENAME TO {0}",
        "DROP TABLE {0}_old CASCADE",
    ),
    "altered": ("ALTER TABLE {0} ALTER id TYPE bigint",),
}
VIEW = "CREATE OR REPLACE VIEW both_loaded AS SELECT id FROM loaded UNION ALL SELECT id FROM loaded"


def while_it_is_locked(server: str, table: str, statements: tuple[str, ...], ask: Callable[[], CheckResult]) -> Any:
    """What is asked for while another session replaces a table, which it ends once it is waited for."""
    with closing(postgresql.connect(server)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(ask)
            until = time.monotonic() + 60
            while True:
                cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
                if cursor.fetchall()[0][0]:
                    break
                assert time.monotonic() < until
                time.sleep(0.05)
            for statement in statements:
                cursor.execute(statement.format(table))
            connection.commit()
            return found.result(60)


@pytest.mark.parametrize("kind", ["table", "sql"])
@pytest.mark.parametrize(("asked", "way"), [*(("loaded", way) for way in REPLACING), ("both_loaded", "truncated")])
def test_a_table_that_is_replaced_while_it_is_waited_for_is_judged_as_it_is_afterwards(
    postgres: There, server: str, kind: str, asked: str, way: str
) -> None:
    """Its rows of the moment before are gone, so that it looks empty to whoever began sooner."""
    make = "CREATE TABLE loaded AS SELECT generate_series(1, 9) AS id"
    postgres.run("DROP TABLE IF EXISTS loaded CASCADE", make, *([VIEW] if asked == "both_loaded" else []))
    source = postgres.source(asked) | {"kind": kind}
    rules = ({"check": "positive", "column": "id"}, {"check": "row_count", "min": 1})
    found = while_it_is_locked(server, "loaded", REPLACING[way], lambda: judge(None, *rules, source=source))
    assert (found.status.value, found.row_count) == ("PASSED", 9 if asked == "loaded" else 18), found.reason


def test_a_reference_that_is_replaced_while_it_is_waited_for_fails_no_row(postgres: There, server: str) -> None:
    for name in ("orders_of", "customers_of"):
        postgres.run(f"DROP TABLE IF EXISTS {name}", f"CREATE TABLE {name} AS SELECT generate_series(1, 9) AS id")
    reference = {"reference": postgres.source("customers_of"), "reference_column": "id"}
    rules = ({"check": "referential_integrity", "column": "id", **reference}, {"check": "positive", "column": "id"})
    statements = REPLACING["truncated"]
    found = while_it_is_locked(
        server, "customers_of", statements, lambda: judge(None, *rules, source=postgres.source("orders_of"))
    )
    assert [rule.status.value for rule in found.rules] == ["ERROR", "PASSED"]
    assert "customers_of was replaced while it was waited for" in found.rules[0].message
    assert found.rules[0].message.endswith("; run this again")


@pytest.mark.parametrize("kind", ["table", "sql"])
def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str) -> None:
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    monkeypatch.setitem(PATIENCE, "connect_timeout", 2)
    with socket.socket() as there:
        there.bind(("127.0.0.1", 0))
        there.listen()
        monkeypatch.setenv("THERE", f"postgresql://u:hush@127.0.0.1:{there.getsockname()[1]}/d")
        source = {"kind": kind, "connection": "env:THERE", "table": "t"}
        found = judge(None, {"check": "positive", "column": "x"}, source=source)
    assert (found.status.value, found.retry_helps) == ("ERROR", True)
    assert "timeout expired; see that the server runs" in str(found.reason)


def test_how_long_a_server_is_waited_for_is_what_the_address_says(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = "connect_timeout=30&keepalives_idle=60&keepalives_interval=10&keepalives_count=6&client_encoding=UTF8"
    assert patient("postgresql://h/d") == f"postgresql://h/d?{whole}"
    assert patient("postgresql://h/d?") == f"postgresql://h/d?{whole}"
    assert patient("postgresql://h/d?sslmode=require") == f"postgresql://h/d?sslmode=require&{whole}"
    assert "connect_timeout=30" not in patient("postgresql://h/d?connect_timeout=3")
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "3")
    assert "connect_timeout" not in patient("postgresql://h/d")
    assert patient("postgresql:///?service=shop") == "postgresql:///?service=shop"


@pytest.mark.parametrize("name", ["connection", "parts", "url", "root", "duckdb", "pl"])
@pytest.mark.parametrize("kind", ["table", "sql"])
def test_a_table_of_the_name_of_a_variable_is_none(duck: There, kind: str, name: str) -> None:
    found = judge(None, {"check": "positive", "column": "x"}, source=duck.source(name) | {"kind": kind})
    assert f"Table with name {name} does not exist" in str(found.reason)


def test_a_file_that_this_process_has_open_to_write_says_what_to_do(duck: There, file: Path) -> None:
    with closing(duckdb.connect(str(file))):
        found = judge(None, {"check": "positive", "column": "x"}, source=duck.source("t"))
    assert "; close the other connection of this process to the file" in str(found.reason)


@pytest.fixture(scope="module")
def reader(server: str) -> str:
    """The address of a user who may read one column of one table."""
    execute(server, f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'", "CREATE TABLE part (a integer, b integer)")
    execute(server, "INSERT INTO part VALUES (1, 2), (2, 3)", "GRANT SELECT (a) ON part TO reader")
    execute(server, "CREATE TABLE closed (a integer)")
    return server.replace("//checker:", "//reader:")


def test_what_a_user_may_not_read_is_an_error_of_the_rules_that_read_it(
    postgres: There, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THERE", reader)
    rules = [{"check": "positive", "column": column} for column in ("a", "b")]
    found = judge(None, *rules, source=postgres.source("part"))
    assert [rule.status.value for rule in found.rules] == ["PASSED", "ERROR"]
    assert found.rules[1].message.endswith(
        "permission denied for table part; grant its user SELECT on what the rules read"
    )
    closed = judge(None, rules[0], source=postgres.source("closed"))
    assert "closed of env:THERE cannot be judged: permission denied for table closed; grant" in str(closed.reason)


def test_what_the_server_says_is_told_with_what_to_do_and_without_the_password(
    postgres: There, server: str, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(
        server,
        "CREATE FUNCTION die(x integer) RETURNS integer LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN x; END'",
        "CREATE FUNCTION sleep(x integer) RETURNS integer LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_sleep(9); RETURN x; END'",
        "CREATE VIEW dying AS SELECT die(x) AS x FROM generate_series(1, 3) AS g(x)",
        "CREATE VIEW slow AS SELECT sleep(x) AS x FROM generate_series(1, 3) AS g(x)",
    )
    wrong = server.replace(QUOTED, "oh-so-wrong")
    slow = f"{server}?options=-c%20statement_timeout%3D200"
    hurried = f"{server}?options=-c%20statement_timeout%3D1"
    for url, table, said, todo in (
        (wrong, "dying", "password authentication failed for user", "write the user's password"),
        (re.sub(r":\d+/", ":1/", server), "dying", "Connection refused", "see that the server runs"),
        (server, "dying", "terminating connection", "see why the server ended the connection"),
        (slow, "slow", "canceling statement due to statement timeout", "raise the user's statement_timeout"),
        (
            hurried,
            "slow",
            "canceling statement due to",
            "raise the user's statement_timeout",
        ),
    ):
        monkeypatch.setenv("THERE", url)
        found = judge(None, {"check": "positive", "column": "x"}, source=postgres.source(table))
        (rule,) = found.rules
        assert (found.status.value, rule.failed_count) == ("ERROR", 0)
        assert said in rule.message
        assert todo in rule.message
        assert "\n" not in rule.message
        assert not [word for word in (PASSWORD, QUOTED, "oh-so-wrong", "SELECT ") if word in rule.message.split(";")[0]]


@pytest.mark.parametrize("kind", ["table", "sql"])
def test_a_file_that_is_being_written_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    writes = (
        "import duckdb, sys; c = duckdb.connect('w.duckdb'); c.execute('CREATE TABLE t (x int)'); print(flush=True); "
    )
    command = [sys.executable, "-c", f"{writes} sys.stdin.read()"]
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        source = {"kind": kind, "connection": "duckdb:///w.duckdb", "table": "t"}
        found = judge(None, {"check": "positive", "column": "x"}, source=source)
        writer.communicate()
    assert (found.status.value, found.retry_helps) == ("ERROR", True)
    assert str(found.reason).endswith("; run this again once the process that writes the file has closed it")


CODED = {"@": "%40", "/": "%2F", "?": "%3F", "#": "%23", "[": "%5B", " ": "%20", "%": "%25"}


@pytest.mark.parametrize("kind", ["table", "sql"])
@pytest.mark.parametrize("word", ["hush@now", "hush/now", "h@/?#[]%&= now", "a:b@c/d", "hush now", "1?hush", "100%ok"])
def test_no_part_of_a_password_is_told_whose_signs_are_not_coded(
    postgres: There, server: str, monkeypatch: pytest.MonkeyPatch, kind: str, word: str
) -> None:
    told = []
    for written in (word, "".join(CODED.get(sign, sign) for sign in word)):
        monkeypatch.setenv("THERE", f"POSTGRESQL://nobody:{written}@{server.partition('@')[2]}")
        found = judge(None, {"check": "positive", "column": "x"}, source=postgres.source("part") | {"kind": kind})
        assert not [part for part in re.split(r"[@/?#\[\]%&= ]", word) if part and f'"{part}' in str(found.reason)]
        told.append(str(found.reason))
    assert "password authentication failed" in told[1]
    assert "write the user's password" in told[1]
    for said in ("could not translate host name", "on option", "URI query"):
        assert said not in told[0]


def test_what_a_database_says_is_told_where_its_address_is_plain() -> None:
    said = 'relation "orders" does not exist'
    for url in ("postgresql://u:p@h/orders?application_name=a@b", "postgresql://h/orders", "duckdb:///orders.duckdb"):
        assert masked(said, url) == said
