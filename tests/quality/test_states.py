"""Kept states say what reading everything says, in every field, and a check reads only what is new."""

from __future__ import annotations

import io
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import histories
import polars as pl
import pytest

from quality.checking import check
from quality.contract.config import CheckConfig
from quality.contract.contract import parse_source
from quality.file_states import gathered, run, store
from quality.file_states.opening import IGNORED
from quality.file_states.store import Store
from quality.result import CheckResult
from quality.sources import Files
from quality.values import Status

NOW = datetime(2026, 11, 27, 6, tzinfo=UTC)
RULES: list[dict[str, Any]] = [
    {"check": "unique", "column": "id"},
    {"check": "unique_combination", "columns": ["id", "day"], "where": "id > 1"},
    {"check": "not_null", "column": "name"},
    {"check": "increasing", "column": "id"},
    {"check": "distinct_count", "column": "name", "min": 1},
    {"check": "mean", "column": "id", "at_least": 0},
    {"check": "not_future", "column": "day"},
    {"check": "z_score_outlier", "column": "id"},
    {"check": "foreign_key", "column": "name", "reference": "names.csv", "reference_column": "name"},
]
READ = "states of {} files: {} kept, {} read: (metadata)"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    Path("data").mkdir()
    Path("names.csv").write_text("name\n" + "".join(f"n{n}\n" for n in range(40)), "utf-8")


def day(number: int, ids: range | list[int], suffix: str = "parquet", **more: pl.Series) -> Path:
    """The file of one day."""
    path = Path("data") / f"{number:03}.{suffix}"
    names = [f"n{one % 40}" for one in ids]
    frame = pl.DataFrame({"id": list(ids), "name": names, "day": [date(2026, 11, 1)] * len(names), **more})
    frame.write_parquet(path) if suffix == "parquet" else frame.write_csv(path)
    return path


def days(count: int, suffix: str = "parquet") -> None:
    for number in range(count):
        day(number, range(number * 100, number * 100 + 100), suffix)


def config(*rules: dict[str, Any], suffix: str = "parquet", source: dict[str, Any] | None = None, **more: Any) -> Any:
    dtypes = {"dtypes": {"id": "Int64", "name": "String", "day": "Date"}} if suffix == "csv" else {}
    states = {"enabled": True, "path": "kept", "full_every_days": None} | more.pop("states", {})
    given = {"source": parse_source({"path": f"data/*.{suffix}", **dtypes, **(source or {})}), "states": states, **more}
    return CheckConfig().override(dataset="orders", rules=list(rules or RULES), **given)


def judged(asks: Any = None, now: datetime = NOW) -> CheckResult:
    return check(None, asks or config(), now=now)


def queries(result: CheckResult) -> tuple[str, ...]:
    return result.metadata.explain.queries


def equal_to_the_whole(result: CheckResult, asks: Any = None, now: datetime = NOW) -> bool:
    whole = check(None, (asks or config()).override(states={"enabled": False}), now=now)
    return histories.same(histories.told(result), histories.told(whole))


@pytest.mark.parametrize("first", range(0, 24, 8))
def test_kept_states_say_what_reading_everything_says(first: int) -> None:
    said = [one for seed in range(first, first + 4) for one in histories.differences(seed)]
    assert not said, "\n".join(said)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_only_new_and_changed_files_are_read(suffix: str) -> None:
    days(5, suffix)
    asks = config(suffix=suffix)
    assert queries(judged(asks))[0] == READ.format(5, 0, 5)
    again = judged(asks)
    assert queries(again) == (READ.format(5, 5, 0),)
    assert again.status is Status.PASSED
    day(5, range(500, 600), suffix)
    assert queries(judged(asks))[0] == READ.format(6, 5, 1)
    day(2, range(700, 750), suffix)
    assert queries(judged(asks))[0] == READ.format(6, 5, 1)
    day(2, range(50), suffix)
    changed = judged(asks)
    assert queries(changed)[0] == READ.format(6, 4, 2), "beside the new file, the one that holds the same keys"
    assert changed.status is Status.FAILED
    assert equal_to_the_whole(changed, asks)
    Path(f"data/002.{suffix}").unlink()
    gone = judged(asks)
    assert queries(gone) == (READ.format(5, 5, 0),)
    assert equal_to_the_whole(gone, asks)


