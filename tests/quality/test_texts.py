"""How values read: one answer everywhere, never a text that contradicts a verdict, and JSON that every reader takes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from checking import judge
from hypothesis import example, given, settings
from hypothesis import strategies as st

from quality import CheckConfig, check
from quality.history.series import Trend
from quality.reporting.artifacts import cell
from quality.reporting.console import TABLES, found, render_text
from quality.reporting.html import render
from quality.result import RuleResult
from quality.rules.bounds import parse_duration
from quality.texts import cell_text, json_value, many, nearest, percent_of, place_of, text_of, told_apart
from quality.values import Status

NUMBERS = st.one_of(
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False, width=64),
    st.floats(-1e7, 1e7),
    st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9),
)
NEAR = st.sampled_from([lambda n: n, lambda n: math.nextafter(n, math.inf), lambda n: n * (1 + 1e-9), lambda n: n + 1])


def read(text: str) -> Decimal:
    return Decimal(text.removesuffix(" %").replace(",", ""))


def side(one: Any, other: Any) -> int:
    return int(one > other) - int(one < other)


@settings(max_examples=500, deadline=None)
@given(st.floats(-1e15, 1e15), NEAR)
@example(1_000_000.4, lambda n: 1_000_000)
@example(1e6, lambda n: 1e6)
@example(0.1 + 0.2, lambda n: 0.3)
def test_a_number_reads_on_its_own_side_of_its_bound(value: float, near: Callable[[float], float]) -> None:
    """A message prints the bound with all its digits, and the number with enough of them."""
    bound = near(value)
    assert side(read(text_of(value, bound)), read(text_of(bound, bound))) == side(value, bound)


@settings(max_examples=500, deadline=None)
@given(NUMBERS, NUMBERS)
def test_a_number_and_any_bound_never_read_as_the_opposite(value: Any, bound: Any) -> None:
    shown, beside = read(text_of(value, bound)), read(text_of(bound, bound))
    assert side(shown, beside) in (side(value, bound), 0)
    if isinstance(value, int | float) and abs(value) < 1e15:
        assert "e+" not in text_of(value, bound)


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 10**12), st.integers(1, 10**12), st.floats(0, 1))
@example(9_999_999, 10_000_000, 1.0)
@example(99_995, 100_000, 0.99995)
@example(1, 10**12, 0.0)
def test_a_rate_reads_on_its_own_side_of_its_bound(failed: int, judged: int, bound: float) -> None:
    rate = min(failed, judged) / judged
    shown = read(percent_of(rate, bound))
    assert side(shown, read(percent_of(bound, bound))) == side(rate, bound)
    assert (shown == 0) == (rate == 0)
    assert (shown == 100) == (rate == 1)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.floats(-1e15, 1e15) | st.integers(-(10**15), 10**15), min_size=1, max_size=4))
def test_numbers_of_one_sentence_keep_their_order(numbers: list[float]) -> None:
    shown = [read(text) for text in told_apart(*numbers)]
    assert [side(a, b) for a in shown for b in shown] == [side(a, b) for a in numbers for b in numbers]


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(),
            st.text(),
            st.binary(),
            st.dates(),
            st.datetimes(timezones=st.just(UTC) | st.none()),
            st.times(),
            st.timedeltas(),
            st.decimals(allow_nan=False, allow_infinity=False),
        ),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=5,
    )
)
def test_a_json_value_is_strict_json_and_comes_back_where_json_can(value: Any) -> None:
    held = json_value(value)
    assert json.loads(json.dumps(held, allow_nan=False)) == held
    if value is None or isinstance(value, bool | int | str):
        assert held is value
    elif isinstance(value, float):
        assert float(str(held)) == value or math.isnan(value)
    elif isinstance(value, Decimal):
        assert Decimal(str(held)) == value
    elif isinstance(value, datetime | date | time):
        assert type(value).fromisoformat(str(held)) == value
    elif isinstance(value, bytes):
        assert bytes.fromhex(str(held)) == value
    elif isinstance(value, timedelta) and timedelta() < value < timedelta(days=1000):
        assert parse_duration(str(held)) == value


VALUES = [
    pytest.param(None, "null", id="null"),
    pytest.param(True, "true", id="boolean"),
    pytest.param(1_234_567, "1,234,567", id="integer"),
    pytest.param(1_234_567.0, "1,234,567", id="whole float"),
    pytest.param(1_083.4567, "1,083.46", id="float"),
    pytest.param(100.0, "100", id="a hundred"),
    pytest.param(1e-9, "0.000000001", id="small"),
    pytest.param(math.nan, "nan", id="NaN"),
    pytest.param(-math.inf, "-inf", id="infinity"),
    pytest.param(Decimal("1234.50"), "1,234.5", id="decimal"),
    pytest.param(Decimal("0E-10"), "0", id="decimal zero"),
    pytest.param(date(2024, 2, 29), "2024-02-29", id="date"),
    pytest.param(datetime(2024, 2, 29, 6, tzinfo=UTC), "2024-02-29T06:00:00+00:00", id="datetime"),
    pytest.param(time(6, 30), "06:30:00", id="time"),
    pytest.param(timedelta(days=1, hours=12), "1d12h", id="duration"),
    pytest.param(timedelta(seconds=-90, milliseconds=-500), "-1m30.5s", id="negative duration"),
    pytest.param(b"\x00\xff", "00ff", id="bytes"),
    pytest.param([1, None, date(2024, 1, 1)], '[1, null, "2024-01-01"]', id="list"),
    pytest.param({"a": b"\x01"}, '{"a": "01"}', id="struct"),
]


@pytest.mark.parametrize(("value", "text"), VALUES)
def test_a_value_reads_the_same_in_a_sentence_and_on_every_page(value: Any, text: str) -> None:
    assert text_of(value) == text
    assert text_of(json_value(value)) == text if not isinstance(value, Decimal) else True
    rule = RuleResult(rule_name="a", check="max", status=Status.FAILED, message="", value=json_value(value))
    if value is not None:
        assert found(rule) == text_of(rule.value)
        assert cell(value).replace("\\", "") == cell_text(value)


def test_a_cell_of_the_data_can_be_looked_up_in_the_data() -> None:
    assert [cell_text(value) for value in (1_234_567, 0.1, True, None)] == ["1234567", "0.1", "true", "null"]


@pytest.mark.parametrize(
    ("rule", "values", "said"),
    [
        (
            {"check": "max", "column": "v", "at_most": 1_000_000},
            [1.0, 1_000_000.4],
            "the max of v is at most 1,000,000; it is 1,000,000.4",
        ),
        (
            {"check": "mean", "column": "v", "at_least": 0.3},
            [0.29999999999],
            "the mean of v is at least 0.3; it is 0.29999999999",
        ),
        (
            {"check": "completeness_ratio", "column": "v", "min_ratio": 1.0},
            [1.0] * 99_999 + [None],
            "v is filled in at least 100 % of rows; it is filled in 99.999 % of 100,000 rows",
        ),
        (
            {"check": "completeness_ratio", "column": "v", "min_ratio": 0.99995},
            [1.0] * 199_989 + [None] * 11,
            "v is filled in at least 99.995 % of rows; it is filled in 99.994 % of 200,000 rows",
        ),
        (
            {"check": "in_range", "column": "v", "max": 1e15, "max_failure_rate": 0.33333},
            [1.0, 2.0, 2e15],
            "1 of 3 rows (33.3333 %, 33.333 % allowed) break the rule: v <= 1,000,000,000,000,000",
        ),
        ({"check": "row_count", "min": 1_001}, [1.0] * 1_000, "the number of rows is at least 1,001; it is 1,000"),
    ],
    ids=["max", "mean", "filled", "nearly filled", "rate", "rows"],
)
def test_a_message_never_reads_as_the_opposite_of_its_verdict(
    rule: dict[str, Any], values: list[float | None], said: str
) -> None:
    result = check(pl.DataFrame({"v": values}), CheckConfig().override(rules=[rule]))
    assert (result.rules[0].status, result.rules[0].message) == (Status.FAILED, said)
    assert "e+" not in render_text(result)
    assert "e+" not in render(result)


def test_a_trend_tells_its_numbers_apart() -> None:
    trend = Trend(name="duration", unit="ms", values=(1_083.4567, 1_083.45671, None))
    assert trend.says() == "duration over 2 runs: between 1,083.4567 ms and 1,083.45671 ms, last 1,083.45671 ms"
    assert (Trend(name="rate", unit="%", values=(100.0,)).last, Trend(name="a", unit="", values=()).last) == (
        "100 %",
        "",
    )


def test_one_function_makes_text_and_one_makes_json() -> None:
    """What the package formats itself are counts and times, never a float that it measured."""
    package = Path(check.__code__.co_filename).parent
    wild = {
        f"{path.name}:{number}": line.strip()
        for path in sorted(package.rglob("*.py"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if any(form in line for form in (".6g", ".4g", ".3g", ".2g", ".2%", ".0%", ".2f} %"))
    }
    assert wild == {}


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("customers", "customers"),
        ({"path": "lake/customers", "version": 12}, "lake/customers"),
        ({"kind": "table", "connection": "env:SHOP", "table": "sales.customers"}, "sales.customers of env:SHOP"),
        ({"kind": "sql", "connection": "env:SHOP", "query": "SELECT 1"}, "a query of env:SHOP"),
        ({"kind": "crm", "region": "eu"}, "crm"),
        ({}, "a source"),
    ],
)
def test_a_reference_is_called_by_its_place(reference: Any, said: str) -> None:
    assert place_of(reference) == said


def test_no_message_about_a_reference_has_it_as_it_is_written_in_python(tmp_path: Path) -> None:
    pl.DataFrame({"k": [1], "t": ["a"], "only": [1]}).write_parquet(tmp_path / "there.parquet")
    reference = {"path": str(tmp_path / "there.parquet"), "format": "parquet"}
    about: dict[str, Any] = {"reference": reference, "name": "one"}
    rules = (
        {"check": "referential_integrity", "column": "k", "reference_column": "k"},
        {"check": "referential_integrity", "column": "k", "reference_column": "t"},
        {"check": "referential_integrity", "column": "k", "reference_column": "none"},
        {"check": "cross_table_row_count"},
        {"check": "reconcile", "key": ["k"], "columns": ["t"]},
        {"check": "reconcile", "key": ["k"], "columns": ["mine"]},
        {"check": "reconcile", "key": ["k", "t"]},
    )
    frame = pl.DataFrame({"k": [1, 2], "t": ["a", "b"], "mine": [1, 2]})
    messages = [check(frame, CheckConfig().override(rules=[rule | about])).rules[0].message for rule in rules]
    assert all("there.parquet" in message for message in messages), messages
    assert not [message for message in messages if "{" in message]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (pl.Series([1, None]), "[1, null]"),
        (pl.Series([[1], []]), "[[1], []]"),
        (pl.Series([b"\xff"]), '["ff"]'),
        (pl.Series([date(2024, 1, 31)]), '["2024-01-31"]'),
        (pl.Series([{"a": [0.5]}]), '[{"a": [0.5]}]'),
        (pl.Series([], dtype=pl.Int64), "[]"),
    ],
)
def test_a_list_in_a_cell_reads_as_a_list(value: Any, text: str) -> None:
    assert cell_text(value) == text


def test_a_sentence_quotes_so_much_of_a_long_rule_as_can_be_read() -> None:
    pattern, words = f"^({'|'.join(map(str, range(9_000)))})$", " AND ".join(f"a <> '{n}'" for n in range(60))
    result = judge(
        pl.DataFrame({"a": ["x"]}),
        {"check": "regex", "column": "a", "pattern": pattern},
        {"check": "expression", "expression": words},
    )
    assert [len(rule.message) < 400 for rule in result.rules] == [True, True]
    assert "a matches ^(0|1|2" in result.rules[0].message


def test_a_terminal_shows_rows_of_the_worst_rules_where_too_many_fail() -> None:
    rules = [{"check": "not_null", "column": "a", "name": f"rule {n}"} for n in range(TABLES + 3)]
    rules[-1]["severity"] = "critical"
    text = render_text(judge(pl.DataFrame({"a": [None]}), *rules))
    assert text.count(": rows that break it") == TABLES
    assert f"rule {TABLES + 2}: rows that break it" in text
    assert f"and rows of 3 more rules: these are of the worst {TABLES}" in text
    assert "more rules" not in render_text(judge(pl.DataFrame({"a": [None]}), *rules[:TABLES]))


@pytest.mark.parametrize(("word", "said"), [("ORDERS_EU", "did you mean 'orders_eu'?"), ("zz", "known: id, orders_eu")])
def test_a_word_that_differs_by_capitals_alone_is_the_nearest(word: str, said: str) -> None:
    assert nearest(word, ["orders_eu", "id"]) == said


@pytest.mark.parametrize(("count", "said"), [(0, "0 rows"), (1, "1 row"), (2_000, "2,000 rows")])
def test_what_there_is_one_of_is_told_as_one(count: int, said: str) -> None:
    assert many(count, "row") == said
