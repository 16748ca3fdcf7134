"""Files whose keys lie apart share none, and the marks of the others are not read for them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from quality.checking import check
from quality.contract.config import CheckConfig
from quality.contract.contract import parse_source
from quality.engine.frame import Frame, Surroundings
from quality.file_states import ends, run
from quality.file_states.ends import marks_in, near, told
from quality.file_states.keys import Key
from quality.file_states.store import Store
from quality.result import CheckResult

NOW = datetime(2026, 11, 28, 6, tzinfo=UTC)
TEXTS = ("", "a", "ä", "b", "Z", "order-2026-11-27-1", "order-2026-11-27-2", "order-2026-11-28", "\U0001f600", "\uffff")
VALUES: dict[str, tuple[pl.DataType, Any]] = {
    "whole": (pl.Int64(), lambda of: of.choice((-(2**63), -1, 0, 1, 2**63 - 1, *range(20)))),
    "unsigned": (pl.UInt64(), lambda of: of.choice((0, 1, 2**64 - 1, 2**63))),
    "text": (pl.String(), lambda of: of.choice(TEXTS)),
    "day": (pl.Date(), lambda of: date(2026, 11, of.randrange(1, 30))),
    "moment": (pl.Datetime("us", "UTC"), lambda of: NOW + timedelta(hours=of.randrange(40))),
    "kind": (pl.Categorical(), lambda of: of.choice("abc")),
    "price": (pl.Float64(), lambda of: of.choice((-0.0, 0.0, float("nan"), float("inf"), 1.5))),
    "flag": (pl.Boolean(), lambda of: of.random() < 0.5),
}


def tables(of: random.Random) -> list[pl.DataFrame]:
    """Files of one shape, each of a few rows around some place in the order of each column."""
    names = of.sample(list(VALUES), of.randrange(1, 4))
    schema = {name: VALUES[name][0] for name in names}

    def column(name: str, rows: int) -> list[Any]:
        low, high = sorted((of.randrange(12), of.randrange(12)))
        values = sorted((VALUES[name][1](of) for _ in range(12)), key=str)[low : high + 1]
        return [None if of.random() < 0.1 else of.choice(values) for _ in range(rows)]

    return [
        pl.DataFrame({name: column(name, rows) for name in names}, schema)
        for rows in (of.choice((*range(6), 20)) for _ in range(5))
    ]


def key_of(frame: pl.DataFrame) -> Key:
    return Key(
        tuple(frame.columns), (None,), Frame(frame.lazy(), Surroundings(references=_none, history=_none, now=NOW))
    )


def _none(*_: Any) -> Any:
    raise AssertionError("nothing beside the rows is asked")


@pytest.mark.parametrize("seed", range(40))
def test_tables_that_share_a_key_are_near(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    of, apart, far_ones = random.Random(seed), 0, 0
    for name, value in {"TWENTIETH": 3, "FAR": 1, "RARE": 3}.items():
        monkeypatch.setattr(ends, name, value)  # of a few rows, too, some lie far from most
    for _ in range(10):
        found = []
        for frame in tables(of):
            key = key_of(frame)
            made = key.made(frame.select(value.alias(name) for name, value in key.values.items()))
            again = marks_in(made.told.about())
            assert again is not None
            assert again.rows == frame.drop_nulls().height
            far_ones += len(again.boxes) > 1
            assert (len(again.boxes) > 1) == (made.far is not None)
            found.append((again.boxes, set(frame.drop_nulls().rows())))
        for n, (one, keys) in enumerate(found):
            for other, others in found[n + 1 :]:
                close, far = near([one], {7: other})
                apart += not close and not far
                assert close or far or not keys & others
    assert apart  # it tells some apart
    assert far_ones


def test_more_pairs_than_are_compared_are_all_near(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = [[[(0, 1)]], [[(2, 3)]]], {0: [[(7, 9)]], 4: [[(5, 6)]]}
    assert near(one, other) == ([], False)
    monkeypatch.setattr(ends, "MANY", 3)
    assert near(one, other) == ([0, 4], True)


@pytest.mark.parametrize("text", ["", "nothing", "[", "{}"])
def test_what_is_not_said_of_marks_is_not_known(text: str) -> None:
    assert marks_in({"rows": "3", "boxes": text}) is None
    assert marks_in({"rows": "3"}) is None
    assert told("[[[[1, 2]]]]") == [[[[1, 2]]]]


KEYS: dict[str, dict[str, Any]] = {
    "a number and a day": {"check": "unique_combination", "columns": ["id", "day"]},
    "a text in its order": {"check": "unique", "column": "code"},
    "a number": {"check": "unique", "column": "id"},
    "two texts": {"check": "unique_combination", "columns": ["kind", "code"]},
}


def night(number: int, day: int, ids: range) -> None:
    """The file of one night: ids are those of all nights, codes say the day first."""
    frame = pl.DataFrame({"id": ids, "kind": "k", "code": [f"2026-11-{day:02}-{one}" for one in ids]})
    Path("data").mkdir(exist_ok=True)
    frame.with_columns(day=pl.lit(date(2026, 11, day))).write_parquet(f"data/{number:03}.parquet")


def judged(rule: dict[str, Any], kept: bool = True) -> CheckResult:
    source = parse_source({"path": "data/*.parquet"})
    states = {"enabled": kept, "path": "kept", "full_every_days": None}
    return check(None, CheckConfig().override(dataset="o", source=source, rules=[rule], states=states), now=NOW)


@pytest.fixture
def scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables that checks scan, in a folder of their own, where the run is made anew for no file that comes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    names, real = list[str](), Store.scan

    def scan(store: Store, name: str) -> pl.LazyFrame:
        names.append(name)
        return real(store, name)

    monkeypatch.setattr(Store, "scan", scan)
    monkeypatch.setattr(run, "ADDED", 2)
    return names


@pytest.mark.parametrize("name", KEYS)
def test_the_marks_of_a_file_apart_are_not_looked_up_among_those_of_all(
    name: str, scans: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "NEAR", 1)
    first = 500 if name == "a number" else 0
    for number in range(6):
        if number != 3:
            night(number, number + 1, range(number * first, number * first + 100))
    judged(KEYS[name])
    old = set(scans)
    for number, day, ids, is_near in (
        (6, 7, range(6 * first, 6 * first + 100), False),
        (3, 4, range(3 * first, 3 * first + 100), False),  # a late one, between two others
        (7, 8, range(2 * first + 99, 2 * first + 110), name == "a number"),
        (8, 6, range(5 * first, 5 * first + 10), True),
    ):
        night(number, day, ids)
        scans.clear()
        found = judged(KEYS[name])
        assert not any(one.startswith("run.") for one in scans)
        assert bool(old & set(scans)) == is_near
        whole = judged(KEYS[name], kept=False)
        assert [(one.failed_count, one.samples) for one in found.rules] == [
            (one.failed_count, one.samples) for one in whole.rules
        ]
    assert found.rules[0].failed_count >= 20


def far_off(number: int, ids: Sequence[int]) -> None:
    """A night's file, in which the first and the last row have a day and a code far off, and the second others."""
    Path("data").mkdir(exist_ok=True)
    late, night = date(2999, 1, 1), date(2026, 11, 1) + timedelta(number)
    days = [late, date(1970, 1, 1), *[night] * (len(ids) - 3), late]
    frame = pl.DataFrame({"id": ids, "day": days})
    code = pl.when(pl.col("day") == night).then(pl.format("{}-{}", "day", "id")).otherwise(pl.format("!{}", "id"))
    frame.with_columns(code=pl.when(pl.col("day") == late).then(pl.format("x{}", "id")).otherwise(code)).write_parquet(
        f"data/{number:03}.parquet"
    )


