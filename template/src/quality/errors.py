"""What can go wrong, in two words: the configuration is wrong, or the data is."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quality.result import CheckResult


class ConfigurationError(ValueError):
    """Wrong use or configuration (exit code 2): one sentence that says what, where and what to do next."""


class SourceError(Exception):
    """The data could not be read: missing, empty, truncated, unreachable or of another format."""


class DataQualityError(Exception):
    """A check did not succeed; `result` holds the whole report, whose status is FAILED, ERROR or SKIPPED."""

    def __init__(self, message: str, result: CheckResult) -> None:
        super().__init__(message, result)
        self.message = message
        self.result = result

    def __str__(self) -> str:
        return self.message


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the closest known spelling, else the known ones."""
    choices = sorted(known)
    found = difflib.get_close_matches(word, choices, n=1, cutoff=0.5)
    if found:
        return f"did you mean '{found[0]}'?"
    return f"known: {', '.join(choices[:12])}{', …' if len(choices) > 12 else ''}"
