"""A table with everything that databases read in their own ways, rules of every kind about it, and what is compared."""

from __future__ import annotations

import math
import random
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from checking import judge
from hypothesis import strategies as st

from quality.errors import ConfigurationError
from quality.result import CheckResult, RuleResult

TEXTS = [
    None,
    "",
    " ",
    "\t\n",
    "\u2003\u00a0",
    "a",
    "A",
    "abc",
    "äöü",
    "ß",
    "K",
    "\u212a",
    "x y",
    "x-1",
    "x1\n",
    "x1",
    "٣",
    "x٣",
]
TEXTS += [
    "a@ex.org",
    "a@ex.org\n",
    "a@b",
    "HTTPS://ex.org/ü?q#f",
    "http://a b",
    "ftp://x",
    "127.0.0.1",
    "256.1.1.1",
    "1.2.3",
]
TEXTS += [
    "2024-02-29",
    "2023-02-29",
    "2024-1-5",
    "29.02.2024",
    "+4930123456",
    "+0",
    "123e4567-e89b-12d3-a456-426614174000",
]
TEXTS += [
    "é\u0301",
    "a\u0301b",
    "'quoted'",
    '"',
    "\\d",
    "a\\b",
    "100%",
    "_",
    "NULL",
    "null",
    "NaN",
    "Thu, 29 Feb 2024",
    "Fri, 29 Feb 2024",
    "😀",
    "é😀",
    "1 k",
    "éx\n",
    "K\u017f",
    "a" * 300,
]
FLOATS = [None, math.nan, math.inf, -math.inf, 0.0, -0.0, 0.1, 0.3, 1.0, 1.5, 2.0, -2.5, 1e300, -1e-300, 1e15 + 0.3]
BIG = [None, 2**62, 2**62 + 1, 2**62 - 1, -(2**62), 2**53, 2**53 + 1, 0, 1, -1, 7, 24, 49, 50, 51, 2**63 - 1, -(2**63)]
DAYS = [
    None,
    *(date(2024, 5, 28) + timedelta(days=n) for n in range(8)),
    date(1969, 12, 31),
    date(9999, 12, 31),
    date(1, 1, 1),
]
MOMENTS = [
    None,
    *(datetime(2024, 5, 31, 23) + timedelta(microseconds=n * 7_777_777_777) for n in range(9)),
    datetime(1969, 12, 31, 23, 59, 59, 999_999),
]
AMOUNTS = [
    None,
    Decimal("0.00"),
    Decimal("-1.25"),
    Decimal("2.50"),
    Decimal("2.51"),
    Decimal("9999999999.99"),
    Decimal("-9999999999.99"),
]
KINDS: dict[str, Any] = {
    "rid": pl.Int64,
    "big": pl.Int64,
    "small": pl.Int16,
    "f": pl.Float64,
    "f4": pl.Float32,
    "calm": pl.Float64,
    "s": pl.String,
    "k": pl.String,
    "b": pl.Boolean,
    "d": pl.Date,
    "ts": pl.Datetime("us"),
    "at": pl.Datetime("us", "UTC"),
    "amount": pl.Decimal(12, 2),
}
SCHEMA = pl.Schema(KINDS)
CREATE = (
    "CREATE TABLE {} (rid bigint, big bigint, small smallint, f double precision, f4 real, calm double precision, "
    's {}, k varchar, b boolean, d date, ts timestamp, "at" timestamp with time zone, amount decimal(12, 2))'
)


ODD = "CREATE TABLE odd (rid bigint, odd {})"


def dirty(rows: int = 600, seed: int = 13) -> pl.DataFrame:
    pick = random.Random(seed)
    data = {
        "rid": list(range(rows)),
        "big": [pick.choice(BIG) for _ in range(rows)],
        "small": [pick.choice([None, *range(-3, 9), 32767, -32768]) for _ in range(rows)],
        "f": [pick.choice(FLOATS) for _ in range(rows)],
        "f4": [pick.choice([None, math.nan, math.inf, -math.inf, 0.3, 0.5, -0.0, 1.1]) for _ in range(rows)],
        "calm": [pick.choice([None, 900.5, *(pick.gauss(10, 2) for _ in range(9))]) for _ in range(rows)],
        "s": [pick.choice(TEXTS) for _ in range(rows)],
        "k": [f"key {n if n % 40 else 7}" for n in range(rows)],
        "b": [pick.choice([None, True, False]) for _ in range(rows)],
        "d": [pick.choice(DAYS) for _ in range(rows)],
        "ts": [pick.choice(MOMENTS) for _ in range(rows)],
        "at": [None if (one := pick.choice(MOMENTS)) is None else one.replace(tzinfo=UTC) for _ in range(rows)],
        "amount": [pick.choice(AMOUNTS) for _ in range(rows)],
    }
    return pl.DataFrame(data, schema=SCHEMA)


