"""What a person is told when a verb, or a dataset of it, ends without its work done."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from quality.errors import ConfigurationError
from quality.masking import masked


def sentences(error: object) -> list[str]:
    """What an error says: of a wrong configuration a line for each mistake, of others one."""
    told = str(error).splitlines() if isinstance(error, ConfigurationError) else [str(error)]
    return [masked(" ".join(line.split())) for line in told]


def complain(lines: Iterable[str]) -> str:
    """Tells a person, on standard error; gives what was told."""
    told = list(lines)
    for line in told:
        print(f"quality: {line}", file=sys.stderr)
    return "\n".join(told)
