"""Which code judges: one digest of the modules that decide a verdict, whatever their release is called."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path

from quality.contract import project
from quality.contract.judging_modules import DECIDE, decides, digest_of

PACKAGE = Path(__file__).parents[1]
MEANINGS = "contract/meanings.json"
"""What the modules of this release mean, by the hash of their text; a module that was changed is read."""


def judging_modules(package: Path = PACKAGE) -> Iterator[Path]:
    """The modules that decide a verdict, sorted by path."""
    rooms = (f"{room}**/*.py" if room.endswith("/") else room for room in DECIDE)
    for path in sorted(path for room in rooms for path in package.glob(room)):
        if decides(path.relative_to(package).as_posix()):
            yield path


@functools.cache
def judging_digest(package: Path = PACKAGE) -> str:
    """16 hexadecimal digits: of these modules, and of the Polars that computes, 2.1 for 2.1.4."""
    polars = ".".join(project.installed("polars").split(".")[:2])
    return digest_of(written(package), polars, _known(package / MEANINGS))


def written(package: Path = PACKAGE) -> dict[str, bytes]:
    """The modules that decide a verdict, by their path in the package."""
    return {path.relative_to(package).as_posix(): path.read_bytes() for path in judging_modules(package)}


def _known(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
