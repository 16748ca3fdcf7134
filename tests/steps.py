"""A fresh repository, and what is run in it, timed: what the test of onboarding and its benchmark share."""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from copier import run_copy
from databases import postgres_server
from deliveries import SOURCES, VARIABLE, delivery
from rendering import commit, nox

Done = subprocess.CompletedProcess[str]
EXTRAS = '["delta", "excel", "postgresql"]'
NAMES = tuple(source.dataset for source in SOURCES)


@dataclass
class Step:
    """One command: what it took of the clock and of processors, everything that it started included."""

    words: tuple[str, ...]
    done: Done
    wall: float
    cpu: float


@dataclass
class Shop:
    """A repository, the database beside it, and the commands that were run in it."""

    folder: Path
    database: str
    steps: list[Step] = field(default_factory=list)

    def deliver(self, month: int, spoiled: bool = False) -> None:
        """What every source is now."""
        for source in SOURCES:
            rows = delivery(month)
            source.deliver(source.spoil(rows) if spoiled else rows, self.folder / "data", self.database)

    def run(self, session: str, *words: str) -> Done:
        """A session of nox, kept with its times."""
        start, before = time.perf_counter(), cpu()
        done = nox(self.folder, session, *words, env={VARIABLE: self.database})
        self.steps.append(Step((session, *words), done, time.perf_counter() - start, cpu() - before))
        return done


def cpu() -> float:
    """Seconds of processors that children took that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def shop(template: Path, target: Path) -> Iterator[Shop]:
    """A copy with the defaults that needs three extras, its environment installed, with the first delivery there."""
    run_copy(str(template), target, data={"domain": "laden"}, defaults=True, quiet=True)
    project = target / "pyproject.toml"
    text = project.read_text("utf-8")
    assert "extras = []" in text
    project.write_text(text.replace("extras = []", f"extras = {EXTRAS}"), "utf-8")
    commit(target)
    with postgres_server() as url:
        made = Shop(target, url)
        made.deliver(0)
        installed = made.run("environment")
        assert installed.returncode == 0, installed.stdout + installed.stderr
        yield made


def aboard(there: Shop) -> list[Step]:
    """Adds the four sources, challenges their rules, checks them, and lets a worker run their deployments."""
    first = len(there.steps)
    for source in SOURCES:
        there.run("add", *source.asked)
    for session in ("challenge", "task", "deployment"):
        there.run(session, *NAMES, *(("--json",) if session != "deployment" else ()))
    return there.steps[first:]
