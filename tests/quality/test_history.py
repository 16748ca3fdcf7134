from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from nightly import BAD, GOOD, RULES, Repository

from quality.checking import check
from quality.contract.config import CheckConfig
from quality.errors import ConfigurationError, SourceError
from quality.history import runs as history
from quality.history.store import Shelf
from quality.result import CheckResult, RuleResult
from quality.sources.storage import write_table
from quality.values import Status

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
SCHEMA = pl.Schema({"run": pl.String(), "at": pl.Datetime("us", "UTC")})
VOLUME = {"check": "volume", "max_change": 0.5, "window": 3}
TREND = {"check": "trend", "metric": "mean", "column": "amount", "max_change": 0.5, "window": 3}
ANOMALY = {"check": "anomaly", "metric": "mean", "column": "amount", "window": 4, "min_runs": 3}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    return Repository(tmp_path)


def ran(repository: Repository, data: Any, run: str, ago: timedelta = timedelta()) -> CheckResult:
    repository.holds(data)
    result = check(None, repository.config)
    result = result.model_copy(update={"timestamp": datetime.now(UTC) - ago})
    history.append(result, repository.config, run)
    return result


def amounts(repository: Repository, rule: dict[str, Any], *runs: Any) -> list[RuleResult]:
    """The rule's results when the dataset holds first these amounts, then those, each in a run of its own."""
    repository.says(rules=[*RULES, rule])
    before = history.metrics(repository.config)["run"].n_unique()
    return [
        ran(repository, {"id": range(len(run)), "email": ["x"] * len(run), "amount": run}, f"{before + n}").rules[-1]
        for n, run in enumerate(runs)
    ]


def runs(repository: Repository) -> list[str]:
    """The runs that history has, oldest first."""
    return history.metrics(repository.config)["run"].unique(maintain_order=True).to_list()


def statuses(results: list[RuleResult]) -> list[str]:
    return [result.status.value for result in results]


def test_a_run_leaves_counts_rates_rows_bytes_duration_and_its_whole_result(repository: Repository) -> None:
    result = ran(repository, BAD, "one")
    found = history.metrics(repository.config)
    size = (repository.root / "data" / "orders.parquet").stat().st_size
    columns = ["run", "status", "rows", "bytes", "rule", "rule_status", "failed", "judged", "failure_rate"]
    assert found.select(columns).rows() == [
        ("one", "FAILED", 4, size, "unique(id)", "FAILED", 2, 4, 50.0),
        ("one", "FAILED", 4, size, "in_range(amount, min=0, max=100)", "FAILED", 1, 4, 25.0),
    ]
    assert found["duration_ms"][0] == result.execution_time_ms
    assert found["fingerprint"][0] == repository.config.fingerprint
    assert history.last_result(repository.config) == result


