"""What the tests of the package share: a small repository, and one Prefect API for the whole session."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import version
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


def pytest_configure(config: pytest.Config) -> None:
    """Prefect's clients leave sockets to the garbage collector; whose test they surface in is chance."""
    for warning in ("DeprecationWarning", "PendingDeprecationWarning"):
        config.addinivalue_line("filterwarnings", f"default::{warning}")
    config.addinivalue_line("filterwarnings", "ignore::ResourceWarning")
    config.addinivalue_line("filterwarnings", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def child_processes_import_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs in place and is not installed; only here, because a rendered repository has a package of its own."""
    from quality.loopback import importable

    monkeypatch.setenv("PYTHONPATH", importable())


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


@pytest.fixture(scope="session")
def prefect_home(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """A fresh home whose database is already migrated, when a session before this one has left such a database."""
    home = tmp_path_factory.mktemp("prefect")
    made = pytestconfig.cache.mkdir("prefect") / f"{version('prefect')}.db"
    if made.exists():
        (home / "prefect.db").write_bytes(made.read_bytes())
    return home


@pytest.fixture(scope="session")
def prefect_server(prefect_home: Path, pytestconfig: pytest.Config) -> Iterator[str]:
    """The address of the one API that all tests of a session share."""
    from quality.loopback import loopback

    with loopback(prefect_home) as server:
        url = server.wait()
        _keep_migrated(prefect_home / "prefect.db", pytestconfig)
        yield url


def _keep_migrated(database: Path, config: pytest.Config) -> None:
    made = config.cache.mkdir("prefect") / f"{version('prefect')}.db"
    if not made.exists():
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(made)) as target:
            source.backup(target)


@pytest.fixture
def api(prefect_server: str, prefect_home: Path) -> Iterator[str]:
    """A configured Prefect API, without the heartbeat thread that costs each sync flow run a second."""
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        PREFECT_HOME,
        temporary_settings,
    )

    from quality.server import hand_over_events

    own = {PREFECT_API_URL: prefect_server, PREFECT_HOME: prefect_home, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
    with temporary_settings(own):
        yield prefect_server
        hand_over_events()
