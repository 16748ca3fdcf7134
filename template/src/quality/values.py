"""The words that everyone shares: a frozen value, a status, a severity; and how a value reads, in JSON and in text."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, StringConstraints

Scalar = str | int | float | bool | None


class Status(StrEnum):
    """FAILED is a fact about the data; ERROR (could not be judged) is a fact about the machinery."""

    PASSED = "PASSED"
    WARNING = "WARNING"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    ERROR = "ERROR"


class Severity(StrEnum):
    """What a failed rule does to the run: critical and error fail it, warning warns, info is reported only."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def fails_the_run(self) -> bool:
        return self in (Severity.CRITICAL, Severity.ERROR)


class Frozen(BaseModel):
    """A value: immutable, and refusing fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


Text = Annotated[str, StringConstraints(min_length=1)]


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _number(value: Any) -> Any:
    """Refuses true, false and text, which would quietly be read as numbers."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{_word(value)} is not a number; write one such as 5 or 0.05, without quotes")
    return value


def _whole(value: Any) -> Any:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{_word(value)} is not a whole number; write one such as 7, without quotes and decimals")
    return value


STRICT, STRICT_INT = BeforeValidator(_number), BeforeValidator(_whole)
"""Stand last among a type's annotations, so that its bounds are part of the JSON Schema."""
Number = Annotated[int | FiniteFloat, STRICT]
Count = Annotated[int, Field(ge=0), STRICT_INT]
Fraction = Annotated[float, Field(ge=0, le=1), STRICT]
Flag = Annotated[bool, Field(strict=True)]