def test_volume_is_judged_against_the_median_of_earlier_runs(repository: Repository) -> None:
    repository.says(rules=[*RULES, VOLUME])
    assert check(None, repository.config).rules[-1].status is Status.SKIPPED
    for n, rows in enumerate((4, 4, 40, 4)):
        ran(repository, {name: values * (rows // 4) for name, values in GOOD.items()}, str(n))
    assert check(None, repository.config).rules[-1].status is Status.PASSED
    repository.holds({name: values[:1] for name, values in GOOD.items()})
    (volume,) = (rule for rule in check(None, repository.config).rules if rule.check == "volume")
    assert (volume.status, volume.value) == (Status.FAILED, 1)
    assert "it is 1; the median, 4, allows 2 to 6" in volume.message


def test_volume_of_some_rows_is_judged_against_earlier_ones_of_them(repository: Repository) -> None:
    repository.says(rules=[VOLUME | {"where": "amount > 2"}])
    ran(repository, GOOD, "one")
    repository.holds(GOOD)
    (volume,) = check(None, repository.config).rules
    assert (volume.status, volume.value) == (Status.PASSED, 2)
    assert "it is 2; the median, 2, allows 1 to 3" in volume.message


def test_a_trend_is_judged_against_the_median_of_the_last_runs(repository: Repository) -> None:
    results = amounts(repository, TREND, [2.0, 4.0], [4.0], [90.0], [2.0], [5.0, 6.0], [4.0])
    assert statuses(results) == ["SKIPPED", "PASSED", "FAILED", "PASSED", "FAILED", "PASSED"]
    first, *_, last = results
    assert (first.value, first.message) == (3.0, "nothing judged: no earlier run to compare with")
    says = "the mean of amount is within 50 % of the median of the last 3 runs"
    assert last.message == f"{says}; it is 4; the median, 3, allows 1.5 to 4.5"


def test_a_trend_of_negative_numbers_allows_a_fraction_of_their_size(repository: Repository) -> None:
    rule = TREND | {"metric": "sum", "max_change": 0.25}
    assert statuses(amounts(repository, rule, [-4], [-5], [-6])) == ["SKIPPED", "PASSED", "FAILED"]


def test_only_nothing_is_no_change_of_nothing(repository: Repository) -> None:
    rule = TREND | {"metric": "sum", "max_change": 100.0}
    assert statuses(amounts(repository, rule, [0], [0], [1])) == ["SKIPPED", "PASSED", "FAILED"]


def test_an_anomaly_is_judged_once_there_are_enough_earlier_numbers(repository: Repository) -> None:
    results = amounts(repository, ANOMALY, [9.0], [10.0], [12.0], [13.0], [13.0], [30.0])
    assert statuses(results) == ["SKIPPED", "SKIPPED", "SKIPPED", "PASSED", "PASSED", "FAILED"]
    assert results[2].message == "nothing judged: only 2 of the 3 earlier runs that it takes"
    assert results[2].value == 12.0
    assert results[-1].message == (
        "the mean of amount is within 3 standard deviations of its mean over the last 4 runs; "
        "it is 30; the mean of 4 runs, 12, allows 7.75736 to 16.2426"
    )


@pytest.mark.parametrize(
    ("least", "number", "status"),
    [
        ({}, 0.2001, "PASSED"),
        ({}, 0.2059, "PASSED"),
        ({}, 0.2061, "FAILED"),
        ({"min_spread": 0}, 0.2001, "FAILED"),
        ({"min_spread": 0.1}, 0.2599, "PASSED"),
        ({"min_spread": 0.1}, 0.1, "FAILED"),
    ],
)
def test_where_no_run_differed_a_small_change_is_no_anomaly(
    repository: Repository, least: dict[str, Any], number: float, status: str
) -> None:
    results = amounts(repository, ANOMALY | least, *[[0.1, 0.2, 0.3]] * 3, [0.3, 0.2, 0.1], [number])
    assert statuses(results[3:]) == ["PASSED", status]


def test_the_rounding_of_a_sum_is_no_anomaly(repository: Repository) -> None:
    usual, other = sum([0.1] * 10), 1.0
    assert usual != other
    assert statuses(amounts(repository, ANOMALY | {"metric": "sum"}, *[[usual]] * 3, [other]))[-1] == "PASSED"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"metric": "mean"}, {"metric": "sum"}),
        ({"metric": "mean", "column": "id"}, {"metric": "mean", "column": "amount"}),
        ({"metric": "quantile", "q": 0.5}, {"metric": "quantile", "q": 0.9}),
        ({"metric": "mean"}, {"metric": "mean", "where": "id > 0"}),
    ],
    ids=["another metric", "another column", "another quantile", "other rows"],
)
def test_a_rule_that_keeps_its_name_is_not_compared_with_what_it_meant_before(
    repository: Repository, before: dict[str, Any], after: dict[str, Any]
) -> None:
    named = TREND | {"name": "amounts are as ever"}
    assert statuses(amounts(repository, named | before, [1.0, 2.0], [1.0, 2.0])) == ["SKIPPED", "PASSED"]
    assert statuses(amounts(repository, named | after, [1.0, 2.0], [1.0, 2.0])) == ["SKIPPED", "PASSED"]


def test_what_one_rule_left_is_known_to_every_rule_on_the_metric(repository: Repository) -> None:
    amounts(repository, TREND | {"name": "a trend"}, [1.0], [2.0], [3.0])
    repository.says(rules=[TREND, ANOMALY])
    repository.holds(GOOD)
    assert check(None, repository.config).passed_count == 2
    ran(repository, GOOD, "both")
    assert history.measured(repository.config, datetime.now(UTC))("mean(amount)", 9) == [1.0, 2.0, 3.0, 2.5]


def test_rows_that_vanished_are_a_change_in_their_number_and_no_number_of_theirs(repository: Repository) -> None:
    some = TREND | {"where": "id > 0"}
    rows = {"check": "trend", "metric": "row_count", "max_change": 0.5, "where": "id > 0"}
    assert statuses(amounts(repository, rows, [1.0] * 3, [1.0])) == ["SKIPPED", "FAILED"]
    vanished = amounts(repository, some, [1.0] * 3, [1.0])[-1]
    assert (vanished.status, vanished.message) == (Status.SKIPPED, "nothing judged: no value to judge")


def test_every_run_has_counted_its_rows_for_a_trend_of_them(repository: Repository) -> None:
    ran(repository, GOOD, "before the rule was written")
    rows = {"check": "trend", "metric": "row_count", "max_change": 0.5}
    (result,) = amounts(repository, rows, [1.0])
    assert (result.status, result.value) == (Status.FAILED, 1)
    assert (
        result.message
        == "the number of rows is within 50 % of the median of the last 7 runs; it is 1; the median, 4, allows 2 to 6"
    )


