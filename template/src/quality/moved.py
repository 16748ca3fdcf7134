"""Where the modules of releases before the rooms are now: files of the team's that import them run on, with a warning.

`from quality import …` gives everything that a domain's own code needs and never moves.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "quality.contract.sources": "quality.sources",
    "quality.config": "quality.contract.config",
    "quality.factories": "quality.ladder.factories",
    "quality.flows": "quality.ladder.flows",
    "quality.frame": "quality.engine.frame",
    "quality.literals": "quality.engine.literals",
    "quality.policy": "quality.contract.policy",
    "quality.project": "quality.contract.project",
    "quality.rule": "quality.engine.rule",
    "quality.tasks": "quality.ladder.tasks",
}


class Moved(MetaPathFinder, Loader):
    """Finds a module under the name that it had."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in MOVED else None

    def create_module(self, spec: ModuleSpec) -> None:
        """A module of its own, with everything that the one it stands for has."""

    def exec_module(self, module: ModuleType) -> None:
        now = importlib.import_module(MOVED[module.__name__])
        said = f"{module.__name__} is {now.__name__} now; write `from quality import …`, which stays"
        warnings.warn(said, DeprecationWarning, stacklevel=2)
        module.__dict__["__getattr__"] = lambda name: getattr(now, name)


def install() -> None:
    """Lets old names be imported; done once, when `quality` is."""
    if not any(isinstance(finder, Moved) for finder in sys.meta_path):
        sys.meta_path.append(Moved())