def other(data: pl.DataFrame) -> pl.DataFrame:
    """A table beside the dirty one: some rows are the same, some differ, some are missing and some are there twice."""
    theirs = dirty(seed=14)
    some = (data.head(200), data.slice(200, 100).with_columns(theirs["amount"].slice(200, 100)), theirs.slice(300, 200))
    return pl.concat([*some, data.head(3)]).with_columns(pl.col("small").cast(pl.Int64), pl.col("f4") + 0.25)


CREATE_OTHER = CREATE.replace("small smallint", "small bigint")
RECONCILED: list[dict[str, Any]] = [
    {"key": ["rid"]},
    {"key": ["rid"], "where": "b OR rid > 450"},
    *(
        {"key": ["rid"], "columns": [c], "tolerance": t}
        for c in ("small", "f", "f4", "calm", "big")
        for t in (0, 0.3, 2)
    ),
    *({"key": ["rid"], "columns": [c]} for c in ("s", "b", "d", "ts", "at", "amount")),
    {"key": ["k"], "columns": ["rid", "s"]},
    {"key": ["small", "b"], "columns": ["rid"]},
    *({"key": [c], "columns": ["b"]} for c in ("f", "f4", "s", "d", "ts", "at", "amount", "big")),
    {"key": ["rid", "s", "f", "d"], "columns": ["at"]},
]


def told(rule: RuleResult) -> tuple[Any, ...]:
    value: Any = rule.value
    if isinstance(value, float) and math.isfinite(value):
        value = pytest.approx(value, rel=1e-12)
    return rule.status.value, rule.failed_count, rule.total_count, str(rule.segment), value


def compare(here: CheckResult, over_there: CheckResult) -> None:
    assert over_there.reason == here.reason
    mine, theirs = ({(one.rule_name, str(one.segment)): one for one in result.rules} for result in (here, over_there))
    apart = [
        (key, *((told(side[key]), side[key].message) if key in side else None for side in (mine, theirs)))
        for key in dict.fromkeys((*mine, *theirs))
        if key not in mine or key not in theirs or told(mine[key]) != told(theirs[key])
    ]
    assert not apart, "\n".join(map(str, apart))
    assert here.row_count == over_there.row_count