@pytest.mark.parametrize("key", [(), ("id",)])
def test_examples_come_from_the_files_that_fail_alone(key: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    days(5, "csv")
    for number in (1, 3):
        path = Path(f"data/00{number}.csv")
        path.write_text(path.read_text("utf-8").replace(",n5,", ",wrong,").replace(",n9,", ",,"), "utf-8")
    rules = ({"check": "not_null", "column": "name"}, {"check": "regex", "column": "name", "pattern": "^n"})
    asks = config(*rules, suffix="csv", key=key)
    judged(asks)
    read: list[str] = []
    opens = Files._read

    def noted(self: Files, files: Sequence[Any], *more: Any) -> Any:
        read.extend(file.shown for file in files)
        return opens(self, files, *more)

    monkeypatch.setattr(Files, "_read", noted)
    found = judged(asks)
    assert read == ["data/001.csv", "data/003.csv"]
    assert [len(rule.samples) for rule in found.rules] == [4, 4]
    assert queries(found)[0] == READ.format(5, 5, 0)
    assert equal_to_the_whole(found, asks)


def test_what_only_judges_is_changed_without_reading_a_row() -> None:
    days(3)
    judged()
    changes: dict[str, Any] = {
        "severity": "warning",
        "max_failure_rate": 0.5,
        "warn_failure_rate": 0.1,
        "name": "other",
    }
    for field, value in changes.items():
        rules = [rule | ({field: value} if field != "name" else {"name": f"r{n}"}) for n, rule in enumerate(RULES)]
        assert queries(judged(config(*rules))) == (READ.format(3, 3, 0),), field
    bounds = [
        {"check": "mean", "column": "id", "at_least": 10**6},
        {"check": "distinct_count", "column": "name", "max": 3},
    ]
    found = judged(config(*bounds))
    assert queries(found) == (READ.format(3, 3, 0),)
    assert [rule.status for rule in found.rules] == [Status.FAILED, Status.FAILED]
    added = judged(config(*RULES, {"check": "max_length", "column": "name", "value": 9}))
    assert queries(added)[:2] == (READ.format(3, 0, 3), "pass over name, in 3 of the files: name")


def test_a_file_rewritten_with_its_size_and_its_time_is_read_again() -> None:
    for number in range(3):
        day(number, range(100 + number * 100, 200 + number * 100), "csv")
    asks = config({"check": "unique", "column": "id"}, suffix="csv")
    judged(asks)
    path = Path("data/001.csv")
    before = path.stat()
    path.write_text(path.read_text("utf-8").replace("\n2", "\n3"), "utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    found = judged(asks)
    assert queries(found)[0] == READ.format(3, 2, 1)
    assert found.rules[0].failed_count == 200


def test_moments_are_judged_as_of_now_without_reading_what_lies_apart() -> None:
    for number in range(4):
        path = day(number, range(number * 9, number * 9 + 9))
        later = [date(2026, 11, 20 + number * 3)] * 9
        pl.read_parquet(path).with_columns(day=pl.Series(later)).write_parquet(path)
    asks = config({"check": "not_future", "column": "day"}, {"check": "not_past", "column": "day"})
    for hours, read in ((0, 4), (1, 0), (12, 0), (60, 1), (-100, 3)):
        now = NOW + timedelta(hours=hours)
        found = judged(asks, now)
        assert queries(found)[0] == READ.format(4, 4 - read, read), hours
        assert equal_to_the_whole(found, asks, now), hours


def _another_table() -> bytes:
    held = io.BytesIO()
    pl.DataFrame({"written": ["by something else"]}).write_parquet(held)
    return held.getvalue()


@pytest.mark.parametrize("damage", [b"", b"PAR1 nothing else", _another_table(), None])
def test_states_that_cannot_be_read_are_made_again(damage: bytes | None) -> None:
    days(3)
    judged()
    for file in Path("kept").rglob("*.parquet"):
        file.unlink() if damage is None else file.write_bytes(damage)
    found = judged()
    assert queries(found)[0] == READ.format(3, 0, 3)
    assert equal_to_the_whole(found)


def test_states_that_cannot_be_written_change_no_verdict() -> None:
    days(3)
    Path("kept").write_text("a file where a folder should be", "utf-8")
    found = judged()
    assert found.status is Status.PASSED
    assert queries(found)[1].startswith("states could not be kept: ")
    assert equal_to_the_whole(found)


def _refused(*_: Any, **__: Any) -> None:
    raise PermissionError(13, "Permission denied", "kept")


def test_states_that_may_only_be_read_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    days(3)
    judged()
    monkeypatch.setattr(os, "utime", _refused)
    monkeypatch.setattr(Store, "write", _refused)
    assert queries(judged()) == (READ.format(3, 3, 0),)
    day(3, range(900, 999))
    found = judged()
    assert queries(found)[:2] == (
        READ.format(4, 3, 1),
        "states could not be kept: [Errno 13] Permission denied: 'kept': (metadata)",
    )
    assert equal_to_the_whole(found)


def test_a_store_that_is_full_once_keys_are_kept_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    days(3)
    writes = Store.write

    def full(self: Store, name: str, *given: Any, **how: Any) -> None:
        if name.startswith("run."):
            raise OSError(28, "No space left on device")
        writes(self, name, *given, **how)

    monkeypatch.setattr(Store, "write", full)
    found = judged()
    assert queries(found)[1] == "states could not be kept: [Errno 28] No space left on device: (metadata)"
    assert equal_to_the_whole(found)


def test_a_state_that_is_wrong_is_found_by_reading_everything() -> None:
    days(3)
    rules = ({"check": "not_null", "column": "name"},)
    asks = config(*rules, states={"full_every_days": 2})
    judged(asks)
    for file in Path("kept").rglob("*.parquet"):
        if "state" in (table := pl.read_parquet(file)).columns:
            wrong = pl.col("state").str.replace('"judged",100', '"judged",99', literal=True)
            table.with_columns(wrong).write_parquet(file)
    assert judged(asks).rules[0].total_count == 297
    found = judged(asks, NOW + timedelta(days=2))
    assert found.status is Status.ERROR
    assert found.reason is not None
    assert (
        "kept states give the rule 'not_null(name)' the total_count 297 where the whole data gives 300" in found.reason
    )
    after = judged(asks, NOW + timedelta(days=2))
    assert (after.status, queries(after)[0]) == (Status.PASSED, READ.format(3, 0, 3))


def test_the_whole_is_read_when_it_is_due_or_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    days(2)
    asks = config(states={"full_every_days": 7})
    judged(asks)
    for passed, full in ((1, False), (8, True), (9, False), (16, True)):
        said = queries(judged(asks, NOW + timedelta(days=passed)))
        assert ("states of" not in said[0]) == full, passed
    monkeypatch.setenv(IGNORED, "1")
    assert "states of" not in queries(judged(asks, NOW + timedelta(days=17)))[0]


def test_values_of_sensitive_columns_are_not_kept() -> None:
    for number in range(3):
        day(number, [number], secret=pl.Series([f"hidden-{number}"]), hidden=pl.Series([987650 + number]))
    rules: list[dict[str, Any]] = [
        {"check": kind, "column": column}
        for column in ("secret", "hidden")
        for kind in ("unique", "increasing", "distinct_count", "not_null")
    ]
    rules = [rule | ({"min": 1} if rule["check"] == "distinct_count" else {}) for rule in rules]
    rules += [
        {"check": "min", "column": "hidden", "at_least": 1},
        {"check": "not_null", "column": "id", "by": "secret"},
    ]
    rules += [{"check": "z_score_outlier", "column": "hidden"}]
    rules += [{"check": check, "column": "hidden", "at_least": 0} for check in ("stddev", "mean", "sum", "median")]
    reference = {"reference": "names.csv", "reference_column": "name"}
    rules += [{"check": "foreign_key", "column": "name", "by": "secret", **reference}]
    asks = config(*rules, sensitive=["secret", "hidden"])
    for _ in range(2):
        assert equal_to_the_whole(judged(asks), asks)
    held = b"".join(file.read_bytes() for file in Path("kept").rglob("*") if file.is_file())
    assert held
    for number in range(3):
        assert f"hidden-{number}".encode() not in held
        assert str(987650 + number).encode() not in held
        assert (987650 + number).to_bytes(8, "little") not in held
        assert struct.pack("<d", 987650 + number) not in held
    assert {oct(file.stat().st_mode & 0o777) for file in Path("kept").rglob("*") if file.is_file()} == {"0o600"}


def aged(days_ago: float) -> set[Path]:
    """All kept files, which were asked for that long ago."""
    then = time.time() - days_ago * 86_400
    kept = {file for file in Path("kept").rglob("*") if file.is_file()}
    for file in kept:
        os.utime(file, (then, then))
    return kept


def nights_between() -> None:
    """Every few nights something was asked for."""
    folder = next(Path("kept").rglob("*.parquet")).parent
    for days_ago in range(0, 40, 5):
        file = folder / f"night{days_ago}.parquet"
        file.write_bytes(b"")
        os.utime(file, (time.time() - days_ago * 86_400,) * 2)


def test_old_states_are_deleted_and_those_in_use_are_not() -> None:
    days(3)
    judged()
    Path("data/000.parquet").unlink()
    before = aged(31)
    nights_between()
    day(3, range(900, 999))
    judged()
    left = {*Path("kept").rglob("*.parquet")}
    assert before - left
    assert all(file.stat().st_mtime > time.time() - 31 * 86_400 + 1 for file in left)
    assert queries(judged()) == (READ.format(3, 3, 0),)


@pytest.mark.parametrize("ahead", [40, 400, 20_000])
def test_a_clock_that_is_far_ahead_deletes_no_state_that_a_right_one_would_keep(ahead: int) -> None:
    days(3)
    judged()
    Path("data/000.parquet").unlink()
    before = aged(ahead)  # as they look to a clock that is so many days ahead
    half = next(iter(before)).with_name(".half.parquet")
    half.write_bytes(b"PAR1")
    os.utime(half, (time.time() - ahead * 86_400,) * 2)
    for night in range(3):
        day(3 + night, range(900 + 100 * night, 999 + 100 * night))
        judged()
        assert {file for file in before if file.exists()} >= {
            file for file in before if not file.name.startswith("run")
        }
    assert not half.exists()


def test_a_machine_whose_clock_is_ahead_deletes_no_table_that_another_one_is_writing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(days=3)

    days(2)
    judged()
    half = next(Path("kept").rglob("*.parquet")).with_name(".half.parquet")
    half.write_bytes(b"PAR1")
    monkeypatch.setattr(store, "datetime", Ahead)
    day(2, range(900, 999))
    judged()
    assert half.exists()
    os.utime(half, (time.time() - 2 * 86_400,) * 2)
    day(3, range(1_900, 1_999))
    judged()
    assert not half.exists()


def test_the_tables_that_a_check_opens_do_not_grow_with_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = list[str]()

    def counting(real: Callable[[Store, str], Any]) -> Callable[[Store, str], Any]:
        def counted(store: Store, table: str) -> Any:
            opened.append(table)
            return real(store, table)

        return counted

    for real in (Store.read, Store.about, Store.scan):
        monkeypatch.setattr(Store, real.__name__, counting(real))

    def tables() -> int:
        opened.clear()
        assert judged().status is Status.PASSED
        return len(opened)

    taken = []
    for count in (10, 40):
        days(count)
        judged()
        kept = tables()
        day(count, range(count * 100, count * 100 + 50))
        taken.append((kept, tables()))
        Path(f"data/{count:03}.parquet").unlink()
    assert taken[0] == taken[1]
    assert taken[0][0] < 10


def test_small_tables_of_marks_are_merged_in_groups_that_do_not_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "BYTES", 2**20)
    monkeypatch.setattr(run, "FEW", 2)
    monkeypatch.setattr(run, "ADDED", 0)
    grouped, real = [], Store.write

    def write(store: Store, name: str, *more: Any, **how: Any) -> None:
        grouped.append(".group." in name)
        real(store, name, *more, **how)

    monkeypatch.setattr(Store, "write", write)
    days(12)
    day(12, range(50, 80))
    for night in range(3):
        found = judged()
        assert found.status is Status.FAILED
        assert equal_to_the_whole(found)
        assert any(grouped)
        assert not list(Path("kept").rglob("*.group.*"))
        Path(f"data/{night:03}.parquet").unlink()
        day(13 + night, range(2_000 + 100 * night, 2_060 + 100 * night))
        day(20 + night, range(2_010 + 100 * night, 2_020 + 100 * night))
        grouped.clear()


def test_a_partition_leaves_the_run_of_the_whole_as_it_is() -> None:
    for number in range(6):
        folder = Path(f"data/day=2026-11-2{number}")
        folder.mkdir(parents=True)
        ids = range(number * 10, number * 10 + 12)
        pl.DataFrame({"id": ids, "name": [f"n{one}" for one in ids]}).write_parquet(folder / "0.parquet")
    asks = config({"check": "unique", "column": "name"}, source={"path": "data/"})
    first = judged(asks)
    runs = {path: path.stat().st_mtime_ns for path in Path("kept").rglob("run.*.0.parquet")}
    alone = judged(asks.override(partition="day=2026-11-22"))
    assert equal_to_the_whole(alone, asks.override(partition="day=2026-11-22"))
    again = judged(asks)
    assert (alone.row_count, again.rules[0].failed_count) == (12, first.rules[0].failed_count)
    assert runs
    assert {path: path.stat().st_mtime_ns for path in runs} == runs
    assert len(list(Path("kept").rglob("run.*.0.parquet"))) == len(runs) + 1


def test_a_window_of_files_keeps_its_run_and_asks_only_files_that_hold_new_repeats() -> None:
    for number in range(12):
        day(number, [*range(number * 100, number * 100 + 100), number * 100 - 5])
    judged()
    runs = {-1: _runs()}
    for night in range(7):
        Path(f"data/{night:03}.parquet").unlink()
        day(12 + night, [*range((12 + night) * 100, (13 + night) * 100), (12 + night) * 100 - 5])
        found = judged()
        assert equal_to_the_whole(found)
        assert found.rules[0].failed_count == 2 * 11  # of the oldest, what it repeated is gone
        assert queries(found)[0] == READ.format(12, 10, 2)  # what came, and the file that it repeats a key of
        assert any(said.startswith("unique(id, day), compared, in 2 of the files") for said in queries(found))
        runs[night] = _runs()
    made = [night for night in range(7) if runs[night] != runs[night - 1]]
    assert made == [3]  # three files of twelve are a quarter, and four are more


def _runs() -> set[int]:
    """Which runs of marks are kept."""
    return {file.stat().st_ino for file in Path("kept").rglob("run.*.0.parquet")}


def test_damaged_marks_are_made_again() -> None:
    days(3)
    expected = judged()
    for file in Path("kept").rglob("*.parquet"):
        if file.stem.endswith(".0"):
            pl.read_parquet(file).write_parquet(file, metadata={"rows": "some", "names": "one two", "ranges": "none"})
        elif file.name.startswith("run."):
            file.unlink()
        elif [*pl.read_parquet_schema(file)] == ["mark"]:
            held = bytearray(file.read_bytes())
            held[4:60] = b"\xff" * 56
            file.write_bytes(held)
    found = [judged() for _ in ("the whole is asked", "they are made again", "they are there")]
    assert all(histories.same(histories.told(one), histories.told(expected)) for one in found)
    assert queries(found[-1]) == (READ.format(3, 3, 0),)


def test_no_byte_of_a_kept_table_that_is_flipped_changes_a_verdict() -> None:
    """Somewhere in the values of every table, and in what is written beside them."""
    days(2)
    day(2, [*range(150, 190), *range(400, 440)])
    judged()
    shutil.copytree("kept", "before")
    kinds = set[str]()
    for news in (False, True):
        if news:
            day(3, range(180, 230))
        whole = histories.told(check(None, config().override(states={"enabled": False}), now=NOW))
        for file in sorted(one.relative_to("before") for one in Path("before").rglob("*.parquet")):
            held = bytearray(Path("before", file).read_bytes())
            counted, footer = held.find(b'"judged",'), len(held) - 8 - int.from_bytes(held[-8:-4], "little")
            kinds |= {word for word in ("gathered", "run", "again", "night") if word in file.name} or {"of a file"}
            for at in (counted + len('"judged",') if counted > 0 else 44, footer + 40):
                shutil.rmtree("kept")
                shutil.copytree("before", "kept")
                Path("kept", file).write_bytes(held[:at] + bytes([held[at] ^ 8]) + held[at + 1 :])
                assert histories.same(histories.told(judged()), whole), f"{file} at {at}"
    assert kinds == {"gathered", "run", "again", "night", "of a file"}


def test_a_spread_that_is_beyond_floats_is_what_the_whole_says() -> None:
    for number, values in enumerate(([1e300, -1e300], [1.0], [1e300])):
        pl.DataFrame({"value": values}).write_parquet(f"data/{number}.parquet")
    asks = config({"check": "stddev", "column": "value", "at_least": 1})
    found = judged(asks)
    assert (found.status, found.rules[0].value) == (Status.PASSED, "inf")
    assert equal_to_the_whole(found, asks)


def test_states_that_do_not_merge_are_told_and_the_whole_is_read() -> None:
    """As a defect would leave them: a table that is whole and says something else."""
    days(2)
    judged()
    for file in Path("kept").rglob("*.parquet"):
        if "state" in (table := pl.read_parquet(file)).columns:
            other = pl.col("state").str.replace('"last"', '"lost"', literal=True)
            table.with_columns(other).write_parquet(file)
    found = judged()
    assert queries(found)[0] == "states are not used: they do not merge: KeyError('last'): (metadata)"
    assert equal_to_the_whole(found)


def test_the_states_of_many_files_are_gathered_in_several_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathered, "FILES", 2)
    days(20)
    judged()
    assert len(list(Path("kept").rglob("gathered.*"))) > 4
    for file in sorted(Path("kept").rglob("gathered.*"))[:2]:
        file.write_bytes(b"no table")
    day(20, range(2_000, 2_100))
    found = judged()
    assert queries(found)[0] == READ.format(21, 20, 1)
    assert equal_to_the_whole(found)


