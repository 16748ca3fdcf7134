"""Row groups are read ahead, and queries run beside each other, as the source and the threads ask for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import polars as pl
import pytest

from quality import CheckConfig, check
from quality.checking import open_source
from quality.engine.judge import judge
from quality.sources.read_ahead import VARIABLE, at_once, read_ahead, row_groups

RULES = [
    {"check": "not_null", "column": "a"},
    {"check": "in_range", "column": "a", "min": 0, "max": 90},
    {"check": "mean", "column": "b", "at_least": 0},
    {"check": "length", "column": "c", "max": 2},
    {"check": "expression", "expression": "b >= 0"},
    {"check": "expression", "expression": "LENGTH(c) < 3"},
    {"check": "expression", "expression": "d / 2 < 60"},
    {"check": "not_null", "column": "gone"},
    {"check": "row_count", "min": 1},
    {"check": "unique", "column": "d"},
]
THREADS = """
import os, sys
os.environ.pop("POLARS_ROW_GROUP_PREFETCH_SIZE", None)
from quality.sources.read_ahead import at_once, row_groups
print(row_groups(False), row_groups(True), at_once(False), at_once(True))
"""


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    numbers = pl.int_range(100, eager=True)
    columns = {"a": numbers, "b": numbers * 1.5, "c": numbers.cast(pl.String), "d": numbers}
    pl.DataFrame(columns).write_parquet(tmp_path / "t.parquet", row_group_size=10)
    return tmp_path / "t.parquet"


@pytest.mark.parametrize(("threads", "said"), [(2, "2 8 1 2"), (16, "16 32 2 2")])
def test_more_is_read_ahead_of_more_threads_and_of_a_store(threads: int, said: str) -> None:
    env = os.environ | {"POLARS_MAX_THREADS": str(threads), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", THREADS], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == said


def test_a_check_leaves_no_setting_behind_and_its_queries_have_it(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []
    collect = pl.LazyFrame.collect

    def noted(lazy: pl.LazyFrame, *given: object, **named: object) -> object:
        seen.append(os.environ.get(VARIABLE))
        return collect(lazy, *given, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(pl.LazyFrame, "collect", noted)
    check(str(table), CheckConfig().override(rules=RULES[:3]))
    assert str(row_groups(False)) in seen
    assert VARIABLE not in os.environ


def test_what_the_process_has_set_itself_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "5")
    with read_ahead(True), read_ahead(False):
        assert os.environ[VARIABLE] == "5"
    assert os.environ[VARIABLE] == "5"


def test_checks_beside_each_other_read_as_far_ahead_as_either_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    together = Barrier(2)

    def reads(remote: bool) -> str:
        with read_ahead(remote):
            together.wait()
            found = os.environ[VARIABLE]
            together.wait()
        return found

    with ThreadPoolExecutor(2) as threads:
        assert set(threads.map(reads, (True, False))) == {str(row_groups(True))}
    assert VARIABLE not in os.environ


def test_queries_beside_each_other_give_what_one_after_the_other_gives(table: Path) -> None:
    config = CheckConfig().override(rules=RULES)
    found = {}
    for number in (1, 2, 3, 8):
        frame = open_source(str(table), config).frame
        frame.around = replace(frame.around, at_once=number)
        judged = [(one.rule.title, one.judgement and one.judgement[:3], one.problem) for one in judge(config, frame)]
        found[number] = (judged, sorted(frame.queries))
    assert found[1] == found[2] == found[3] == found[8]
    assert len(found[1][0]) == len(RULES)


def test_queries_of_one_pass_run_at_the_same_time_where_it_helps(table: Path) -> None:
    config = CheckConfig().override(rules=RULES[2:6])
    frame = open_source(str(table), config).frame
    met = Barrier(2)

    @contextmanager
    def meeting() -> Iterator[None]:
        met.wait(timeout=60)
        yield

    frame.around = replace(frame.around, at_once=2, reading=meeting)
    assert [found.problem for found in judge(config, frame)] == [None] * 4
    assert len(frame.queries) == 2
    assert at_once(remote=True) > 1


def test_where_requests_are_waited_for_one_query_reads_all_columns(table: Path) -> None:
    """What statistics prove is asked beside it, and costs no more than the ends of the files."""
    config = CheckConfig().override(rules=[*RULES, {"check": "unique", "column": "c"}])
    asked = []
    for far in (False, True):
        frame = open_source(str(table), config).frame
        frame.around = replace(frame.around, far=far, at_once=2)
        found = [(one.rule.title, one.judgement and one.judgement[:3], one.problem) for one in judge(config, frame)]
        asked.append(([label for label, _ in frame.queries if "pass" in label or "probe" in label], found))
    (near, expected), (far_away, found) = asked
    assert found == expected
    assert sorted(far_away) == ["pass over 3 columns, unique(c)", "probe of a"]
    assert len(near) > len(far_away)


def test_where_requests_are_waited_for_segments_of_different_columns_stay_apart(table: Path) -> None:
    """Together they would be as many as there are pairs of their values."""
    rules = [
        {"check": "expression", "expression": f"{column} >= 0", "by": by} for column, by in (("a", "c"), ("b", "d"))
    ]
    frame = open_source(str(table), config := CheckConfig().override(rules=rules)).frame
    frame.around = replace(frame.around, far=True)
    assert [found.problem for found in judge(config, frame)] == [None] * 200
    assert sorted(columns for label, columns in frame.queries if "pass" in label) == [("a", "c"), ("b", "d")]
