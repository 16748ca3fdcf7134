"""Forks in a team's Python files, by the same rules as a repository's own `nox -s drift`, read from git's objects."""

from __future__ import annotations

import ast
from pathlib import Path
from threading import Lock

from quality.drift import forks as rules
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
            self._managed = self._managed or dict(rules._definitions_of(ROOT / "src" / "quality", ROOT))
        return self._managed

    def of(self, snapshot: Snapshot) -> tuple[str, ...]:
        """Each fork of a repository: file, line and what it does."""
        return tuple(one for name in self._files(snapshot) for one in self._in(name, snapshot.bytes(name) or b""))

    def _files(self, snapshot: Snapshot) -> list[str]:
        """The Python files of the team that are not as a release gives them."""
        named = (name for name in snapshot.entries if name.endswith(".py") and snapshot.bytes(name))
        return sorted(name for name in named if not name.startswith(("src/quality/", "tests/", "noxfile.py")))

    def _in(self, name: str, content: bytes) -> list[str]:
        try:
            module = ast.parse(content, name)
        except (SyntaxError, ValueError, RecursionError) as error:
            return [f"{name}:{getattr(error, 'lineno', None) or 1}: cannot be read"]
        seen = rules.Module(module)
        found = {*seen.engine_calls(), *seen.wrappers(), *rules._copies(module, self.managed)}
        return [f"{name}:{line}: {problem}" for line, problem, _ in sorted(found)]
