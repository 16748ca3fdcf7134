"""Which code judges: one digest of the modules that decide a verdict, whatever their release is called."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

from quality.contract import project
from quality.contract.judging_modules import decides, digest_of

PACKAGE = Path(__file__).parents[1]


def judging_modules(package: Path = PACKAGE) -> Iterator[Path]:
    """The modules that decide a verdict."""
    for path in sorted(package.rglob("*.py")):
        if decides(path.relative_to(package).as_posix()):
            yield path


@functools.cache
def judging_digest(package: Path = PACKAGE) -> str:
    """16 hexadecimal digits: of these modules, and of the Polars that computes, 2.1 for 2.1.4."""
    polars = ".".join(project.installed("polars").split(".")[:2])
    modules = {path.relative_to(package).as_posix(): path.read_bytes() for path in judging_modules(package)}
    return digest_of(modules, polars)