CHILD = """
import sys; sys.path.insert(0, sys.argv[1])
import test_states
print("begun", flush=True)
result = test_states.judged()
print(*(f"{rule.status.value} {rule.failed_count}" for rule in result.rules), sep=", ", flush=True)
"""


def child() -> subprocess.Popen[str]:
    words = [sys.executable, "-c", CHILD, str(Path(__file__).parent)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_checks_beside_each_other_share_a_store() -> None:
    days(12)
    day(3, range(150, 250))
    checks = [child() for _ in range(3)]
    said = [one.communicate(timeout=120) for one in checks]
    found = judged()
    expected = ", ".join(f"{rule.status.value} {rule.failed_count}" for rule in found.rules)
    assert expected.count("FAILED 200") == 2, "both keys repeat"
    assert {out.splitlines()[-1] for out, _ in said} == {expected}, said
    assert queries(found)[0] == READ.format(12, 12, 0)
    assert equal_to_the_whole(found)


PAIRS: list[dict[str, Any]] = [
    {"check": "unique", "column": "name"},
    {"check": "unique_combination", "columns": ["name", "day"], "where": "id > 20"},
]
BESIDE: dict[str, Callable[[], Any]] = {
    "another check": lambda: judged(config(*PAIRS)),
    "states that are deleted": lambda: shutil.rmtree("kept"),
}


@pytest.mark.parametrize("beside", BESIDE.values(), ids=BESIDE)
def test_a_check_says_the_same_whatever_happens_to_the_store_in_its_middle(
    beside: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something happens before each of the times that it looks into the store, in a run of its own."""
    days(2)
    time.sleep(0.1)
    asks, writes, reads, left = config(*PAIRS), Store.write, Store.read, list[int]()

    def meanwhile() -> None:
        if left and left[0] == 0:
            left.clear()
            beside()
        left[:] = [one - 1 for one in left]

    def read(self: Store, name: str) -> Any:
        meanwhile()
        return reads(self, name)

    def write(self: Store, *given: Any, **how: Any) -> None:
        meanwhile()
        writes(self, *given, **how)

    monkeypatch.setattr(Store, "read", read)
    monkeypatch.setattr(Store, "write", write)
    whole, moment, happened = histories.told(judged(asks.override(states={"enabled": False}))), 0, True
    while happened:
        shutil.rmtree("kept", ignore_errors=True)
        Path("kept").mkdir()
        left[:] = [moment]
        found = judged(asks)
        happened, moment = not left, moment + 1
        left.clear()
        assert histories.same(histories.told(found), whole), f"{moment}: {found}"
        assert histories.same(histories.told(judged(asks)), whole), f"after {moment}"
    assert moment > 10


@pytest.mark.parametrize("after", [0.02, 0.1, 0.3])
def test_a_check_that_is_killed_leaves_states_that_are_whole_or_none(after: float) -> None:
    days(40)
    one = child()
    assert one.stdout is not None
    one.stdout.readline()
    time.sleep(after)
    one.send_signal(signal.SIGKILL)
    one.wait()
    found = judged()
    assert found.status is Status.PASSED
    assert equal_to_the_whole(found)


@pytest.mark.parametrize("check", ["increasing", "decreasing"])
@pytest.mark.parametrize("strict", [True, False])
def test_a_value_without_a_place_in_the_order_is_counted_once_wherever_it_stands(check: str, strict: bool) -> None:
    nan, rule = float("nan"), {"check": check, "column": "value", "strict": strict}
    files: tuple[list[float | None], ...] = ([nan], [1.0, nan], [None, nan, 2.0], [], [nan, None], [nan, 3.0])
    for first in range(len(files)):
        shutil.rmtree("data")
        Path("data").mkdir()
        for number, values in enumerate(files[first:]):
            pl.DataFrame({"value": values}, schema={"value": pl.Float64}).write_parquet(f"data/{number}.parquet")
        assert equal_to_the_whole(judged(config(rule)), config(rule)), first


def test_a_file_whose_time_is_still_to_come_is_kept_as_others_are() -> None:
    days(2)
    later = time.time() + 7_200
    os.utime("data/001.parquet", (later, later))
    judged()
    assert queries(judged()) == (READ.format(2, 2, 0),)
    day(1, range(100))
    os.utime("data/001.parquet", (later, later))
    found = judged()
    assert queries(found)[0].startswith("states of 2 files: ")
    assert equal_to_the_whole(found)
    assert found.rules[0].failed_count == 200


def test_a_reference_that_is_rewritten_with_its_old_size_and_time_is_read_again() -> None:
    days(2)
    before, reference = judged(), Path("names.csv")
    about = reference.stat()
    reference.write_text(reference.read_text("utf-8").replace("n1", "m1"), "utf-8")
    os.utime(reference, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert (reference.stat().st_size, reference.stat().st_ino) == (about.st_size, about.st_ino)
    found = judged()
    assert (before.rules[-1].failed_count, found.rules[-1].failed_count) == (0, 55)
    assert equal_to_the_whole(found)
    assert queries(judged())[0] == READ.format(2, 2, 0)


def test_another_way_to_read_a_reference_counts_anew(tmp_path: Path) -> None:
    days(2)
    Path("datasets").mkdir()
    contract = Path("datasets/names.yml")
    contract.write_text("dataset: names\nowner: us\nsource: {path: names.csv}\nrules: []\n", "utf-8")
    asks = config({"check": "foreign_key", "column": "name", "reference": "names", "reference_column": "name"})
    assert judged(asks).rules[0].failed_count == 0
    contract.write_text(contract.read_text("utf-8").replace("names.csv", "names.csv, null_values: [n7]"), "utf-8")
    found = judged(asks)
    assert found.rules[0].failed_count == 5
    assert equal_to_the_whole(found, asks)


def test_states_of_a_column_that_becomes_sensitive_are_made_again_without_its_values() -> None:
    days(2)
    asks = config({"check": "distinct_count", "column": "name", "min": 1}, sensitive=())
    judged(asks)
    before = set(Path("kept").rglob("*.parquet"))
    assert any(b"n17" in file.read_bytes() for file in before)
    found = judged(asks.override(sensitive=("name",)))
    assert queries(found)[0] == READ.format(2, 0, 2)
    assert not any(b"n17" in file.read_bytes() for file in {*Path("kept").rglob("*.parquet")} - before)


CHANGES: dict[str, Callable[[], Any]] = {
    "another schema": lambda: day(9, range(3), more=pl.Series([1, 2, 3])),
    "another dtype": lambda: pl.DataFrame({"id": ["a"], "name": ["n1"], "day": [date(2026, 1, 1)]}).write_parquet(
        "data/009.parquet"
    ),
    "no file of the format": lambda: Path("data/009.parquet").write_bytes(b"nothing"),
    "an empty file": lambda: Path("data/009.parquet").write_bytes(b""),
}


@pytest.mark.parametrize(
    ("first", "other"), [(10_001, ["1.5", "1e5"]), (9_998, ["1.5", "1e5"]), (9_999, ["1.5", "1e5"])]
)
def test_numbers_that_are_guessed_are_read_as_those_of_all_files_are(first: int, other: list[str]) -> None:
    """Of the first 10,000 rows of all: `1e5` is a number where they have such, and breaks the column where not."""
    for number, texts in enumerate((["1.5"] * first, ["1.5", "1e5"])):
        Path(f"data/{number}.csv").write_text("amount\n" + "".join(f"{text}\n" for text in texts), "utf-8")
    asks = config({"check": "mean", "column": "amount", "at_least": 0}, source={"path": "data/*.csv"})
    for _ in range(2):
        found = judged(asks)
        assert equal_to_the_whole(found, asks)
        assert (found.status is Status.PASSED) == (first == 9_998)
        assert queries(found)[0].startswith(
            "states of 2 files" if first == 9_998 else "states are not used: data/1.csv"
        )


@pytest.mark.parametrize("change", CHANGES)
def test_files_that_are_not_of_one_shape_are_judged_as_without_states(change: str) -> None:
    days(3)
    judged()
    CHANGES[change]()
    found = judged()
    assert found.status in (Status.ERROR, Status.FAILED)
    assert equal_to_the_whole(found)
    if found.status is Status.FAILED:
        said = " ".join(queries(found))
        assert "states are not used: data/009.parquet is not of the shape of data/000.parquet" in said
    Path("data/009.parquet").unlink()
    assert queries(judged()) == (READ.format(3, 3, 0),)


def test_one_file_keeps_no_states_unless_the_policy_says_so() -> None:
    day(0, range(10))
    asks = config().model_copy(update={"environment": "prod"})
    left_out = asks.override(states={"path": "kept", "full_every_days": None})
    assert "states of" not in queries(judged(left_out))[0]
    assert not Path("kept").exists()
    assert queries(judged(asks))[0] == READ.format(1, 0, 1)
    day(1, range(10, 20))
    assert queries(judged(left_out))[0] == READ.format(2, 1, 1)
    assert "states of" not in queries(judged(left_out.override(states={"enabled": False, "path": "kept"})))[0]
