"""Task, block and flow give one result: what the engine gives, whatever the verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from prefect import flow

from quality import CheckResult, DataQualityBlock, DataQualityError, check, check_dataset, data_quality_check_task
from quality.contract import project
from quality.ladder.block import block_name, load_block
from quality.values import Status

DATA: dict[Status, dict[str, list[Any]]] = {
    Status.PASSED: {"id": [1, 2], "email": ["a@b", None]},
    Status.WARNING: {"id": [1, 2], "email": ["a@b", "nobody"]},
    Status.FAILED: {"id": [1, None], "email": ["a@b", "nobody"]},
    Status.SKIPPED: {"id": [], "email": []},
}


def result_of(path: Callable[[], CheckResult]) -> CheckResult:
    try:
        return path()
    except DataQualityError as error:
        return error.result


@pytest.mark.parametrize("status", DATA, ids=str)
def test_every_path_gives_one_result(status: Status, api: str, repository: Path) -> None:
    schema = {"id": pl.Int64, "email": pl.String}
    pl.DataFrame(DATA[status], schema=schema).write_parquet(repository / "data" / "users.parquet")
    config, name = project.load("users", "dev"), block_name("users", "dev")
    DataQualityBlock.from_config(config).save(name, overwrite=True)

    @flow
    def ephemeral() -> Any:
        return data_quality_check_task(config=config)

    paths: dict[str, Callable[[], CheckResult]] = {
        "task": ephemeral,
        "block": lambda: load_block(name).check(),
        "flow": lambda: check_dataset("users", "dev"),
    }
    engine = check(None, config)
    assert engine.status is status
    assert {name: result_of(path).comparable() for name, path in paths.items()} == dict.fromkeys(
        paths, engine.comparable()
    )
