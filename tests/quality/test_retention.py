"""What is old goes, is said to have gone, and goes by no single machine's clock."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from nightly import GOOD, Repository

from quality.checking import check
from quality.history import runs as history
from quality.history.retention import keep_from
from quality.operations import after_check
from quality.result import CheckResult
from quality.values import Status

NOW = datetime(2026, 6, 1, 3, tzinfo=UTC)
DAY = timedelta(days=1)
VOLUME = {"check": "volume", "max_change": 0.5}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    return Repository(tmp_path, rules=[VOLUME])


def night(repository: Repository, at: datetime) -> tuple[CheckResult, list[str]]:
    """A check of data that has just arrived, and what history says of it."""
    repository.holds(GOOD)
    os.utime(repository.root / "data" / "orders.parquet", (at.timestamp(), at.timestamp()))
    with pytest.MonkeyPatch.context() as machine:
        machine.setattr(history, "clock", lambda: at)
        result = check(None, repository.config, now=at).model_copy(update={"timestamp": at})
    return result, history.append(result, repository.config, f"{at:%Y-%m-%d}")


def nights(repository: Repository, *ago: float) -> list[str]:
    """What history says of the last of these nights, so many days before now."""
    return [night(repository, NOW - days * DAY)[1] for days in ago][-1]


def there(repository: Repository) -> int:
    return len(history.shelf(repository.config).files())


CASES: dict[str, tuple[list[float], float, float | None]] = {
    "nothing was left": ([], 0, None),
    "nightly": ([3, 2, 1], 0, 1),
    "weekly": ([21, 14, 7], 0, 7),
    "quarterly": ([360, 270, 180, 90], 0, 90),
    "yearly": ([1463, 1097, 732, 366], 0, 366),
    "quarterly, a clock ahead": ([360, 270, 180, 90], -500, 90),
    "quarterly, a clock that was ahead once": ([360, 270, 180, 90, -500], 0, 90),
    "two quarters": ([90, 0], 0, 90),
    "a clock behind": ([3, 2, 1], 2, 2),
    "a clock ahead": ([3, 2, 1], -500, 1),
    "a clock a year ahead": ([3, 2, 1], -366, 1),
    "a clock a year behind": ([3, 2, 1], 366, 366),
    "a clock that was ahead once": ([3, 2, 1, -500], 0, 1),
    "a clock that was ahead for a week": ([3, 2, 1, *range(-500, -507, -1)], -507, 1),
    "a clock that was behind once": ([20_000, *range(40, 0, -1)], 0, 1),
    "a pause that has just ended": ([903, 902, 901, 1], 0, 901),
    "a pause that ended a month ago": ([903, 902, 901, *range(40, 0, -1)], 0, 1),
}


@pytest.mark.parametrize(("others", "now", "newest"), CASES.values(), ids=CASES.keys())
def test_it_is_kept_from_what_the_others_agree_on(others: list[float], now: float, newest: float | None) -> None:
    found = keep_from([NOW - days * DAY for days in others], NOW - now * DAY, 400)
    assert found == (None if newest is None else NOW - (newest + 400) * DAY)


def test_every_night_the_oldest_goes_once_it_is_too_old(repository: Repository) -> None:
    repository.decides(history={"keep_days": 10})
    said = [night(repository, NOW + n * DAY)[1] for n in range(15)]
    assert [bool(words) for words in said] == [False] * 12 + [True] * 3
    assert said[-1] == ["history: deleted 1 run from before 2026-06-04, as keep_days is 10"]
    assert there(repository) == 12


def test_a_dataset_of_quarters_has_its_oldest_go_and_no_clock_doubted(repository: Repository) -> None:
    said = [night(repository, NOW + n * 91 * DAY)[1] for n in range(8)]
    gone = [[f"history: deleted 1 run from before {day}, as keep_days is 400"] for day in ("2026-07-26", "2026-10-25")]
    assert said == [*[[]] * 6, *gone]
    assert there(repository) == 6


@pytest.mark.parametrize("runs", [1, 2, 5], ids="{} runs".format)
@pytest.mark.parametrize("days", [35, 366, 500, 5_000])
def test_a_clock_that_is_ahead_deletes_nothing_and_the_next_run_has_its_baseline(
    repository: Repository, days: int, runs: int
) -> None:
    nights(repository, *range(10, 0, -1))
    said = [night(repository, NOW + days * DAY + n * DAY)[1] for n in range(runs)]
    assert there(repository) == 10 + runs
    if days >= 500:
        assert [len(words) for words in said] == [1] * runs
        assert said[0][0].startswith("history: no old runs were deleted: today, ")
        assert said[0][0].endswith(" is long after the others; is the clock right?")
    result, _ = night(repository, NOW)
    assert (result.status, result.rules[0].message.split("; ")[1:]) == (
        Status.PASSED,
        ["it is 4", "the median, 4, allows 2 to 6"],
    )
    repository.holds({name: values[:1] for name, values in GOOD.items()})
    assert check(None, repository.config, now=NOW + DAY).status is Status.FAILED


def test_a_look_by_a_clock_that_is_ahead_does_not_replace_the_look_of_today(repository: Repository) -> None:
    night(repository, NOW)
    ahead = check(None, repository.config).model_copy(update={"timestamp": NOW + 500 * DAY})
    history.append(ahead, repository.config, "ahead")
    assert there(repository) == 2
    repository.holds(GOOD)
    assert check(None, repository.config, now=NOW + DAY).status is Status.PASSED


def test_a_moment_before_the_first_run_has_nothing_to_compare_with(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock is right: somebody asks for a day long past."""
    monkeypatch.setattr(history, "clock", lambda: NOW)
    nights(repository, 3, 2, 1)
    repository.holds(GOOD)
    assert check(None, repository.config, now=NOW - 500 * DAY).status is Status.SKIPPED


def test_a_clock_that_is_behind_judges_nothing_green(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "clock", lambda: NOW - 500 * DAY)
    night(repository, NOW - DAY)
    repository.holds(GOOD)
    result = check(None, repository.config, now=NOW - 500 * DAY)
    assert result.status is Status.ERROR
    assert result.rules[0].message == (
        "every remembered run is later than now: the last is of 2026-05-31, and this machine's clock says 2025-01-17; "
        "set the clock right, or delete the wrong runs in .quality/history"
    )


def test_what_was_deleted_is_said_where_no_summary_says_it(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.decides(history={"keep_days": 1})
    now = datetime.now(UTC)
    for days in (5, 4, 3, 1):
        night(repository, now - days * DAY)
    repository.holds(GOOD)
    notes = after_check.check(None, repository.config).notes
    assert len(notes) == 1
    assert notes[0].startswith("history: deleted 2 runs from before ")
    assert notes[0] in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("name", ["9.parquet", "20-notes.parquet"])
def test_a_file_of_somebody_elses_is_never_deleted(repository: Repository, name: str) -> None:
    nights(repository, 50, 40, 30, 20)
    month = next(iter(history.shelf(repository.config).files())).parent
    (month / name).write_bytes(b"")
    repository.decides(history={"keep_days": 1})
    said: Any = history.shelf(repository.config).prune("", NOW, 1)
    assert said
    assert (month / name).exists()
