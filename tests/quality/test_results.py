"""What a result holds: counts and rates in the field's keys, JSON that round-trips, and no sensitive value anywhere."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from checking import judge

from quality.errors import DataQualityError
from quality.reporting.console import render_text
from quality.result import CheckResult, summarize_check_result
from quality.values import Status

PEOPLE = pl.DataFrame(
    {
        "id": [1, 2, 3, 4],
        "mail": ["s3cret-1", "s3cret-1", "s3cret-2", None],
        "age": [10, 200, 30, 40],
        "born": [date(1911, 1, 1)] * 4,
        "group": ["s3cret-g", "s3cret-g", "h", "h"],
    }
)
RULES: tuple[dict[str, Any], ...] = (
    {"check": "unique", "column": "mail"},
    {"check": "not_null", "column": "mail"},
    {"check": "email", "column": "mail", "severity": "warning"},
    {"check": "in_range", "column": "age", "max": 100, "severity": "critical"},
    {"check": "in_set", "column": "mail", "values": ["x"], "by": "group"},
    {"check": "min", "column": "mail", "at_most": "a"},
    {"check": "max", "column": "born", "at_most": "1900-01-01"},
    {"check": "expression", "expression": "mail = 'x' OR age < 5"},
    {"check": "conditional_null", "column": "age", "condition": "mail = 'x'"},
    {"check": "foreign_key", "column": "age", "reference": "gone.parquet"},
    {"check": "not_null", "column": "id"},
)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))


@pytest.fixture
def result() -> CheckResult:
    return judge(PEOPLE, *RULES, key=("id",))


def test_a_result_reads_as_the_field_s_results_do(result: CheckResult) -> None:
    document = json.loads(result.model_dump_json())
    counted = ("passed_count", "failed_count", "warning_count", "skipped_count", "error_count", "total_count")
    assert [document[key] for key in counted] == [1, 9, 0, 1, 1, 12]
    assert (document["status"], document["is_success"]) == ("FAILED", False)
    assert (document["pass_rate"], document["failure_rate"]) == (pytest.approx(100 / 12), 75.0)
    assert {"timestamp", "execution_time_ms", "metadata"} <= set(document)
    failure = next(failure for failure in document["failures"] if failure["column"] == "age")
    assert failure == {
        "rule_name": "in_range(age, max=100)",
        "column": "age",
        "message": "1 of 4 rows (25 %) break the rule: age <= 100",
        "severity": "critical",
        "failed_count": 1,
        "total_count": 4,
        "sample_values": [200],
        "failure_rate": 25.0,
        "metadata": {"check": "in_range", "status": "FAILED", "segment": None},
    }


def test_a_result_reads_as_a_mapping(result: CheckResult) -> None:
    assert result["status"] is Status.FAILED
    assert all(result[key] == result.get(key) == getattr(result, key) for key in CheckResult.model_computed_fields)
    assert result.get("nothing", 5) == 5
    with pytest.raises(KeyError):
        result["comparable"]


def test_json_round_trips(result: CheckResult) -> None:
    again = CheckResult.model_validate_json(result.model_dump_json())
    assert again == result
    assert again.model_dump_json() == result.model_dump_json()
    assert again.comparable() == result.comparable()


EVERY_KIND = pl.DataFrame(
    {
        "number": [math.inf],
        "nan": [math.nan],
        "decimal": [Decimal("1.50")],
        "day": [date(2024, 2, 29)],
        "moment": [datetime(2024, 2, 29, 12, tzinfo=UTC)],
        "clock": [time(12, 30)],
        "span": [timedelta(hours=1)],
        "bytes": [b"\x00\xff"],
        "list": [[1, None]],
        "struct": [{"x": 1}],
        "long": ["x" * 1000],
        "text": ["🙂\n\x00"],
        "null": [None],
    }
)


def test_cells_of_every_kind_round_trip_as_json() -> None:
    found = judge(EVERY_KIND, {"check": "not_null", "column": "null"}, key=tuple(EVERY_KIND.columns))
    (sample,) = found.rules[0].samples
    assert sample["number"] == "inf"
    assert sample["nan"] == "nan"
    assert (sample["decimal"], sample["day"], sample["clock"]) == ("1.50", "2024-02-29", "12:30:00")
    assert (sample["bytes"], sample["null"]) == ("00ff", None)
    assert len(str(sample["long"])) <= 120
    assert CheckResult.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize("by", [name for name in EVERY_KIND.columns if name not in ("list", "struct")])
def test_segments_of_every_kind_round_trip_as_json(by: str) -> None:
    found = judge(EVERY_KIND, {"check": "not_null", "column": "null", "by": by})
    assert [(rule.failed_count, len(rule.samples)) for rule in found.rules] == [(1, 1)]
    assert CheckResult.model_validate_json(found.model_dump_json()) == found


def test_equal_runs_are_comparable_and_say_when_they_were() -> None:
    first, second = judge(PEOPLE, *RULES), judge(PEOPLE.lazy(), *RULES)
    assert first.comparable() == second.comparable()
    assert first.timestamp.tzinfo is not None
    assert "timestamp" not in first.comparable()


@pytest.mark.parametrize("by", [{}, {"by": "group"}])
def test_last_digits_of_floats_do_not_tell_runs_apart_and_others_do(by: dict[str, str]) -> None:
    """In whatever order threads add floats, which is not the same twice, a run is the same."""
    rules = [{"check": "mean", "column": "x", "at_least": 0.19999999999999996, **by}]
    rules += [{"check": check, "column": "x", "at_least": 0.01, **by} for check in ("stddev", "sum")]
    rows = pl.DataFrame({"x": [0.1, 0.2, 0.3], "group": ["a"] * 3})
    one, other = judge(rows, *rules), judge(rows.reverse(), *rules)
    assert [rule.value for rule in one.rules] != [rule.value for rule in other.rules]
    assert one.rules[0].message != other.rules[0].message
    assert one.comparable() == other.comparable()
    nearby = judge(rows.with_columns(x=pl.Series([0.1, 0.2, 0.3000001])), *rules)
    assert nearby.comparable()["rules"][1] != one.comparable()["rules"][1]


@pytest.mark.parametrize("key", [(), ("id",), ("mail",)], ids=str)
def test_no_sensitive_value_is_in_a_result_its_text_or_its_exception(key: tuple[str, ...]) -> None:
    found = judge(PEOPLE, *RULES, key=key, sensitive=("mail", "group", "born"))
    said = [found.model_dump_json(), render_text(found), summarize_check_result(found)]
    said += [str(DataQualityError("failed", found)), repr(found)]
    assert not any(secret in text for text in said for secret in ("s3cret", "1911"))
    assert "***" in said[0]
    assert [rule.failed_count for rule in found.rules] == [rule.failed_count for rule in judge(PEOPLE, *RULES).rules]


def test_a_sensitive_null_is_shown_as_null() -> None:
    found = judge(PEOPLE, {"check": "not_null", "column": "mail"}, sensitive=("mail",))
    assert found.rules[0].samples == ({"row": 3, "mail": None},)


def breaking_csv() -> str:
    Path("a.csv").write_text("a,mail\n" + "1,x\n" * 20_000 + "s3cret-9,s3cret-8\n")
    return "a.csv"


def misquoted_csv() -> str:
    Path("a.csv").write_text('a,mail\n"1,s3cret-9\n2,s3cret-8\n')
    return "a.csv"


def truncated_ndjson() -> str:
    Path("a.ndjson").write_text('{"a": 1, "mail": "x"}\n{"a": 2, "mail": "s3cret-')
    return "a.ndjson"


def mixed() -> Any:
    return {"a": [1, 2], "mail": [1, "s3cret-7"]}


def casting() -> Any:
    return pl.LazyFrame({"a": [1], "mail": ["s3cret-6"]}).with_columns(pl.col("mail").cast(pl.Int64))


@pytest.mark.parametrize("data", [breaking_csv, misquoted_csv, truncated_ndjson, mixed, casting])
def test_what_polars_says_of_broken_data_does_not_quote_sensitive_values(data: Any) -> None:
    rules = {"check": "not_null", "column": "a"}, {"check": "not_null", "column": "mail"}
    found = judge(data(), *rules, sensitive=("mail",))
    assert found.status is Status.ERROR
    assert "s3cret" not in found.model_dump_json()
    assert all(rule.message for rule in found.rules)


def test_text_names_the_verdict_every_rule_and_failing_rows(result: CheckResult) -> None:
    text = render_text(result, width=160)
    assert "FAILED" in text.splitlines()[0]
    assert all(part in text for part in ("unique", "gone.parquet", "s3cret-1", "200"))
    assert summarize_check_result(result).count("\n") == 0


def test_a_frame_with_columns_of_the_engine_s_own_names_is_judged() -> None:
    names: dict[str, list[int | None]] = {"row": [7, 8], "rows": [None, 1], "rows ": [1, 1], "mark": [1, 1]}
    names["failed"] = [1, None]
    awkward = pl.DataFrame(names)
    rules = [{"check": "not_null", "column": name} for name in awkward.columns]
    rules += [{"check": "unique", "column": name} for name in awkward.columns]
    found = judge(awkward, *rules)
    assert [rule.failed_count for rule in found.rules] == [0, 1, 0, 0, 1, 0, 0, 2, 2, 0]
    assert found.row_count == 2


def test_samples_of_a_rare_failure_late_in_the_data_are_found() -> None:
    late = pl.DataFrame({"a": [*[1] * 150_000, None, 1]})
    found = judge(late, {"check": "not_null", "column": "a"}, {"check": "greater_than", "column": "a", "value": 1})
    assert found.rules[0].samples == ({"row": 150_000, "a": None},)
    assert [sample["row"] for sample in found.rules[1].samples] == [0, 1, 2, 3, 4]
