"""Messages to operators through saved Prefect notification blocks; a channel that is down never changes a verdict."""

from __future__ import annotations

import html
import logging
import re
import time
from contextlib import ExitStack
from itertools import groupby
from typing import Any, Literal

import polars as pl
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.blocks.notifications import SendgridEmail  # registers all notification blocks that ship with Prefect
from prefect.runtime import flow_run
from pydantic import SecretStr

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.policy import Notification, Silence
from quality.errors import SourceError
from quality.history.runs import MESSAGES, shelf
from quality.masking import masked
from quality.operations import pages
from quality.operations.incidents import Incident, Kind, due, told
from quality.result import CheckResult, summarize_check_result
from quality.server import run_link
from quality.sources.partition import Partition
from quality.values import Frozen

Tone = Literal["info", "success", "warning", "failure"]
SHOWN = 10
ATTEMPTS = 3
PAUSE_SECONDS = 1.0
"""Before the second attempt, and twice that before the third."""


class Delivery(Frozen):
    """Whether one channel took a message, at which attempt, and why not."""

    channel: str
    block: str
    ok: bool
    problem: str | None = None
    attempts: int = 1


def deliver(
    channel: Notification, subject: str, body: str, tone: Tone = "info", key: str = "quality-test", over: bool = False
) -> Delivery:
    """Sends one message, again when it fails, a few times; whatever goes wrong is in what is returned.

    A pager opens an alert under the key or, when that is `over`, closes it.
    """
    logging.getLogger("apprise").propagate = False  # it names keys; what it says without them is in the delivery
    delivery = Delivery(channel=channel.channel, block=channel.block, ok=False)
    try:
        block: Any = Block.load(channel.block, _sync=True)  # type: ignore[call-arg]
        if not isinstance(block, NotificationBlock):
            raise TypeError(f"{channel.block} is not a notification block")
        if "notify_type" in type(block).model_fields:
            block.notify_type = tone  # type: ignore[attr-defined]
        if isinstance(block, SendgridEmail):
            body = f"<pre>{html.escape(body)}</pre>"
    except Exception as error:
        return delivery.model_copy(update={"problem": _problem(error)})
    for attempt in range(1, ATTEMPTS + 1):
        try:
            if pages.is_pager(block):
                pages.send(block, pages.Page(key, subject, body, tone, over))
            else:
                _notify(block, subject, body)
            return delivery.model_copy(update={"ok": True, "problem": None, "attempts": attempt})
        except Exception as error:
            delivery = delivery.model_copy(update={"problem": _problem(error, block), "attempts": attempt})
        if attempt < ATTEMPTS:
            time.sleep(PAUSE_SECONDS * attempt)
    return delivery


def test(channel: Notification, config: CheckConfig) -> Delivery:
    """What became of a test message; a page that it opens is closed at once."""
    key = project.named(config.dataset, config.environment, "test")
    said = f"test: {config.dataset}", "A test message: this channel is wired."
    delivery = deliver(channel, *said, key=key)
    return deliver(channel, *said, key=key, over=True) if channel.pages and delivery.ok else delivery


def _notify(block: Any, subject: str, body: str) -> None:
    with block.raise_on_failure():
        block.notify(body, subject, _sync=True)


def _problem(error: Exception, block: Block | None = None) -> str:
    """What went wrong in one line, without the block's secrets; addresses end at their host, as paths hold more."""
    said = re.sub(r"^\[[A-Z]+\]: ", "", str(getattr(error, "log", error))).strip() or type(error).__name__
    first = re.sub(r"(\w+://)(?:[^/\s@]*@)?([^/\s'\"]+)[^\s'\"]*", r"\1\2/…", said.splitlines()[0])
    for value in dict(block or ()).values():
        if isinstance(value, SecretStr) and value.get_secret_value():
            first = first.replace(value.get_secret_value(), "…")
    return masked(first)


