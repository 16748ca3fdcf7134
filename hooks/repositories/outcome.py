"""What became of a repository in an update of the fleet: kept in a file, so that a run that was killed goes on."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Kind = Literal["current", "updated", "moved", "conflict", "needs trust", "tests failed", "skipped"]
KINDS: tuple[Kind, ...] = ("tests failed", "conflict", "needs trust", "skipped", "updated", "moved", "current")
"""What needs a person comes first."""


@dataclass(frozen=True)
class Outcome:
    """How a repository ended: current, or named with its reason."""

    repository: str
    kind: Kind
    reason: str = ""
    before: str = ""
    after: str = ""
    head: str = ""
    branch: str = ""
    overwritten: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    proved: tuple[str, ...] = ()
    not_green: str = ""
    opened: str = ""
    made: str = ""
    besides: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        return self.kind in ("updated", "moved")

    def words(self) -> str:
        """The outcome in a line."""
        files = f": {', '.join(self.conflicts)}" if self.conflicts else ""
        because = f" because {self.reason}" if self.kind == "skipped" else f": {self.reason}" if self.reason else ""
        return f"{self.kind}{files}{because}"


def remember(path: Path, outcome: Outcome) -> None:
    """Keep an outcome: a crash leaves the old file or the new one, whole."""
    beside = path.with_suffix(".new")
    with beside.open("w", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(asdict(outcome), indent=2, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def remembered(path: Path) -> Outcome | None:
    """An outcome that was kept; None when there is none, or it is not whole."""
    try:
        said: dict[str, Any] = json.loads(path.read_text("utf-8"))
        whole: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in said.items()}
        return Outcome(**whole)
    except (OSError, ValueError, TypeError):
        return None
