"""What the tests of Dask and Ray share with those of the package."""

from __future__ import annotations

import pytest
from prefect_api import api, prefect_home, prefect_server

__all__ = ["api", "prefect_home", "prefect_server"]


def pytest_configure(config: pytest.Config) -> None:
    """Dask's and Ray's own processes leave sockets and threads to the garbage collector."""
    for warning in ("DeprecationWarning", "PendingDeprecationWarning"):
        config.addinivalue_line("filterwarnings", f"default::{warning}")
    for warning in ("ResourceWarning", "FutureWarning", "pytest.PytestUnraisableExceptionWarning"):
        config.addinivalue_line("filterwarnings", f"ignore::{warning}")
