"""Forks in a team's Python files, by the same rules as a repository's own `nox -s drift`, read from git's objects."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from quality.drift.forks import forks_in, managed_definitions
from repositories.snapshot import Snapshot

ROOT = Path(__file__).parents[2] / "template"


class Forks:
    """The rules, and what managed code looks like; built when the first file has to be looked at."""

    def __init__(self) -> None:
        self._alone = Lock()
        self._managed: dict[str, str] = {}

    @property
    def managed(self) -> dict[str, str]:
        """Each definition of managed code by its shape; half a second, once for the whole fleet."""
        with self._alone:
            self._managed = self._managed or managed_definitions(ROOT)
        return self._managed

    def of(self, snapshot: Snapshot) -> tuple[str, ...]:
        """Each fork of a repository: file, line and what it does."""
        files = {name: snapshot.bytes(name) or b"" for name in self._files(snapshot)}
        found = forks_in(files, self.managed) if files else ()
        return tuple(f"{one.subject}: {one.problem}" for one in found)

    def _files(self, snapshot: Snapshot) -> list[str]:
        """The Python files of the team that are not as a release gives them."""
        named = (name for name in snapshot.entries if name.endswith(".py") and snapshot.bytes(name))
        return sorted(name for name in named if not name.startswith(("src/quality/", "tests/", "noxfile.py")))
