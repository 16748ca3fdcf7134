"""Messages to operators through saved Prefect notification blocks; a channel that is down never changes a verdict."""

from __future__ import annotations

from typing import Any

import prefect.blocks.notifications  # noqa: F401 - registers the notification blocks that ship with Prefect
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block

from quality.config import CheckConfig
from quality.policy import Notification
from quality.result import CheckResult, Failure, Frozen, Status, summarize_check_result

SHOWN = 10


class Delivery(Frozen):
    """Whether one channel took a message, and why not."""

    channel: str
    block: str
    ok: bool
    problem: str | None = None


def deliver(channel: Notification, subject: str, body: str) -> Delivery:
    """Sends one message; whatever goes wrong is in what is returned."""
    try:
        block: Any = Block.load(channel.block, _sync=True)  # type: ignore[call-arg]
        if not isinstance(block, NotificationBlock):
            raise TypeError(f"{channel.block} is no notification block")
        with block.raise_on_failure():
            tell: Any = block.notify
            tell(body, subject, _sync=True)
    except Exception as error:
        problem = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return Delivery(channel=channel.channel, block=channel.block, ok=False, problem=problem)
    return Delivery(channel=channel.channel, block=channel.block, ok=True)


def notify(result: CheckResult, config: CheckConfig) -> tuple[Delivery, ...]:
    """Tells every channel of the failures that it is there for; an ERROR or empty run concerns all channels."""
    sent = []
    for channel in config.notifications:
        failures = [failure for failure in result.failures if failure.severity in channel.severities]
        if failures or result.status in (Status.ERROR, Status.SKIPPED):
            sent.append(deliver(channel, subject(result), message(result, failures)))
    return tuple(sent)


def subject(result: CheckResult) -> str:
    """The verdict first, then where."""
    about = result.metadata
    return f"{result.status}: {about.dataset}" + (f" in {about.environment}" if about.environment else "")


def message(result: CheckResult, failures: list[Failure]) -> str:
    """What failed, how bad, whose, what to do: plain text, no sensitive value."""
    about = result.metadata
    lines = [summarize_check_result(result)]
    lines += [
        f"- [{one.severity}] {one.rule_name}: {one.failed_count:,} of {one.total_count:,} ({one.failure_rate:.3g} %)"
        for one in failures[:SHOWN]
    ]
    if len(failures) > SHOWN:
        lines.append(f"- and {len(failures) - SHOWN} more")
    lines.append(f"owner: {about.owner or 'nobody'} · contract: datasets/{about.dataset}.yml · {about.fingerprint}")
    return "\n".join(lines)
