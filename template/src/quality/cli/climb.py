"""After a release that judges otherwise, or a change of the team's: what datasets had proved, proved again."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from quality.cli.answers import Climb, Climbed, Promotion, RungRun, outcome
from quality.cli.complaints import sentences
from quality.cli.deployment import put_up, run_deployed
from quality.cli.ladder import first_verdict, run_block, run_flow, run_task
from quality.cli.rollout import promoted
from quality.cli.session import Session
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.errors import ConfigurationError, ServerError, SourceError
from quality.reporting.console import out, plain, say
from quality.result import summarize_check_result
from quality.rollout import scorecard
from quality.rollout.evidence import Rung

if TYPE_CHECKING:
    from quality.ladder.prefect_file import DeploymentEntry, PrefectFile


class Stopped(NamedTuple):
    """Why a dataset climbs no further, what to do, and the exit code of that."""

    why: str
    fix: str
    code: int


def climb(asked: argparse.Namespace) -> Climb:
    """Climbs again to the rung that evidence says each dataset had, in each environment; who stops, stops alone."""
    sessions = list(_sessions(asked))
    total = sum(_has_evidence(config) for session in sessions for config in session.configs)
    if not total:
        say("no dataset asked for has evidence of a rung, so there is nothing to prove again; begin with `nox -s task`")
        return _answer(sessions)
    from quality.rollout.checklist import one_message_each
    from quality.server import prefect_api, server

    with prefect_api() as own, server() as client, scorecard.kept(), one_message_each(), ExitStack() as held:
        climber = Climber(client, own, held, asked.timeout, total, asked.verbose)
        for session in sessions:
            session.each(climber.climbed)
    return _answer(sessions)


def _sessions(asked: argparse.Namespace) -> Iterator[Session[Climbed]]:
    """One for each environment; a contract that cannot be read is told of in the first alone."""
    names = asked.dataset
    for environment in [asked.env] if asked.env else project.environment_names():
        session = Session(argparse.Namespace(dataset=names, env=environment), Climbed)
        names = [config.dataset for config in session.configs]
        yield session


def _has_evidence(config: CheckConfig) -> bool:
    """Also where it is broken: climbing says so."""
    try:
        return bool(scorecard.had(config.dataset, str(config.environment)))
    except ConfigurationError:
        return True


def _answer(sessions: list[Session[Climbed]]) -> Climb:
    made = tuple(entry for session in sessions for entry in session.entries if entry.had or entry.problem)
    return Climb(verb="climb", datasets=made, **outcome(made))


class Climber:
    """Climbs with one dataset after the other on one server, and says one line of each."""

    def __init__(self, client: Any, own: bool, held: ExitStack, seconds: float, total: int, verbose: bool) -> None:
        self._client, self._own, self._held, self._seconds = client, own, held, seconds
        self._total, self._done, self._verbose = total, 0, verbose

    def climbed(self, config: CheckConfig) -> Climbed:
        """One dataset, as far as it comes."""
        where = {"dataset": config.dataset, "environment": config.environment}
        if not _has_evidence(config):
            return Climbed(**where)
        self._done += 1
        started, proved = time.monotonic(), dict[Rung, bool]()
        with _silence(not self._verbose):
            had, stopped = self._climb(config, proved)
        took = f"{time.monotonic() - started:.0f} s"
        line = f"{self._done} of {self._total} · {config.dataset} in {config.environment}"
        promoted_to = tuple(rung for rung, again in proved.items() if again)
        made = Climbed(**where, had=tuple(had), proved=tuple(proved), promoted=promoted_to)
        if stopped is None:
            out.print(plain(f"{line}: proved again: {', '.join(had)} ({took})", style="green"), soft_wrap=True)
            return made
        out.print(plain(f"{line}: {stopped.why} ({took}); {stopped.fix}", style="bold red"), soft_wrap=True)
        problem = f"{config.dataset} in {config.environment}: {stopped.why}; {stopped.fix}"
        return made.model_copy(update={"exit_code": stopped.code, "problem": problem})

    def _climb(self, config: CheckConfig, proved: dict[Rung, bool]) -> tuple[dict[Rung, bool], Stopped | None]:
        """The rungs that it had, and the first thing that stops it; `proved` is filled on the way."""
        had: dict[Rung, bool] = {}
        command = f"nox -s task -- {config.dataset} --env {config.environment}"
        try:
            had = scorecard.had(config.dataset, str(config.environment))
            for rung, was_promoted in had.items():
                command = f"nox -s {rung} -- {config.dataset} --env {config.environment}"
                if stopped := _stopped(self._run(config, rung), rung, command):
                    return had, stopped
                proved[rung] = False
                if was_promoted and (stopped := _unmet(promoted(self._client, config, rung), rung)):
                    return had, stopped
                proved[rung] = was_promoted
            if proved.get(Rung.DEPLOYMENT):
                self._activate(config)
        except (ConfigurationError, ServerError, SourceError) as error:
            code = 2 if isinstance(error, ConfigurationError) else 3
            return had, Stopped("; ".join(sentences(error)), f"then run `{command}`", code)
        return had, None

    def _run(self, config: CheckConfig, rung: Rung) -> RungRun:
        if rung is Rung.TASK:
            return run_task(config, self._held)
        if rung is Rung.DEPLOYMENT:
            return self._deployed(config)
        expected = first_verdict(config, rung)
        return run_block(config, expected) if rung is Rung.BLOCK else run_flow(self._client, config, expected)

    def _deployed(self, config: CheckConfig) -> RungRun:
        from quality.ladder.deployment import ensure_pool

        entry = self._entry(config)
        pool = ensure_pool(self._client, entry.work_pool)
        return run_deployed(self._client, config, self._put_up(entry), pool, self._own, self._seconds)

    def _activate(self, config: CheckConfig) -> None:
        """What went up paused, and is promoted by now, is deployed again."""
        from quality.ladder.deployment import NOT_PROMOTED, deployed

        entry = self._entry(config)
        if (there := deployed(self._client, entry)) and NOT_PROMOTED in there.tags:
            self._put_up(entry)

    def _entry(self, config: CheckConfig) -> DeploymentEntry:
        return self._file.of(config.dataset, str(config.environment))

    @cached_property
    def _file(self) -> PrefectFile:
        from quality.ladder.prefect_file import load_prefect_file

        return load_prefect_file(project.root() / "prefect.yaml")

    def _put_up(self, entry: DeploymentEntry) -> UUID:
        from quality.ladder.deployment import deployed
        from quality.rollout.gate import unmet

        return put_up(self._client, self._file, entry, unmet(entry, deployed(self._client, entry)))


@contextmanager
def _silence(wanted: bool) -> Iterator[None]:
    """What each rung prints is left out: there may be hundreds of datasets, and each has one line."""
    before, out.quiet = out.quiet, wanted or out.quiet
    try:
        yield
    finally:
        out.quiet = before


def _stopped(run: RungRun, rung: Rung, command: str) -> Stopped | None:
    """Why a rung was not proved: no verdict, one that fails, or a path that gave another."""
    if not run.exit_code:
        return None
    if run.result is None:
        return Stopped(f"stopped at {rung}: {run.problem}", f"then run `{command}`", run.exit_code)
    if not run.result.is_success:
        return Stopped(f"stopped at {rung}: {summarize_check_result(run.result)}", f"see `{command}`", run.exit_code)
    paths = ", ".join(path.path for path in run.paths if not path.equal)
    return Stopped(f"stopped at {rung}: another result {paths}", f"see `{command}`", run.exit_code)


def _unmet(promotion: Promotion, rung: Rung) -> Stopped | None:
    """The lines of the checklist that do not hold, and what to do about them."""
    if promotion.promoted:
        return None
    lines = [check for check in promotion.checks if not check.ok]
    why = "; ".join(f"{check.name}: {check.seen}" for check in lines)
    fixes = "; ".join(dict.fromkeys(str(check.fix) for check in lines))
    return Stopped(f"not promoted to {rung}: {why}", f"do: {fixes}", promotion.exit_code)
