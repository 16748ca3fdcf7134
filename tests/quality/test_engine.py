"""One pass: what is read, how often, and what a fault elsewhere would look like here."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from checking import counts, judge, judge_one

from quality import CheckConfig
from quality.checking import open_source
from quality.engine.judge import judge as engine_judge
from quality.errors import ConfigurationError
from quality.loopback import importable
from quality.result import CheckResult
from quality.values import Status

ROWS = 60_000
DATA = pl.DataFrame(
    {
        "id": pl.int_range(ROWS, eager=True),
        "a": pl.int_range(ROWS, eager=True) % 7,
        "b": (pl.int_range(ROWS, eager=True) % 5).cast(pl.Float64),
        "s": "k" + pl.int_range(ROWS, eager=True).cast(pl.String),
        "g": pl.Series(["x", "y"] * (ROWS // 2)),
        "unused": pl.int_range(ROWS, eager=True),
    }
)
CLEAN: tuple[dict[str, Any], ...] = (
    {"check": "not_null", "column": "a"},
    {"check": "in_range", "column": "a", "min": 0, "max": 6},
    {"check": "mean", "column": "a", "at_least": 2},
    {"check": "expression", "expression": "a >= 0 AND b >= 0"},
    {"check": "non_negative", "column": "b", "by": "g"},
    {"check": "regex", "column": "s", "pattern": "^k"},
    {"check": "length", "column": "s", "max": 9, "where": "b > 1"},
    {"check": "dtype", "column": "unused", "dtype": "integer"},
    {"check": "row_count", "min": 1},
)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    DATA.write_parquet("data.parquet", row_group_size=10_000)


def sampling(result: CheckResult) -> list[str]:
    return [query for query in result.metadata.explain.queries if query.startswith("examples")]


def test_each_column_is_read_once_and_a_column_without_a_rule_never() -> None:
    explain = judge("data.parquet", *CLEAN).metadata.explain
    assert explain.columns_read == {"a": 1, "b": 1, "g": 1, "s": 1}
    assert explain.collects == len(explain.queries) <= 3


def test_columns_that_no_rule_joins_are_read_apart() -> None:
    rules = {"check": "mean", "column": "a", "at_least": 0}, {"check": "regex", "column": "s", "pattern": "k"}
    queries = judge("data.parquet", *rules).metadata.explain.queries
    assert sorted(query.split(": ")[1] for query in queries if query.startswith("pass")) == ["a", "s"]


def test_a_wide_table_is_asked_no_more_queries_the_wider_it_is() -> None:
    """A query costs by the width of the table: one for each column would cost by its square."""
    names = [f"c{n}" for n in range(1_200)]
    pl.DataFrame({name: [1, None, n % 2] for n, name in enumerate(names)}).write_parquet("wide.parquet")
    rules = [{"check": check, "column": name} for name in names for check in ("not_null", "positive")]
    result = judge("wide.parquet", *rules)
    assert [(rule.failed_count, rule.total_count) for rule in result.rules] == [
        one for n in range(1_200) for one in ((1, 3), (1 - n % 2, 2))
    ]
    queries = result.metadata.explain.queries
    assert 200 < sum(query.startswith(("probe", "pass")) for query in queries) <= 300
    assert {*result.metadata.explain.columns_read} == {*names}


def test_a_row_format_is_read_in_one_pass() -> None:
    DATA.head(1000).write_csv("data.csv")
    explain = judge("data.csv", *CLEAN).metadata.explain
    assert explain.collects == 1
    assert explain.columns_read == {"a": 1, "b": 1, "g": 1, "s": 1, "unused": 1}  # whether its texts are integers


def test_a_row_format_is_read_in_one_pass_by_keys_and_numbers_too() -> None:
    DATA.head(1000).write_csv("data.csv")
    key: dict[str, Any] = {"check": "unique_combination", "columns": ["a", "s"]}
    explain = judge("data.csv", *(rule for rule in CLEAN if "by" not in rule), key).metadata.explain
    assert explain.columns_read["s"] == explain.columns_read["a"] == explain.columns_read["b"] == 1
    assert [query.split(":")[0] for query in explain.queries] == [
        "number of rows",
        "pass over 4 columns, unique(a, s)",
    ]


def test_repeated_numbers_need_no_second_look_and_repeated_texts_do() -> None:
    twice = pl.concat([DATA.head(50), DATA.head(1)])
    twice.write_parquet("twice.parquet")
    keys: list[dict[str, Any]] = [
        {"check": "unique_combination", "columns": ["a", "id"]},
        {"check": "unique", "column": "s"},
    ]
    result = judge("twice.parquet", *keys, sample_rows=0)
    assert [rule.failed_count for rule in result.rules] == [2, 2]
    assert [query for query in result.metadata.explain.queries if "compared" in query] == ["unique(s), compared: s"]


def test_no_more_flags_are_held_beside_marks_than_the_budget_has_room_for() -> None:
    """Of a thousand counts for every row, those that do not fit are counted by a query that holds no row."""
    few = [{"check": "in_range", "column": "a", "min": 0, "max": 9 + n, "name": f"rule {n}"} for n in range(40)]
    config = CheckConfig().override(rules=[{"check": "unique", "column": "s"}, *few])
    DATA.write_csv("data.csv")
    together = "pass over 2 columns, unique(s)"
    for flags, labels in ((82, [together]), (8, ["pass over a", together])):
        frame = open_source("data.csv", config).frame
        frame.around = replace(frame.around, memory_budget=ROWS * (16 + flags // 4))
        assert [one.judgement.failed for one in engine_judge(config, frame) if one.judgement] == [0] * 41
        assert [label for label, _ in frame.queries if label != "number of rows"] == labels


def test_a_condition_that_breaks_the_pass_leaves_the_other_rules_of_its_key_alone() -> None:
    breaks = "STRPTIME(s, '%Y') IS NULL"
    rules: list[dict[str, Any]] = [
        {"check": "unique", "column": "a"},
        {"check": "unique", "column": "a", "where": breaks},
        {"check": "primary_key", "columns": ["s"]},
        {"check": "in_range", "column": "a", "min": 0, "max": 3},
        {"check": "regex", "column": "s", "pattern": "^k"},
    ]
    found = judge(DATA, *rules, sample_rows=0)
    alone = [judge_one(DATA, rule) for rule in rules]
    assert [rule.status for rule in alone].count(Status.ERROR) == 1
    assert [(one.status, one.failed_count, one.total_count) for one in found.rules] == [
        (one.status, one.failed_count, one.total_count) for one in alone
    ]


def test_a_hundred_rules_on_one_column_read_it_once() -> None:
    rules = [{"check": "in_range", "column": "b", "min": -n, "max": 9, "where": "a >= 0"} for n in range(100)]
    explain = judge("data.parquet", *rules).metadata.explain
    assert explain.columns_read == {"a": 1, "b": 1}
    assert explain.collects == 1


def test_no_rule_that_passed_is_sampled() -> None:
    unique = {"check": "unique", "column": "s"}, {"check": "increasing", "column": "id"}
    assert sampling(judge("data.parquet", *CLEAN, *unique)) == []
    assert sampling(judge("data.parquet", *CLEAN, {"check": "positive", "column": "a"})) != []
    assert sampling(judge("data.parquet", {"check": "positive", "column": "a"}, sample_rows=0)) == []


def test_samples_of_all_failed_rules_come_from_one_query_that_reads_their_columns_only() -> None:
    failing = [{"check": "positive", "column": "a"}, {"check": "positive", "column": "b"}]
    result = judge("data.parquet", *CLEAN, *failing, key=("id",))
    assert len(sampling(result)) == 1
    assert sampling(result)[0].split(": ")[1] == "id, a, b" or sampling(result)[0].split(": ")[1] == "a, b, id"
    assert {name for rule in result.rules for row in rule.samples for name in row} == {"id", "a", "b"}


def test_a_sorted_key_is_proved_unique_without_sorting_it() -> None:
    queries = judge("data.parquet", {"check": "unique", "column": "id"}).metadata.explain.queries
    assert not any("compared" in query for query in queries)


BACK = pl.Series("m", [1_792_888_200, 1_792_891_800, 1_792_891_800]) * 10**6
NEAR = pl.Series("m", [1, 2_999, 2_000])


@pytest.mark.parametrize("check", [{"check": "not_null"}, {"check": "unique"}, {"check": "distinct_count", "max": 1}])
@pytest.mark.parametrize(
    "moments",
    [
        BACK.cast(pl.Datetime("us", "Europe/Berlin")),
        NEAR.cast(pl.Datetime("ns")),
        NEAR.cast(pl.Datetime("ns", "UTC")),
        NEAR.cast(pl.Duration("ns")),
        NEAR.cast(pl.Time),
    ],
    ids=lambda moments: str(moments.dtype),
)
def test_every_row_is_of_one_segment_also_where_python_takes_two_moments_for_one(
    moments: pl.Series, check: dict[str, Any]
) -> None:
    """Of moments that clocks show twice, and of nanoseconds that Python does not have."""
    frame = pl.DataFrame([pl.Series("a", [1, None, 2]), moments])
    found = judge(frame, check | {"column": "a", "by": "m"}).rules
    rows = [1, 2] if check["check"] == "not_null" else [1, 1]
    assert [rule.total_count for rule in found] == rows
    assert [rule.failed_count for rule in found] == ([0, 1] if check["check"] == "not_null" else [0, 0])
    assert [len(rule.samples) for rule in found] == [rule.failed_count for rule in found]
    assert len({rule.segment for rule in found}) == 2
    twice = judge(pl.concat([frame, frame]), {"check": "unique", "column": "a", "by": "m"}).rules
    assert [rule.failed_count for rule in twice] == [2, 2]


def test_the_rules_that_are_given_are_the_rules_that_are_judged() -> None:
    strict, lax = {"check": "less_than", "column": "a", "value": 3}, {"check": "less_than", "column": "a", "value": 9}
    assert judge(DATA, strict).status is Status.FAILED
    assert judge(DATA, lax).status is Status.PASSED
    assert [rule.rule_name for rule in judge(DATA, strict, lax).rules] == [
        "less_than(a, value=3)",
        "less_than(a, value=9)",
    ]


def test_a_lazy_frame_is_really_judged() -> None:
    rule = {"check": "less_than", "column": "a", "value": 3}
    assert counts(judge_one(DATA.lazy(), rule)) == counts(judge_one(DATA, rule)) == ("FAILED", 34284, ROWS)


def test_a_null_compared_with_a_range_is_counted_as_not_judged() -> None:
    result = judge_one(pl.DataFrame({"a": [1, None, 9]}), {"check": "in_range", "column": "a", "max": 5})
    assert counts(result) == ("FAILED", 1, 2)
    assert result.failure_rate == 50.0


def test_rates_are_fractions_where_they_are_written_and_really_soften() -> None:
    third = pl.DataFrame({"a": [1, 2, 9]})
    rule = {"check": "less_than", "column": "a", "value": 5}
    assert judge(third, {**rule, "max_failure_rate": 0.34}).status is Status.PASSED
    assert judge(third, {**rule, "max_failure_rate": 0.33}).status is Status.FAILED
    with pytest.raises(ConfigurationError, match="must be a fraction from 0 to 1"):
        judge(third, {**rule, "max_failure_rate": 34})
    others = {"check": "positive", "column": "a"}, {"check": "not_null", "column": "a"}
    assert judge(third, rule, *others, warning_threshold=0.34).status is Status.WARNING
    assert judge(third, rule, *others, warning_threshold=0.33).status is Status.FAILED


@pytest.mark.parametrize(
    ("severity", "status", "exit_code"),
    [("critical", "FAILED", 1), ("error", "FAILED", 1), ("warning", "WARNING", 0), ("info", "PASSED", 0)],
)
def test_severity_says_what_a_failed_rule_does_to_the_run(severity: str, status: str, exit_code: int) -> None:
    failing = {"check": "positive", "column": "a", "severity": severity}
    result = judge(DATA, failing, {"check": "not_null", "column": "a"})
    assert (result.status.value, result.exit_code) == (status, exit_code)
    assert result.rules[0].status is Status.FAILED


def test_a_known_failure_outranks_what_could_not_be_judged() -> None:
    missing = {"check": "foreign_key", "column": "a", "reference": "gone.parquet"}
    assert judge(DATA, missing, {"check": "positive", "column": "a"}).status is Status.FAILED
    warned = judge(DATA, missing, {"check": "positive", "column": "a", "severity": "warning"})
    assert (warned.status, warned.exit_code) == (Status.ERROR, 3)


def test_a_changed_file_never_gives_yesterday_s_green() -> None:
    lazy = pl.scan_parquet("data.parquet")
    rule = {"check": "less_than", "column": "a", "value": 7}
    assert judge(lazy, rule).status is judge("data.parquet", rule).status is Status.PASSED
    DATA.with_columns(a=pl.lit(9, pl.Int64)).write_parquet("data.parquet", row_group_size=10_000)
    assert judge("data.parquet", rule).status is Status.FAILED
    assert judge(lazy, rule).status in (Status.FAILED, Status.ERROR), "Polars keeps the footer of the file it knew"


DOMAIN = '''
from typing import ClassVar, Literal

from quality.engine.rule import ColumnRule
from quality.engine.dtypes import NUMBER


class EvenNumber(ColumnRule):
    """Every value is an even number."""

    ALIASES: ClassVar = ("even",)
    JUDGES: ClassVar = NUMBER
    check: Literal["even_number"] = "even_number"

    def says(self):
        return f"{self.column} is even"

    def holds(self, value, dtype, frame):
        return value % 2 == 0


RULES = (EvenNumber,)
'''


def test_a_domain_s_own_rule_is_one_small_class_used_as_a_built_in() -> None:
    Path("domain").mkdir()
    Path("domain/__init__.py").touch()
    Path("domain/rules.py").write_text(DOMAIN)
    program = (
        "import polars as pl; from quality.checking import check; from quality.contract.config import CheckConfig\n"
        "rules = [{'check': 'even', 'column': 'a', 'where': 'a > 0', 'by': 'g'}]\n"
        "result = check(pl.DataFrame({'a': [2, 3, None, -1], 'g': ['x'] * 4}), CheckConfig().override(rules=rules))\n"
        "print(result.rules[0].check, result.status, result.rules[0].failed_count, result.rules[0].total_count)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": f"{Path.cwd()}:{importable()}"},
    )
    assert ran.stdout.split() == ["even_number", "FAILED", "1", "2"]


def test_the_engine_does_not_import_prefect() -> None:
    modules = "quality.checking, quality.reporting.console, quality.rules.profile"
    program = f"import sys, {modules}; print('prefect' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONPATH": importable()}
    )
    assert ran.stdout.strip() == "False"


@pytest.mark.parametrize(
    "values",
    [pl.Series([[1]]), pl.Series([{"a": 1}]), pl.Series([[1]], dtype=pl.Array(pl.Int8, 1)), pl.Series([object()])],
    ids=lambda values: str(values.dtype),
)
def test_what_has_no_single_values_makes_no_segments(values: pl.Series) -> None:
    frame = pl.DataFrame([pl.Series("a", [1]), values.alias("m")])
    (rule,) = judge(frame, {"check": "not_null", "column": "a", "by": "m"}).rules
    assert (rule.status, rule.message) == (Status.ERROR, f"column 'm' is {values.dtype}; by needs single values")
