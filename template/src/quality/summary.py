"""A result as one line."""

from __future__ import annotations

from quality.result import CheckResult, RuleResult
from quality.values import Status


def summarize_check_result(result: CheckResult) -> str:
    """One line: dataset, verdict, what failed and on how many rows."""
    if result.reason:
        return f"{result.metadata.subject}: {result.status} — {result.reason}"
    rules = len({rule.rule_name for rule in result.rules})
    counted = f"{result.total_count} " + ("rules" if rules == result.total_count else f"results of {rules} rules")
    head = f"{result.metadata.subject}: {result.status} — {result.passed_count} of {counted} passed"
    failed = [_counted(one) for one in result.rules if one.status in (Status.FAILED, Status.WARNING)]
    unjudged = [one.rule_name for one in result.rules if one.status is Status.ERROR]
    told = {"failed": failed, "could not be judged": unjudged}
    return "; ".join([head, *(f"{word}: {_first(names)}" for word, names in told.items() if names)])


def _counted(rule: RuleResult) -> str:
    """A rule that did not hold; of how many rows, where it judges rows and not one number."""
    rows = f" ({rule.failed_count:,} of {rule.total_count:,} rows)" if rule.total_count > 1 or rule.samples else ""
    return f"{rule.rule_name}{rows}"


def _first(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f", and {len(names) - 3} more" if len(names) > 3 else "")
