"""The exceptions of this package, and what is said of others' in one line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from quality.masking import Guarded, masked
from quality.texts import refused, said

if TYPE_CHECKING:
    from quality.result import CheckResult


class ConfigurationError(Guarded, ValueError):
    """Wrong use or configuration (exit code 2): a line for each mistake that says what, where and what to do next."""

    @classmethod
    def of(cls, mistakes: Iterable[str]) -> ConfigurationError:
        return cls("\n".join(" ".join(mistake.split()) for mistake in mistakes))


class SourceError(Guarded):
    """The data could not be read now: unreachable, not there yet, or changed while it was read."""

    retry: bool = True


class MalformedError(SourceError):
    """The data is there and is not what it should be: empty, truncated, of another format. No retry fixes it."""

    retry: bool = False


class CannotJudgeError(Guarded):
    """What the data is makes a rule impossible to judge: ERROR of that rule alone, which no retry fixes."""


def retry_helps(error: BaseException) -> bool:
    """Whether another attempt may succeed: trouble of network, storage and machine passes, facts about data stay."""
    if isinstance(error, SourceError):
        cause = error.__cause__
        of_a_driver = type(cause).__module__.split(".")[0] not in ("builtins", "polars", "quality")  # which may pass
        return error.retry and (cause is None or retry_helps(cause) or of_a_driver)
    return isinstance(error, (OSError, MemoryError)) or "object-store error" in str(error)


class DataQualityError(Guarded):
    """A check did not succeed; `result` holds the whole report, whose status is FAILED, ERROR or SKIPPED."""

    def __init__(self, message: str, result: CheckResult) -> None:
        super().__init__(message, result)
        self.message = str(self.args[0])
        self.result = result

    def __str__(self) -> str:
        return self.message


class ServerError(Guarded):
    """Prefect's server, pool or worker is not there or does not answer (exit code 3): one sentence with what to do."""


class QuarantineError(SourceError):
    """Rows could not be quarantined; whoever reads the good rows must not go on."""


def first_line(error: BaseException) -> str:
    """What an error says on one line, or its first; of object storage's, what was answered and not what was asked."""
    text = str(error).strip() or type(error).__name__
    own = isinstance(error, (SourceError, CannotJudgeError))
    return masked(said(text) or refused(text) or (" ".join(text.split()) if own else text.splitlines()[0]))
