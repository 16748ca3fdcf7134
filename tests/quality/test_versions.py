"""A check reads one version of its source and of each reference, or notices that it did not."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from checking import judge
from prefect import flow
from prefect.blocks.system import Secret

from quality.checking import check
from quality.contract.config import CheckConfig
from quality.contract.policy import Cache
from quality.errors import ConfigurationError, DataQualityError
from quality.ladder import tasks
from quality.ladder.tasks import check_task
from quality.result import CheckResult
from quality.rules.catalogue import parse_rules
from quality.sources import Files, Source
from quality.values import Status

CHANGED = "the source, or a reference, changed while it was read: check again"
UNIQUE, POSITIVE = {"check": "unique", "column": "id"}, {"check": "positive", "column": "v"}
TWICE = pl.DataFrame({"id": [7, 7, 7], "v": [1, 1, 1]})
NEGATIVE = pl.DataFrame({"id": [1, 2, 3], "v": [-1, -1, -1]})
WRITE: dict[str, Callable[[pl.DataFrame, Any], Any]] = {
    "csv": lambda frame, path: frame.write_csv(path),
    "parquet": lambda frame, path: frame.write_parquet(path),
    "arrow": lambda frame, path: frame.write_ipc(path),
    "ndjson": lambda frame, path: frame.write_ndjson(path),
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))


def replace(suffix: str, frame: pl.DataFrame, path: str, times: os.stat_result | None = None) -> None:
    """Puts other data in a file's place, as loaders do: written beside it and renamed."""
    WRITE[suffix](frame, "new")
    if times is not None:
        os.utime("new", ns=(times.st_atime_ns, times.st_mtime_ns))
    Path("new").replace(path)


def disturbed(source: Any, change: Callable[[], object], *rules: dict[str, Any], when: int = 0) -> CheckResult:
    """The verdict where the data changes once, after so many reports of progress."""
    told: list[int] = []

    def judged(count: int) -> None:
        told.append(count)
        if len(told) == when + 1:
            change()

    config = CheckConfig(rules=parse_rules(rules), source=source)
    result = check(None, config, history=lambda window: [], judged=judged)
    assert len(told) > when, "the data was not changed"
    return result


@pytest.mark.parametrize("suffix", WRITE)
@pytest.mark.parametrize("when", [0, 1])
@pytest.mark.parametrize("same_time", [False, True])
def test_a_source_replaced_between_two_queries_gives_no_verdict(suffix: str, when: int, same_time: bool) -> None:
    path = f"a.{suffix}"
    WRITE[suffix](TWICE, path)
    times = Path(path).stat() if same_time else None
    result = disturbed(path, lambda: replace(suffix, NEGATIVE, path, times), POSITIVE, UNIQUE, when=when)
    assert (result.status, result.exit_code, result.reason) == (Status.ERROR, 3, CHANGED)
    assert {(rule.status, rule.message) for rule in result.rules} == {(Status.ERROR, CHANGED)}
    assert judge(path, UNIQUE, POSITIVE).status is Status.FAILED


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda: replace("parquet", NEGATIVE, "in/1.parquet"), id="replaced"),
        pytest.param(lambda: replace("parquet", NEGATIVE, "in/9.parquet"), id="added"),
        pytest.param(lambda: Path("in/2.parquet").unlink(), id="removed"),
        pytest.param(lambda: Path("in/2.parquet").rename("in/3.parquet"), id="renamed"),
        pytest.param(lambda: Path("in/2.parquet").write_bytes(b""), id="emptied"),
    ],
)
def test_every_file_of_a_source_counts(change: Callable[[], object]) -> None:
    Path("in").mkdir()
    for number in (1, 2):
        TWICE.write_parquet(f"in/{number}.parquet")
    assert disturbed("in", change, POSITIVE, UNIQUE, when=0).status is Status.ERROR


@pytest.mark.parametrize("suffix", WRITE)
@pytest.mark.parametrize(
    "rule",
    [
        {"check": "foreign_key", "column": "id", "reference": "b"},
        {"check": "cross_table_row_count", "reference": "b"},
        {"check": "reconcile", "key": ["id"], "columns": ["v"], "reference": "b"},
        {"check": "statistical_drift", "column": "v", "baseline": "b", "threshold": 100},
    ],
    ids=lambda rule: str(rule["check"]),
)
def test_a_reference_that_changes_gives_no_verdict(rule: dict[str, Any], suffix: str) -> None:
    NEGATIVE.write_parquet("a.parquet")
    WRITE[suffix](NEGATIVE, f"b.{suffix}")
    asked = {key: f"b.{suffix}" if value == "b" else value for key, value in rule.items()}
    result = disturbed(
        "a.parquet", lambda: replace(suffix, TWICE, f"b.{suffix}"), asked, {**POSITIVE, "by": "id"}, UNIQUE
    )
    assert (result.status, result.reason) == (Status.ERROR, CHANGED)