RULES: list[dict[str, Any]] = [
    *({"check": "not_null", "column": c} for c in SCHEMA),
    {"check": "not_empty", "column": "s"},
    *({"check": "unique", "column": c} for c in SCHEMA),
    {"check": "unique", "column": "k", "where": "b AND rid > 20"},
    {"check": "unique_combination", "columns": ["small", "b", "f"]},
    {"check": "primary_key", "columns": ["k", "b"]},
    {"check": "in_set", "column": "s", "values": ["a", "ß", "'quoted'", "\\d", "😀"]},
    {"check": "in_set", "column": "s", "values": [*(f"v{n}" for n in range(9)), "a", "K"]},
    {"check": "in_set", "column": "big", "values": [*range(9), 2**62 + 1]},
    {"check": "in_set", "column": "f", "values": [0.1, 0.3, 0]},
    {"check": "in_set", "column": "b", "values": [True]},
    {"check": "in_set", "column": "d", "values": ["2024-05-30", "1969-12-31"]},
    {"check": "not_in_set", "column": "s", "values": ["", "NULL"]},
    {"check": "not_in_set", "column": "amount", "values": [2.5, "2.515"]},
    {"check": "in_range", "column": "f", "min": 0.1, "max": 2},
    {"check": "in_range", "column": "f4", "min": 0.3, "max": 1.1},
    {"check": "in_range", "column": "big", "min": -1, "max": 2**62, "exclusive": "both"},
    {"check": "in_range", "column": "s", "min": "A", "max": "x1"},
    {"check": "in_range", "column": "d", "min": "2024-05-29", "max": "2024-06-02T12:00:00"},
    {"check": "in_range", "column": "at", "min": "2024-05-31T23:00:00.000001+00:00"},
    {"check": "greater_than", "column": "ts", "value": "2024-06-01"},
    {"check": "greater_than_or_equal", "column": "amount", "value": 2.505},
    {"check": "less_than", "column": "big", "value": 24.5},
    {"check": "less_than_or_equal", "column": "f4", "value": 0.3},
    {"check": "equal", "column": "s", "value": "a"},
    {"check": "equal", "column": "f", "value": 0},
    {"check": "not_equal", "column": "big", "value": 2**62},
    *(
        {"check": sign, "column": c}
        for sign in ("positive", "negative", "non_negative", "non_positive")
        for c in ("f", "big", "amount")
    ),
    {"check": "length", "column": "s", "min": 1, "max": 3},
    {"check": "min_length", "column": "s", "value": 2},
    {"check": "max_length", "column": "s", "value": 2},
    *(
        {"check": "regex", "column": "s", "pattern": p}
        for p in (
            r"^\w+$",
            r"\d",
            r"^\s*$",
            r"(?i)k",
            "a.c|x.1",
            "(?s)x.",
            r"[^\s]\W",
            r"^x1$",
            r"\p{L}{2,}",
            r"^[[:alpha:]&&[^a]]",
            r"é|😀$",
            r"(?i:HTTPS?)://",
            r"^$",
            r"\\",
            "'",
        )
    ),
    *({"check": f"{f}_format", "column": "s"} for f in ("email", "url", "uuid", "phone", "ipv4")),
    *({"check": "date_format", "column": "s", "format": f} for f in ("%Y-%m-%d", "DD.MM.YYYY")),
    *({"check": c, "column": m} for c in ("not_future", "not_past") for m in ("d", "ts", "at")),
    {"check": "increasing", "column": "big"},
    {"check": "increasing", "column": "f", "strict": True, "where": "small > 0"},
    {"check": "decreasing", "column": "s", "by": "b"},
    {"check": "z_score_outlier", "column": "calm"},
    {"check": "z_score_outlier", "column": "calm", "threshold": 1.5, "where": "b", "name": "z where"},
    {"check": "conditional_null", "column": "s", "condition": "big > 5 OR f > 1"},
    *(
        {"check": "expression", "expression": e}
        for e in (
            "big / 2 > 24",
            "TRIM(s) = ''",
            "POSITION('b' IN s) > 0",
            "STRPOS(s, 'x') > 1",
            "big * 3 - small > 7",
            "ABS(small) > 7",
            "big + big = -2",
            "big % 7 = 1",
            "f > 0.1 AND NOT b",
            "s LIKE 'x%' OR s LIKE '%1'",
            "s ILIKE '_%k'",
            "s IN ('a', 'b', NULL)",
            "s NOT IN ('a', 'ß')",
            "big IN (1, 2, 4611686018427387905)",
            "COALESCE(small, 0) + 3 > 4",
            "CASE WHEN b THEN small ELSE -small END > 0",
            "d > DATE '2024-05-30' AND EXTRACT(month FROM d) = 6",
            "ts > TIMESTAMP '2024-06-01 12:00:00'",
            "at >= DATE '2024-06-01'",
            "at BETWEEN DATE '2024-05-01' AND TIMESTAMPTZ '2024-06-01 12:00:00.000001+02:00'",
            "ts > d",
            "f4 BETWEEN 0.1 AND 0.3",
            "f4 NOT BETWEEN -0.7 AND 0.7",
            "LENGTH(s) > 2",
            "OCTET_LENGTH(s) > 2",
            "SUBSTR(s, 2, 2) = 'bc'",
            "s || 'x' = 'ax'",
            "CONCAT(s, 'x') = 'x'",
            "f IS DISTINCT FROM 0.1",
            "big > f",
            "amount > 2.505",
            "small BETWEEN 1 AND 5.5",
            "f = f",
            "ABS(f) > 1",
            "FLOOR(f) = 1",
            "NULLIF(small, 1) > 0",
            "CAST(small AS DOUBLE) / 3 > 0.34",
            "small > 5 OR f > 10",
            "b",
            "(small > 2) = b",
            "STARTS_WITH(s, 'x')",
            "s ~ '^x[0-9]'",
            "s < 'a'",
            "-small > 2",
            "f >= 'NaN'::DOUBLE",
            "CAST(small AS VARCHAR) = '7'",
        )
    ),
    *({"check": "completeness_ratio", "column": c, "min_ratio": 0.97} for c in ("s", "f")),
    {"check": "completeness_ratio", "column": "s", "min_ratio": 0.97, "where": "b", "name": "filled where"},
    *({"check": "distinct_count", "column": c, "min": 30} for c in SCHEMA),
    {"check": "distinct_count", "column": "s", "min": 30, "where": "b", "name": "distinct where"},
    {"check": "distinct_count", "column": "small", "min": 13, "by": "b"},
    *({"check": c, "column": "calm", "at_least": 10} for c in ("mean", "median", "sum", "stddev", "min", "max")),
    *(
        {"check": c, "column": "calm", "at_least": 10, "where": "b", "name": f"{c} where"}
        for c in ("mean", "median", "sum", "stddev", "min", "max")
    ),
    *({"check": c, "column": "big", "at_least": 10} for c in ("mean", "sum", "min", "max")),
    *({"check": c, "column": "amount", "at_least": 10} for c in ("mean", "median", "sum", "stddev", "min", "max")),
    *({"check": c, "column": "f", "at_least": 10} for c in ("mean", "median", "sum", "min", "max")),
    {"check": "stddev", "column": "f4", "at_least": 10},
    *({"check": c, "column": m, "at_least": "2024-05-01"} for c in ("min", "max") for m in ("d", "ts", "at")),
    *({"check": c, "column": "s", "at_least": "b"} for c in ("min", "max")),
    {"check": "quantile", "column": "calm", "q": 0.9, "at_most": 1},
    {"check": "quantile", "column": "small", "q": 0.33, "at_least": 9},
    *(
        {"check": "quantile", "column": "f4", "where": f"rid < {n}", "q": 0.1, "at_most": -9e9, "name": f"{n} rows"}
        for n in (3, 6, 14, 46, 47)
    ),
    *({"check": "freshness", "column": m, "max_age": "1h"} for m in ("d", "ts", "at")),
    {"check": "row_count", "min": 601},
    {"check": "row_count", "min": 601, "where": "b", "name": "rows where"},
    {"check": "volume", "max_change": 0.1},
    {"check": "trend", "metric": "mean", "column": "calm", "max_change": 0.1},
    {"check": "anomaly", "metric": "distinct_count", "column": "k", "window": 10, "min_runs": 3},
    {"check": "column_exists", "column": "gone"},
    {"check": "dtype", "column": "amount", "dtype": "Decimal"},
    {"check": "schema", "columns": {"rid": "Int64", "s": "string", "at": "Datetime", "x": "Date"}},
    {"check": "statistical_drift", "column": "small", "baseline": "baseline.parquet"},
    {"check": "cross_table_row_count", "reference": "reference.parquet"},
    *({"check": "positive", "column": "f", "by": by, "name": f"by {by}"} for by in ("b", "small", "s", "d")),
    {"check": "unique", "column": "big", "by": "b"},
    {"check": "mean", "column": "calm", "at_least": 10, "by": "b"},
    *({"check": "stddev", "column": c, "at_least": 10, "by": by} for c in ("calm", "f4") for by in ("b", "small")),
    {"check": "z_score_outlier", "column": "calm", "threshold": 1.5, "by": "b"},
]
NUMBERS = st.sampled_from(
    ["big", "small", "rid", "f", "calm", "amount", "0", "1", "-7", "24", "2.5", "LENGTH(s)", "4611686018427387904"]
)
PARTS = st.sampled_from(["year", "month", "day", "hour", "minute"])
WHOLE = st.sampled_from(["big", "small", "rid", "3", "-1", "LENGTH(s)"])
SIGNS = st.sampled_from(["=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"])
SUMS = st.builds("({} {} {})".format, WHOLE, st.sampled_from(["+", "-", "*", "%"]), WHOLE)
ATOMS = st.one_of(
    st.builds("{} {} {}".format, st.one_of(NUMBERS, SUMS), SIGNS, st.one_of(NUMBERS, SUMS)),
    st.builds("s {} '{}'".format, SIGNS, st.sampled_from(["a", "", "ß", "x1", "\\d"])),
    st.builds("s LIKE '{}'".format, st.text("a%_x1ß\\.", min_size=1, max_size=4)),
    st.builds("TRIM(s) || s {} '{}'".format, SIGNS, st.sampled_from(["aa", "x1x1", ""])),
    st.builds("d {} DATE '{}'".format, SIGNS, st.sampled_from(["2024-05-30", "1969-12-31"])),
    st.builds("at {} DATE '{}'".format, SIGNS, st.sampled_from(["2024-05-30", "2024-06-01"])),
    st.builds(
        "f4 BETWEEN {} AND {}".format, st.sampled_from(["-0.7", "0.1", "0"]), st.sampled_from(["0.3", "0.7", "2"])
    ),
    st.builds("EXTRACT({} FROM ts) {} {}".format, PARTS, SIGNS, st.sampled_from(["5", "23", "1969"])),
    st.builds("{} IN ({}, {}, NULL)".format, st.sampled_from(["big", "small"]), st.integers(-9, 9), st.just("49")),
    st.builds("{} IS {} NULL".format, st.sampled_from(list(KINDS)), st.sampled_from(["", "NOT"])),
    st.builds("COALESCE({}, {}) > {}".format, st.sampled_from(["big", "rid"]), st.integers(-2, 2), st.integers(-2, 2)),
    st.builds("{} / {} > {}".format, WHOLE, st.sampled_from(["2", "-3", "7"]), st.sampled_from(["0.5", "24", "-1"])),
    st.just("b"),
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("(({}) AND ({}))".format, inner, inner),
        st.builds("(({}) OR ({}))".format, inner, inner),
        st.builds("(NOT ({}))".format, inner),
        st.builds("(CASE WHEN {} THEN {} ELSE {} END)".format, inner, inner, inner),
    ),
    max_leaves=5,
)

