"""History counts data: one number for each version, failed ones left out, of the same weekday where that tells.

The plain reference at the end says in a few lines of Python what a baseline is.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nightly import BAD, GOOD, RULES, Repository

from quality.checking import check
from quality.errors import DataQualityError
from quality.history import runs as history
from quality.history.series import verdicts
from quality.ladder.flows import check_dataset
from quality.reporting import html as report
from quality.result import CheckResult, RuleResult
from quality.rules.baseline import Earlier, baseline
from quality.values import Status

MONDAY = datetime(2026, 1, 5, 3, tzinfo=UTC)
DAY = timedelta(days=1)
TREND = {"check": "trend", "metric": "mean", "column": "amount", "max_change": 0.5, "window": 3}
ANOMALY = {"check": "anomaly", "metric": "mean", "column": "amount"}
VOLUME = {"check": "volume", "max_change": 0.5}
PLACES = ["store", "file://{root}/store"]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    return Repository(tmp_path)


def holds(repository: Repository, data: Any, version: int) -> None:
    """A version of the data that no other has: times of files are coarse, and tests are fast."""
    repository.holds(data)
    os.utime(repository.root / "data" / "orders.parquet", ns=(version, version))


def amounts(*values: float) -> dict[str, list[Any]]:
    return {"id": [*range(len(values))], "email": ["x"] * len(values), "amount": [*map(float, values)]}


def look(repository: Repository, at: datetime, run: str) -> CheckResult:
    """A check at a moment, remembered."""
    with pytest.MonkeyPatch.context() as machine:
        machine.setattr(history, "clock", lambda: at)
        result = check(None, repository.config, now=at).model_copy(update={"timestamp": at})
    history.append(result, repository.config, run)
    return result


def nights(repository: Repository, *data: Any) -> list[RuleResult]:
    """The last rule's result on each night's data."""
    found = []
    for night, one in enumerate(data):
        holds(repository, one, night)
        found.append(look(repository, MONDAY + night * DAY, f"night {night}").rules[-1])
    return found


def statuses(results: list[RuleResult]) -> list[str]:
    return [result.status.value for result in results]


def runs(repository: Repository) -> list[str]:
    return history.metrics(repository.config)["run"].unique(maintain_order=True).to_list()


@pytest.mark.parametrize("rule", [TREND | {"window": 9}, ANOMALY, VOLUME], ids=lambda rule: rule["check"])
def test_six_looks_at_one_file_are_one_number(repository: Repository, rule: dict[str, Any]) -> None:
    repository.says(rules=[rule])
    holds(repository, amounts(1, 2, 3, 4), 1)
    looked = [look(repository, MONDAY + n * timedelta(hours=1), f"look {n}").rules[0] for n in range(6)]
    assert statuses(looked) == ["SKIPPED"] * 6
    assert runs(repository) == ["look 5"]
    assert len(history.shelf(repository.config).files()) == 1
    holds(repository, amounts(1, 2, 3, 5), 2)
    changed = look(repository, MONDAY + DAY, "changed").rules[0]
    assert changed.status is (Status.SKIPPED if rule is ANOMALY else Status.PASSED)


def test_the_flow_of_a_night_is_one_run_however_often_it_looks(api: str, repository: Repository) -> None:
    from quality.cli.probes import results, stops

    for data in (BAD, GOOD, BAD):
        repository.holds(data)
        now = datetime.now(UTC)
        with_errors = [*results(repository.config, now), *stops(repository.config, now)]
        assert len(with_errors) == 8
    assert len(runs(repository)) == 3
    past = history.metrics(repository.config)
    assert [str(status) for _, status in verdicts(past)] == ["FAILED", "PASSED", "FAILED"]
    page = report.last(repository.config).read_text("utf-8")
    assert "this run; the one before was PASSED" in page


def test_the_same_verdict_again_is_since_the_first_look_at_it(repository: Repository) -> None:
    for version, (days, data) in enumerate([(0, GOOD), (1, BAD), (2, BAD)]):
        holds(repository, data, version)
        for hour in range(3):
            look(repository, MONDAY + days * DAY + timedelta(hours=hour), f"{days} at {hour}")
    assert report.since(verdicts(history.metrics(repository.config))) == "2026-01-06 03:00 UTC, 2 runs"
    newest = history.last_result(repository.config)
    assert newest is not None
    assert newest.timestamp == MONDAY + 2 * DAY + timedelta(hours=2)


def test_another_configuration_is_another_entry_and_the_same_number(repository: Repository) -> None:
    repository.says(rules=[TREND])
    nights(repository, amounts(4), amounts(4))
    repository.says(rules=[TREND, *RULES])
    look(repository, MONDAY + 1.5 * DAY, "a rule more")
    assert runs(repository) == ["night 0", "night 1", "a rule more"]
    assert history.measured(repository.config, MONDAY + 3 * DAY)("mean(amount)", 9) == [4.0, 4.0]


def test_a_look_that_could_not_judge_leaves_the_number_of_one_that_could(repository: Repository) -> None:
    repository.says(rules=[TREND])
    nights(repository, amounts(4))
    file = repository.root / "data" / "orders.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[:-9] + b"not a file")
    os.utime(file, ns=(0, 0))
    broken = look(repository, MONDAY + timedelta(hours=1), "broken")
    assert broken.status is Status.ERROR
    assert history.measured(repository.config, MONDAY + DAY)("mean(amount)", 9) == [4.0]
    assert len(runs(repository)) == 2


def test_where_the_version_is_unknown_every_run_counts(repository: Repository) -> None:
    repository.says(rules=[VOLUME])
    frame = pl.DataFrame(GOOD)
    for n in range(3):
        result = check(frame, repository.config).model_copy(update={"timestamp": MONDAY + n * DAY})
        history.append(result, repository.config, str(n))
    assert runs(repository) == ["0", "1", "2"]
    assert history.volumes(repository.config, MONDAY + 9 * DAY)(9) == [4.0] * 3


@pytest.mark.parametrize("place", PLACES)
def test_object_storage_keeps_every_look_and_counts_each_version_once(repository: Repository, place: str) -> None:
    repository.decides(history={"path": place.format(root=repository.root)})
    repository.says(rules=[TREND])
    start = datetime.now(UTC) - timedelta(days=3)
    for version, value in enumerate((1, 2, 3)):
        holds(repository, amounts(value), version)
        for hour in range(4):
            look(repository, start + version * DAY + timedelta(hours=hour), f"{version} at {hour}")
    assert runs(repository) == ["0 at 3", "1 at 3", "2 at 3"]
    assert history.measured(repository.config, datetime.now(UTC))("mean(amount)", 2) == [2.0, 3.0]
    assert history.volumes(repository.config, datetime.now(UTC))(9) == [1.0] * 3


def test_files_from_before_versions_are_read_run_by_run(repository: Repository) -> None:
    repository.says(rules=[TREND])
    nights(repository, amounts(4), amounts(4))
    for file in history.shelf(repository.config).files():
        name = file.name.split(".")
        old = pl.read_parquet(file).drop("version", "first_at", "against")
        old.write_parquet(file.with_name(f"{name[0]}.{name[1]}.parquet"))
        file.unlink()
    holds(repository, amounts(5), 7)
    assert look(repository, MONDAY + 2 * DAY, "new").rules[0].message.endswith("it is 5; the median, 4, allows 2 to 6")
    assert runs(repository) == ["night 0", "night 1", "new"]
    assert history.measured(repository.config, MONDAY + 9 * DAY)("mean(amount)", 9) == [4.0, 4.0, 5.0]


def test_numbers_that_failed_are_no_measure_for_later_ones(repository: Repository) -> None:
    repository.says(rules=[TREND])
    failing = nights(repository, *[amounts(4)] * 3, *[amounts(40)] * 4, amounts(5))
    assert statuses(failing) == ["SKIPPED", "PASSED", "PASSED", *["FAILED"] * 4, "PASSED"]
    assert failing[3].message.endswith("it is 40; the median, 4, allows 2 to 6")
    assert failing[6].message.endswith(
        "it is 40; the median, 4, allows 2 to 6; "
        "the last 3 numbers failed too: if this is right from now on, give the rule a new `name`"
    )


def test_a_rule_with_a_new_name_takes_the_numbers_that_the_old_one_failed(repository: Repository) -> None:
    repository.says(rules=[TREND])
    nights(repository, *[amounts(4)] * 3, *[amounts(40)] * 3)
    repository.says(rules=[TREND | {"name": "since the merger"}])
    holds(repository, amounts(41), 9)
    accepted = look(repository, MONDAY + 9 * DAY, "renamed").rules[0]
    assert (accepted.status, accepted.message.split("; ", 1)[1]) == (
        Status.PASSED,
        "it is 41; the median, 40, allows 20 to 60",
    )


def test_a_number_that_failed_for_one_rule_counts_for_another(repository: Repository) -> None:
    loose = TREND | {"max_change": 99.0}
    repository.says(rules=[TREND, loose])
    nights(repository, amounts(4), amounts(40), amounts(6))
    holds(repository, amounts(40), 9)
    strict, lenient = look(repository, MONDAY + 9 * DAY, "last").rules
    assert (strict.status, lenient.status) == (Status.FAILED, Status.PASSED)
    assert strict.message.endswith("it is 40; the median, 5, allows 2.5 to 7.5")
    assert lenient.message.endswith("it is 40; the median, 6, allows -588 to 600")


def test_what_failed_of_other_rules_counts_here(repository: Repository) -> None:
    repository.says(rules=[*RULES, VOLUME])
    found = nights(repository, BAD, BAD, GOOD)
    assert statuses(found) == ["SKIPPED", "PASSED", "PASSED"]


@pytest.mark.parametrize("rule", [VOLUME, TREND | {"metric": "sum"}, ANOMALY | {"metric": "sum"}], ids=str)
def test_some_rows_have_a_baseline_of_their_own(repository: Repository, rule: dict[str, Any]) -> None:
    repository.says(rules=[rule, rule | {"where": "amount > 5"}])
    steady, less = amounts(*[1] * 10, 6, 7, 8, 9), amounts(*[1] * 10, 6)
    results = nights(repository, *[steady] * 6, less)
    assert statuses(results)[-2:] == ["PASSED", "FAILED"]


def week(night: int, sunday: float, noise: int = 20) -> float:
    """A number of rows: about a thousand, and few on Sundays."""
    return (sunday if night % 7 == 6 else 1_000) + (night * 37) % noise


SEASONS: dict[str, dict[str, Any]] = {
    "volume": VOLUME,
    "trend": {"check": "trend", "metric": "row_count", "max_change": 0.5, "window": 3},
    "anomaly": {"check": "anomaly", "metric": "row_count"},
    "asked for": VOLUME | {"season": "weekday"},
    "not wanted": VOLUME | {"season": "none"},
}
WEEKS = 9


def rows(count: float) -> dict[str, list[Any]]:
    return {"id": [*range(int(count))], "email": ["x"] * int(count), "amount": [1.0] * int(count)}


@pytest.fixture(scope="module")
def seasons(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[RuleResult]]:
    """What each of the rules says of some weeks with few rows on Sundays, and then: of the last Sunday's file again on
    Monday, of as few rows on a Wednesday as on Sundays, of two rows on a Sunday."""
    root = tmp_path_factory.mktemp("seasons")
    with pytest.MonkeyPatch.context() as machine:
        machine.setenv("QUALITY_ROOT", str(root))
        repository = Repository(root, rules=[rule | {"name": name} for name, rule in SEASONS.items()])
        said = []
        for night in range(7 * WEEKS):
            holds(repository, rows(week(night, 200)), night)
            said.append(look(repository, MONDAY + night * DAY, str(night)))
        said.append(check(None, repository.config, now=MONDAY + 7 * WEEKS * DAY))
        for night, count in ((7 * WEEKS + 2, 200), (7 * WEEKS + 6, 2)):
            holds(repository, rows(count), night)
            said.append(look(repository, MONDAY + night * DAY, f"{count} rows"))
    return {name: [result.rules[number] for result in said] for number, name in enumerate(SEASONS)}


@pytest.mark.parametrize("rule", ["volume", "trend", "anomaly"])
def test_sundays_are_no_false_alarm_once_there_are_enough_weeks(
    seasons: dict[str, list[RuleResult]], rule: str
) -> None:
    *nights, _, wednesday, sunday = seasons[rule]
    assert "FAILED" not in statuses(nights[5 * 7 :])
    assert wednesday.status is Status.FAILED
    assert "Wednesdays" in wednesday.message
    assert (sunday.status, sunday.against) == (Status.FAILED, "weekday")


def test_where_the_weekday_explains_nothing_the_last_runs_are_compared(repository: Repository) -> None:
    repository.says(rules=[VOLUME])
    nights(repository, *(rows(week(night, 1_000)) for night in range(7 * 6)))
    holds(repository, amounts(1, 2), 99)
    assert look(repository, MONDAY + 42 * DAY, "now").rules[-1].against == "all"


def test_a_season_that_is_asked_for_waits_for_four_weeks(seasons: dict[str, list[RuleResult]]) -> None:
    *nights, _, _, two_rows = seasons["asked for"]
    assert statuses(nights) == ["SKIPPED"] * 28 + ["PASSED"] * 7 * (WEEKS - 4)
    assert two_rows.status is Status.FAILED


def test_a_season_that_is_not_wanted_is_none(seasons: dict[str, list[RuleResult]]) -> None:
    assert seasons["not wanted"][5 * 7 + 6].status is Status.FAILED


def test_a_second_look_on_monday_judges_a_file_of_sunday_as_sunday_did(
    seasons: dict[str, list[RuleResult]],
) -> None:
    monday = seasons["volume"][7 * WEEKS]
    assert (monday.status, monday.against) == (Status.PASSED, "weekday")
    assert "Sundays" in monday.message


class Look(NamedTuple):
    """`first` is when its version was first seen, as far as was known then."""

    at: datetime
    first: datetime
    version: int
    number: float | None
    failed: bool


def reference(looks: list[Look], version: int, now: datetime) -> list[Look]:
    """The last look that had a number of each other version, in the order in which versions were first seen."""
    known = [look for look in looks if look.first < now and look.version != version]
    firsts = {one: min(look.first for look in known if look.version == one) for one in {look.version for look in known}}
    lasts = {one.version: one for one in sorted(known, key=lambda look: look.at) if one.number is not None}
    return [lasts[one] for one in sorted(lasts, key=lambda version: firsts[version])]


def expected(looks: list[Look], version: int, number: float, now: datetime) -> str:
    """What the rule says by the reference."""
    known = reference(looks, version, now)
    past = [one.number for one in known if one.number is not None and not one.failed][-3:]
    if past:
        usual = statistics.median(past)
        return "PASSED" if abs(number - usual) <= usual / 2 else "FAILED"
    ahead = not known and any(one.at > now + DAY for one in looks)
    return "ERROR" if ahead else "SKIPPED"


STEPS = st.lists(
    st.one_of(
        st.just(("look", 0)),
        st.tuples(st.just("file"), st.sampled_from([4, 4.1, 5, 40, 400])),
        st.tuples(st.just("again"), st.integers(0, 3)),
        st.tuples(st.just("clock"), st.sampled_from([-800, -400, -3, -1, 3, 30, 400, 500])),
    ),
    min_size=4,
    max_size=24,
)


@pytest.fixture
def fresh(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Repository]:
    """Makes a repository for each example."""

    def make() -> Repository:
        root = tmp_path_factory.mktemp("repository")
        monkeypatch.setenv("QUALITY_ROOT", str(root))
        return Repository(root, rules=[TREND | {"season": "none"}])

    return make


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_happens_the_baseline_is_that_of_the_plain_reference(fresh: Any, steps: list[Any]) -> None:
    repository, looks, ahead = fresh(), list[Look](), timedelta()
    values: list[float] = [4.0]
    holds(repository, amounts(4), 0)
    version = 0
    for number, (step, value) in enumerate([("look", 0), *steps]):
        if step == "file":
            version = len(values)
            values.append(float(value))
        if step == "again":
            version = value % len(values)
        if step == "clock":
            ahead = timedelta(days=value)
            continue
        holds(repository, amounts(values[version]), version)
        now = MONDAY + timedelta(hours=number) + ahead
        rule = look(repository, now, f"run {number}").rules[0]
        assert rule.status.value == expected(looks, version, values[version], now), (number, rule.message)
        judged = rule.status is not Status.ERROR
        first = min((one.first for one in looks if one.version == version and one.at < now), default=now)
        looks.append(Look(now, first, version, values[version] if judged else None, rule.status is Status.FAILED))


def test_a_number_counts_against_all_days_only_where_it_failed_against_none() -> None:
    sundays = [Earlier(200.0 + n, MONDAY + (7 * n + 6) * DAY, failed="all") for n in range(4)]
    days = [Earlier(1_000.0 + n, MONDAY + n * DAY) for n in range(28) if n % 7 != 6]
    both = sorted([*sundays, *days], key=lambda one: one.at or MONDAY)
    sunday, monday = MONDAY + 34 * DAY, MONDAY + 28 * DAY
    assert baseline(both, 7, sunday, "auto").values == [200.0, 201.0, 202.0, 203.0]
    assert min(baseline(both, 7, monday, "none").values) >= 1_000
    lost = [one._replace(failed="weekday") for one in sundays]
    assert baseline([*lost, *days], 7, sunday, "auto").against == "all"


def test_a_blessed_flow_judges_each_version_by_the_versions_before_it(api: str, repository: Repository) -> None:
    repository.says(rules=[TREND])
    found = []
    for value in (4, 4, 40, 5):
        repository.holds(amounts(value))
        for _ in range(2):
            try:
                found.append(CheckResult.model_validate(check_dataset("orders")).status.value)
            except DataQualityError as error:
                found.append(error.result.status.value)
    assert found == ["SKIPPED"] * 2 + ["PASSED"] * 2 + ["FAILED"] * 2 + ["PASSED"] * 2


@pytest.mark.parametrize(
    ("zone", "clock"),
    [
        ("Europe/Berlin", "01:30"),
        ("Europe/Berlin", "02:30"),
        ("America/St_Johns", "21:00"),
        ("Pacific/Kiritimati", "14:00"),
        ("America/New_York", "19:30"),
        ("Australia/Lord_Howe", "10:45"),
        ("UTC", "00:00"),
        ("UTC", "06:00"),
    ],
)
@pytest.mark.parametrize("change", ["2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01", "2026-04-05"])
def test_no_clock_that_is_put_forward_or_back_moves_a_night_to_another_weekday(
    zone: str, clock: str, change: str
) -> None:
    """Nights at one hour of a zone, few rows on its Sundays, judged in the week before and after clocks change."""
    first = datetime.fromisoformat(f"{change}T{clock}").replace(tzinfo=ZoneInfo(zone)) - 8 * 7 * DAY
    nights = [Earlier(week(number, 200), (first + number * DAY).astimezone(UTC)) for number in range(7 * 10)]
    for number in range(7 * 7, 7 * 10):
        now = nights[number].at
        assert now is not None
        found = baseline(nights[:number], 7, now, "auto")
        sundays = number % 7 == 6
        assert found.against == "weekday"
        assert all((value < 500) is sundays for value in found.values), (now, found)


@pytest.mark.parametrize("late", [0, 1, 5, 12])
def test_a_night_that_is_late_is_of_its_own_weekday(late: int) -> None:
    start = datetime(2026, 1, 5, 0, 30, tzinfo=UTC)
    nights = [Earlier(week(number, 200), start + number * DAY) for number in range(7 * 6)]
    sunday = baseline(nights[:-1], 7, start + (7 * 6 - 1) * DAY + timedelta(hours=late), "auto")
    assert (sunday.against, sunday.of) == ("weekday", "Sundays")
    assert max(sunday.values) < 500
