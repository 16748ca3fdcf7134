"""Secrets that stand in clear in a file of git, where everyone reads them, and so do blocks and deployments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from quality.contract.complaints import Complaints
from quality.masking import masked

PATTERNS = ("pattern", "regex", "expression", "condition", "where", "sql", "description", "reason", "values")
"""Fields that speak of data or to people; what looks like a secret there is part of a rule."""


def refuse_in_clear(wrong: Complaints, data: Any) -> None:
    """A complaint for each text of a file that holds a login, a signature or a key."""
    for place in _secrets(data):
        said = "this holds a secret in clear; write it without, and let the environment or a saved Secret block have it"
        wrong.add(said, *place)


def _secrets(data: Any, *place: str | int) -> Iterator[tuple[str | int, ...]]:
    if isinstance(data, Mapping):
        for name, inner in data.items():
            if name not in PATTERNS:
                yield from _secrets(inner, *place, str(name))
    elif isinstance(data, list):
        for number, inner in enumerate(data):
            yield from _secrets(inner, *place, number)
    elif isinstance(data, str) and "{{" not in data and "${" not in data and masked(data) != data:
        yield place
