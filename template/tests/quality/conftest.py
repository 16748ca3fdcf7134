"""What the managed tests share: the helpers beside them, a small repository and a Prefect API."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from prefect_api import api, prefect_home, prefect_server
from users import repository

__all__ = ["api", "prefect_home", "prefect_server", "repository"]


def pytest_configure(config: pytest.Config) -> None:
    """Prefect's clients leave sockets to the garbage collector; whose test they surface in is chance."""
    config.addinivalue_line("filterwarnings", "ignore::ResourceWarning")
    config.addinivalue_line("filterwarnings", "ignore::pytest.PytestUnraisableExceptionWarning")
