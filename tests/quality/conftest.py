"""What the tests of the package share, besides what every repository has of it."""

from __future__ import annotations

import pytest
from prefect_api import api, prefect_home, prefect_server
from users import repository

__all__ = ["api", "prefect_home", "prefect_server", "repository"]


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
