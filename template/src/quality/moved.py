"""Where the modules of releases before the rooms are now: the team's files that import them run on, with a warning.

`from quality import …` gives everything that a domain's own code needs, and never moves.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "advice": ("reporting.guidance",),
    "announcements": ("operations.events",),
    "artifacts": ("reporting.artifacts",),
    "automations": ("operations.alarms",),
    "block": ("ladder.block",),
    "climb": ("cli.rollout",),
    "config": ("contract.config",),
    "console": ("reporting.console",),
    "deployment": ("ladder.deployment", "server"),
    "dispatch": ("prefect_run",),
    "doctor": ("cli.doctor",),
    "documents": ("cli.documents", "ladder.policy_page"),
    "drift_rules": ("rules.distributions",),
    "encryption": ("quarantine.encryption",),
    "environments": ("drift.environments",),
    "evidence": ("rollout.evidence", "files"),
    "examples": ("cli.probes",),
    "factories": ("ladder.factories", "ladder.flow_config"),
    "finding": ("drift.finding",),
    "flows": ("ladder.flows",),
    "forks": ("drift.forks",),
    "frame": ("engine.frame", "engine.sql"),
    "history_table": ("reporting.history_table",),
    "incidents": ("operations.incidents",),
    "key_rules": ("rules.keys",),
    "legible": ("reporting.escaping",),
    "lineage": ("operations.lineage",),
    "literals": ("rules.literals", "rules.bounds"),
    "managed": ("drift.managed_files",),
    "matrix": ("reporting.segments",),
    "notifications": ("operations.notifications",),
    "operators": ("cli.operators",),
    "pins": ("rollout.pins",),
    "plan": ("engine.one_pass",),
    "policy": ("contract.policy",),
    "prefect_file": ("ladder.prefect_file",),
    "profile": ("rules.profile",),
    "progress": ("operations.progress",),
    "project": ("contract.project",),
    "promotion": ("rollout.checklist",),
    "redrive": ("quarantine.redrive",),
    "report": ("reporting.html",),
    "row_rules": (
        "rules.presence",
        "rules.values",
        "rules.text",
        "rules.moments",
        "rules.outliers",
        "rules.expression",
        "rules.references",
    ),
    "rule": ("engine.rule", "engine.dtypes", "rules.dtype_names", "engine.sql", "values"),
    "rungs": ("cli.ladder", "cli.deployment", "server"),
    "samples": ("engine.samples",),
    "saved_blocks": ("drift.blocks",),
    "saved_deployments": ("drift.deployments",),
    "secrets": ("prefect_run",),
    "server_state": ("drift.server",),
    "shapes": ("rollout.shapes",),
    "shelf": ("history.store", "files"),
    "contract.sources": ("sources",),
    "states": ("ladder.states",),
    "storage": ("sources.storage",),
    "table_rules": (
        "rules.numbers",
        "rules.aggregates",
        "rules.schema",
        "rules.moments",
        "rules.references",
        "engine.rule",
    ),
    "tasks": ("ladder.tasks",),
    "trend_rules": ("rules.trends",),
    "trends": ("history.series",),
    "uniqueness": ("rules.uniqueness",),
    "verdict": ("checking",),
    "vocabulary": ("rules.catalogue", "sources"),
    "waivers": ("drift.waivers",),
    "yaml_file": ("contract.yaml_file",),
}
"""A module of before, and the modules that have what it had, the most likely one first."""
ROOMS = {
    "contract": ("contract.contract",),
    "drift": ("drift.report",),
    "engine": ("checking", "engine.judge"),
    "history": ("history.runs",),
    "operations": ("operations.after_check",),
    "quarantine": ("quarantine.splits", "errors"),
    "rollout": ("rollout.scorecard",),
}
"""Modules of before whose names rooms have now; what is not a module of the room is looked for where it went."""


class Moved(MetaPathFinder, Loader):
    """Finds a module under the name that it had."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        return ModuleSpec(fullname, self) if package == "quality" and name in MOVED else None

    def create_module(self, spec: ModuleSpec) -> None:
        """A module of its own, with everything that the ones it stands for have."""

    def exec_module(self, module: ModuleType) -> None:
        places = MOVED[module.__name__.removeprefix("quality.")]
        warn(module.__name__, places[0])
        module.__dict__["__getattr__"] = finds(module.__name__, places)


def finds(module: str, places: Sequence[str]) -> Callable[[str], object]:
    """Looks for what a module had in the modules that have it now."""

    def find(name: str) -> object:
        for place in places:
            now = importlib.import_module(f"quality.{place}")
            if not name.startswith("__") and hasattr(now, name):
                return getattr(now, name)
        raise AttributeError(f"module '{module}' has no attribute '{name}'")

    return find


def find_in_room(room: str, name: str) -> object:
    """What the module of before had that the room of the same name has not."""
    if name.startswith("__") or importlib.util.find_spec(f"quality.{room}.{name}"):
        raise AttributeError(f"module 'quality.{room}' has no attribute '{name}'")
    found = finds(f"quality.{room}", ROOMS[room])(name)
    warn(f"quality.{room}.{name}", ROOMS[room][0])
    return found


def warn(before: str, place: str) -> None:
    """Says to whoever imports the name of before what to write."""
    said = f"{before} is in quality.{place} now; write `from quality import …`, which stays"
    warnings.warn(said, DeprecationWarning, stacklevel=3)


def install() -> None:
    """Lets old names be imported; done once, when `quality` is."""
    if not any(isinstance(finder, Moved) for finder in sys.meta_path):
        sys.meta_path.append(Moved())
    for room in ROOMS:
        importlib.import_module(f"quality.{room}").__dict__.setdefault("__getattr__", partial(find_in_room, room))
