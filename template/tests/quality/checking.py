"""How the tests ask the engine: rules as people write them, and a `now` that stands still."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from quality.checking import check
from quality.contract.config import CheckConfig
from quality.result import CheckResult, RuleResult
from quality.rules.catalogue import parse_rules

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
HISTORY = (100.0, 90.0, 110.0)
"""What every metric was in earlier runs."""


def judge(data: Any, *rules: dict[str, Any], **config: Any) -> CheckResult:
    asked = CheckConfig(rules=parse_rules(rules), **config)
    return check(data, asked, now=NOW, history=lambda window: list(HISTORY[:window]))


def judge_one(data: Any, rule: dict[str, Any], **config: Any) -> RuleResult:
    (result,) = judge(data, rule, **config).rules
    return result


def counts(result: RuleResult) -> tuple[str, int, int]:
    return result.status.value, result.failed_count, result.total_count
