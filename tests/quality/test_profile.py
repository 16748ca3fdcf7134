"""A profile says what is in the data, survives JSON, and suggests rules that the data satisfies."""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl
import pytest

from quality.errors import ConfigurationError
from quality.rules.profile import Profile, profile

DATA = pl.DataFrame(
    {
        "id": [f"k{n}" for n in range(60)],
        "n": [*range(58), None, None],
        "f": [math.nan, math.inf, *map(float, range(58))],
        "c": ["x", "y", "z"] * 20,
        "b": [True, False] * 30,
        "t": pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 2, 29), eager=True),
        "l": [[1]] * 60,
        "e": pl.Series(["p"] * 60, dtype=pl.Categorical),
        "nothing": pl.Series([None] * 60, dtype=pl.Int64),
    }
)


def test_a_profile_counts_what_is_there() -> None:
    found = profile(DATA.lazy(), "data")
    assert [column.name for column in found.columns] == DATA.columns
    assert (found.count, found.column("n").count, found.column("n").null_count) == (60, 58, 2)
    assert (found.column("n").min, found.column("n").max, found.column("n").mean) == (0, 57, 28.5)
    assert found.column("c").distinct == 3
    assert sum(found.column("c").shares) == pytest.approx(1)
    assert found.column("nothing").count == 0


def test_a_profile_survives_json(tmp_path: Path) -> None:
    found = profile(DATA.lazy())
    path = tmp_path / "profile.json"
    path.write_text(found.model_dump_json(), "utf-8")
    assert Profile.load(str(path)).column("c") == found.column("c")


@pytest.mark.parametrize(
    ("content", "said"), [(None, "there is no saved profile"), ("{}", "is not a saved profile")], ids=["none", "broken"]
)
def test_a_profile_that_cannot_be_read_is_refused(content: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match=said):
        Profile.load(str(path))


def test_a_column_that_is_not_profiled_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="no column 'idd'; did you mean 'id'"):
        profile(DATA.lazy()).column("idd")
