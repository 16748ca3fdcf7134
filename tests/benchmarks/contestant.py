"""One contestant judging one table, in a process of its own: `python contestant.py NAME JOB` prints its counts as JSON.

A contestant is a module of `contestants` with `judge(job) -> counts`: failing rows by rule name, 0 or 1 for a rule
about the table as a whole. A rule that it leaves out is one that it cannot express.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Job:
    """A table, its customers, and the rules in canonical form, each with the columns it reads."""

    table: str
    suite: str
    reference: str
    rules: list[dict[str, Any]]
    columns: list[str]
    samples: int = 5


def processor() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    name, path = sys.argv[1:]
    job = Job(**json.loads(Path(path).read_text()))
    contestant = importlib.import_module(f"contestants.{name}")
    wall, cpu = time.perf_counter(), processor()
    counts = contestant.judge(job)
    answer = {
        "counts": counts,
        "wall": time.perf_counter() - wall,
        "cpu": processor() - cpu,
        "differences": getattr(contestant, "DIFFERENCES", {}),
        "versions": {package: importlib.metadata.version(package) for package in contestant.PACKAGES},
    }
    print("\n" + json.dumps(answer, default=str), flush=True)


if __name__ == "__main__":
    main()
