"""What checks write is never data of the check itself: a configuration in which it would be is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from quality.__main__ import main
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.written_folders import among_the_data
from quality.operations import after_check
from quality.values import Status


def said(root: Path, source: str | dict[str, Any], **folders: str) -> list[str]:
    config = CheckConfig.model_validate(
        {
            "dataset": "orders",
            "environment": "dev",
            "source": source,
            **{name: {"path": path} for name, path in folders.items()},
        }
    )
    return list(among_the_data(config, root))


@pytest.mark.parametrize(
    ("source", "folder"),
    [
        ("data/", "data/kept"),
        ("data", "./data/kept/"),
        ("data/**/*.parquet", "data/kept"),
        ("data/**/*", "data"),
        ("**/*.parquet", "kept"),
        ({"path": "data/", "format": "parquet"}, "data/kept"),
        ("s3://shop/**/*.parquet", "s3://shop/kept"),
        ("s3://shop/", "s3://shop/kept"),
    ],
    ids=str,
)
@pytest.mark.parametrize("written", ["states", "history", "quarantine"])
def test_a_folder_that_checks_write_to_is_refused_among_the_data(
    source: Any, folder: str, written: str, tmp_path: Path
) -> None:
    if written == "quarantine" and "://" in folder:
        folder = "data/kept"
        source = "data/"
    (wrong,) = said(tmp_path, source, **{written: folder})
    assert wrong.startswith(f"{written}.path: what checks write to {folder} would be read as data")
    assert wrong.endswith("choose a folder outside of them")
    odd = tmp_path / "shop [new]*"
    assert said(odd, source, **{written: folder}) == [wrong]
    (whole,) = said(tmp_path, source, **{written: folder if "://" in folder else str(tmp_path / folder)})
    assert whole.startswith(f"{written}.path: ")


@pytest.mark.parametrize(
    ("source", "folder"),
    [
        ("data/", ".quality/kept"),
        ("data/*.parquet", "data/kept"),
        ("data/orders/**/*.parquet", "data/kept"),
        ("**/*.parquet", ".quality/kept"),
        ("data/**/*.csv", "data/kept"),
        ({"path": "data/", "format": "csv"}, "data/kept"),
        ("data/", "data/.kept"),
        ("s3://shop/**/*.parquet", "s3://shop/.kept"),
        ("data/orders.parquet", "data"),
        ("s3://shop/days/*.parquet", "s3://shop/kept"),
        ("s3://shop/days/", "data/kept"),
    ],
    ids=str,
)
def test_a_folder_beside_the_data_or_one_that_is_the_data_itself_may_be(
    source: Any, folder: str, tmp_path: Path
) -> None:
    local = folder if "://" not in folder else "kept"
    assert said(tmp_path, source, states=folder, history=folder, quarantine=local) == []


def test_a_link_hides_no_folder_among_the_data(tmp_path: Path) -> None:
    (tmp_path / "disk" / "orders").mkdir(parents=True)
    (tmp_path / "data").symlink_to(tmp_path / "disk" / "orders")
    for source, folder in (("data/", "disk/orders/kept"), ("disk/**/*", "data/kept"), ("data/**/*", "~/orders/kept")):
        with pytest.MonkeyPatch.context() as user:
            user.setenv("HOME", str(tmp_path / "disk"))
            assert len(said(tmp_path, source, states=folder, history=folder, quarantine=folder)) == 3
    assert said(tmp_path, "data/", history="disk/kept") == []


@pytest.mark.parametrize(
    ("source", "path", "wrong"),
    [
        ("data/", "data/events.ndjson", True),
        ("data/*.jsonl", "data/events.jsonl", True),
        ("data/", "data/events.log", False),
        ("data/", "data/events.json", False),
        ("data/*.csv", "data/events.jsonl", False),
        ({"path": "data/", "format": "parquet"}, "data/events.ndjson", False),
        ("data/", "events.ndjson", False),
    ],
    ids=str,
)
def test_the_file_of_lineage_is_no_data(source: Any, path: str, wrong: bool, tmp_path: Path) -> None:
    asked = {"dataset": "orders", "source": source, "lineage": {"namespace": "shop", "path": path}}
    found = list(among_the_data(CheckConfig.model_validate(asked), tmp_path))
    assert [one.partition(" would")[0] for one in found] == [f"lineage.path: what checks write to {path}"] * wrong


def test_a_file_has_no_files_among_it(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/orders.parquet").write_bytes(b"")
    assert said(tmp_path, "data/orders.parquet", history="data/orders.parquet") == []
    assert said(tmp_path, "s3://shop/orders.parquet", history="s3://shop/orders.parquet") == []
    assert len(said(tmp_path, "data/days.parquet", history="data/days.parquet/kept")) == 1


def test_history_itself_may_be_data(tmp_path: Path) -> None:
    assert said(tmp_path, ".quality/history/runs/orders/**/*.parquet", history=".quality/history") == []


def test_a_description_of_quarantined_rows_is_no_data_of_json_files(tmp_path: Path) -> None:
    source = {"path": "data/", "format": "json"}
    assert said(tmp_path, source, states="data/kept", history="data/kept") == []
    assert len(said(tmp_path, source, quarantine="data/kept")) == 1


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A repository of one dataset of two files, whose states lie where that is asked for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    for folder in ("datasets", "data"):
        Path(folder).mkdir()
    for number in range(2):
        pl.DataFrame({"id": [number]}).write_parquet(f"data/{number}.parquet")
    contract = "dataset: orders\nowner: shop\nsource: {path: data/}\nrules: [{check: unique, column: id}]\n"
    Path("datasets/orders.yml").write_text(contract, "utf-8")

    def keeps(states: str) -> None:
        reasons = "retries: {count: 0, delay_seconds: 0, reason: a test}, cache: {enabled: false, reason: a test}"
        defaults = f"{{work_pool: shop, states: {{path: {states}}}, {reasons}}}"
        Path("policy.yml").write_text(f"domain: shop\ndefaults: {defaults}\nenvironments: {{dev: {{}}}}\n", "utf-8")

    return keeps


def test_it_is_refused_before_anything_is_read(shop: Callable[[str], None], capsys: pytest.CaptureFixture[str]) -> None:
    shop("data/kept")
    assert main(["task", "orders"]) == 2
    error = capsys.readouterr().err
    assert "quality: orders in dev: states.path: what checks write to data/kept would be read as data" in error


def test_states_that_cannot_be_written_are_told_with_the_verdict(shop: Callable[[str], None]) -> None:
    shop("kept")
    Path("kept").write_text("no folder", "utf-8")
    ran = after_check.check(None, project.load("orders", "dev"))
    assert ran.result.status is Status.PASSED
    (note,) = (one for one in ran.notes if one.startswith("states: "))
    assert note.startswith("states: kept keeps nothing: ")
    assert note.endswith("; every check reads everything until it can be written")
    Path("kept").unlink()
    assert after_check.check(None, project.load("orders", "dev")).notes == ()
