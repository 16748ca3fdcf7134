"""The words that everyone shares: a frozen value, a scalar, a status, a severity."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

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
Fraction = Annotated[float, Field(ge=0, le=1)]


def shorten(value: object, limit: int = 40) -> str:
    """A value in at most `limit` characters."""
    text = "[" + ", ".join(map(str, value)) + "]" if isinstance(value, (tuple, list)) else str(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