CLASSES = [r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", ".", r"\p{L}", r"\P{Lu}", r"[^\s]", "[a-c&&[^b]]", "[[:alpha:]]"]
LETTERS = [
    "x",
    "a",
    "é",
    "ß",
    "k",
    "1",
    " ",
    r"\n",
    "😀",
    r"\.",
    r"[\w-]",
    r"[^a\d]",
    r"\x{e9}",
    r"\u0301",
    "[k-\u017f]",
]
PIECES = st.sampled_from([*CLASSES, *LETTERS, "(?:)", "()"])
TIMES = st.sampled_from(
    ["", "", "", "*", "+", "?", "{2}", "{1,2}", "{0,}", "*?", "++", "?+", "{ 2 }", "{1,1001}", "{300}"]
)
PLACES = st.sampled_from([r"\b", r"\B", "^", "$", r"\A", r"\z", "(?i)", "(?s)", "(?-i)", "(?m)", r"\b*", "$+"])
GROUPS = st.sampled_from(["(?:{})", "({})", "(?i:{})", "(?s-i:{})", "(?P<n>{})", "(?U:{})", "(?x:{})"])
PATTERNS = st.recursive(
    st.one_of(st.builds("{}{}".format, PIECES, TIMES), PLACES),
    lambda inner: st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("{}{}".format, inner, inner),
        st.builds("{}|{}".format, inner, inner),
        st.builds(lambda group, one, times: group.format(one) + times, GROUPS, inner, TIMES),
    ),
    max_leaves=6,
)


def write(place: Path) -> None:
    pl.DataFrame({"small": [1, 2, 3, 4] * 50}).write_parquet(place / "baseline.parquet")
    pl.DataFrame({"id": range(600)}).write_parquet(place / "reference.parquet")


def said_there(rules: list[dict[str, Any]], source: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of the rules, which numbers name, that the database can say; each other one is refused by its name."""
    said = ""
    try:
        judge(None, *rules, source=source, sample_rows=0)
    except ConfigurationError as error:
        said = str(error)
    refused = re.findall(r"rule '(\d+)' \(", said)
    assert len(refused) == len(said.splitlines()), said
    return [rule for rule in rules if rule["name"] not in refused]
