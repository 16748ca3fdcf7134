"""One thing that is not as the repository says, where it is, and how to heal it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from quality.values import Frozen

NOTHING = "nothing"
"""How a field is shown that one side does not have."""


class Layer(StrEnum):
    """Where a repository drifts."""

    FILES = "files"
    FORKS = "forks"
    ENVIRONMENTS = "environments"
    SERVER = "server"


class Finding(Frozen):
    """A difference. A note is worth knowing and is no drift."""

    layer: Layer
    subject: str
    problem: str
    field: str | None = None
    git: Any = None
    found: Any = None
    fix: str
    heals: bool = False
    note: bool = False

    def __str__(self) -> str:
        about = f"{self.subject}: {self.problem}"
        if self.field is not None:
            about += f": {self.field} is {shown(self.found)}, the repository says {shown(self.git)}"
        return f"{about}; {self.fix}" if self.fix else about


def shown(value: Any) -> str:
    """A value in a line of text."""
    if value == NOTHING:
        return NOTHING
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 160 else f"{text[:159]}…"


def differences(git: Any, found: Any, field: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Each field that differs, by its dotted path, with both values."""
    if isinstance(git, Mapping) and isinstance(found, Mapping):
        for name in [*git, *(name for name in found if name not in git)]:
            yield from differences(git.get(name, NOTHING), found.get(name, NOTHING), f"{field}.{name}".strip("."))
    elif isinstance(git, list) and isinstance(found, list) and len(git) == len(found):
        for number, (one, other) in enumerate(zip(git, found, strict=True)):
            yield from differences(one, other, f"{field}[{number}]")
    elif git != found:
        yield field, git, found