@pytest.mark.parametrize(
    ("metric", "value"),
    [("sum", [Decimal("1.25")]), ("min", [Decimal("1.25"), Decimal("2.50")]), ("median", [1.0, 1.5])],
)
def test_whatever_the_column_holds_its_number_is_remembered(
    repository: Repository, metric: str, value: list[Any]
) -> None:
    results = amounts(repository, TREND | {"metric": metric}, value, value)
    assert [(result.status, result.value) for result in results] == [(Status.SKIPPED, 1.25), (Status.PASSED, 1.25)]


def test_a_number_that_is_none_fails_and_is_not_compared_with_later(repository: Repository) -> None:
    results = amounts(repository, TREND, [1.0], [float("nan")], [float("inf")], [1.0])
    assert statuses(results) == ["SKIPPED", "FAILED", "FAILED", "PASSED"]


def test_a_rule_that_compares_numbers_of_a_sensitive_column_is_refused(repository: Repository) -> None:
    for rule in (TREND, ANOMALY):
        repository.says(rules=[rule | {"metric": "distinct_count", "column": "email"}])
        with pytest.raises(ConfigurationError, match="column 'email' is sensitive, so history keeps none of its num"):
            check(None, repository.config)


def test_a_check_that_leaves_no_history_has_nothing_to_compare_with() -> None:
    config = CheckConfig().override(rules=[TREND, ANOMALY, VOLUME])
    assert check(pl.DataFrame(GOOD), config).skipped_count == 3


def test_what_is_compared_sees_the_same_past(repository: Repository) -> None:
    repository.says(rules=[VOLUME])
    before = datetime.now(UTC)
    ran(repository, GOOD, "later")
    repository.holds(GOOD)
    assert check(None, repository.config, now=before).status is Status.SKIPPED
    assert check(None, repository.config).status is Status.PASSED


@pytest.mark.parametrize("harm", ["half a file", "a file where the folder should be"])
def test_a_broken_history_leaves_the_other_rules_judged_and_is_never_green(repository: Repository, harm: str) -> None:
    repository.says(rules=[*RULES, VOLUME, TREND, ANOMALY])
    ran(repository, GOOD, "one")
    if harm == "half a file":
        (file,) = history.shelf(repository.config).files()
        file.write_bytes(file.read_bytes()[:100])
    else:
        repository.decides(history={"path": "data/orders.parquet"})
    result = check(None, repository.config)
    unique, in_range, *compared = result.rules
    assert (unique.status, in_range.status, result.status) == (Status.PASSED, Status.PASSED, Status.ERROR)
    assert statuses(compared) == ["ERROR"] * 3
    assert all(f"the runs in {repository.config.history.path} cannot be read" in one.message for one in compared)


def test_another_release_reads_what_this_one_wrote(repository: Repository) -> None:
    ran(repository, GOOD, "one")
    (file,) = history.shelf(repository.config).files()
    old = pl.read_parquet(file).drop("bytes").with_columns(colour=pl.lit("new in a later release"))
    old.write_parquet(file)
    assert history.metrics(repository.config)["bytes"].to_list() == [None, None]


def _rewritten(repository: Repository, change: Callable[[dict[str, Any]], Any]) -> None:
    """The result that the last run left, as another release may have written it."""
    file = max((repository.root / ".quality" / "history").rglob("*.parquet"))
    rows = pl.read_parquet(file)
    result = json.loads(rows["result"][0])
    change(result)
    rows.with_columns(pl.Series("result", [json.dumps(result), *rows["result"][1:]])).write_parquet(file)


def test_a_result_of_a_later_release_is_read_without_what_only_that_knows(repository: Repository) -> None:
    expected = ran(repository, GOOD, "one")

    def later(result: dict[str, Any]) -> None:
        for part in (result, result["metadata"], result["rules"][0]):
            part["later"] = {"a": 1}

    _rewritten(repository, later)
    assert history.last_result(repository.config) == expected


def test_a_result_that_this_release_cannot_read_is_told_with_its_field(repository: Repository) -> None:
    ran(repository, GOOD, "one")
    _rewritten(repository, lambda result: result.update(status="SPLENDID", later=1))
    with pytest.raises(SourceError, match=r"newest result in \.quality/history cannot be read: status: Input"):
        history.last_result(repository.config)