def test_a_reference_is_opened_once(monkeypatch: pytest.MonkeyPatch) -> None:
    NEGATIVE.write_csv("b.csv")
    opened, scan = list[str](), Files.scan

    def counted(self: Files, root: Path) -> pl.LazyFrame:
        opened.append(self.path)
        return scan(self, root)

    monkeypatch.setattr(Files, "scan", counted)
    rules = [{"check": "foreign_key", "column": column, "reference": "b.csv", "by": "v"} for column in ("id", "v")]
    judge(NEGATIVE, *rules, {"check": "row_count_match", "reference": "b.csv"})
    assert opened == ["b.csv"]


def test_what_is_shown_of_failing_rows_is_of_the_same_version() -> None:
    TWICE.write_csv("a.csv")
    config = CheckConfig(rules=parse_rules([UNIQUE]), source=Files(path="a.csv"))
    result = check(None, config, history=lambda window: [], seen=lambda frame, found: replace("csv", NEGATIVE, "a.csv"))
    assert (result.status, result.reason) == (Status.ERROR, CHANGED)


def test_a_result_says_of_which_version_it_is() -> None:
    TWICE.write_csv("a.csv")
    first = judge("a.csv", POSITIVE).metadata.version
    assert judge("a.csv", POSITIVE).metadata.version == first
    replace("csv", NEGATIVE, "a.csv")
    assert judge("a.csv", POSITIVE).metadata.version not in (None, first)
    assert judge(TWICE, POSITIVE).metadata.version is None

    class Own(Source):
        kind: str = "own"

        def scan(self, root: Path) -> pl.LazyFrame:
            return TWICE.lazy()

    assert judge(Own(), POSITIVE).metadata.version == "unknown: this source does not tell versions"


def cached(path: str, *rules: dict[str, Any]) -> Any:
    """The verdict of a check task that may be served from the cache, called in a flow of its own."""
    task = check_task(
        CheckConfig(
            dataset="users",
            source=path,
            rules=parse_rules(rules),
            cache=Cache(enabled=True, may_gate=True, reason="a test"),
        )
    )

    @flow
    def checked() -> Any:
        try:
            return task()
        except DataQualityError as error:
            return error.result

    return checked()


def test_the_cache_keeps_no_verdict_about_another_version(
    api: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The data is replaced after the cache's key was made, and before the check opens it."""
    path = str(tmp_path / "a.csv")
    Path(path).write_text("id,v\n1,1\n")
    Path("kept.csv").hardlink_to(path)
    asked, real = list[int](), tasks.configured

    def replaced(*args: Any, **call: Any) -> CheckConfig:
        asked.append(1)
        if len(asked) == 2:
            replace("csv", pl.DataFrame({"id": [1, 2], "v": [1, 1]}), path)
        return real(*args, **call)

    monkeypatch.setattr(tasks, "configured", replaced)
    assert cached(path, POSITIVE).row_count == 2
    Path("kept.csv").replace(path)
    assert cached(path, POSITIVE).row_count == 1
    assert cached(path, POSITIVE).row_count == 1


def test_the_cache_s_key_is_about_references_too(api: str, tmp_path: Path) -> None:
    source, reference = str(tmp_path / "a.csv"), str(tmp_path / "b.csv")
    Path(source).write_text("id\n1\n")
    Path(reference).write_text("id\n1\n")
    rule = {"check": "foreign_key", "column": "id", "reference": reference}
    assert cached(source, rule).status is Status.PASSED
    replace("csv", pl.DataFrame({"id": [2]}), reference)
    assert cached(source, rule).status is Status.FAILED


def test_the_address_of_a_database_may_be_in_a_saved_block(api: str) -> None:
    with closing(sqlite3.connect("shop.db")) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS v")
        connection.commit()
    Secret(value="sqlite:///shop.db").save("shop-database", overwrite=True)
    found = judge(None, POSITIVE, source={"connection": "secret:shop-database", "table": "t"})
    assert (found.status, found.metadata.source) == (Status.PASSED, "t of secret:shop-database")
    with pytest.raises(ConfigurationError, match="there is no saved Secret block 'nope' for the database"):
        judge(None, POSITIVE, source={"connection": "secret:nope", "table": "t"})
