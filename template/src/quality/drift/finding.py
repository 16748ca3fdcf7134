"""One thing that is not as the repository says, where it is, and how to heal it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from quality.masking import MASK, Shown, masked_value
from quality.texts import json_value
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
    """A difference. A note is worth knowing and is not drift."""

    layer: Layer
    subject: str
    problem: Shown
    field: str | None = None
    git: Any = None
    found: Any = None
    fix: Shown
    heals: bool = False
    note: bool = False

    @classmethod
    def of(cls, layer: Layer, subject: str, problem: str, fix: str = "", heals: bool = False) -> Finding:
        """A difference in these words, without fields to compare."""
        return cls(layer=layer, subject=subject, problem=problem, fix=fix, heals=heals)

    def about(self, field: str, git: Any, found: Any) -> Finding:
        """The same about one field; both values as a person may read them."""
        told = MASK if git == NOTHING and isinstance(found, str) and field != "rules" else masked_value(found, field)
        values = {"git": masked_value(git, field), "found": told}
        return self.model_copy(update={"field": field, **values})

    def __str__(self) -> str:
        about = f"{self.subject}: {self.problem}"
        if self.field is not None:
            about += f": {self.field} is {as_json(self.found)}, the repository says {as_json(self.git)}"
        return f"{about}; {self.fix}" if self.fix else about


def as_json(value: Any) -> str:
    """A value in a line of text, as JSON has it; what is long is cut."""
    if value == NOTHING:
        return NOTHING
    text = json.dumps(value, ensure_ascii=False, default=json_value)
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
