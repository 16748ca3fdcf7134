"""Ten checks at once through one worker; two hundred are `python tests/benchmarks/worker_runs.py`."""

from __future__ import annotations

from pathlib import Path

import pytest
from one_worker import EMPTY, Crowd, one_worker, run_all, starts, turns, wrongs
from prefect.client.orchestration import get_client

from quality.contract import project
from quality.history import runs as history


def test_ten_runs_at_once_through_one_worker_are_neither_lost_nor_doubled(
    tmp_path: Path, api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    crowd = Crowd(tmp_path, 10)
    with get_client(sync_client=True) as client:
        made = crowd.deploy(client)
        with one_worker(client, tmp_path, at_once=10):
            runs = run_all(client, made, turns(list(crowd.status), every=10), 240)
        assert wrongs(client, crowd, made, runs) == []
        assert [starts(client, run) for run in runs] == [1] * 11
        lost = [run for run in runs if run.deployment_id not in (made["d000"], made[EMPTY])]
        assert wrongs(client, crowd, made, lost)[:1] == ["d000 has no run"]
        (file,) = history.shelf(project.load("d001", "prod")).files()
        file.unlink()
        assert any(one.startswith("d001: history has [] of it") for one in wrongs(client, crowd, made, runs))
