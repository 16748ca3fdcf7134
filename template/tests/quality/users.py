"""A repository of one dataset, in a folder that a test may change."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

CONTRACT = """
dataset: users
owner: "@users-team"
source: {path: data/users.parquet}
key: [id]
sensitive: [email]
rules:
  - {check: not_null, column: id}
  - {check: regex, column: email, pattern: "@", severity: warning}
"""
POLICY = """
defaults:
  retries: {count: 2, delay_seconds: 0, reason: storage hiccups}
  cache: {enabled: false, reason: a verdict is about the data of now}
  work_pool: users-dev
environments:
  dev: {}
  prod: {schedule: "0 6 * * *", work_pool: users-prod}
"""
PREFECT = """
name: users
build: null
push: null
pull: []
deployments:
  - name: users-dev
    entrypoint: quality.ladder.flows.check_dataset
    parameters: {dataset: users, environment: dev}
    work_pool: {name: users-dev, job_variables: {stream_output: true}}
    schedules: []
    paused: false
  - name: users-prod
    entrypoint: quality.ladder.flows.check_dataset
    parameters: {dataset: users, environment: prod}
    work_pool: {name: users-prod, job_variables: {image: users, auto_remove: true}}
    schedules: [{cron: "0 6 * * *", timezone: UTC, active: true}]
    paused: false
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one dataset, users, whose verdict is WARNING."""
    for name, text in {"datasets/users.yml": CONTRACT, "policy.yml": POLICY, "prefect.yaml": PREFECT}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "data").mkdir()
    pl.DataFrame({"id": [1, 2, 3], "email": ["a@b", "c@d", "secret"]}).write_parquet(
        tmp_path / "data" / "users.parquet"
    )
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    monkeypatch.delenv("QUALITY_ENV", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path
