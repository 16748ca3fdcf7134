"""One row for each rule of the vocabulary: data that it passes, data that it does not, and which rows fail."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from quality.rules.profile import profile
from quality.values import Scalar

REFERENCE = pl.DataFrame({"id": [1, 2, 3], "name": ["a", "b", "c"]})
BASELINE = pl.DataFrame({"a": range(100)})


class Row(NamedTuple):
    """A rule; `failing` are the rows of `bad` that fail, of `judged`; a table rule has a `value` instead."""

    rule: dict[str, Any]
    good: pl.DataFrame
    bad: pl.DataFrame
    failing: tuple[int, ...] | None = None
    judged: int = 1
    failed: int = 1
    value: Scalar = None
    judges_nulls: bool = False

    @property
    def check(self) -> str:
        return str(self.rule["check"])


def write_references(folder: Path) -> None:
    REFERENCE.write_parquet(folder / "reference.parquet")
    BASELINE.write_parquet(folder / "baseline.parquet")
    (folder / "profile.json").write_text(profile(BASELINE.lazy()).model_dump_json())


def _row(
    check: str,
    good: list[Any],
    bad: list[Any],
    failing: tuple[int, ...],
    judged: int,
    *,
    judges_nulls: bool = False,
    **fields: Any,
) -> Row:
    rule = {"check": check, "column": "a", **fields}
    frames = pl.DataFrame({"a": good}), pl.DataFrame({"a": bad})
    return Row(rule, *frames, failing, judged, len(failing), None, judges_nulls)


def _number(check: str, good: list[Any], bad: list[Any], value: Scalar, **fields: Any) -> Row:
    rule = {"check": check, "column": "a", **fields}
    return Row(rule, pl.DataFrame({"a": good}), pl.DataFrame({"a": bad}), value=value)


def _table(rule: dict[str, Any], good: dict[str, Any], bad: dict[str, Any], value: Scalar) -> Row:
    return Row(rule, pl.DataFrame(good), pl.DataFrame(bad), value=value)


PAST, PRESENT, FUTURE = (datetime(2024, 5, 31, 23), datetime(2024, 6, 1, 12), datetime(2024, 6, 1, 13))
ROW_RULES = (
    _row("not_null", [1, 2], [1, None, None], (1, 2), 3, judges_nulls=True),
    _row("not_empty", ["x", " y "], ["", " \t\n\u2003", "x", None], (0, 1, 3), 4, judges_nulls=True),
    _row("unique", [1, 2], [1, 2, 1, 3, 3, 3], (0, 2, 3, 4, 5), 6),
    Row(
        {"check": "unique_combination", "columns": ["a", "b"]},
        pl.DataFrame({"a": [1, 1], "b": ["x", "y"]}),
        pl.DataFrame({"a": [1, 1, 1, None], "b": ["x", "y", "x", "x"]}),
        (0, 2),
        3,
        2,
    ),
    Row(
        {"check": "primary_key", "columns": ["a", "b"]},
        pl.DataFrame({"a": [1, 1], "b": ["x", "y"]}),
        pl.DataFrame({"a": [1, 1, 1, None, 2], "b": ["x", "y", "x", "x", None]}),
        (0, 2, 3, 4),
        5,
        4,
        judges_nulls=True,
    ),
    _row("in_set", ["a", "b"], ["a", "A", "c"], (1, 2), 3, values=["a", "b"]),
    _row("not_in_set", ["a"], ["n/a", "a", "-"], (0, 2), 3, values=["n/a", "-"]),
    _row("in_range", [1, 3], [0, 1, 3, 4], (0, 3), 4, min=1, max=3),
    _row("greater_than", [2], [1, 2, 0], (0, 2), 3, value=1),
    _row("greater_than_or_equal", [1, 2], [1, 2, 0], (2,), 3, value=1),
    _row("less_than", [0.5], [1.0, 0.9], (0,), 2, value=1),
    _row("less_than_or_equal", [1.0], [1.0, 1.1], (1,), 2, value=1),
    _row("equal", ["EUR"], ["EUR", "USD"], (1,), 2, value="EUR"),
    _row("not_equal", [1], [0, 1], (0,), 2, value=0),
    _row("positive", [1], [0, -1, 1], (0, 1), 3),
    _row("negative", [-1], [0, -1, 1], (0, 2), 3),
    _row("non_negative", [0, 1], [0, -1, 1], (1,), 3),
    _row("non_positive", [0, -1], [0, -1, 1], (2,), 3),
    _row("length", ["ab", "äöü"], ["a", "abcd", "a€"], (0, 1), 3, min=2, max=3),
    _row("min_length", ["ab"], ["é", "", "ab"], (0, 1), 3, value=2),
    _row("max_length", ["é", ""], ["ab", "a"], (0,), 2, value=1),
    _row("regex", ["xa1"], ["a", "1", "a1"], (0, 1), 3, pattern="a[0-9]"),
    _row("email_format", ["a.b+c@ex-ample.org"], ["a@b", "a b@c.de", "a@b.de\n", "a@c.de"], (0, 1, 2), 4),
    _row("url_format", ["https://example.org/a?b#c"], ["example.org", "http://", "http://a"], (0, 1), 3),
    _row("uuid_format", ["123e4567-e89b-12d3-a456-426614174000"], ["123e4567", ""], (0, 1), 2),
    _row("phone_format", ["+4930123456"], ["030123456", "+0123", "+49 30", "+1"], (0, 1, 2, 3), 4),
    _row("ipv4_format", ["127.0.0.1", "255.255.255.255"], ["256.1.1.1", "1.2.3", "1.2.3.4"], (0, 1), 3),
    _row("date_format", ["2024-02-29"], ["2023-02-29", "29.2.2024", "2024-01-01"], (0, 1), 3, format="%Y-%m-%d"),
    _row("not_future", [PAST, PRESENT], [FUTURE, PAST], (0,), 2),
    _row("not_past", [PRESENT, FUTURE], [FUTURE, PAST], (1,), 2),
    _row("increasing", [1, 1, 2], [1, 3, 2, None, 2], (2,), 4),
    _row("decreasing", [2, 1, 1], [1, 3, 2, None, 2], (1,), 4),
    _row("z_score_outlier", list(range(11)), [0.0] * 20 + [100.0], (20,), 21, threshold=3.0),
    _row("referential_integrity", [1, 3], [1, 4, 5], (1, 2), 3, reference="reference.parquet", reference_column="id"),
    Row(
        {"check": "conditional_null", "column": "a", "condition": "b > 1"},
        pl.DataFrame({"a": [1, None], "b": [2, 1]}),
        pl.DataFrame({"a": [None, 1, None], "b": [2, 2, 1]}),
        (0,),
        2,
    ),
    Row(
        {"check": "expression", "expression": "a < b"},
        pl.DataFrame({"a": [1], "b": [2]}),
        pl.DataFrame({"a": [1, 5, None], "b": [2, 2, 2]}),
        (1,),
        2,
    ),
)
TABLE_RULES = (
    _table({"check": "column_exists", "column": "a"}, {"a": [1]}, {"b": [1]}, value=False),
    _number("dtype", [1], ["x"], "String", dtype="integer"),
    _table({"check": "schema", "columns": {"a": "Int64"}}, {"a": [1]}, {"a": ["x"]}, value=1),
    _table({"check": "row_count", "min": 2}, {"a": [1, 2]}, {"a": [1]}, value=1),
    _number("completeness_ratio", [1, None], [1, None, None, None], 0.25, min_ratio=0.5),
    _number("distinct_count", [1, 2], [1, 1], 1, min=2),
    _number("mean", [1, 3], [3, 4], 3.5, at_most=2),
    _number("median", [1, 2, 9], [1, 3, 9], 3.0, at_most=2),
    _number("sum", [1, 2], [1, 3], 4, at_most=3),
    _number("stddev", [1, 2, 3], [1, 3, 5], 2.0, at_most=1),
    _number("min", [1, 2], [0, 2], 0, at_least=1),
    _number("max", ["a"], ["a", "c"], "c", at_most="b"),
    _number("quantile", [1, 2, 3, 4, 5], [1, 2, 3, 9, 9], 9.0, q=0.75, at_most=4),
    _number("freshness", [PRESENT], [PAST], "2024-05-31T23:00:00+00:00", max_age="12h"),
    _table(
        {"check": "cross_table_row_count", "reference": "reference.parquet"}, {"a": [1] * 3}, {"a": [1] * 4}, value=4
    ),
    Row(
        {"check": "reconcile", "reference": "reference.parquet", "key": ["id"]},
        REFERENCE,
        pl.DataFrame({"id": [1, 2, 4], "name": ["a", "x", "c"]}),
        judged=4,
        failed=3,
        value=3,
    ),
    Row(
        {"check": "statistical_drift", "column": "a", "baseline": "baseline.parquet", "method": "ks"},
        BASELINE,
        pl.DataFrame({"a": range(50, 150)}),
        value=0.5,
    ),
    Row(
        {"check": "distribution_change", "column": "a", "baseline": "profile.json", "method": "ks"},
        BASELINE,
        pl.DataFrame({"a": range(50, 150)}),
        value=0.5,
    ),
    Row(
        {"check": "volume", "max_change": 0.1},
        pl.DataFrame({"a": range(95)}),
        pl.DataFrame({"a": range(80)}),
        value=80,
    ),
    _number("trend", [0, 92, 96], [0, 80, 96], 88.0, metric="quantile", q=0.75, max_change=0.1),
    _number("anomaly", [0, 128, 130], [0, 130, 132], 131.0, metric="quantile", q=0.75, window=10, min_runs=3),
)
ROWS = ROW_RULES + TABLE_RULES
ABOUT_HISTORY = frozenset(("volume", "trend", "anomaly"))
ABOUT_THE_TABLE = frozenset(
    ("column_exists", "dtype", "schema", "row_count", "cross_table_row_count", "reconcile", "volume")
)
AWARE = datetime(2024, 6, 1, 12, tzinfo=UTC)
TODAY = date(2024, 6, 1)
