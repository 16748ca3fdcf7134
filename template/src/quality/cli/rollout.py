"""What a person is told of the ladder: where every dataset stands, and whether one may climb."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import Any

from rich.table import Table

from quality.cli.answers import Again, Promoted, Promotion, Status, outcome
from quality.cli.session import Session
from quality.contract.config import CheckConfig
from quality.errors import ServerError
from quality.reporting.console import out, plain
from quality.rollout import evidence, scorecard
from quality.rollout.evidence import Check, Rung
from quality.rollout.scorecard import Scorecard, Standing


def status(asked: argparse.Namespace) -> Status:
    """Prints the scorecard and writes rollout/status.json; with `check`, writes nothing and fails on a false claim
    and on what is active on the server without a promotion."""
    card = scorecard.scorecard()
    again = tuple(_again(card))
    out.print(table(card, again))
    _tell(again)
    for problem in card.unread.values():
        out.print(plain(problem, style="red"), soft_wrap=True)
    unread, stale = 2 if card.unread else 0, _stale()
    said = "\n".join(card.unread.values()) or None
    found = {"standings": card.standings, "again": again, "problem": said, "stale": stale}
    if not asked.check:
        scorecard.save(card)
        return Status(verb="status", **found, exit_code=unread)
    wrong, (active, unseen, failed) = tuple(scorecard.claims(card)), _active()
    for problem in (*(f"{claim}; run `nox -s status` and commit rollout/" for claim in wrong), *active):
        out.print(plain(problem, style="red"), soft_wrap=True)
    code = max(unread, failed, int(bool(wrong or active or stale)))
    return Status(verb="status", **found, claims=wrong, active=active, unseen=unseen, exit_code=code)


def _stale() -> tuple[str, ...]:
    """What prefect.yaml says otherwise than datasets and policy.yml give, told to a person."""
    from quality.ladder.computed_file import differences

    found = tuple(map(str, differences()))
    for one in found:
        out.print(plain(one, style="yellow"), soft_wrap=True)
    return found


def _active() -> tuple[tuple[str, ...], str | None, int]:
    """What is active on the server and not promoted; why the server was not looked at, and the exit code of that."""
    from prefect.settings import get_current_settings

    from quality.ladder.entries import computed
    from quality.rollout.gate import breaches
    from quality.server import server

    if not get_current_settings().api.url:
        return (), _unseen("no PREFECT_API_URL is set", "yellow"), 0
    file = computed()
    try:
        with server() as client:
            return tuple(breaches(client, file)), None, 0
    except ServerError as error:
        return (), _unseen(str(error), "red"), 3


def _unseen(why: str, style: str) -> str:
    said = f"whether a deployment is active without a promotion was not looked at: {why}"
    out.print(plain(said, style=style), soft_wrap=True)
    return said


def _again(card: Scorecard) -> Iterator[Again]:
    """What stands on a rung by the proof of other code than judges now."""
    for one in (one for one in card.standings if one.current_level):
        if line := scorecard.outdated(one.dataset, one.environment, Rung(str(one.current_level))):
            yield Again(dataset=one.dataset, environment=one.environment, said=line.seen, fix=str(line.fix))


def _tell(again: tuple[Again, ...]) -> None:
    """In one line, as a table folds it: what is to be proved again, and how all of it is."""
    for said in dict.fromkeys(one.said for one in again):
        names = [f"{one.dataset} in {one.environment}" for one in again if one.said == said]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        line = f"{', '.join(names[:3])}{more}: {said}: other code judges now; `nox -s climb` proves all of it again"
        out.print(plain(line, style="yellow"), soft_wrap=True)


def table(card: Scorecard, again: Iterable[Again] = ()) -> Table:
    """A line for each dataset and environment: where it stands, what is next, and what blocks it.

    A dataset whose contract cannot be read has one line; what is wrong with it stands below the table, in full.
    """
    made = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("dataset", "environment", "stands on", "next", "what blocks it", "do"):
        made.add_column(column, overflow="fold")
    stale = {(one.dataset, one.environment): (one.said, one.fix) for one in again}
    lines = {(one.dataset, "all" if one.unread else one.environment): one for one in card.standings}
    for (dataset, environment), one in lines.items():
        blocking = blocker(one)
        seen, fix = (blocking.seen, blocking.fix or "") if blocking else ("", "")
        seen = "its contract cannot be read" if one.unread else seen
        seen, fix = stale.get((dataset, environment), (seen, fix))
        row = (dataset, environment, one.current_level or "the ground", one.next_level or "", seen, fix)
        made.add_row(*(plain(cell) for cell in row))
    return made


def blocker(one: Standing) -> Check | None:
    """The first line that keeps a dataset from its next rung."""
    return next((check for check in one.checks if not check.ok), None)


def promote(asked: argparse.Namespace) -> Promoted:
    """Goes through the checklist of a rung; every unmet line is named with its fix, and then nothing is promoted."""
    from quality.rollout.checklist import one_message_each
    from quality.server import prefect_api, server

    session = Session(asked, Promotion)
    with prefect_api(), server() as client, scorecard.kept(), one_message_each():
        made = session.each(lambda config: promoted(client, config, Rung(asked.rung)))
    return Promoted(verb="promote", rung=asked.rung, datasets=made, **outcome(made))


def promoted(client: Any, config: CheckConfig, rung: Rung) -> Promotion:
    """The checklist of one dataset, recorded as evidence."""
    from quality.rollout.checklist import checklist, ran

    out.print(plain(f"\npromote {config.dataset} in {config.environment} to {rung}", style="bold"))
    checks = (ran(config, rung), *checklist(config, rung, client))
    for check in checks:
        _say(check)
    evidence.record(evidence.checked(config, f"{scorecard.CHECKLIST}-{rung}", checks))
    met = all(check.ok for check in checks)
    verdict = f"promoted to {rung}" if met else "not promoted"
    out.print(plain(verdict, style="bold green" if met else "bold red"))
    where = {"dataset": config.dataset, "environment": config.environment}
    return Promotion(**where, promoted=met, checks=checks, exit_code=0 if met else 1)


def _say(check: Check) -> None:
    mark, style = ("met", "green") if check.ok else ("not met", "red")
    out.print(plain(f"{mark}: {check.name}: {check.seen}", style=style), soft_wrap=True)
    if not check.ok:
        out.print(plain(f"  do: {check.fix}"), soft_wrap=True)
