"""What a person is told of the ladder: where every dataset stands, and whether one may climb."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.errors import ServerError
from quality.rollout import evidence
from quality.rollout import scorecard as rollout
from quality.rollout.evidence import Check, Rung
from quality.rollout.scorecard import Scorecard, Standing

out = Console()


def status(check: bool) -> int:
    """Prints the scorecard and writes rollout/status.json; with `check`, writes nothing and fails on a false claim
    and on what is active on the server without a promotion."""
    card = rollout.scorecard()
    out.print(table(card))
    if not check:
        rollout.save(card)
        return 0
    wrong = [f"{claim}; run `nox -s status` and commit rollout/" for claim in rollout.claims(card)]
    active, failed = _active()
    for problem in (*wrong, *active):
        out.print(Text(problem, style="red"), soft_wrap=True)
    return failed or int(bool(wrong or active))


def _active() -> tuple[list[str], int]:
    """What is active on the server and not promoted; the exit code of a server that cannot be looked at."""
    from prefect.settings import get_current_settings

    from quality.ladder.prefect_file import load_prefect_file
    from quality.rollout.gate import breaches
    from quality.server import server

    unseen = "whether a deployment is active without a promotion was not looked at"
    if not get_current_settings().api.url:
        out.print(Text(f"{unseen}: no PREFECT_API_URL is set", style="yellow"), soft_wrap=True)
        return [], 0
    file = load_prefect_file(project.root() / "prefect.yaml")
    try:
        with server() as client:
            return list(breaches(client, file)), 0
    except ServerError as error:
        out.print(Text(f"{unseen}: {error}", style="red"), soft_wrap=True)
        return [], 3


def table(card: Scorecard) -> Table:
    """A line for each dataset and environment: where it stands, what is next, and what blocks it."""
    made = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("dataset", "environment", "stands on", "next", "what blocks it", "do"):
        made.add_column(column, overflow="fold")
    for one in card.standings:
        blocking = blocker(one)
        seen, fix = (blocking.seen, blocking.fix or "") if blocking else ("", "")
        row = (one.dataset, one.environment, one.current_level or "the ground", one.next_level or "", seen, fix)
        made.add_row(*(Text(cell) for cell in row))
    return made


def blocker(one: Standing) -> Check | None:
    """The first line that keeps a dataset from its next rung."""
    return next((check for check in one.checks if not check.ok), None)


def promote(rung: str, configs: list[CheckConfig]) -> int:
    """Goes through the checklist of a rung; every unmet line is named with its fix, and then nothing is promoted."""
    from quality.rollout.checklist import checklist, ran
    from quality.server import prefect_api, server

    code, wanted = 0, Rung(rung)
    with prefect_api(), server() as client:
        for config in configs:
            out.print(Text(f"\npromote {config.dataset} in {config.environment} to {rung}", style="bold"))
            checks = (ran(config, wanted), *checklist(config, wanted, client))
            for check in checks:
                _say(check)
            evidence.record(evidence.checked(config, f"{rollout.CHECKLIST}-{rung}", checks))
            met = all(check.ok for check in checks)
            code = max(code, 0 if met else 1)
            verdict = f"promoted to {rung}" if met else "not promoted"
            out.print(Text(verdict, style="bold green" if met else "bold red"))
    rollout.save(rollout.scorecard())
    return code


def _say(check: Check) -> None:
    mark, style = ("met", "green") if check.ok else ("not met", "red")
    out.print(Text(f"{mark}: {check.name}: {check.seen}", style=style), soft_wrap=True)
    if not check.ok:
        out.print(Text(f"  do: {check.fix}"), soft_wrap=True)
