"""The exceptions of this package, and what is said of others' in one line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quality.result import CheckResult


class ConfigurationError(ValueError):
    """Wrong use or configuration (exit code 2): a line for each mistake that says what, where and what to do next."""

    @classmethod
    def of(cls, mistakes: Iterable[str]) -> ConfigurationError:
        return cls("\n".join(" ".join(mistake.split()) for mistake in mistakes))


class SourceError(Exception):
    """The data could not be read now: unreachable, not there yet, or changed while it was read."""

    retry: bool = True


class MalformedError(SourceError):
    """The data is there and is not what it should be: empty, truncated, of another format. No retry fixes it."""

    retry: bool = False


class CannotJudgeError(Exception):
    """What the data is makes a rule impossible to judge: ERROR of that rule alone, which no retry fixes."""


LASTING = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, ImportError, NotImplementedError)
"""What code raises that is wrong; a driver's own errors are taken for trouble that may pass."""


def retry_helps(error: BaseException) -> bool:
    """Whether another attempt may succeed: trouble of network, storage and machine passes, facts about data stay."""
    cause = error.__cause__ if isinstance(error, SourceError) else error
    passes = isinstance(cause, (OSError, MemoryError)) or "object-store error" in str(cause)
    if not isinstance(error, SourceError) or passes:
        return passes and getattr(error, "retry", True)
    return error.retry and not isinstance(cause, LASTING) and not type(cause).__module__.startswith("polars")


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
    found, listed = _closest(word, known)
    return f"did you mean '{found}'?" if found else f"known: {listed}"


def there_is(word: str, known: Iterable[str]) -> str:
    """`the data has 'x'` for the closest name that is there, else the names that are."""
    found, listed = _closest(word, known)
    return f"the data has '{found}'" if found else f"the data has {listed or 'no column'}"


def _closest(word: str, known: Iterable[str]) -> tuple[str | None, str]:
    choices = sorted(known)
    found = difflib.get_close_matches(word[:100], choices, n=1, cutoff=0.5)
    return (found[0] if found else None), f"{', '.join(choices[:12])}{', …' if len(choices) > 12 else ''}"


class ServerError(Exception):
    """Prefect's server, pool or worker is not there or does not answer (exit code 3): one sentence with what to do."""


class QuarantineError(SourceError):
    """Rows could not be quarantined; whoever reads the good rows must not go on."""


BROKE = "refused: "
"""How a text begins that breaks a query on purpose, because a source cannot read it as its dtype."""


def first_line(error: BaseException) -> str:
    """The first line of what an error says; of object storage's, what was answered and not what was asked."""
    text = str(error).strip() or type(error).__name__
    return said(text) or refused(text) or text.splitlines()[0]


def refused(text: str) -> str | None:
    """Which text a source could not read as its dtype; None for other errors."""
    found = re.search(rf'\["{BROKE}(.*?)"[,\]]', text, re.DOTALL)
    return f"{found[1]}; declare its dtype, or the texts that are no value, in the source" if found else None


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
