"""What a flow around a check is configured with: when it checks, by what rules, and how its task is retried."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from pydantic import NonNegativeFloat, NonNegativeInt

from quality.errors import ConfigurationError
from quality.texts import nearest
from quality.values import Fraction, Frozen


class QualityCheckMode(StrEnum):
    """When a decorated function's data is checked: its first argument, what it returns, both, or neither."""

    BEFORE = "before"
    AFTER = "after"
    BOTH = "both"
    NONE = "none"

    @classmethod
    def _missing_(cls, value: object) -> QualityCheckMode:
        raise ConfigurationError(f"there is no check mode '{value}'; {nearest(str(value), list(cls))}")

    @property
    def before(self) -> bool:
        return self in (QualityCheckMode.BEFORE, QualityCheckMode.BOTH)

    @property
    def after(self) -> bool:
        return self in (QualityCheckMode.AFTER, QualityCheckMode.BOTH)


class QualityFlowConfig(Frozen):
    """How a factory's flow checks. `retries` are those of its tasks, for what could not be judged; never the flow's."""

    rules: tuple[object, ...] | None = None
    check_mode: QualityCheckMode = QualityCheckMode.AFTER
    fail_on_error: bool | None = None
    warning_threshold: Fraction | None = None
    auto_schema: bool = False
    engine_name: str = "truthound"
    retries: NonNegativeInt | None = None
    retry_delay_seconds: NonNegativeFloat | None = None
    timeout_seconds: NonNegativeFloat | None = None
    store_artifact: bool = True
    artifact_key: str | None = None


def refuse_retries(options: Mapping[str, object]) -> None:
    """ConfigurationError for retries among the options of a flow."""
    if options.get("retries"):
        raise ConfigurationError("retries of the flow would repeat failed verdicts; give QualityFlowConfig(retries=…)")
