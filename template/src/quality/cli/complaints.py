"""What a person is told when a verb, or a dataset of it, ends without its work done."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from quality.contract import project
from quality.errors import ConfigurationError
from quality.masking import masked
from quality.reporting.escaping import legible


def sentences(error: object) -> list[str]:
    """What an error says: of a wrong configuration a line for each mistake, of others one."""
    told = str(error).splitlines() if isinstance(error, ConfigurationError) else [str(error)]
    return [masked(" ".join(line.split())) for line in told]


def unexpected(error: Exception, more: str) -> str:
    """An error that nobody expected, as one sentence: what a machine refuses of a file, or what broke, and `more`."""
    if isinstance(error, OSError) and isinstance(error.filename, (str, bytes)):
        place = Path(os.fsdecode(error.filename))
        inside = place.is_relative_to(project.root())
        shown = place.relative_to(project.root()) if inside else place
        in_the_way = isinstance(error, (FileExistsError, NotADirectoryError))
        why = "a file is where a folder belongs" if in_the_way else error.strerror or type(error).__name__
        return f"{shown} cannot be read or written: {why}; see to that, and run this again"
    return f"unexpected {type(error).__name__}: {error}; {more}"


def complain(lines: Iterable[str]) -> str:
    """Tells a person, on standard error; gives what was told."""
    told = list(lines)
    for line in told:
        print(f"quality: {legible(line)}", file=sys.stderr)
    return "\n".join(told)
