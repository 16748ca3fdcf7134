"""Files whose keys lie apart share none, and the marks of the others are not read for them."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from quality.checking import check
from quality.contract.config import CheckConfig
from quality.contract.contract import parse_source
from quality.engine.frame import Frame, Surroundings
from quality.file_states import ends
from quality.file_states.ends import near, told
from quality.file_states.marks import Key
from quality.file_states.run import marks_in
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
        for rows in (of.randrange(6) for _ in range(5))
    ]


def key_of(frame: pl.DataFrame) -> Key:
    return Key(
        tuple(frame.columns), (None,), Frame(frame.lazy(), Surroundings(references=_none, history=_none, now=NOW))
    )


def _none(*_: Any) -> Any:
    raise AssertionError("nothing beside the rows is asked")


@pytest.mark.parametrize("seed", range(40))
def test_tables_that_share_a_key_are_near(seed: int) -> None:
    of, apart = random.Random(seed), 0
    for _ in range(10):
        found = []
        for frame in tables(of):
            key = key_of(frame)
            _, marks = key.made(frame.select(value.alias(name) for name, value in key.values.items()))
            again = marks_in(marks.about())
            assert again is not None
            assert again.rows == frame.drop_nulls().height
            found.append((again.ends, set(frame.drop_nulls().rows())))
        for n, (one, keys) in enumerate(found):
            for other, others in found[n + 1 :]:
                apart += not near([one], [other])
                assert near([one], [other]) or not keys & others
                assert bool(near([one], [other])) == bool(near([other], [one]))
    assert apart  # it tells some apart


def test_more_pairs_than_are_compared_are_all_near(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = [[(0, 1)], [(2, 3)]], [[(7, 9)], [(5, 6)]]
    assert near(one, other) == []
    monkeypatch.setattr(ends, "MANY", 3)
    assert near(one, other) == [0, 1]


@pytest.mark.parametrize("text", ["", "nothing", "[", "{}"])
def test_what_is_not_said_of_marks_is_not_known(text: str) -> None:
    assert marks_in({"rows": "3", "ends": text}) is None
    assert marks_in({"rows": "3"}) is None
    assert told("[[[1, 2]]]") == [[[1, 2]]]


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


@pytest.mark.parametrize("name", KEYS)
def test_the_marks_of_a_file_apart_are_not_looked_up_among_those_of_all(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    scans, real = list[str](), Store.scan

    def scan(store: Store, name: str) -> pl.LazyFrame:
        scans.append(name)
        return real(store, name)

    monkeypatch.setattr(Store, "scan", scan)
    first = 500 if name == "a number" else 0
    for number in range(6):
        if number != 3:
            night(number, number + 1, range(number * first, number * first + 100))
    judged(KEYS[name])
    for number, day, ids, is_near in (
        (6, 7, range(6 * first, 6 * first + 100), False),
        (3, 4, range(3 * first, 3 * first + 100), False),  # a late one, between two others
        (7, 8, range(2 * first + 99, 2 * first + 110), name == "a number"),
        (8, 6, range(5 * first, 5 * first + 10), True),
    ):
        night(number, day, ids)
        scans.clear()
        found = judged(KEYS[name])
        assert any(one.startswith("run.") for one in scans) == is_near
        whole = judged(KEYS[name], kept=False)
        assert [(one.failed_count, one.samples) for one in found.rules] == [
            (one.failed_count, one.samples) for one in whole.rules
        ]
    assert found.rules[0].failed_count >= 20


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