def notify(result: CheckResult, config: CheckConfig, run: str, only: str | None = None) -> tuple[Delivery, ...]:
    """Tells every channel what opened, what is still open and what recovered, and records each delivery; of one
    incident `only`, where nothing was found out about the others.

    Two runs of a dataset tell one after the other, so that neither repeats the other. What cannot be looked up is told
    rather than kept quiet.
    """
    if not config.notifications:
        return ()
    place, part = shelf(config, "messages"), config.part and config.part.name
    sent: list[Delivery] = []
    rows: list[dict[str, Any]] = []
    with ExitStack() as stack:
        try:
            stack.enter_context(place.alone())
            known, problem = place.read(MESSAGES).filter(pl.col("partition").eq_missing(pl.lit(part))), None
        except (SourceError, OSError) as error:
            known, problem = MESSAGES.to_frame(), f"the history of messages cannot be read: {error}"
        silences = project.policy().silences
        for channel in config.notifications:
            for incidents in _batches(result, config, channel, known, silences, only):
                delivery = _tell(result, channel, incidents, problem, part)
                sent.extend([delivery] if delivery else [])
                rows.extend(_row(run, result, channel, one, delivery, config.part) for one in incidents)
        if rows and problem is None:
            place.write(pl.DataFrame(rows, schema=MESSAGES), result.timestamp, run)
    return tuple(sent)


def _batches(
    result: CheckResult,
    config: CheckConfig,
    channel: Notification,
    known: pl.DataFrame,
    silences: tuple[Silence, ...],
    only: str | None = None,
) -> list[list[Incident]]:
    """What a channel is due, one message for each kind: a page for each rule helps nobody."""
    incidents = [
        _ending(one) for one in due(result, config, channel, told(known, channel.block, result.timestamp), silences)
    ]
    incidents = [one for one in incidents if only in (None, one.rule)]
    return [list(same) for _, same in groupby(sorted(incidents, key=_kind), key=_kind)]


def _ending(incident: Incident) -> Incident:
    """What closes a page is delivered: nobody is woken, and where the pager does not take it, it is tried again."""
    return incident.model_copy(update={"kind": Kind.RECOVERED}) if incident.ends_page else incident


def _kind(incident: Incident) -> Kind:
    return incident.kind


def _tell(
    result: CheckResult, channel: Notification, incidents: list[Incident], problem: str | None, part: str | None
) -> Delivery | None:
    kind, about = incidents[0].kind, result.metadata
    if not kind.is_told:
        return None
    said = subject(result, incidents), message(result, incidents, problem)
    key = "/".join(filter(None, (project.named(about.dataset, about.environment), part)))
    return deliver(channel, *said, tone(result, kind), key, over=kind is Kind.RECOVERED)


def tone(result: CheckResult, kind: Kind) -> Tone:
    """How loud a message is: the colour of a chat's, the severity of a page."""
    return "success" if kind is Kind.RECOVERED else "warning" if result.is_success else "failure"


def _row(
    run: str,
    result: CheckResult,
    channel: Notification,
    incident: Incident,
    delivery: Delivery | None,
    part: Partition | None,
) -> dict[str, Any]:
    return {
        "run": run,
        "at": result.timestamp,
        "rule": incident.rule,
        "kind": str(incident.kind),
        "channel": channel.channel,
        "block": channel.block,
        "ok": bool(delivery and delivery.ok),
        "attempts": delivery.attempts if delivery else 0,
        "note": delivery.problem if delivery else incident.note,
        "partition": part and part.name,
        "partition_told": part and part.told,
    }


def subject(result: CheckResult, incidents: list[Incident]) -> str:
    """The verdict, where, what is new and whose: `FAILED: orders in prod: 2 incidents opened, domain web-shop`."""
    about, kind = result.metadata, incidents[0].kind
    where = about.subject + (f" in {about.environment}" if about.environment else "")
    words = {Kind.OPENED: "opened", Kind.REMINDER: "still open", Kind.RECOVERED: "recovered"}
    count = "1 incident" if len(incidents) == 1 else f"{len(incidents)} incidents"
    whose = f", domain {name}" if (name := project.domain()) else ""
    return f"{kind if kind is Kind.RECOVERED else result.status}: {where}: {count} {words[kind]}{whose}"


def message(result: CheckResult, incidents: list[Incident], problem: str | None = None) -> str:
    """What opened or recovered, how bad, since when, whose, where to look: plain text, no sensitive value."""
    about = result.metadata
    lines = [summarize_check_result(result), ""]
    lines += [f"- {one.rule}: {one.line}, since {one.since:%Y-%m-%d %H:%M} UTC" for one in incidents[:SHOWN]]
    if len(incidents) > SHOWN:
        lines.append(f"- and {len(incidents) - SHOWN} more")
    lines += ["", f"owner: {about.owner or 'nobody'} · contract: {about.contract} · {about.fingerprint}"]
    lines += [run_link(flow_run.id)] if flow_run.id and flow_run.ui_url else []
    lines += [f"This may repeat an earlier message: {problem}"] if problem else []
    return "\n".join(lines)
