"""Whatever the frame and the rules: the engine counts what the row-by-row reference counts, however the data comes."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import reference_implementation as reference
from checking import NOW, judge
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quality.contract.config import CheckConfig
from quality.contract.references import References
from quality.engine import groups
from quality.engine.frame import Frame, Surroundings
from quality.engine.judge import judge as judge_rules
from quality.result import CheckResult
from quality.rules.catalogue import BUILT_IN, check_name, parse_rules
from quality.sources import Files

SCHEMA: dict[str, Any] = {
    "i": pl.Int64,
    "n": pl.Int64,
    "u": pl.UInt8,
    "f": pl.Float64,
    "h": pl.Float32,
    "s": pl.String,
    "b": pl.Boolean,
    "d": pl.Date,
    "t": pl.Datetime("us"),
    "k": pl.Datetime("ms"),
    "z": pl.Datetime("us", "Europe/Berlin"),
    "m": pl.Decimal(10, 2),
    "c": pl.Categorical,
    "e": pl.Enum(["low", "mid", "high"]),
    "g": pl.String,
}
REFERENCES: dict[str, list[Any]] = {"ids": [1, 2, 3], "names": ["a", "é", ""]}
NUMBERS, TEXTS, TIMES = ("i", "u", "f", "h", "m"), ("s", "c", "e", "g"), ("d", "t", "k", "z")
WRITTEN: dict[str, list[Any]] = {
    "i": [-1, 0, 1, 2, 1.5],
    "n": [2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**70), 0, 1.5],
    "u": [-1, 0, 1, 1.5, 255, 255.5, 300, 2**70],
    "f": [-1, 0, 0.5, 1.5, 2],
    "h": [-1, 0, 0.1, 0.3, 1.5],
    "m": [0, 0.5, 1, 1.005, "1.25", 10**30, -(10**9)],
    "d": ["2024-05-31", "2024-06-01", "2024-06-01T12:00:00", "2024-06-02"],
    "k": ["2024-06-01T12:00:00", "2024-06-01T12:00:00.0005", "2024-06-01T12:00:00.001", "2024-06-01T12:00:00.0015"],
    "t": ["2024-05-31", "2024-06-01T12:00:00", "2024-06-02T00:00:00.5"],
    "z": ["2024-05-31", "2024-06-01T14:00:00", "2024-06-01T12:00:00Z", "2024-06-01T12:00:00-05:00"],
    **{column: ["a", "é", "b", "low", "p", "", "🙂"] for column in TEXTS},
}
ORDERED_VALUES = {**WRITTEN, "e": list(reference.CATEGORIES)}
"""A bound of an Enum is one of its categories; what equals, or is in a set, may be any text."""

cells: dict[str, st.SearchStrategy[Any]] = {
    "i": st.integers(-3, 4),
    "n": st.sampled_from([2**53, 2**53 + 1, 2**63 - 1, -(2**63), 0, 1]),
    "u": st.sampled_from([0, 1, 2, 254, 255]),
    "h": st.sampled_from([math.nan, math.inf, *map(reference.single, (0.1, 0.3, 1.5, -1, 0))]),
    "f": st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 0.5, 1.5, 2.0, -1.0, 3e15]),
    "s": st.sampled_from(
        ["a", "b", "ab", "é", "e\u0301", "ß", "🙂", "", " ", "\u2003\n", "\u200b", *reference.WELL_FORMED]
    ),
    "b": st.booleans(),
    "d": st.integers(-2, 2).map(lambda days: NOW.date() + timedelta(days)),
    "t": st.integers(-30, 30).map(lambda hours: NOW.replace(tzinfo=None) + timedelta(hours=hours)),
    "k": st.integers(-2, 3).map(lambda ms: NOW.replace(tzinfo=None) + timedelta(milliseconds=ms)),
    "z": st.integers(-30, 30).map(lambda hours: (NOW + timedelta(hours=hours)).astimezone(reference.ZONE)),
    "m": st.integers(-2, 5).map(lambda quarters: Decimal(quarters) / 4),
    "c": st.sampled_from(["a", "b", "é", ""]),
    "e": st.sampled_from(["low", "mid", "high"]),
    "g": st.sampled_from(["p", "q"]),
}
tables = st.lists(st.fixed_dictionaries({name: st.none() | cell for name, cell in cells.items()}), max_size=25)
"""Frames as lists of rows; columns are as short as their names, so that values, nulls and repeats are frequent."""


def _column(check: str, columns: tuple[str, ...], **fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    given_fields = {
        name: value if isinstance(value, st.SearchStrategy) else st.just(value) for name, value in fields.items()
    }
    return st.fixed_dictionaries({"check": st.just(check), "column": st.sampled_from(columns), **given_fields})


def _bounds(check: str, columns: tuple[str, ...], low: str, high: str, more: dict[str, Any]) -> st.SearchStrategy[Any]:
    def of(column: str) -> st.SearchStrategy[Any]:
        values = st.sampled_from(ORDERED_VALUES[column])
        fixed = {"check": st.just(check), "column": st.just(column), **more}
        return (
            st.fixed_dictionaries({**fixed, low: values})
            | st.fixed_dictionaries({**fixed, high: values})
            | st.fixed_dictionaries({**fixed, low: values, high: values}).filter(lambda rule: _orderly(rule, low, high))
        )

    return st.sampled_from(columns).flatmap(of)


def _metric(check: str, **fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    """A rule about history; its bounds reach from 100, which every number once was, down to some of these numbers."""
    among = {
        "completeness_ratio": ALL,
        "distinct_count": ALL,
        "median": ("i", "m"),
        "quantile": ("i", "m"),
        **dict.fromkeys(("mean", "sum", "stddev", "min", "max"), NUMBERS),
    }
    rows = st.fixed_dictionaries({"check": st.just(check), "metric": st.just("row_count"), **fields})
    one_of = [
        _column(
            check,
            columns,
            metric=metric,
            **fields,
            **({"q": st.sampled_from([0, 0.3])} if metric == "quantile" else {}),
        )
        for metric, columns in among.items()
    ]
    return st.one_of(rows, *one_of)


def _orderly(rule: dict[str, Any], low: str, high: str) -> bool:
    """Bounds between which something lies in the order of the column."""
    column = rule["column"]
    like = {"m": Decimal(0), "t": datetime(2024, 1, 1), "k": datetime(2024, 1, 1), "z": NOW}.get(column)
    least, most = (reference.written(reference.ranked(column, rule[bound]), like) for bound in (low, high))
    return bool(least < most or (least == most and not rule.get("exclusive")))


def _valued(check: str, columns: tuple[str, ...]) -> st.SearchStrategy[Any]:
    def of(column: str) -> st.SearchStrategy[Any]:
        among = WRITTEN if check in ("equal", "not_equal") else ORDERED_VALUES
        return _column(check, (column,), value=st.sampled_from(among[column]))

    return st.sampled_from(columns).flatmap(of)


def _member(check: str) -> st.SearchStrategy[Any]:
    def of(column: str) -> st.SearchStrategy[Any]:
        some = st.lists(st.sampled_from(WRITTEN[column]), min_size=1, max_size=12)
        return _column(check, (column,), values=some)

    return st.sampled_from(tuple(WRITTEN)).flatmap(of)


ALL, ORDERED = tuple(SCHEMA), ("n", *NUMBERS, *TEXTS, *TIMES)
conditions = st.sampled_from(sorted(reference.CONDITIONS))
awkward = st.sampled_from([0.12345, 0.98765, 1.23456, 2.3456])
"""Bounds that no mean or deviation of these numbers meets exactly, so that rounding decides nothing."""
changes = st.sampled_from([0.12345, 0.98765, 1.23456])

strategies: dict[str, st.SearchStrategy[Any]] = {
    "not_null": _column("not_null", ALL),
    "not_empty": _column("not_empty", TEXTS),
    "unique": _column("unique", ALL),
    **{
        check: st.fixed_dictionaries(
            {
                "check": st.just(check),
                "columns": st.lists(st.sampled_from(ALL), min_size=1, max_size=3, unique=True),
            }
        )
        for check in ("unique_combination", "primary_key")
    },
    "in_set": _member("in_set"),
    "not_in_set": _member("not_in_set"),
    "in_range": _bounds(
        "in_range", ORDERED, "min", "max", {"exclusive": st.sampled_from([None, "min", "max", "both"])}
    ),
    **{
        check: _valued(check, ORDERED)
        for check in (
            "greater_than",
            "greater_than_or_equal",
            "less_than",
            "less_than_or_equal",
            "equal",
            "not_equal",
        )
    },
    **{check: _column(check, NUMBERS) for check in ("positive", "negative", "non_negative", "non_positive")},
    "length": _column("length", TEXTS, min=1, max=st.integers(1, 3)),
    "min_length": _column("min_length", TEXTS, value=st.integers(0, 3)),
    "max_length": _column("max_length", TEXTS, value=st.integers(0, 3)),
    "regex": _column("regex", TEXTS, pattern=st.sampled_from(["a", "^b", "^[ab]*$", "[éß]", "a.b", "\\d", "^$"])),
    **{
        check: _column(check, ("s",))
        for check in ("email_format", "url_format", "uuid_format", "phone_format", "ipv4_format")
    },
    "date_format": _column("date_format", ("s",), format=st.sampled_from(["%Y-%m-%d", "YYYY-MM-DD"])),
    "not_future": _column("not_future", TIMES),
    "not_past": _column("not_past", TIMES),
    "increasing": _column("increasing", ORDERED, strict=st.booleans()),
    "decreasing": _column("decreasing", ORDERED, strict=st.booleans()),
    "z_score_outlier": _column("z_score_outlier", NUMBERS, threshold=awkward),
    "referential_integrity": st.one_of(
        _column("referential_integrity", ("i", "f", "m"), reference="keys.parquet", reference_column="ids"),
        _column("referential_integrity", TEXTS, reference="keys.parquet", reference_column="names"),
    ),
    "conditional_null": _column("conditional_null", ALL, condition=conditions),
    "expression": st.fixed_dictionaries({"check": st.just("expression"), "expression": conditions}),
    "row_count": st.fixed_dictionaries(
        {"check": st.just("row_count"), "min": st.integers(0, 5), "max": st.integers(5, 20)}
    ),
    "completeness_ratio": _column("completeness_ratio", ALL, min_ratio=st.sampled_from([0.0, 0.5, 0.75, 1.0])),
    "distinct_count": _column("distinct_count", ALL, min=st.integers(0, 3), max=st.integers(3, 6)),
    **{
        check: _column(check, ("n", *NUMBERS), at_least=st.sampled_from([-1.2345, 0.12345]), at_most=awkward)
        for check in ("mean", "sum")
    },
    "stddev": _column("stddev", NUMBERS, at_most=awkward),
    "min": _bounds("min", ORDERED, "at_least", "at_most", {}),
    "max": _bounds("max", ORDERED, "at_least", "at_most", {}),
    "median": _column("median", ("i", "m"), at_least=st.sampled_from([-1, 0, 0.5]), at_most=st.sampled_from([0.5, 2])),
    "quantile": _column(
        "quantile", ("i", "m"), q=st.sampled_from([0, 0.25, 0.5, 0.75, 1]), at_most=st.sampled_from([-1, 0, 0.25, 1])
    ),
    "freshness": _column(
        "freshness",
        TIMES,
        max_age=st.sampled_from(["1h", "24h", "36h"]),
        max_ahead=st.sampled_from(["0h", "1h", "12h"]),
    ),
    "volume": st.fixed_dictionaries({"check": st.just("volume"), "max_change": changes, "window": st.integers(1, 4)}),
    "trend": _metric("trend", max_change=changes, window=st.integers(1, 4)),
    "anomaly": _metric(
        "anomaly", threshold=st.sampled_from([0.98765, 9.8765, 1e9]), window=st.just(4), min_runs=st.integers(2, 4)
    ),
}
NOT_GENERATED = frozenset(("column_exists", "dtype", "schema", "cross_table_row_count", "reconcile")) | {
    "statistical_drift",
    "distribution_change",
}


def scoped(rule: dict[str, Any], scope: dict[str, Any], name: str) -> dict[str, Any]:
    """The rule as it is written, without segments where it knows none."""
    fields = {"by"} if rule["check"] in reference.ABOUT_HISTORY else set()
    return {**rule, **{field: value for field, value in scope.items() if field not in fields}, "name": name}


rates = st.sampled_from([0.0, 0.1, 0.25, 1 / 3, 0.5, 1.0])
scopes = st.fixed_dictionaries(
    {},
    optional={
        "where": conditions,
        "by": st.sampled_from(["g", "b", "i", "d", "c"]),
        "max_failure_rate": rates,
        "warn_failure_rate": rates,
        "severity": st.sampled_from(["critical", "error", "warning", "info"]),
    },
)
rule_lists = st.lists(
    st.tuples(st.sampled_from(sorted(strategies)).flatmap(strategies.__getitem__), scopes), min_size=1, max_size=6
).map(lambda rules: [scoped(rule, scope, f"rule {n}") for n, (rule, scope) in enumerate(rules)])

SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]


def examples(number: int) -> settings:
    return settings(max_examples=number, deadline=None, derandomize=True, database=None, suppress_health_check=SLOW)


@pytest.fixture(autouse=True)
def _repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pl.DataFrame(REFERENCES).write_parquet(tmp_path / "keys.parquet")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))


def frame_of(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA)


def seen(result: CheckResult) -> list[tuple[str, Any, str, int, int]]:
    return [(r.rule_name, r.segment, r.status.value, r.failed_count, r.total_count) for r in result.rules]


def expected(rules: list[dict[str, Any]], rows: list[dict[str, Any]]) -> list[tuple[str, Any, str, int, int]]:
    return [
        (rule["name"], _readable(outcome.segment), outcome.status, outcome.failed, outcome.judged)
        for rule in rules
        for outcome in reference.judge(rule, rows, NOW, REFERENCES)
    ]


def _readable(segment: Any) -> Any:
    return segment.isoformat() if isinstance(segment, (date, datetime)) else segment


def test_every_rule_is_generated_or_named_as_not() -> None:
    assert set(strategies) | NOT_GENERATED == {check_name(rule) for rule in BUILT_IN}


@pytest.mark.parametrize("check", sorted(strategies))
@examples(25)
@given(data=st.data(), rows=tables, scope=scopes)
def test_each_rule_counts_what_the_reference_counts(
    check: str, data: st.DataObject, rows: list[dict[str, Any]], scope: dict[str, Any]
) -> None:
    rule = scoped(data.draw(strategies[check]), scope, "rule")
    assert seen(judge(frame_of(rows), rule, sample_rows=0)) == expected([rule], rows)


@examples(150)
@given(rules=rule_lists, rows=tables, threshold=st.none() | rates)
def test_rules_that_share_a_pass_count_what_the_reference_counts(
    rules: list[dict[str, Any]], rows: list[dict[str, Any]], threshold: float | None
) -> None:
    result = judge(frame_of(rows), *rules, warning_threshold=threshold)
    assert seen(result) == expected(rules, rows)
    outcomes = [reference.judge(rule, rows, NOW, REFERENCES) for rule in rules]
    assert result.status.value == reference.run_status(rules, outcomes, len(rows), threshold)


@examples(60)
@given(rules=rule_lists, rows=tables)
def test_the_rows_shown_are_rows_that_fail(rules: list[dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    result = judge(frame_of(rows), *rules, sample_rows=3)
    for one in result.rules:
        loud = one.status.value in ("FAILED", "WARNING") and one.check not in reference.TABLE_CHECKS
        assert len(one.samples) == (min(3, one.failed_count) if loud else 0)
        rule = next(rule for rule in rules if rule["name"] == one.rule_name)
        in_segment = [row for row in rows if "by" not in rule or _readable(row[rule["by"]]) == one.segment]
        kept = [r for r in in_segment if "where" not in rule or reference.CONDITIONS[rule["where"]](r)]
        truths = reference.judge_rows(rule, kept, NOW, REFERENCES) if one.samples else []
        failing = [row for row, truth in zip(kept, truths, strict=bool(one.samples)) if truth is False]
        numbers = [next(n for n, row in enumerate(rows) if row is bad) for bad in failing[:3]]
        assert [sample["row"] for sample in one.samples] == (numbers if one.samples else [])


@examples(60)
@given(rules=rule_lists, rows=tables, size=st.integers(1, 7))
def test_parquet_in_small_row_groups_a_lazy_frame_and_arrow_give_the_frame_s_result(
    rules: list[dict[str, Any]], rows: list[dict[str, Any]], size: int
) -> None:
    frame = frame_of(rows)
    frame.write_parquet("data.parquet", row_group_size=size)
    want = judge(frame, *rules).comparable()
    for data in (frame.lazy(), frame.to_arrow(), Files(path=str(Path("data.parquet").resolve())), "data.parquet"):
        assert judge(data, *rules).comparable() == want


@examples(40)
@given(rules=rule_lists, rows=tables, cut=st.integers(0, 25))
def test_a_folder_of_files_gives_the_frame_s_result(
    rules: list[dict[str, Any]], rows: list[dict[str, Any]], cut: int
) -> None:
    frame = frame_of(rows)
    Path("parts").mkdir(exist_ok=True)
    frame[:cut].write_parquet("parts/1.parquet")
    frame[cut:].write_parquet("parts/2.parquet")
    assert judge("parts", *rules).comparable() == judge(frame, *rules).comparable()


PLAIN = {"i": "Int64", "f": "Float64", "s": "String", "b": "Boolean", "d": "Date", "g": "String"}


def of_plain_columns(rule: dict[str, Any]) -> bool:
    read = {*rule.get("columns", []), rule.get("column", "i"), rule.get("by", "i")}
    return read <= set(PLAIN)


@examples(40)
@given(rules=rule_lists, rows=tables)
def test_csv_pandas_ndjson_and_plain_rows_give_the_frame_s_result_where_they_can_hold_the_data(
    rules: list[dict[str, Any]], rows: list[dict[str, Any]]
) -> None:
    rules = [rule for rule in rules if of_plain_columns(rule)]
    frame = frame_of(rows).select(*PLAIN).filter(pl.col("s").is_null() | (pl.col("s") != ""))
    frame = frame.with_columns(f=pl.when(pl.col("f").is_finite()).then(pl.col("f")))
    want = judge(frame, *rules).comparable()
    frame.write_csv("data.csv")
    assert judge(Files(path=str(Path("data.csv").resolve()), dtypes=PLAIN), *rules).comparable() == want
    pandas = frame.to_pandas(use_pyarrow_extension_array=True)
    assert judge(pandas, *rules).comparable() == want


@examples(120)
@given(
    rules=rule_lists,
    rows=tables,
    keys=st.lists(scopes, max_size=3),
    files=st.booleans(),
    far=st.booleans(),
    for_a_row=st.sampled_from([1, 16, 24, 40, 1000]),
    queries=st.sampled_from([1, 2, 4, 250]),
)
def test_however_the_pass_is_cut_into_queries_it_counts_the_same(
    rules: list[dict[str, Any]],
    rows: list[dict[str, Any]],
    keys: list[dict[str, Any]],
    files: bool,
    far: bool,
    for_a_row: int,
    queries: int,
) -> None:
    columns = {"columns": ["i", "t"]}
    rules += [scoped({"check": "unique_combination", **columns}, scope, f"key {n}") for n, scope in enumerate(keys)]
    config = CheckConfig(rules=parse_rules(rules))
    around = Surroundings(references=References(), history=lambda window: [], now=NOW)
    cut = replace(around, far=far, at_once=2, memory_budget=max(for_a_row * len(rows), 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "MOST_QUERIES", queries)
        told = [
            [(one.rule.title, one.segment, one.judgement and one.judgement[:2], one.problem) for one in found]
            for found in (
                judge_rules(config, Frame(frame_of(rows).lazy(), around)),
                judge_rules(config, Frame(frame_of(rows).lazy(), cut, columnar=files)),
            )
        ]
    assert told[0] == told[1]


@examples(60)
@given(rows=tables, budget=st.sampled_from([64, 256, 1024]), data=st.data())
def test_keys_taken_in_many_ranges_repeat_as_often_as_in_one(
    rows: list[dict[str, Any]], budget: int, data: st.DataObject
) -> None:
    which = data.draw(st.sampled_from(["unique", "unique_combination", "primary_key"]).flatmap(strategies.__getitem__))
    rule = {**which, **data.draw(scopes), "name": "rule"}
    config = CheckConfig(rules=parse_rules([rule]))
    around = Surroundings(references=References(), history=lambda window: [], now=NOW, memory_budget=budget)
    found = judge_rules(config, Frame(frame_of(rows).lazy(), around))
    counted = [(one.judgement.failed, one.judgement.judged) for one in found if one.judgement]
    assert counted == [(o.failed, o.judged) for o in reference.judge(rule, rows, NOW, REFERENCES)]


@examples(60)
@given(ours=tables, theirs=tables, tolerance=st.sampled_from([0.0, 0.6]))
def test_reconcile_finds_the_keys_that_repeat_or_are_alone_and_the_cells_that_differ(
    ours: list[dict[str, Any]], theirs: list[dict[str, Any]], tolerance: float
) -> None:
    frame_of(theirs).select("i", "f", "s").write_parquet("theirs.parquet")
    rule = {"check": "reconcile", "reference": "theirs.parquet", "key": ["i"], "tolerance": tolerance}
    here, there = (
        {i: [row for row in rows if row["i"] == i] for i in {r["i"] for r in rows}} for rows in (ours, theirs)
    )
    keys = here.keys() | there.keys()
    fine = [i for i in keys if len(here.get(i, [])) == len(there.get(i, [])) == 1]
    same = [i for i in fine if _same(here[i][0], there[i][0], tolerance)]
    (result,) = judge(frame_of(ours), rule).rules
    assert (result.failed_count, result.total_count) == (len(keys) - len(same), len(keys))


def _same(ours: dict[str, Any], theirs: dict[str, Any], tolerance: float) -> bool:
    one, other = ours["f"], theirs["f"]
    if ours["s"] != theirs["s"] or (one is None) != (other is None):
        return False
    return one == other or (math.isnan(one) and math.isnan(other)) or abs(one - other) <= tolerance
