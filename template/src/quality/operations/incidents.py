"""Incidents: a rule of a dataset that does not hold, from the run that shows it to the run that shows it fixed.

There is no store of states: what a channel was last told, as the history of messages has it, and what this run found
decide what the channel is told now.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import polars as pl

from quality.contract.config import CheckConfig
from quality.contract.policy import Notification, Silence
from quality.contract.times import in_utc, is_over
from quality.result import CheckResult, RuleResult
from quality.texts import percent_of
from quality.values import Frozen, Severity, Status

THE_RUN = "the run"
"""Stands for the rule where the run as a whole could not be judged."""
ELSEWHERE = "is not for this channel"
"""What is said of an incident that goes on, when its severity or its owner has come to concern other channels."""
OF_TEXTS = "parses("
"""So begins the name of a result that a source adds where texts are not values of their dtype, and only there."""
AHEAD = timedelta(hours=1)
"""Two clocks that differ by more than this are not both right."""


class Kind(StrEnum):
    """What a message says of an incident. Nobody is told of what is SILENCED, or CLOSED: before anybody knew of it, or
    while the same page stays open for others; nor of what is WAITING for as many failures as page somebody."""

    OPENED = "OPENED"
    REMINDER = "REMINDER"
    RECOVERED = "RECOVERED"
    SILENCED = "SILENCED"
    CLOSED = "CLOSED"
    WAITING = "WAITING"

    @property
    def is_told(self) -> bool:
        return self not in (Kind.SILENCED, Kind.CLOSED, Kind.WAITING)


class Finding(Frozen):
    """What a run says of one rule, its segments taken together: `status` is that of the worst."""

    rule: str
    status: Status
    severity: Severity
    line: str

    @property
    def is_machinery(self) -> bool:
        return self.status in (Status.ERROR, Status.SKIPPED)

    def concerns(self, channel: Notification) -> bool:
        """Whether the channel is there for this; what could not be judged concerns every channel."""
        return self.is_machinery or self.severity in channel.severities


class Incident(Frozen):
    """Something that a channel is to be told."""

    rule: str
    kind: Kind
    since: datetime
    line: str
    note: str | None = None
    ends_page: bool = False


class Told(NamedTuple):
    """What a channel knows of a rule: whether an incident is open, when it last heard, since when it lasts, and how
    many runs it has waited through."""

    is_open: bool = False
    at: datetime | None = None
    since: datetime | None = None
    waited: int = 0

    def then(self, kind: Kind, at: datetime, ok: bool) -> Told:
        """What it knows after a message that was delivered, or not."""
        if kind is Kind.CLOSED or (kind is Kind.RECOVERED and ok):
            return Told()
        if kind in (Kind.OPENED, Kind.REMINDER) and ok:
            return Told(True, at, self.since or at)
        return self._replace(since=self.since or at, waited=self.waited + (kind is Kind.WAITING))


def findings(result: CheckResult) -> tuple[dict[str, Finding], set[str]]:
    """The rules that do not hold, by name, and the names of those that hold; what was skipped is in neither."""
    by_name: dict[str, list[RuleResult]] = {}
    for rule in result.rules:
        by_name.setdefault(rule.rule_name, []).append(rule)
    bad = {name: found for name, rules in by_name.items() if (found := _finding(name, rules))}
    good = {name for name, rules in by_name.items() if name not in bad and any(map(_holds, rules))}
    if result.is_success or bad:
        return bad, good if _is_unread(result) else good | {THE_RUN}
    line = result.reason or "nothing was judged"
    return {THE_RUN: Finding(rule=THE_RUN, status=result.status, severity=Severity.CRITICAL, line=line)}, good


def _holds(rule: RuleResult) -> bool:
    return rule.status is Status.PASSED


def _finding(name: str, rules: list[RuleResult]) -> Finding | None:
    for status in (Status.FAILED, Status.ERROR, Status.WARNING):
        if not (hit := [rule for rule in rules if rule.status is status]):
            continue
        severity = hit[0].severity
        if status is Status.WARNING and severity.fails_the_run:
            severity = Severity.WARNING
        failed, judged = sum(rule.failed_count for rule in hit), sum(rule.total_count for rule in hit)
        count = f"{failed:,} of {judged:,} ({percent_of(failed / judged)})" if judged > 1 else hit[0].message
        where = f", in {len(hit)} of {len(rules)} segments" if len(rules) > 1 else ""
        return Finding(rule=name, status=status, severity=severity, line=count + where)
    return None


def told(messages: pl.DataFrame, block: str, now: datetime) -> dict[str, Told]:
    """What a channel knows of each rule, from the history of messages, one after the other as they were written.

    Of earlier releases, which did not number them, those that are later than now were dated by a clock that was ahead:
    they are taken for older than all others, or what was told since would count for nothing until then.
    """
    state: dict[str, Told] = {}
    order = ("number", pl.col("at") <= in_utc(now) + AHEAD, "at")
    for row in messages.filter(pl.col("block") == block).sort(order, maintain_order=True).iter_rows(named=True):
        state[row["rule"]] = state.get(row["rule"], Told()).then(Kind(row["kind"]), row["at"], row["ok"])
    return {rule: was._replace(since=min(was.since, now)) if was.since else was for rule, was in state.items()}


def due(
    result: CheckResult,
    config: CheckConfig,
    channel: Notification,
    state: Mapping[str, Told],
    silences: tuple[Silence, ...] = (),
    begun: Mapping[str, datetime] | None = None,
) -> list[Incident]:
    """What a channel is to be told after this run: what opened, what is still open after a while, what recovered.

    `begun` is since when others know of what this channel was never told.
    """
    now, (bad, good) = result.timestamp, findings(result)
    unread = _is_unread(result)
    silences = tuple(one for one in silences if one.rule is None or not unread)
    mine = {name: finding for name, finding in bad.items() if _hears(channel, finding, config)}
    incidents = []
    for name, finding in mine.items():
        was = state.get(name, Told())
        since = was.since or (begun or {}).get(name, now)
        if not was.is_open and channel.pages and was.waited + 1 < config.page_after:
            line = f"{finding.status} for {was.waited + 1} of {config.page_after} runs that page somebody"
            incidents.append(Incident(rule=name, kind=Kind.WAITING, since=since, line=line, note=line))
        elif not was.is_open:
            incidents.append(_incident(finding, Kind.OPENED, since, config, silences, now))
        elif _forgotten(was, config.remind_after_hours, now):
            incidents.append(_incident(finding, Kind.REMINDER, since, config, silences, now))
    there = {rule.rule_name for rule in result.rules} | {THE_RUN} | ({*state} if unread else set())
    over = {
        name: _ended(name, good, bad)
        for name in state
        if name not in mine and (name in good | bad.keys() or name not in there)
    }
    return [*incidents, *_ends(channel, state, over)]


def _ends(channel: Notification, state: Mapping[str, Told], over: Mapping[str, str]) -> Iterator[Incident]:
    """What a channel is told of incidents that are over, each with why."""
    stays = channel.pages and any(was.is_open for name, was in state.items() if name not in over)
    for name, line in over.items():
        was = state[name]
        if was.since is not None:
            kind = Kind.RECOVERED if was.is_open and not channel.pages else Kind.CLOSED
            note = "the page stays open for other incidents" if was.is_open and stays else None
            ends = was.is_open and channel.pages and not stays
            yield Incident(rule=name, kind=kind, since=was.since, line=line, note=note, ends_page=ends)


def _hears(channel: Notification, finding: Finding, config: CheckConfig) -> bool:
    """Whether the block of a channel is to hear of it, for one of the reasons for which policy.yml names it."""
    named = [one for one in config.notifications if one.block == channel.block] or [channel]
    return any(finding.concerns(one) and (not one.owners or config.owner in one.owners) for one in named)


def _is_unread(result: CheckResult) -> bool:
    """Whether the data could not be read: what only readable data tells is not known, and it is about no rule."""
    unread = result.reason is not None or result.row_count is None
    return unread and bool(result.rules) and all(rule.status is Status.ERROR for rule in result.rules)


def _ended(name: str, good: Container[str], bad: Container[str]) -> str:
    """Why an incident is over; texts that are values again are in no result."""
    if name in bad:
        return ELSEWHERE
    return "holds again" if name in good or name.startswith(OF_TEXTS) else "left the contract"


def _forgotten(was: Told, hours: float | None, now: datetime) -> bool:
    """Whether a reminder is due, also where the last one was of a clock that was ahead."""
    if not hours or was.at is None:
        return False
    return now - was.at >= timedelta(hours=hours) or was.at > now + AHEAD


def _incident(
    finding: Finding,
    kind: Kind,
    since: datetime,
    config: CheckConfig,
    silences: tuple[Silence, ...],
    now: datetime,
) -> Incident:
    line = f"{finding.status} [{finding.severity}]: {finding.line}"
    for silence in silences:
        if _silences(silence, finding.rule, config) and not is_over(silence.until, now):
            note = f"silenced until {silence.until}: {silence.reason}"
            return Incident(rule=finding.rule, kind=Kind.SILENCED, since=since, line=line, note=note)
    return Incident(rule=finding.rule, kind=kind, since=since, line=line)


def _silences(silence: Silence, rule: str, config: CheckConfig) -> bool:
    wanted = ((silence.rule, rule), (silence.environment, config.environment))
    return silence.dataset == config.dataset and all(said in (None, there) for said, there in wanted)