@pytest.mark.parametrize("name", ["a number and a day", "a text in its order"])
def test_a_few_rows_that_lie_far_off_do_not_make_files_near(name: str, scans: list[str]) -> None:
    for number in range(6):
        far_off(number, range(number, number + 200))
    counts = [judged(KEYS[name]).rules[0].failed_count]
    old = set(scans)
    for number, ids in enumerate((range(100, 300), range(3, 203), [102, *range(400, 598), 100]), 6):
        far_off(number, ids)
        scans.clear()
        found, whole = (judged(KEYS[name], kept) for kept in (True, False))
        assert not old & set(scans)
        assert {one.split(".")[-1] for one in scans if one.startswith("run.")} == {"far"}
        counts.append(found.rules[0].failed_count)
        assert [(one.failed_count, one.samples) for one in found.rules] == [
            (one.failed_count, one.samples) for one in whole.rules
        ]
    assert counts == [0, 0, 6, 8]


def test_rows_of_another_key_with_the_same_mark_are_told_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    mark = Key._mark
    monkeypatch.setattr(Key, "_mark", lambda self, columns: mark(self, columns) // 2**57)  # few marks for many keys
    of = random.Random(3)
    rule = KEYS["two texts"] | {"where": "id >= 10"}
    for number in range(12):
        night(number, number % 3 + 1, range(first := of.randrange(200), first + 15))
        found, whole = judged(rule), judged(rule, kept=False)
        assert not found.metadata.explain or "not used" not in str(found.metadata.explain)
        assert [(one.failed_count, one.samples) for one in found.rules] == [
            (one.failed_count, one.samples) for one in whole.rules
        ]
    assert found.rules[0].failed_count > 20
