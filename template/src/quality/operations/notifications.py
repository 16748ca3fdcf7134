"""Messages to operators through saved Prefect notification blocks; a channel that is down never changes a verdict."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import polars as pl
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.runtime import flow_run
from pydantic import SecretStr

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.policy import Notification, Silence
from quality.errors import SourceError
from quality.history.runs import MESSAGES, shelf
from quality.masking import masked
from quality.operations import pages
from quality.operations.incidents import ELSEWHERE, Incident, Kind, Told, due, told
from quality.operations.plain_text import as_text
from quality.reporting.escaping import one_line
from quality.result import CheckResult, summarize_check_result
from quality.server import run_link
from quality.sources.partition import Partition
from quality.texts import first_names
from quality.values import Frozen

Tone = Literal["info", "success", "warning", "failure"]
SHOWN, SUMMARY = 10, 2_000
"""Incidents of a message, and characters of its first line."""
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
        body = as_text(block, body)
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
    place, part = shelf(config, "messages"), config.part and config.part.name
    if not config.notifications and (place.remote or not Path(place.folder).is_dir()):
        return ()  # nobody was ever told, or a look would cost every run a wait
    sent: list[Delivery] = []
    rows: list[dict[str, Any]] = []
    with ExitStack() as stack:
        try:
            stack.enter_context(place.alone())
            known, problem = place.read(MESSAGES).filter(pl.col("partition").eq_missing(pl.lit(part))), None
        except (SourceError, OSError) as error:
            known, problem = MESSAGES.to_frame(), f"the history of messages cannot be read: {error}"
        knows = {block: told(known, block, result.timestamp) for block in known["block"].unique()}
        silences = project.policy().silences
        for channel in {one.block: one for one in config.notifications}.values():
            for incidents in _batches(result, config, channel, knows, silences, only):
                delivery = _tell(result, channel, incidents, problem, part)
                sent.extend([delivery] if delivery else [])
                rows.extend(_row(run, result, channel, one, delivery, config.part) for one in incidents)
        for channel, incidents, delivery in _left(config, known, knows):
            sent.append(delivery)
            rows.extend(_row(run, result, channel, one, delivery, config.part) for one in incidents)
        if rows and problem is None:
            number: Any = known["number"].max() or 0
            numbered = [row | {"number": number + 1} for row in rows]
            place.write(pl.DataFrame(numbered, schema=MESSAGES), result.timestamp, run)
    return tuple(sent)


def _batches(
    result: CheckResult,
    config: CheckConfig,
    channel: Notification,
    knows: Mapping[str, Mapping[str, Told]],
    silences: tuple[Silence, ...],
    only: str | None = None,
) -> list[list[Incident]]:
    """What a channel is due, one message for each kind: a page for each rule helps nobody."""
    begun: dict[str, datetime] = {}
    for state in knows.values():
        begun |= {rule: max(was.since, begun.get(rule, was.since)) for rule, was in state.items() if was.since}
    found = due(result, config, channel, knows.get(channel.block, {}), silences, begun)
    incidents = [_ending(one) for one in found if only in (None, one.rule)]
    return [list(same) for _, same in groupby(sorted(incidents, key=_kind), key=_kind)]


def _left(
    config: CheckConfig, known: pl.DataFrame, knows: Mapping[str, Mapping[str, Told]]
) -> Iterator[tuple[Notification, list[Incident], Delivery]]:
    """What is open with channels that have left policy.yml: nobody tells them of its end, and that is said once."""
    there = {one.block for one in config.notifications}
    for channel, block in known.select("channel", "block").unique(maintain_order=True).rows():
        opened = {rule: was.since for rule, was in knows[block].items() if was.is_open and was.since}
        if block in there or not opened:
            continue
        left = Notification.model_construct(channel=channel, block=block)
        alert = _alert(config.dataset, config.environment, config.part and config.part.name)
        by_hand = f"; close its alert {alert} by hand" if left.pages else ""
        what = f"which is open there: {first_names([*opened])}{by_hand}"
        problem = f"it has left policy.yml, and nobody tells it how this ends, {what}"
        said = [Incident(rule=rule, kind=Kind.CLOSED, since=since, line=problem) for rule, since in opened.items()]
        yield left, said, Delivery(channel=channel, block=block, ok=False, problem=problem, attempts=0)


def _ending(incident: Incident) -> Incident:
    """What closes a page is delivered: nobody is woken, and where the pager does not take it, it is tried again."""
    return incident.model_copy(update={"kind": Kind.RECOVERED}) if incident.ends_page else incident


def _kind(incident: Incident) -> tuple[Kind, bool]:
    """What one message is about; what goes on elsewhere has not recovered."""
    return incident.kind, incident.line == ELSEWHERE


def _tell(
    result: CheckResult, channel: Notification, incidents: list[Incident], problem: str | None, part: str | None
) -> Delivery | None:
    kind, about = incidents[0].kind, result.metadata
    if not kind.is_told:
        return None
    said = subject(result, incidents), message(result, incidents, problem)
    loud = "info" if incidents[0].line == ELSEWHERE else tone(result, kind)
    return deliver(channel, *said, loud, _alert(about.dataset, about.environment, part), over=kind is Kind.RECOVERED)


def _alert(dataset: str, environment: str | None, part: str | None) -> str:
    """What the one alert of a dataset, or of a partition of it, is known by."""
    return "/".join(filter(None, (project.named(dataset, environment), part)))


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
    if incidents[0].line == ELSEWHERE:
        return f"{result.status}: {where}: {count} no longer for this channel{whose}"
    return f"{kind if kind is Kind.RECOVERED else result.status}: {where}: {count} {words[kind]}{whose}"


def message(result: CheckResult, incidents: list[Incident], problem: str | None = None) -> str:
    """What opened or recovered, how bad, since when, whose, where to look: plain text, no sensitive value."""
    about = result.metadata
    lines = [one_line(summarize_check_result(result), SUMMARY), ""]
    told = [f"- {one_line(one.rule)}: {one_line(one.line)}" for one in incidents[:SHOWN]]
    lines += [f"{said}, since {one.since:%Y-%m-%d %H:%M} UTC" for said, one in zip(told, incidents, strict=False)]
    if len(incidents) > SHOWN:
        lines.append(f"- and {len(incidents) - SHOWN} more")
    lines += ["", f"owner: {one_line(about.owner or 'nobody')} · contract: {about.contract} · {about.fingerprint}"]
    lines += [run_link(flow_run.id)] if flow_run.id and flow_run.ui_url else []
    lines += [f"This may repeat an earlier message: {problem}"] if problem else []
    return "\n".join(lines)
