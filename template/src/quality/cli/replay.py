"""Earlier nights judged by the rules of now, or of a commit, from kept states: which would have alarmed, which did."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from typing import Literal

from rich.table import Table
from rich.text import Text

from quality.cli.answers import outcome
from quality.cli.comment import page
from quality.cli.replay_answers import DatasetReplay, Replay, Replayed
from quality.cli.session import Session
from quality.contract import project
from quality.contract.config import CheckConfig, resolve
from quality.errors import CannotJudgeError, ConfigurationError
from quality.file_states.nights import Night, ReadOnly, again, alarmed, nights
from quality.history.verdicts import verdicts
from quality.impact.commits import compared_with
from quality.impact.contracts import Contracts
from quality.reporting.artifacts import cell
from quality.reporting.console import COLOURS, out, plain
from quality.sources import Source
from quality.values import Status

HEADINGS = ("night", "it was", "it would be", "", "rules that would not hold, or could not be judged")


def replay(asked: argparse.Namespace) -> Replay:
    """Judges every kept night again; nothing is read but states, and nothing is written or told to anybody."""
    since = _since(asked.since)
    commit = None if asked.rules is None else compared_with(project.root(), asked.rules)
    session = Session(asked, DatasetReplay)
    there = None if commit is None else Contracts(project.root(), commit, (one.dataset for one in session.configs))

    def one(config: CheckConfig) -> DatasetReplay:
        judging, about = config, {"dataset": config.dataset, "environment": config.environment}
        if there is not None:
            if config.dataset not in there.names and not asked.dataset:
                return DatasetReplay(**about, note=f"{there.commit.asked} has no contract of it, so no night is judged")
            judging = resolve(there.of(config.dataset), project.policy(), config.environment)
        kept = nights(ReadOnly(config.states.path, config.dataset, config.environment or "none"))
        found = [night for night in kept if since is None or night.at >= since]
        return DatasetReplay(
            **about,
            nights=tuple(_replayed(judging, night, config.allow_empty) for night in found),
            note=None if found else _none(config, kept, asked.since),
            **_without_states(config, kept, since or (found[0].at if found else None)),
        )

    made = session.each(one)
    answer = Replay(verb="replay", rules=commit.asked if commit else None, datasets=made, **outcome(made))
    if asked.markdown:
        print(page(_markdown(answer), "replay"))
    else:
        for part in _tables(answer):
            out.print(part, soft_wrap=isinstance(part, Text))
    return answer


def _since(given: str | None) -> datetime | None:
    if given is None:
        return None
    try:
        return datetime.combine(date.fromisoformat(given), time(), UTC)
    except ValueError:
        raise ConfigurationError(f"--from takes a day such as 2026-11-01, and '{given}' is none") from None


def _none(config: CheckConfig, kept: Sequence[Night], since: str | None) -> str:
    """Why there is no night."""
    after = f" since {since}" if since else ""
    said = f"no night{after} is kept; states are kept of datasets of several files, or where policy.yml says so"
    if kept:
        return f"{said}; the last of {len(kept):,} kept is of {kept[-1].at.astimezone(UTC):%Y-%m-%d}"
    if config.source is not None and type(config.source).parts is Source.parts:
        return f"no night{after} is kept; states are kept of files, and a source of kind {config.source.kind} has none"
    if config.states.enabled is False:
        return f"{said}, and it says `states: {{enabled: false}}`"
    return f"{said}; none is in {config.states.path}"


def _without_states(config: CheckConfig, kept: Sequence[Night], since: datetime | None) -> dict[str, int]:
    """What history knows of that time beside what is kept; an earlier release kept nights without their versions."""
    if since is None:
        return {}
    begin = max((since, *(night.at for night in kept if night.version is None)))
    known = {night.version for night in kept}
    left = [one for one in verdicts(config, begin) if one.version is None or one.version not in known]
    loud = sum(alarmed(one.status, config.allow_empty) for one in left)
    return {"without_states": len(left), "without_states_alarmed": loud}


def _replayed(config: CheckConfig, night: Night, allow_empty: bool) -> Replayed:
    """`allow_empty` is for a night that an earlier release kept, of which it is not known."""
    did = alarmed(night.status, allow_empty) if night.alarmed is None else night.alarmed
    then = {"at": night.at, "was": night.status, "alarmed": did}
    try:
        found = again(config, night)
    except CannotJudgeError as error:
        return Replayed(**then, problem=str(error))
    bad = (Status.FAILED, Status.ERROR, Status.WARNING)
    failing = tuple(rule.rule_name for rule in found.rules if rule.status in bad)
    would = found.status if found.rules or not found.unanswered else None
    return Replayed(
        **then,
        would_be=would,
        alarm=None if would is None or found.alarms is None else _alarm(did, found.alarms),
        failing=tuple(dict.fromkeys(failing)),
        unanswered=found.unanswered,
    )


def _alarm(did: bool, would: bool) -> Literal["new", "gone", "same", "none"]:
    if did == would:
        return "same" if did else "none"
    return "new" if would else "gone"


def headline(one: DatasetReplay) -> str:
    """How many nights alarm by these rules, and how many did."""
    where = f"{one.dataset} in {one.environment}"
    if one.problem is not None:
        return f"{where}: {one.problem}"
    if not one.nights:
        return "; ".join((f"{where}: {one.note}", *_unkept(one)))
    judged = [night for night in one.nights if night.would_be is not None]
    would = sum(night.alarm in ("new", "same") for night in judged)
    did = sum(night.alarmed for night in judged)
    more = "".join(f"; {said}" for said in _unknown(one))
    nights = "1 night" if len(judged) == 1 else f"{len(judged):,} nights"
    return f"{where}: of {nights} {would:,} would have alarmed, and {did:,} did{more}"


def _unknown(one: DatasetReplay) -> Iterator[str]:
    """Of how many nights no rule, or not every rule that could alarm, was judged."""
    if left := sum(night.would_be is None for night in one.nights):
        yield f"{left:,} could not be judged"
    if partly := sum(night.would_be is not None and night.alarm is None for night in one.nights):
        yield f"of {partly:,} it is not known, as rules that would alarm are not judged"
    yield from _unkept(one)


def _unkept(one: DatasetReplay) -> Iterator[str]:
    """How many nights there were beside those that are kept."""
    if count := one.without_states:
        nights = f"{count:,}{' more' if one.nights else ''} night{'' if count == 1 else 's'}"
        yield f"no states are kept of {nights} that history knows, of which {one.without_states_alarmed:,} alarmed"


def _words(night: Replayed) -> Iterator[str]:
    yield f"{night.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    yield str(night.was)
    yield str(night.would_be or "")
    unjudged = "" if night.would_be is None else "not known"
    yield {"new": "new alarm", "gone": "alarm gone", "same": "alarm", "none": ""}.get(night.alarm or "", unjudged)
    unknown = [f"not judged: {name}" for name in night.unanswered]
    yield night.problem or ", ".join((*night.failing, *unknown))


def _tables(answer: Replay) -> Iterator[Text | Table]:
    for one in answer.datasets:
        yield plain(f"\n{headline(one)}", style="bold")
        if one.nights:
            yield _table(one.nights)


def _table(found: Iterable[Replayed]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in HEADINGS:
        table.add_column(heading, overflow="fold")
    for night in found:
        at, was, would, alarm, rules = _words(night)
        told = plain(would, style=COLOURS[night.would_be] if night.would_be else "")
        table.add_row(at, plain(was, style=COLOURS[night.was]), told, plain(alarm, style="bold"), plain(rules))
    return table


def _markdown(answer: Replay) -> Iterator[str]:
    yield "## Earlier nights by these rules"
    yield ""
    yield f"The rules are those of {cell(answer.rules or 'this tree')}; no row was read."
    for one in answer.datasets:
        yield from ("", f"### {cell(headline(one))}", "")
        changed = [night for night in one.nights if night.alarm in ("new", "gone") or night.unanswered or night.problem]
        if changed:
            yield from (f"| {' | '.join(HEADINGS)} |", "|---|---|---|---|---|")
            yield from (f"| {' | '.join(cell(word) for word in _words(night))} |" for night in changed)
