"""One flow of each kind that the factories make, bound at module level as yours would be, on a dataset's contract."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.errors import DataQualityError
from quality.ladder.factories import QualityCheckMode, QualityFlow, create_quality_flow, quality_checked_flow
from quality.ladder.flows import check_dataset
from quality.result import CheckResult

MODES = (QualityCheckMode.BEFORE, QualityCheckMode.AFTER, QualityCheckMode.BOTH)


def results(config: CheckConfig) -> Iterator[tuple[str, CheckResult]]:
    """What the flows that return a result give."""
    name = project.named(config.dataset, "quality")
    made = create_quality_flow(name, dataset=config.dataset, environment=config.environment)
    yield "from the blessed flow check_dataset", _result(check_dataset, config.dataset, config.environment)
    yield "from create_quality_flow", _result(made)


def _result(flow: Any, *arguments: Any) -> CheckResult:
    try:
        result: CheckResult = flow(*arguments)
    except DataQualityError as error:
        return error.result
    return result


def stops(config: CheckConfig) -> Iterator[tuple[str, bool]]:
    """Whether the verdict stops the flows around a function: sync and async, checked before, after, and both."""
    for mode in MODES:
        yield f"quality_checked_flow, sync, check {mode}", _stopped(_sync(config, mode), config.dataset)
        yield f"quality_checked_flow, async, check {mode}", _stopped(_async(config, mode), config.dataset)


def _sync(config: CheckConfig, mode: QualityCheckMode) -> QualityFlow:
    @quality_checked_flow(
        name=project.named("hand-over"), check_mode=mode, dataset=config.dataset, environment=config.environment
    )
    def hand_over(data: str) -> str:
        return data

    return hand_over


def _async(config: CheckConfig, mode: QualityCheckMode) -> QualityFlow:
    @quality_checked_flow(
        name=project.named("hand-over"), check_mode=mode, dataset=config.dataset, environment=config.environment
    )
    async def hand_over_async(data: str) -> str:
        return data

    return hand_over_async


def _stopped(flow: QualityFlow, data: str) -> bool:
    try:
        returned = flow(data)
        if asyncio.iscoroutine(returned):
            asyncio.run(returned)
    except DataQualityError:
        return True
    return False
