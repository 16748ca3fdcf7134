"""Delta and Iceberg tables are judged as tables: one version, its deletions, its schema and all of its files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from checking import judge
from deltalake import DeltaTable
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.types import StringType
from test_versions import disturbed

from quality.contract.contract import parse_source
from quality.errors import ConfigurationError, SourceError
from quality.sources import Files
from quality.values import Status

FIRST = pl.DataFrame({"id": [1, 2, 3], "v": [1.0, -1.0, 3.0]})
MORE = pl.DataFrame({"id": [4], "v": [4.0], "new": ["x"]})
POSITIVE, ROWS = {"check": "positive", "column": "v"}, {"check": "row_count", "min": 1}
NEW = {"check": "column_exists", "column": "new"}


class Table:
    """A table in three versions: three rows, two after a deletion, and three with one more column."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers = list[int]()
        self.add(FIRST)
        self.numbers.append(self.newest())
        self.delete()
        self.numbers.append(self.newest())
        self.add(MORE)
        self.numbers.append(self.newest())

    def add(self, rows: pl.DataFrame) -> None:
        raise NotImplementedError

    def delete(self) -> None:
        raise NotImplementedError

    def newest(self) -> int:
        raise NotImplementedError

    def data_files(self) -> list[Path]:
        """The files of the newest version."""
        raise NotImplementedError


class Delta(Table):
    path = "t"

    def add(self, rows: pl.DataFrame) -> None:
        rows.write_delta(self.folder / "t", mode="append", delta_write_options={"schema_mode": "merge"})

    def delete(self) -> None:
        DeltaTable(self.folder / "t").delete("id = 2")

    def newest(self) -> int:
        return DeltaTable(self.folder / "t").version()

    def data_files(self) -> list[Path]:
        return [Path(file) for file in DeltaTable(self.folder / "t").file_uris()]


class Iceberg(Table):
    path = "n/t"

    def __init__(self, folder: Path) -> None:
        catalog = SqlCatalog("c", uri=f"sqlite:///{folder}/c.db", warehouse=f"file://{folder}")
        catalog.create_namespace("n")
        self.table = catalog.create_table("n.t", schema=FIRST.to_arrow().schema)
        super().__init__(folder)

    def add(self, rows: pl.DataFrame) -> None:
        if "new" in rows.columns and "new" not in self.table.schema().column_names:
            with self.table.update_schema() as update:
                update.add_column("new", StringType())
        self.table.append(rows.to_arrow())

    def delete(self) -> None:
        self.table.delete("id = 2")

    def newest(self) -> int:
        found = self.table.current_snapshot()
        assert found is not None
        return found.snapshot_id

    def data_files(self) -> list[Path]:
        return [Path(task.file.file_path.removeprefix("file://")) for task in self.table.scan().plan_files()]


@pytest.fixture(params=[Delta, Iceberg])
def table(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    return request.param(tmp_path)


def verdicts(table: Any, **which: Any) -> tuple[int | None, list[Status]]:
    result = judge(None, POSITIVE, NEW, source={"path": table.path, **which})
    return result.row_count, [rule.status for rule in result.rules]


def test_a_table_is_its_newest_version_or_the_one_that_is_named(table: Any) -> None:
    first, second, third = table.numbers
    assert verdicts(table) == verdicts(table, version=third) == (3, [Status.PASSED, Status.PASSED])
    assert verdicts(table, snapshot=second) == (2, [Status.PASSED, Status.FAILED])
    assert verdicts(table, version=first) == (3, [Status.FAILED, Status.FAILED])
    assert verdicts(table, as_of=datetime.now(UTC) + timedelta(days=1))[0] == 3
    history = {one.number: one for one in Files(path=table.path).table(Path.cwd()).history}  # type: ignore[union-attr]
    assert verdicts(table, as_of=history[second].at) == (2, [Status.PASSED, Status.FAILED])
    result = judge(None, ROWS, source={"path": table.path})
    assert result.metadata.version == judge(None, ROWS, source={"path": table.path, "version": third}).metadata.version
    assert result.metadata.version != judge(None, ROWS, source={"path": table.path, "version": first}).metadata.version


@pytest.mark.parametrize(
    ("which", "said"),
    [
        pytest.param({"version": 99}, "has no version 99; it has ", id="number"),
        pytest.param({"as_of": "2001-01-01"}, "has no version as of 2001-01-01; it has ", id="moment"),
    ],
)
def test_a_version_that_is_not_there_is_named_with_those_that_are(table: Any, which: dict[str, Any], said: str) -> None:
    result = judge(None, ROWS, source={"path": table.path, **which})
    assert (result.status, result.exit_code) == (Status.ERROR, 3)
    assert f"{table.path} {said}" in str(result.reason)
    assert str(table.numbers[-1]) in str(result.reason)


def test_a_check_sees_one_version_of_a_table_whatever_is_written_meanwhile(table: Any) -> None:
    unique = {"check": "unique", "column": "id"}
    result = disturbed(table.path, lambda: table.add(FIRST), POSITIVE, unique)
    assert (result.status, result.row_count) == (Status.PASSED, 3)
    assert judge(table.path, POSITIVE).status is Status.FAILED


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        pytest.param(Path.unlink, "is gone: was it vacuumed, or copied in part?", id="gone"),
        pytest.param(lambda file: file.write_bytes(file.read_bytes()[:-9]), "bytes where the table says", id="cut"),
        pytest.param(lambda file: file.write_bytes(b"x" * file.stat().st_size), "cannot be read", id="overwritten"),
    ],
)
def test_a_file_of_a_table_that_is_gone_or_cut_gives_no_verdict(
    table: Any, harm: Callable[[Path], object], said: str
) -> None:
    harm(table.data_files()[-1])
    result = judge(table.path, ROWS)
    assert (result.status, result.exit_code) == (Status.ERROR, 3)
    assert said in str(result.reason)
    assert table.path in str(result.reason)
    with pytest.raises(SourceError):
        Files(path=table.path).look(Path.cwd())


def test_a_look_at_a_table_says_its_size_its_rows_and_its_versions(table: Any) -> None:
    found = Files(path=table.path).look(Path.cwd())
    assert (found.columns, found.rows, found.size) == (
        ("id", "v", "new"),
        3,
        sum(file.stat().st_size for file in table.data_files()),
    )
    assert "3 versions, since 20" in found.said or "4 versions, since 20" in found.said


def test_versions_are_for_tables_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    (tmp_path / "plain").mkdir()
    FIRST.write_parquet("plain/a.parquet")
    with pytest.raises(
        ConfigurationError, match=r"snapshot is for delta and iceberg tables only; a.parquet is parquet"
    ):
        parse_source({"path": "a.parquet", "version": 1})
    with pytest.raises(ConfigurationError, match=r"snapshot and as_of each name one version; keep one of them"):
        parse_source({"path": "t", "version": 1, "as_of": "2024-01-01"})
    reason = judge(None, ROWS, source={"path": "plain", "version": 1}).reason
    assert reason == "plain is no Delta or Iceberg table, so that it has no versions to choose"
