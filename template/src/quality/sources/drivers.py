"""Packages that only some repositories need: extras of the project, imported where a source asks for one."""

from __future__ import annotations

import importlib
from typing import Any

from quality.errors import ConfigurationError


def driver(module: str, extra: str, purpose: str) -> Any:
    """A module of an extra; ConfigurationError says what to add where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ConfigurationError(
            f'{purpose} needs the extra `{extra}`: add "{extra}" to `extras` in pyproject.toml, then run this again'
        ) from None