def test_runs_older_than_keep_days_are_deleted(repository: Repository) -> None:
    repository.decides(history={"keep_days": 30})
    for run, days in (("old", 40), ("young", 20), ("new", 1)):
        ran(repository, GOOD, run, timedelta(days=days))
    assert runs(repository) == ["old", "young", "new"]
    repository.holds(GOOD)
    said = history.append(check(None, repository.config), repository.config, "newest")
    assert runs(repository) == ["young", "new", "newest"]
    day = datetime.now(UTC) - timedelta(days=31)
    assert said == [f"history: deleted 1 run from before {day:%Y-%m-%d}, as keep_days is 30"]


def test_object_storage_gives_what_a_folder_gives(repository: Repository) -> None:
    repository.decides(history={"path": f"file://{repository.root}/store"})
    assert history.metrics(repository.config).is_empty()
    ran(repository, GOOD, "old", timedelta(days=100))
    for n in range(3):
        ran(repository, GOOD, str(n))
    assert history.metrics(repository.config, 2)["run"].unique(maintain_order=True).to_list() == ["1", "2"]
    assert history.metrics(repository.config, 10)["run"].n_unique() == 4
    assert history.volumes(repository.config, datetime.now(UTC))(7) == [4.0] * 4


@pytest.mark.parametrize("place", ["store", "file://{root}/store"])
@pytest.mark.parametrize(
    ("last", "before", "seen"),
    [
        pytest.param(2, datetime(2024, 3, 1, tzinfo=UTC), ["february", "leap day"], id="to the end of a month"),
        pytest.param(
            2, datetime(2024, 3, 1, 0, 0, 1, tzinfo=UTC), ["leap day", "midnight"], id="from its first second"
        ),
        pytest.param(4, datetime(2024, 3, 9, tzinfo=UTC), ["february", "leap day", "midnight", "march"], id="2 months"),
        pytest.param(1, datetime(2024, 1, 9, tzinfo=UTC), ["december"], id="to an earlier year"),
        pytest.param(1, datetime(2023, 1, 1, tzinfo=UTC), [], id="to before the first"),
        pytest.param(9, None, ["december", "february", "leap day", "midnight", "march", "now"], id="all"),
        pytest.param(1, None, ["now"], id="the last"),
    ],
)
def test_the_past_is_that_of_a_moment_wherever_its_files_lie(
    place: str, last: int, before: datetime | None, seen: list[str], tmp_path: Path
) -> None:
    shelf = Shelf(place.format(root=tmp_path) if "://" in place else str(tmp_path), "runs", "orders", "prod")
    runs = {
        "december": datetime(2023, 12, 31, 23, 59, 59, tzinfo=UTC),
        "february": datetime(2024, 2, 3, tzinfo=UTC),
        "leap day": datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC),
        "midnight": datetime(2024, 3, 1, tzinfo=UTC),
        "march": datetime(2024, 3, 8, tzinfo=UTC),
        "now": datetime.now(UTC),
    }
    for run, at in runs.items():
        shelf.write(pl.DataFrame({"run": [run], "at": [at]}), at, run.replace(" ", "-"))
    assert shelf.read(SCHEMA, last, before)["run"].to_list() == seen


WRITER = """
import sys
from datetime import UTC, datetime
import polars as pl
from quality.history.store import Shelf
shelf = Shelf(sys.argv[1], "runs", "orders", "prod")
for n in range(20):
    now = datetime.now(UTC)
    shelf.write(pl.DataFrame({"run": [f"{sys.argv[2]}-{n}"], "at": [now]}), now, f"{sys.argv[2]}-{n}")
"""


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(n)]) for n in range(4)]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    assert Shelf(str(tmp_path), "runs", "orders", "prod").read(SCHEMA)["run"].n_unique() == 80


def test_what_a_writer_left_half_written_is_not_read(tmp_path: Path) -> None:
    shelf = Shelf(str(tmp_path), "runs", "orders", "prod")
    written = Path(shelf.write(pl.DataFrame({"run": ["a"], "at": [NOW]}), NOW, "a"))
    (written.parent / f".{written.name}.17").write_bytes(written.read_bytes()[:50])
    assert shelf.read(SCHEMA)["run"].to_list() == ["a"]


def test_a_table_that_cannot_be_written_leaves_the_old_one_and_nothing_half_written(tmp_path: Path) -> None:
    place = tmp_path / "there" / "one.parquet"
    write_table(pl.DataFrame({"run": ["a"]}), str(place))
    assert [path.stat().st_mode & 0o777 for path in (place.parent, place)] == [0o700, 0o600]
    before = place.read_bytes()
    with pytest.raises(pl.exceptions.PolarsError):
        write_table(pl.DataFrame({"run": pl.Series([object()], dtype=pl.Object)}), str(place))
    assert [path.name for path in place.parent.iterdir()] == [place.name]
    assert place.read_bytes() == before
