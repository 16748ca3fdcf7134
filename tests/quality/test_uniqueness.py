"""Repeated keys are counted exactly, whatever the width of their marks, for every dtype and at every edge of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from quality import CheckConfig
from quality.checking import open_frame
from quality.engine.frame import Frame
from quality.rules.uniqueness import BYTES_KEPT, _ranges, repeated

EDGES: dict[str, tuple[pl.DataType, list[Any]]] = {
    "int8": (pl.Int8(), [-128, -1, 0, 1, 127]),
    "int64": (pl.Int64(), [-(2**63), -1, 0, 1, 2**32, 2**32 + 1, 2**63 - 1]),
    "uint64": (pl.UInt64(), [0, 1, 2**63 - 1, 2**63, 2**64 - 1]),
    "int128": (pl.Int128(), [-(2**64), 0, 1, 2**64, 2**64 + 1, 2**100]),
    "date": (pl.Date(), [date(1, 1, 1), date(1969, 12, 31), date(1970, 1, 1), date(9999, 12, 31)]),
    "datetime": (pl.Datetime("us"), [datetime(1, 1, 1), datetime(1970, 1, 1), datetime(2024, 1, 1, 0, 0, 0, 1)]),
    "duration": (pl.Duration("us"), [timedelta(-1), timedelta(0), timedelta(microseconds=1)]),
    "text": (pl.String(), ["", "a", "á", "b" * 50, "*"]),
    "float": (pl.Float64(), [0.0, -1.5, 1.5, float("inf")]),
    "decimal": (pl.Decimal(38, 2), [Decimal("0.00"), Decimal("-0.01"), Decimal("1e30")]),
    "boolean": (pl.Boolean(), [True, False]),
}
BUDGETS = {"one range": 64, "four ranges": BYTES_KEPT, "narrow": 4}
"""Bytes of the budget for each row."""


def frame_of(values: pl.Series, folder: Path, budget: int) -> Frame:
    path = folder / "t.parquet"
    pl.DataFrame({"k": values, "n": range(values.len())}).write_parquet(path, row_group_size=50)
    frame = open_frame(str(path), CheckConfig())
    frame.columnar = True
    frame.around = replace(frame.around, memory_budget=budget * values.len())
    return frame


@pytest.mark.parametrize("budget", BUDGETS.values(), ids=BUDGETS)
@pytest.mark.parametrize(("dtype", "edges"), EDGES.values(), ids=EDGES)
def test_repeated_keys_are_counted_and_selected_exactly(
    dtype: pl.DataType, edges: list[Any], budget: int, tmp_path: Path
) -> None:
    random = Random(7)
    for repeats in (0, 1, 40):
        values = [*edges, *(random.choice(edges) for _ in range(repeats)), *([None] * repeats)]
        random.shuffle(values)
        frame = frame_of(pl.Series(values, dtype=dtype), tmp_path, budget)
        counts = Counter(value for value in values if value is not None)
        expected = sum(count for count in counts.values() if count > 1)
        found = repeated(frame, ("k",), None)
        assert (found.rows, found.judged) == (expected, sum(counts.values()))
        chosen = frame.lazy.filter(found.among & pl.col("k").is_not_null()).select("k").collect()["k"].to_list()
        assert Counter(chosen) == {value: count for value, count in counts.items() if count > 1}


@pytest.mark.parametrize("budget", BUDGETS.values(), ids=BUDGETS)
def test_inside_a_condition_only_its_own_rows_count(budget: int, tmp_path: Path) -> None:
    frame = frame_of(pl.Series([5, 5, 6, 6, 7, 8, 8]), tmp_path, budget)
    wheres = (None, "n >= 1", "n > 2")
    found = [repeated(frame, ("k",), where, wheres) for where in wheres]
    assert [(one.rows, one.judged) for one in found] == [(6, 7), (4, 6), (2, 4)]


def test_a_whole_number_is_looked_up_once_and_other_clean_keys_too(tmp_path: Path) -> None:
    numbers = pl.Series([3, 1, 2, 2, 9])
    for values, labels in ((numbers, 2), (pl.Series(["c", "a", "b", "d", "e"]), 1)):
        frame = frame_of(values, tmp_path, 64)
        repeated(frame, ("k",), None)
        assert len([label for label, _ in frame.queries if label.startswith("unique")]) == labels
        assert not any("compared" in label for label, _ in frame.queries)


LIE: dict[str, pl.Series] = {
    "close": pl.Series(range(60_000)),
    "close, with one far off": pl.Series([*range(60_000), 2**32 - 1]),
    "apart": pl.Series(range(60_000)) * 71_579,
    "in two places": pl.Series([*range(30_000), *range(2**31, 2**31 + 30_000)]),
    "twice": pl.Series([*range(30_000), *range(30_000)]),
    "nowhere": pl.Series([], dtype=pl.Int64),
    "at one": pl.Series([7] * 500),
}


@pytest.mark.parametrize("dtype", [pl.UInt32(), pl.UInt64()])
@pytest.mark.parametrize("number", [1, 2, 12])
@pytest.mark.parametrize("name", LIE)
def test_ranges_of_marks_hold_about_as_many_each_wherever_marks_lie(name: str, number: int, dtype: pl.DataType) -> None:
    marks = LIE[name].sample(fraction=1, shuffle=True, seed=1).cast(dtype)
    ranges = list(_ranges(marks, number))
    assert len(ranges) <= number
    assert pl.concat([pl.Series([], dtype=dtype), *ranges]).sort().equals(marks.sort())
    if marks.n_unique() > number:
        assert max(map(len, ranges)) < 1.2 * marks.len() / number + 1
