"""Earlier nights judged by the rules of now, or of a commit, from kept states: which would have alarmed, which did."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from typing import Literal

from rich.table import Table
from rich.text import Text

from quality.cli.answers import outcome
from quality.cli.replay_answers import DatasetReplay, Replay, Replayed
from quality.cli.session import Session
from quality.contract import project
from quality.contract.config import CheckConfig, resolve
from quality.errors import CannotJudgeError, ConfigurationError
from quality.file_states.nights import Night, again, nights
from quality.file_states.store import Store
from quality.impact.commits import compared_with
from quality.impact.contracts import contract_at
from quality.reporting.artifacts import cell
from quality.reporting.console import COLOURS, out
from quality.values import Status

ALARMS = (Status.FAILED, Status.ERROR)
HEADINGS = ("night", "it was", "it would be", "", "rules that would not hold, or could not be judged")


def replay(asked: argparse.Namespace) -> Replay:
    """Judges every kept night again; nothing is read but states, and nothing is written or told to anybody."""
    since = _since(asked.since)
    commit = None if asked.rules is None else compared_with(project.root(), asked.rules)

    def one(config: CheckConfig) -> DatasetReplay:
        judging = config
        if commit is not None:
            contract = contract_at(project.root(), commit, config.dataset)
            judging = resolve(contract, project.policy(), config.environment)
        store = Store(config.states.path, config.dataset, config.environment or "none")
        found = tuple(_replayed(judging, night) for night in nights(store, since))
        about = {"dataset": config.dataset, "environment": config.environment}
        return DatasetReplay(**about, nights=found, problem=None)

    made = Session(asked, DatasetReplay).each(one)
    answer = Replay(verb="replay", rules=commit.asked if commit else None, datasets=made, **outcome(made))
    if asked.markdown:
        print("\n".join(_markdown(answer, asked.since)))
    else:
        for part in _tables(answer, asked.since):
            out.print(part, soft_wrap=isinstance(part, Text))
    return answer


def _since(given: str | None) -> datetime | None:
    if given is None:
        return None
    try:
        return datetime.combine(date.fromisoformat(given), time(), UTC)
    except ValueError:
        raise ConfigurationError(f"--from takes a day such as 2026-11-01, and '{given}' is none") from None


def _replayed(config: CheckConfig, night: Night) -> Replayed:
    try:
        found = again(config, night)
    except CannotJudgeError as error:
        return Replayed(at=night.at, was=night.status, problem=str(error))
    failing = tuple(rule.rule_name for rule in found.rules if rule.status in (*ALARMS, Status.WARNING))
    would = found.status if found.rules else None
    open_yet = any(rule.title in found.unanswered and rule.severity.fails_the_run for rule in config.rules)
    known = would is not None and (would in ALARMS or not open_yet)
    return Replayed(
        at=night.at,
        was=night.status,
        would_be=would,
        alarm=_alarm(night.status, would) if would and known else None,
        failing=tuple(dict.fromkeys(failing)),
        unanswered=found.unanswered,
    )


def _alarm(was: Status, would: Status) -> Literal["new", "gone", "same", "none"]:
    if (was in ALARMS) == (would in ALARMS):
        return "same" if was in ALARMS else "none"
    return "new" if would in ALARMS else "gone"


def headline(one: DatasetReplay, since: str | None) -> str:
    """How many nights alarm by these rules, and how many did."""
    where = f"{one.dataset} in {one.environment}"
    if one.problem is not None:
        return f"{where}: {one.problem}"
    if not one.nights:
        after = f" since {since}" if since else ""
        kept_of = "states are kept of datasets of several files, or where policy.yml says so"
        return f"{where}: no night{after} is kept; {kept_of}"
    judged = [night for night in one.nights if night.would_be is not None]
    would = sum(night.would_be in ALARMS for night in judged)
    did = sum(night.was in ALARMS for night in judged)
    more = "".join(f"; {said}" for said in _unknown(one))
    nights = "1 night" if len(judged) == 1 else f"{len(judged):,} nights"
    return f"{where}: of {nights} {would:,} would have alarmed, and {did:,} did{more}"


def _unknown(one: DatasetReplay) -> Iterator[str]:
    """Of how many nights no rule, or not every rule that could alarm, was judged."""
    if left := sum(night.would_be is None for night in one.nights):
        yield f"{left:,} could not be judged"
    if partly := sum(night.would_be is not None and night.alarm is None for night in one.nights):
        yield f"of {partly:,} it is not known, as rules that would alarm are not judged"


def _words(night: Replayed) -> Iterator[str]:
    yield f"{night.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    yield str(night.was)
    yield str(night.would_be or "")
    unjudged = "" if night.would_be is None else "not known"
    yield {"new": "new alarm", "gone": "alarm gone", "same": "alarm", "none": ""}.get(night.alarm or "", unjudged)
    unknown = [f"not judged: {name}" for name in night.unanswered]
    yield night.problem or ", ".join((*night.failing, *unknown))


def _tables(answer: Replay, since: str | None) -> Iterator[Text | Table]:
    for one in answer.datasets:
        yield Text(f"\n{headline(one, since)}", style="bold")
        if one.nights:
            yield _table(one.nights)


def _table(found: Iterable[Replayed]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in HEADINGS:
        table.add_column(heading, overflow="fold")
    for night in found:
        at, was, would, alarm, rules = _words(night)
        told = Text(would, style=COLOURS[night.would_be] if night.would_be else "")
        table.add_row(at, Text(was, style=COLOURS[night.was]), told, Text(alarm, style="bold"), Text(rules))
    return table


def _markdown(answer: Replay, since: str | None) -> Iterator[str]:
    yield "## Earlier nights by these rules"
    yield ""
    yield f"The rules are those of {cell(answer.rules or 'this tree')}; no row was read."
    for one in answer.datasets:
        yield from ("", f"### {cell(headline(one, since))}", "")
        changed = [night for night in one.nights if night.alarm in ("new", "gone") or night.unanswered or night.problem]
        if changed:
            yield from (f"| {' | '.join(HEADINGS)} |", "|---|---|---|---|---|")
            yield from (f"| {' | '.join(cell(word) for word in _words(night))} |" for night in changed)
