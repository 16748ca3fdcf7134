"""A SQL condition speaks of a row: nothing is read or fetched for it, when a contract is loaded and ever after."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import permutations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from checking import judge, judge_one
from hypothesis import given, settings
from hypothesis import strategies as st

from quality.engine.frame import Frame, Surroundings
from quality.engine.judge import judge as judge_rules
from quality.engine.request import Request
from quality.engine.sql import condition
from quality.errors import ConfigurationError
from quality.learning.challenge import not_passed
from quality.learning.review import broken
from quality.rules.catalogue import parse_rule, parse_rules
from quality.values import Status


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """An address that hears who asks for it."""
    heard: list[str] = []

    class Ear(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET  # noqa: N815 - the names are the server's

    server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()  # ends at once
    yield f"http://127.0.0.1:{server.server_port}/secret", heard
    server.shutdown()
    server.server_close()


QUERIES = [
    "(SELECT nosuch FROM read_csv('{}')) > 0",
    "a IN (SELECT x FROM read_csv('{}'))",
    "a IN (select x from read_parquet('{}.parquet'))",
    "EXISTS (SELECT 1 FROM read_csv('{}'))",
    "NOT EXISTS(FROM read_csv('{}'))",
    "a IN (FROM read_csv('{}'))",
    "a > ANY (SELECT x FROM read_ndjson('{}'))",
    "a = ALL(SeLeCt x FROM read_ipc('{}'))",
    "(WITH q AS (SELECT * FROM read_csv('{}')) SELECT x FROM q) = 1",
    "a IN (WITH q AS (FROM read_csv('{}')) FROM q)",
    "a IN (VALUES (1), (2))",
    "a > 1 AND (\n\tSELECT\u00a0max(x)\u2003FROM read_csv('{}')) > 0",
    "(/* x */ SELECT /**/ x FROM read_csv('{}')) > 0",
    "(SEL/**/ECT x FROM read_csv('{}')) > 0",
    "a > 1 -- it's\n AND (SELECT x FROM read_csv('{}')) > 0 -- '",
    "/* ' */ (SELECT x FROM read_csv('{}')) > 0 /* ' */",
    "/* \" */ (SELECT x FROM read_csv('{}')) > 0 /* \" */",
    "/* /* ' */ */ (SELECT x FROM read_csv('{}')) > 0 /* ' */",
    "name = 'a\\' AND (SELECT x FROM read_csv('{}')) > 0 AND name = 'b'",
    "$$ ' $$ = (SELECT x FROM read_csv('{}')) OR name = ' '",
    "0xSELECT x FROM read_csv('{}')",
    "CASE WHEN (SELECT x FROM read_csv('{}')) > 0 THEN TRUE ELSE FALSE END",
    "a BETWEEN 1 AND (SELECT max(x) FROM read_csv('{}'))",
    "((((SELECT x FROM read_csv('{}'))))) > 1",
    "coalesce((SELECT x FROM read_csv('{}')), 1) > 0",
    "read_csv('{}') > 0",
    "a IN read_csv('{}')",
    "a > 1 UNION SELECT x FROM read_csv('{}')",
    "a > 1; SELECT x FROM read_csv('{}')",
    "SELECT x FROM read_csv('{}')",
]


@pytest.mark.parametrize("field", ["expression", "where"])
@pytest.mark.parametrize("sql", QUERIES)
def test_a_query_within_a_condition_is_refused_and_nothing_is_fetched_or_opened(
    sql: str, field: str, listener: tuple[str, list[str]], tmp_path: Path
) -> None:
    address, heard = listener
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)  # whoever opens it waits for ever
    for target in (address, str(pipe)):
        rule = {"check": "expression", "expression": "a > 1", field: sql.replace("{}", target)}
        with pytest.raises(ConfigurationError, match="SQL") as refused:
            parse_rule(rule)
        assert "\n" not in str(refused.value)
        with pytest.raises(ConfigurationError):
            condition(sql.replace("{}", target))
    assert heard == []


@pytest.mark.parametrize(
    "sql",
    [
        "\"select\" > 1 AND name = 'SELECT x FROM y' AND `from` IS NOT NULL",
        "name <> 'it''s (select)' AND a > 1 -- only what was bought",
        "EXTRACT(year FROM day) > 2000 AND a IS DISTINCT FROM b",
        "TRIM(BOTH 'x' FROM name) = 'a' OR SUBSTRING(name FROM 1 FOR 2) = 'ab'",
        "day >= DATE '2024-01-01' AND day < CAST('2025-01-01' AS DATE)",
        "CASE WHEN a > 1 AND b > 1 THEN TRUE ELSE FALSE END AND a BETWEEN 1 AND 2 OR NOT (b > 1)",
        "LPAD(name, 5, '0') = name AND a IN (1, 2, 3)",
        "name ~ '^[a-z]+$' AND name NOT LIKE '[%' AND b * 2 > 1 AND name <> '(*'",
    ],
)
def test_words_of_a_query_may_be_names_and_texts(sql: str) -> None:
    rule = parse_rule({"check": "expression", "expression": sql})
    assert isinstance(condition(sql), pl.Expr)
    assert rule.title


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("LPAD(name, 2000000000, 'x') = 'a'", "lpad takes a number up to 10,000 as its length"),
        ("RPAD(name, a, 'x') = 'a'", "rpad takes a number up to 10,000"),
        ("RPAD(CONCAT(name, 'b'), 1e9) = 'a'", "rpad takes a number up to 10,000"),
        ("(" * 60 + "a > 1" + ")" * 60, "nested deeper than 40 brackets"),
        (" AND ".join(["a > 1"] * 3000), "connects more than 2,000 conditions"),
        ("name = '" + "x" * 200_000 + "'", "at most 100,000 are read"),
        ("a > 0x1F", "a number runs into a word"),
        ("a > avg(a)", "speaks of several rows at once (mean)"),
        ("name = 'x", "a quote is not closed"),
        ("a > 1 AND name ~ '[a'", "cannot read the pattern '[a'"),
        ("name !~* '(a' OR a > 1", "cannot read the pattern '(a'"),
        ("REGEXP_LIKE(name, '*a')", "cannot read the pattern '*a'"),
        ("name RLIKE 'a{2,1}'", "cannot read the pattern 'a{2,1}'"),
    ],
    ids=[
        "lpad",
        "length of a column",
        "float",
        "deep",
        "long",
        "huge",
        "hex",
        "mean",
        "open quote",
        "~",
        "!~*",
        "regexp_like",
        "rlike",
    ],
)
def test_a_condition_that_no_row_can_bear_is_refused_when_it_is_read(sql: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_rule({"check": "expression", "expression": sql})
    assert said in str(refused.value)
    assert len(str(refused.value)) < 400


def test_a_thousand_conditions_are_read_and_judged_at_once() -> None:
    began = time.monotonic()
    sql = " AND ".join(f"a > {n}" for n in range(1000))
    result = judge_one(pl.DataFrame({"a": [5, 1000]}), {"check": "expression", "expression": sql, "name": "many"})
    assert (result.failed_count, result.total_count) == (1, 2)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    "sql",
    [
        "a > 1 AND b < 5 OR NOT a > 2 AND b > 1",
        "a BETWEEN 1 AND 2 AND b BETWEEN 2 AND 4 OR a = 3",
        "CASE WHEN a > 1 AND b > 1 THEN a > 2 ELSE b > 2 END AND a > 0 OR b = 1",
        "NOT a > 1 AND b > 1 AND (a > 2 OR b > 3)",
        "a NOT BETWEEN 1 AND 2 AND b > 1",
    ],
)
def test_a_condition_that_is_cut_at_its_connectors_means_the_same(sql: str) -> None:
    values = [None, 0, 1, 2, 3, 5]
    data = pl.DataFrame({"a": values * 6, "b": [b for b in values for _ in values]})
    assert data.select(x=condition(sql)).equals(data.select(x=pl.sql_expr(sql)))


MEANT: dict[str, list[bool | None]] = {
    "b IS TRUE": [True, False, False],
    "b IS FALSE": [False, False, True],
    "b IS NOT TRUE": [False, True, True],
    "NOT b IS NOT FALSE": [False, False, True],
    "b IS FALSE OR b = TRUE": [True, None, True],
    "(n > 1 IS TRUE) = TRUE AND b IS NOT FALSE": [False, False, False],
    "CASE WHEN b IS NOT TRUE THEN n IS NULL ELSE b = TRUE END": [True, True, False],
    "POSITION('.' IN s) > 0": [False, None, True],
    "STRPOS(s, '(') = 0": [True, None, False],
    "STRPOS(s, part) > 0": [True, None, None],
    "(b IS DISTINCT FROM (n > 1)) AND n > 0": [True, False, True],
    "b IS DISTINCT FROM FALSE AND n > 0 OR b": [True, None, False],
}
"""What SQL answers of the rows below."""


@pytest.mark.parametrize("sql", MEANT)
def test_a_condition_means_what_sql_means_by_it(sql: str) -> None:
    rows = {"b": [True, None, False], "n": [1, None, 2], "s": ["ab", None, "a.(b"], "part": ["b", "b", None]}
    wanted = MEANT[sql]
    found = judge(
        pl.DataFrame(rows), {"check": "expression", "expression": sql}, {"check": "row_count", "min": 0, "where": sql}
    )
    by_row, inside = found.rules
    assert (by_row.failed_count, by_row.total_count) == (wanted.count(False), 3 - wanted.count(None)), by_row.message
    assert inside.value == wanted.count(True)


@pytest.mark.parametrize(
    "sql",
    [
        "(b IS DISTINCT FROM c OR n > 1)",
        "CASE WHEN b IS NOT DISTINCT FROM c AND n > 1 THEN b ELSE c END",
        "NOT ((b IS DISTINCT FROM c) AND (c IS DISTINCT FROM b AND n > 1))",
    ],
)
def test_what_distinct_from_would_take_in_is_refused(sql: str) -> None:
    with pytest.raises(ConfigurationError, match=r"write \(a IS DISTINCT FROM b\) (OR|AND) …"):
        parse_rule({"check": "expression", "expression": sql})


@pytest.mark.parametrize(
    "sql",
    [
        "(a IS DISTINCT FROM b) OR a > 1",
        "CASE WHEN a IS DISTINCT FROM b THEN a > 1 AND b > 1 END",
        "COALESCE(a IS DISTINCT FROM b, a > 1 AND b > 1)",
        "(a IS DISTINCT FROM (b)) AND (a > 1 OR b > 1)",
    ],
)
def test_distinct_from_within_its_own_brackets_is_read(sql: str) -> None:
    assert parse_rule({"check": "expression", "expression": sql}).title


@pytest.mark.parametrize(
    ("column", "sql", "said"),
    [
        (pl.Date(), "d > '2024-01-01'", "write DATE '2024-01-31'"),
        (pl.Datetime("us"), "d > '2024-01-01'", "write DATE '2024-01-31' or TIMESTAMP"),
        (pl.Datetime("us", "UTC"), "d < NOW()", "write TIMESTAMPTZ '2024-01-31 12:00:00+00:00'"),
        (pl.Datetime("us", "UTC"), "d > TIMESTAMP '2024-01-01 00:00:00'", "write TIMESTAMPTZ"),
    ],
    ids=str,
)
def test_a_date_that_is_a_text_is_answered_with_what_to_write(column: pl.DataType, sql: str, said: str) -> None:
    data = pl.DataFrame({"d": [None]}, schema={"d": column})
    result = judge(data, {"check": "expression", "expression": sql})
    assert result.status is Status.ERROR
    assert said in result.rules[0].message
    assert "cannot compare" not in result.rules[0].message


@pytest.mark.parametrize(
    ("column", "sql"),
    [
        (pl.Date(), "d > DATE '2024-01-31'"),
        (pl.Datetime("us"), "d > TIMESTAMP '2024-01-31 12:00:00'"),
        (pl.Datetime("us", "UTC"), "d > TIMESTAMPTZ '2024-01-31 12:00:00+00:00'"),
    ],
    ids=str,
)
def test_what_the_answer_says_works(column: pl.DataType, sql: str) -> None:
    data = pl.DataFrame({"d": ["2024-05-01"]}).select(pl.col("d").str.to_datetime().cast(pl.Datetime("us")))
    typed = data.select(pl.col("d").dt.replace_time_zone(getattr(column, "time_zone", None)).cast(column))
    assert judge(typed, {"check": "expression", "expression": sql}).status is Status.PASSED


RANGES = {
    "i8": (pl.Int8, -(2**7), 2**7 - 1),
    "i64": (pl.Int64, -(2**63), 2**63 - 1),
    "u8": (pl.UInt8, 0, 2**8 - 1),
    "u32": (pl.UInt32, 0, 2**32 - 1),
    "u64": (pl.UInt64, 0, 2**64 - 1),
}
ROW = st.fixed_dictionaries(
    {name: st.sampled_from([low, low + 1, 0, 1, 100, high, None]) for name, (_, low, high) in RANGES.items()}
)
FACTORS = st.sampled_from(["i8", "i64", "u8", "u32", "2", "300", "-1"])
TERMS = st.one_of(
    st.sampled_from([*RANGES, "1", "-1", "128", "70000"]),
    st.builds("({} * {})".format, FACTORS, FACTORS.filter(lambda factor: factor != "i64")),
    st.builds("(-{})".format, st.sampled_from([*RANGES])),
    st.builds("abs({})".format, st.sampled_from([*RANGES])),
)
SUMS = st.recursive(TERMS, lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from("+-"), inner))
CONDITIONS = st.builds("{} {} {}".format, SUMS, st.sampled_from(["<", "<=", ">", ">=", "=", "<>"]), SUMS).filter(
    lambda one: any(name in one for name in RANGES)
)
"""The same in SQL and, but for two signs, in Python, whose numbers have no bounds; none has more than 38 digits."""


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(ROW, min_size=1, max_size=12), conditions=st.lists(CONDITIONS, min_size=8, max_size=8, unique=True)
)
def test_whole_numbers_of_a_condition_do_not_wrap(rows: list[dict[str, int | None]], conditions: list[str]) -> None:
    frame = pl.DataFrame(rows, schema={name: dtype for name, (dtype, _, _) in RANGES.items()})
    rules: list[dict[str, Any]] = []
    rules += [{"check": "expression", "expression": one, "name": f"rows {n}"} for n, one in enumerate(conditions)]
    rules += [{"check": "row_count", "min": 0, "where": one, "name": f"where {n}"} for n, one in enumerate(conditions)]
    found = {rule.rule_name: rule for rule in judge(frame, *rules).rules}
    for number, one in enumerate(conditions):
        written = one.replace("<>", "!=").replace(" = ", " == ")
        reads = [
            name for name in RANGES if name in written.replace("(", " ").replace(")", " ").replace("-", " ").split()
        ]
        answers = [eval(written, {}, row) for row in rows if all(row[name] is not None for name in reads)]
        by_row, inside = found[f"rows {number}"], found[f"where {number}"]
        counted = len(answers) - sum(answers), len(answers), sum(answers)
        assert (by_row.failed_count, by_row.total_count, inside.value or 0) == counted, (one, by_row, inside)


NIGHT = datetime(2024, 3, 31, tzinfo=UTC)
"""In Berlin, clocks are put forward in this one."""
NEAR = st.sampled_from([0, 1, 999, 1_000, 1_000_000, -1, 3_600 * 10**9, -3_600 * 10**9, 86_400 * 10**9])
"""Nanoseconds from the night on."""
FAR = st.sampled_from([datetime(1, 1, 1), datetime(9999, 12, 31)])
UNITS = {"day": 86_400 * 10**9, "ms": 10**6, "us": 10**3, "ns": 1, "berlin": 10**3, "tokyo": 10**6}
"""Columns, and the nanoseconds that each can tell apart."""
MOMENTS: dict[str, pl.DataType] = {
    "day": pl.Date(),
    **{unit: pl.Datetime(unit) for unit in ("ms", "us", "ns")},
    "berlin": pl.Datetime("us", "Europe/Berlin"),
    "tokyo": pl.Datetime("ms", "Asia/Tokyo"),
}
NAIVE, ZONED = ("day", "ms", "us", "ns"), ("day", "berlin", "tokyo")


def since_1970(moment: datetime) -> int:
    whole = moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return whole // timedelta(microseconds=1) * 1_000


def cell(column: str, made: datetime | int) -> int | None:
    """Nanoseconds since 1970, as the column can have them."""
    at = made + since_1970(NIGHT) if isinstance(made, int) else since_1970(made)
    return at // UNITS[column] * UNITS[column] if column != "ns" or -(2**63) < at < 2**63 else None


def begins(day: int, zone: str) -> int:
    """When a day begins in a zone."""
    return int(datetime.fromtimestamp(day // 10**9, UTC).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 10**9


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.fixed_dictionaries(dict.fromkeys(UNITS, st.none() | NEAR | FAR)), min_size=1, max_size=8))
def test_moments_of_a_condition_are_compared_whatever_their_units(rows: list[dict[str, Any]]) -> None:
    held = [{name: None if made is None else cell(name, made) for name, made in row.items()} for row in rows]
    frame = pl.DataFrame(
        [
            pl.Series(name, [None if (at := row[name]) is None else at // UNITS[name] for row in held], pl.Int64)
            .cast(pl.Int32 if name == "day" else pl.Int64)
            .cast(dtype)
            for name, dtype in MOMENTS.items()
        ]
    )
    pairs = {*permutations(NAIVE, 2), *permutations(ZONED, 2)}
    asked = [(left, sign, right) for left, right in sorted(pairs) for sign in ("<", "<=", "=")]
    rules = [{"check": "expression", "expression": " ".join(one), "name": " ".join(one)} for one in asked]
    for rule, (left, sign, right) in zip(judge(frame, *rules).rules, asked, strict=True):
        zone = next((MOMENTS[name].time_zone for name in (left, right) if name in ("berlin", "tokyo")), None)  # type: ignore[attr-defined]
        answers = []
        for row in held:
            one, other = (
                begins(at, zone) if zone and name == "day" and at is not None else at
                for name, at in ((left, row[left]), (right, row[right]))
            )
            if one is not None and other is not None:
                answers.append({"<": one < other, "<=": one <= other, "=": one == other}[sign])
        assert (rule.failed_count, rule.total_count) == (answers.count(False), len(answers)), (rule, held)


@pytest.mark.parametrize(
    "sql",
    [
        "h BETWEEN 0.1 AND 0.3",
        "NOT h NOT BETWEEN 0.3 AND 0.3",
        "-h BETWEEN -0.3 AND 0",
        "NULLIF(h, 0.3) IS NULL",
        "COALESCE(h, 0.5) = 0.3",
        "GREATEST(h, 0.1) = 0.3",
        "CASE WHEN h IS NULL THEN 0.5 ELSE h END = h",
        "h IN (0.3, 5)",
    ],
)
def test_a_fraction_beside_floats_of_32_bits_is_one_of_them_wherever_it_stands(sql: str) -> None:
    """As in a bound of a rule, and as in `h = 0.3`."""
    data = pl.DataFrame({"h": pl.Series([0.3], dtype=pl.Float32)})
    result = judge(data, {"check": "expression", "expression": sql})
    assert (result.status, result.rules[0].total_count) == (Status.PASSED, 1), result.rules[0].message


@pytest.mark.parametrize("branches", [20, 100, 700])
def test_many_branches_are_judged_or_refused_in_a_sentence(branches: int) -> None:
    """Where nothing could be cut, as many as Polars reads; elsewhere as many as it writes down and reads again."""
    data = pl.DataFrame({"day": [date(2024, 1, 1)], "b": [True], "c": ["z"]})
    cases = " ".join(f"WHEN c = 'k{n}' THEN day > DATE '2023-01-{n % 28 + 1:02}'" for n in range(branches))
    plain = judge(data, {"check": "expression", "expression": f"CASE {cases} ELSE b END"})
    assert plain.status is Status.PASSED
    deep = {"check": "expression", "expression": f"CASE {cases} ELSE b IS TRUE END"}
    if branches == 20:
        assert judge(data, deep).status is Status.PASSED
        return
    with pytest.raises(ConfigurationError, match="nests more operators than can be read; write it as several rules"):
        judge(data, deep)


MOMENTS_OF_ONE_ROW = pl.DataFrame(
    {"day": [date(2024, 1, 1)], "late": [datetime(2024, 1, 1, 0, 30)], "lasted": [timedelta(hours=5)]}
).with_columns(
    ms=pl.lit(datetime(2024, 1, 1)).cast(pl.Datetime("ms")),
    us=pl.lit(datetime(2024, 1, 1, 0, 0, 0, 1)),
    ns=pl.lit(1_704_067_200_000_000_500).cast(pl.Datetime("ns")),
    berlin=pl.lit(datetime(2023, 12, 31, 23, tzinfo=UTC)).dt.convert_time_zone("Europe/Berlin"),
    apia=pl.lit(datetime(2011, 12, 30, 10, tzinfo=UTC)).dt.convert_time_zone("Pacific/Apia"),
    short=pl.lit(timedelta(microseconds=1)),
    none=pl.lit(timedelta()).cast(pl.Duration("ms")),
    ever=pl.lit(date(9999, 12, 31)),
)


@pytest.mark.parametrize(
    "sql",
    [
        "ms < TIMESTAMP '2024-01-01 00:00:00.0005'",
        "ms <> TIMESTAMP '2024-01-01 00:00:00.0005'",
        "ns > TIMESTAMP '2024-01-01 00:00:00'",
        "NOT us BETWEEN ms AND ms",
        "us NOT IN (ms, day)",
        "GREATEST(us, ms) > ms",
        "LEAST(ms, us) < us",
        "COALESCE(us, ms) > ms",
        "CASE WHEN lasted IS NULL THEN ms ELSE us END > ms",
        "us - ms > INTERVAL '0 seconds'",
        "us IS DISTINCT FROM ms",
        "NULLIF(us, ms) IS NOT NULL",
        "short > none",
        "ever > ns",
        "ever >= DATE '9999-12-31' AND ns < DATE '9999-12-31'",
        "berlin >= DATE '2024-01-01'",
        "berlin = day",
        "berlin IN (DATE '2024-01-01', DATE '2024-01-05')",
        "berlin NOT IN (DATE '2023-12-31', DATE '2024-01-05')",
        "apia >= DATE '2011-12-30'",
        "GREATEST(berlin, day) = day",
        "day + INTERVAL '1 hour' > late",
        "day + INTERVAL '1 day' = DATE '2024-01-02'",
        "day + lasted > late",
        "ms + INTERVAL '500 microseconds' > ms",
    ],
)
def test_moments_of_a_condition_are_not_cut(sql: str) -> None:
    result = judge(MOMENTS_OF_ONE_ROW, {"check": "expression", "expression": sql})
    assert (result.status, result.rules[0].total_count) == (Status.PASSED, 1), result.rules[0].message


@pytest.mark.parametrize(
    ("sql", "failing"),
    [
        ("LENGTH(name) - 3 < 0", 1),
        ("EXTRACT(MONTH FROM day) * 100 > 0", 0),
        ("COALESCE(small, 0) - 1 >= 0", 1),
        ("CASE WHEN day IS NULL THEN 0 ELSE small END - large <= 0", 0),
        ("POWER(small, 2) >= 0", 0),
        ("small < 2 * 300", 0),
        ("small + 100 * 3 > 1 - 2", 0),
        ("(small - large) / 2 < 0", 1),
        ("small - large BETWEEN -300 AND 0", 0),
        ("small - large IN (0, -1)", 1),
        ("small BETWEEN large - 300 AND large + 300", 0),
        ("small - half < 0.5", 1),
        ("CAST(small AS DOUBLE) - large <= 0", 0),
    ],
)
def test_what_functions_of_a_condition_count_does_not_wrap(sql: str, failing: int) -> None:
    columns = {"small": pl.UInt8, "large": pl.UInt16, "half": pl.Float32, "name": pl.String, "day": pl.Date}
    rows = [(200, 200, 199.5, "a", date(2024, 12, 31)), (0, 255, 0.0, "abcdef", date(2024, 1, 1))]
    found = judge_one(pl.DataFrame(rows, schema=columns, orient="row"), {"check": "expression", "expression": sql})
    assert (found.failed_count, found.total_count) == (failing, 2), found.message


def test_what_nests_too_deep_to_be_counted_is_told() -> None:
    sql = " + ".join(["a"] * 300) + " > 0"
    found = judge_one(pl.DataFrame({"a": [1]}), {"check": "expression", "expression": sql})
    assert (found.status, found.message) == (
        Status.ERROR,
        "the SQL nests more operators than can be read; write it as several rules",
    )


def test_a_rule_with_a_condition_is_found_among_the_broken_ones() -> None:
    rules = parse_rules(
        [
            {"check": "expression", "expression": "a - 2 >= 0"},
            {"check": "not_null", "column": "a", "where": "a - 1 < 1"},
            {"check": "non_negative", "column": "a"},
        ]
    )
    frame = pl.DataFrame({"a": [1, None]}, schema={"a": pl.UInt8})
    now = datetime(2026, 11, 27, tzinfo=UTC)
    around = Surroundings(references=lambda _: frame.lazy(), history=lambda _: [], now=now)
    assert not_passed(rules, frame, around) == {0}
    found = judge_rules(Request(rules=tuple(rules)), Frame(frame.lazy(), around))
    assert broken(found, rules).keys() == {0}
