"""What a check found: one result per rule and segment, and the run's verdict over them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field, computed_field, model_validator

from quality.masking import Shown
from quality.provenance import RunMetadata
from quality.texts import first_names, nearly, shorten
from quality.values import Frozen, Scalar, Severity, Status


class RuleResult(Frozen):
    """One rule judged on one segment. Counts are rows (for table rules: the one number judged); rates are percent.

    `retry_helps` is of an ERROR that may pass: network, storage, a source that changed; never of a fact about data.
    """

    rule_name: Shown
    check: str
    column: str | None = None
    columns: tuple[str, ...] = ()
    severity: Severity = Severity.ERROR
    status: Status
    message: Shown
    failed_count: int = 0
    total_count: int = 0
    value: Scalar = None
    segment: Scalar = None
    by: str | None = None
    against: str | None = Field(None, description="Which earlier numbers it was compared with: all, or a weekday's.")
    samples: tuple[dict[str, Scalar], ...] = ()
    retry_helps: bool = False

    @property
    def failure_rate(self) -> float:
        return 100.0 * self.failed_count / self.total_count if self.total_count else 0.0

    @property
    def sample_values(self) -> list[Scalar]:
        return [sample[self.column] for sample in self.samples if self.column is not None and self.column in sample]


class Failure(Frozen):
    """A rule that did not hold, in the keys that consumers of this field's results read."""

    rule_name: str
    column: str | None
    message: str
    severity: Severity
    failed_count: int
    total_count: int
    sample_values: list[Scalar]
    failure_rate: float
    metadata: dict[str, Scalar]

    @classmethod
    def of(cls, rule: RuleResult) -> Failure:
        more: dict[str, Scalar] = {"check": rule.check, "status": rule.status, "segment": rule.segment}
        return cls(**{name: getattr(rule, name) for name in cls.model_fields if name != "metadata"}, metadata=more)


class CheckResult(Frozen):
    """The verdict of one run. Counts are rules, rates percent of rules; `result["status"]` reads as on a mapping."""

    status: Status
    rules: tuple[RuleResult, ...] = ()
    row_count: int | None = None
    allow_empty: bool = False
    reason: Shown | None = None
    retry_helps: bool = False
    execution_time_ms: float = 0.0
    timestamp: datetime
    metadata: RunMetadata = Field(default_factory=RunMetadata)

    @model_validator(mode="before")
    @classmethod
    def _ignore_computed(cls, data: Any) -> Any:
        computed = cls.model_computed_fields
        return {k: v for k, v in data.items() if k not in computed} if isinstance(data, dict) else data

    def _count(self, status: Status) -> int:
        return sum(rule.status is status for rule in self.rules)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def passed_count(self) -> int:
        return self._count(Status.PASSED)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def failed_count(self) -> int:
        return self._count(Status.FAILED)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def warning_count(self) -> int:
        return self._count(Status.WARNING)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def skipped_count(self) -> int:
        return self._count(Status.SKIPPED)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def error_count(self) -> int:
        return self._count(Status.ERROR)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def total_count(self) -> int:
        return len(self.rules)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def is_success(self) -> bool:
        """PASSED or WARNING; SKIPPED only where the contract says `allow_empty: true`."""
        return self.status in (Status.PASSED, Status.WARNING) or (self.status is Status.SKIPPED and self.allow_empty)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def pass_rate(self) -> float:
        return 100.0 * self.passed_count / self.total_count if self.rules else 0.0

    @computed_field  # type: ignore[prop-decorator]
    @property
    def failure_rate(self) -> float:
        return 100.0 * self.failed_count / self.total_count if self.rules else 0.0

    @computed_field  # type: ignore[prop-decorator]
    @property
    def failures(self) -> tuple[Failure, ...]:
        """Every rule that is FAILED, WARNING or ERROR."""
        quiet = (Status.PASSED, Status.SKIPPED)
        return tuple(Failure.of(rule) for rule in self.rules if rule.status not in quiet)

    @property
    def exit_code(self) -> int:
        """0 success, 1 FAILED, 3 ERROR or nothing judged."""
        return 0 if self.is_success else 1 if self.status is Status.FAILED else 3

    def comparable(self) -> dict[str, Any]:
        """All but times, last digits and how the data came: equal for the same data and configuration on every path."""
        way = {"source", "version", "explain"}
        left = self.model_dump(mode="json", exclude={"execution_time_ms": True, "timestamp": True, "metadata": way})
        told: dict[str, Any] = nearly(left)
        return told

    def __getitem__(self, key: str) -> Any:
        if key in type(self).model_fields or key in type(self).model_computed_fields:
            return getattr(self, key)
        raise KeyError(key)

    def get(self, key: str, default: Any = None) -> Any:
        try:
            return self[key]
        except KeyError:
            return default


def run_status(rules: tuple[RuleResult, ...], warning_threshold: float | None) -> Status:
    """The run's word: a known failure outranks what could not be judged, and that outranks a warning."""
    failed = [rule for rule in rules if rule.status is Status.FAILED]
    tolerated = warning_threshold is not None and bool(rules) and len(failed) / len(rules) <= warning_threshold
    if any(rule.severity.fails_the_run for rule in failed) and not tolerated:
        return Status.FAILED
    if any(rule.status is Status.ERROR for rule in rules):
        return Status.ERROR
    loud = (Status.FAILED, Status.WARNING)
    if any(rule.status in loud and rule.severity is not Severity.INFO for rule in rules):
        return Status.WARNING
    return Status.PASSED if any(rule.status is not Status.SKIPPED for rule in rules) else Status.SKIPPED


def summarize_check_result(result: CheckResult) -> str:
    """One line: dataset, verdict, what failed and on how many rows."""
    if result.reason:
        return f"{result.metadata.subject}: {result.status} — {result.reason}"
    rules = len({rule.rule_name for rule in result.rules})
    counted = f"{result.total_count} " + ("rules" if rules == result.total_count else f"results of {rules} rules")
    head = f"{result.metadata.subject}: {result.status} — {result.passed_count} of {counted} passed"
    failed = [_counted(one) for one in result.rules if one.status in (Status.FAILED, Status.WARNING)]
    unjudged = [_counted(one) for one in result.rules if one.status is Status.ERROR]
    told = {"failed": failed, "could not be judged": unjudged}
    return "; ".join([head, *(f"{word}: {first_names(names)}" for word, names in told.items() if names)])


def _counted(rule: RuleResult) -> str:
    """A rule that did not hold; of how many rows, where it judges rows and not one number."""
    rows = f" ({rule.failed_count:,} of {rule.total_count:,} rows)" if rule.total_count > 1 or rule.samples else ""
    return shorten(" ".join(rule.rule_name.split()), 160) + rows
