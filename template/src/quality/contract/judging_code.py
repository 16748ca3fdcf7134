"""Which code judges: one digest of the modules that decide a verdict, whatever their release is called.

A release that changes documentation, or what happens around a verdict, leaves it the same.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

from quality.contract import project
from quality.contract.syntax import canonical

PACKAGE = Path(__file__).parents[1]
DECIDE = (
    *("values.py", "result.py", "sql_text.py", "isolation.py", "checking.py", "engine", "rules", "pushdown"),
    *("sources", "contract/config.py", "contract/contract.py", "history/runs.py", "history/store.py"),
)
"""Modules and rooms that read data, judge it, or say by what; what policy.yml says is in the fingerprint."""
SPEAK = ("rules/complaints.py", "rules/elsewhere.py", "rules/other_tools.py")
"""Of these, what only words a refusal."""


def judging_modules(package: Path = PACKAGE) -> Iterator[Path]:
    """The modules that decide a verdict."""
    for name in DECIDE:
        place = package / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            if path.relative_to(package).as_posix() not in SPEAK:
                yield path


@functools.cache
def judging_digest(package: Path = PACKAGE) -> str:
    """16 hexadecimal digits: of these modules, and of the Polars that computes, 2.1 for 2.1.4."""
    polars = ".".join(project.installed("polars").split(".")[:2])
    modules = [f"{path.relative_to(package).as_posix()} {meaning(path)}" for path in judging_modules(package)]
    return hashlib.sha256("\n".join([f"polars {polars}", *modules]).encode()).hexdigest()[:16]


def meaning(path: Path) -> str:
    """A module without comments, layout and documentation; its bytes where it is no Python."""
    written = path.read_bytes()
    try:
        return canonical(ast.parse(written), documented=False)
    except (SyntaxError, ValueError, RecursionError):
        return written.decode("utf-8", "replace").replace("\r\n", "\n")
