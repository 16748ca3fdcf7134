"""The exceptions of this package, and what is said of others' in one line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quality.result import CheckResult


class ConfigurationError(ValueError):
    """Wrong use or configuration (exit code 2): one sentence that says what, where and what to do next."""


class SourceError(Exception):
    """The data could not be read: missing, empty, truncated, unreachable or of another format."""


class CannotJudgeError(Exception):
    """What the data is makes a rule impossible to judge: ERROR of that rule alone, which no retry fixes."""


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


class ServerError(Exception):
    """Prefect's server, pool or worker is not there or does not answer (exit code 3): one sentence with what to do."""


class QuarantineError(SourceError):
    """Rows could not be quarantined; whoever reads the good rows must not go on."""


def first_line(error: BaseException) -> str:
    """The first line of what an error says; of object storage's, what was answered and not what was asked."""
    text = str(error).strip() or type(error).__name__
    return said(text) or text.splitlines()[0]


def said(text: str) -> str | None:
    """What a store answered, and which; no part of the request, which may hold credentials. None for other errors."""
    if "object-store error" not in text:
        return None
    host = re.search(r"performing \w+ (\w+://[^/\s?]+)", text)
    answer = re.search(r"<Code>(\w+)</Code>\s*<Message>([^<]*)", text)
    status = re.search(r"status code: (\d+ [\w ]+)", text)
    if answer:
        why = f"{answer[1]}: {answer[2].strip()}"
    else:
        why = status[1] if status else re.sub(r"^\d+: ", "", text.strip().splitlines()[-1].strip())
    return f"{host[1]}: {why}" if host else why
