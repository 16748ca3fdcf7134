"""Doctor opens every source: it says what a check will read, and never valid for what cannot be read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ruamel.yaml import YAML

from quality.cli import doctor
from quality.cli.answers import Looked
from quality.errors import ConfigurationError
from quality.rollout import pins

DATA = pl.DataFrame({"id": [1, 2, 3], "name": ["a", "b", None], "v": [1.0, 2.0, 3.0]})
ONCE = {"reason": "a test"}
POLICY = {"defaults": {"work_pool": "p", "retries": ONCE, "cache": ONCE}, "environments": {"dev": {}}}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    YAML().dump(POLICY, tmp_path / "policy.yml")
    return tmp_path


def looked(source: Any, repository: Path) -> Looked:
    rules = [{"check": "not_null", "column": "id"}]
    contract = {"dataset": "shop", "owner": "@team", "source": source, "rules": rules}
    YAML().dump(contract, repository / "datasets" / "shop.yml")
    return next(one for one in doctor.files() if one.subject == "source of shop")


def test_a_source_is_told_by_its_bytes_rows_version_and_what_is_read_of_it(repository: Path) -> None:
    DATA.write_parquet("a.parquet")
    DATA.write_csv("a.csv")
    DATA.write_delta("t")
    size = Path("a.parquet").stat().st_size
    found = looked({"path": "a.parquet"}, repository)
    assert (found.code, found.said.split(", version")[0]) == (0, f"a.parquet can be read, {size:,} bytes, 3 rows")
    assert found.said.endswith("a check reads 1 of its 3 columns")
    assert ", 3 rows, version " in (said := looked({"path": "a.csv"}, repository).said)
    assert said.endswith("a check reads all 3 columns")
    assert ", 3 rows, version " in (said := looked({"path": "t"}, repository).said)
    assert ", 1 version, since 20" in said
    assert ", 0 (20" in said
    assert " is judged;" in said


def test_a_database_is_asked_for_its_columns_only(repository: Path) -> None:
    with closing(sqlite3.connect("a.db")) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS id, 'x' AS v")
        connection.commit()
    found = looked({"connection": "sqlite:///a.db", "table": "t"}, repository)
    assert found.code == 0
    assert "t of sqlite:///a.db can be read" in found.said
    assert "each check reads it once, in one transaction; a check reads 1 of its 2 columns" in found.said


@pytest.mark.parametrize(
    ("source", "said", "code"),
    [
        pytest.param({"path": "gone.parquet"}, "the file gone.parquet does not exist", 3, id="gone"),
        pytest.param({"path": "cut.csv"}, "cut.csv: its last line is not ended", 3, id="cut"),
        pytest.param({"path": "bad.parquet"}, "bad.parquet cannot be read as parquet", 3, id="not parquet"),
        pytest.param({"path": "differ"}, "the files differ", 3, id="files differ"),
        pytest.param({"connection": "env:NOWHERE", "table": "t"}, "variable NOWHERE is not set", 2, id="no variable"),
        pytest.param({"connection": "sqlite:///gone.db", "table": "t"}, "gone.db does not exist", 3, id="no database"),
    ],
)
def test_what_cannot_be_read_is_never_valid(source: Any, said: str, code: int, repository: Path) -> None:
    Path("cut.csv").write_text("id\n1\n2")
    Path("bad.parquet").write_text("x" * 100)
    Path("differ").mkdir()
    DATA.write_parquet("differ/1.parquet")
    DATA.select("id").write_parquet("differ/2.parquet")
    found = looked(source, repository)
    assert said in found.said
    assert found.code == code
    assert "can be read," not in found.said


@pytest.mark.parametrize(
    ("until", "code", "said"), [("2099-01-31", 0, "is supported"), ("2026-01-31", 2, "was supported")]
)
def test_a_tuple_that_ends_is_told_until_its_day_and_wrong_after_it(
    until: str, code: int, said: str, repository: Path
) -> None:
    folder = repository / "constraints"
    folder.mkdir()
    runs = pins.running()
    (folder / f"{runs}.txt").write_text("polars==2.1.0\n", "utf-8")
    assert next(doctor.environment()).said == f"{runs} is supported"
    (folder / "ending.toml").write_text(f'["{runs}"]\nuntil = {until}\ninstead = "other"\nwhy = "old"\n', "utf-8")
    found = next(doctor.environment())
    assert (found.code, found.said) == (
        code,
        f"{runs} {said} until {until}: old; QUALITY_TUPLE=other nox -s environment, then nox -s climb",
    )
    (folder / "ending.toml").write_text("[[", "utf-8")
    with pytest.raises(ConfigurationError, match=r"ending[.]toml cannot be read"):
        next(doctor.environment())


@pytest.mark.parametrize(
    ("silence", "said", "code"),
    [
        pytest.param({}, None, 0, id="of every rule"),
        pytest.param({"rule": "not_null(id)"}, None, 0, id="of a rule"),
        pytest.param({"rule": "the run"}, None, 0, id="of what could not be judged"),
        pytest.param({"rule": "parses(id, Int64)"}, None, 0, id="of texts that are no values"),
        pytest.param({"rule": "not_nul(id)"}, "did you mean 'not_null(id)'?", 2, id="misspelt"),
        pytest.param({"rule": "not_null(id) [name=b]"}, "did you mean 'not_null(id)'?", 2, id="of a segment"),
        pytest.param({"rule": "anything else"}, "known: not_null(id)", 2, id="renamed"),
        pytest.param({"until": "2024-02-29"}, "every rule of shop ended with 2024-02-29, in UTC", 0, id="over"),
        pytest.param({"rule": "x", "until": "2024-02-29"}, "x of shop ended with 2024-02-29", 0, id="over, of no rule"),
    ],
)
def test_a_silence_that_is_over_or_of_no_rule_is_named_with_its_line(
    silence: dict[str, str], said: str | None, code: int, repository: Path
) -> None:
    DATA.write_parquet("a.parquet")
    looked({"path": "a.parquet"}, repository)
    written = {"dataset": "shop", "until": "2999-12-31", "reason": "a test"} | silence
    YAML().dump(POLICY | {"silences": [written]}, repository / "policy.yml")
    found = [one for one in doctor.files() if one.subject.startswith("policy.yml:")]
    assert [one.code for one in found] == ([] if said is None else [code])
    assert said is None or said in found[0].said
    line = next(n for n, one in enumerate((repository / "policy.yml").read_text().splitlines(), 1) if "dataset" in one)
    assert said is None or found[0].subject == f"policy.yml:{line}"
