"""One flow of each kind that the factories make, bound at module level as yours would be, on a dataset's contract."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

from quality.checking import caught
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.errors import DataQualityError
from quality.ladder.factories import QualityFlow, create_quality_flow, quality_checked_flow
from quality.ladder.flow_config import QualityCheckMode
from quality.ladder.flows import check_dataset
from quality.result import CheckResult

MODES = (QualityCheckMode.BEFORE, QualityCheckMode.AFTER, QualityCheckMode.BOTH)


def results(config: CheckConfig, now: datetime) -> Iterator[tuple[str, CheckResult]]:
    """What the flows that return a result give."""
    where: dict[str, Any] = {**_about(config), "now": now}
    made = create_quality_flow(project.named(config.dataset, "quality"), **where)
    yield "from the blessed flow check_dataset", caught(partial(check_dataset, **where, partition=config.partition))
    yield "from create_quality_flow", caught(partial(made, partition=config.partition))


def stops(config: CheckConfig, now: datetime) -> Iterator[tuple[str, bool]]:
    """Whether the verdict stops the flows around a function: sync and async, checked before, after, and both.

    What a function is given or returns is judged whole, so that a partition asks none of them.
    """
    if config.partition is not None:
        return
    for mode in MODES:
        yield f"quality_checked_flow, sync, check {mode}", _stopped(_sync(config, mode, now), config.dataset)
        yield f"quality_checked_flow, async, check {mode}", _stopped(_async(config, mode, now), config.dataset)


def _about(config: CheckConfig) -> dict[str, Any]:
    return {"dataset": config.dataset, "environment": config.environment}


def _sync(config: CheckConfig, mode: QualityCheckMode, now: datetime) -> QualityFlow[..., Any]:
    @quality_checked_flow(name=project.named("hand-over"), check_mode=mode, now=now, **_about(config))
    def hand_over(data: str) -> str:
        return data

    return hand_over


def _async(config: CheckConfig, mode: QualityCheckMode, now: datetime) -> QualityFlow[..., Any]:
    @quality_checked_flow(name=project.named("hand-over"), check_mode=mode, now=now, **_about(config))
    async def hand_over_async(data: str) -> str:
        return data

    return hand_over_async


def _stopped(flow: QualityFlow[..., Any], data: str) -> bool:
    try:
        returned = flow(data)
        if asyncio.iscoroutine(returned):
            asyncio.run(returned)
    except DataQualityError:
        return True
    return False
