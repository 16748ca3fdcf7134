"""One Prefect API for a whole session of tests."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest


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
        half = made.with_suffix(f".{os.getpid()}")
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(half)) as target:
            source.backup(target)
        half.replace(made)


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
