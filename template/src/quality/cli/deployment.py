"""The fourth rung as a person climbs it: deployed, run by a worker, its artifact read back and compared."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

from quality import checking
from quality.cli.answers import RungRun, Rungs
from quality.cli.ladder import bury, compare, prove
from quality.cli.session import Session
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.errors import ServerError, SourceError
from quality.reporting.console import out, plain, print_verdict, say
from quality.rollout import scorecard
from quality.rollout.evidence import Check

if TYPE_CHECKING:
    from quality.ladder.prefect_file import DeploymentEntry, PrefectFile


def deployment(asked: argparse.Namespace) -> Rungs:
    """Rung 4: the datasets asked for deployed, one run of each by a worker, its artifact read back."""
    from quality.ladder.computed_file import current
    from quality.ladder.deployment import deployed, ensure_pool
    from quality.rollout.gate import unmet
    from quality.server import prefect_api, server

    session = Session(asked, RungRun)
    file = current()
    chosen = session.make(lambda config: _asked(file, config))
    if not chosen:
        return Rungs.of("deployment", session.entries)
    with prefect_api() as own, server() as client, scorecard.kept():
        bury(client, session.configs, own)
        entries = [*chosen.values(), *_own_flows(file, session.configs)]
        pools = {entry.work_pool.name: ensure_pool(client, entry.work_pool) for entry in entries}
        for pool in pools.values():
            say(f"work pool {pool.name} ({pool.type})")
        paused = {entry.name: line for entry in entries if (line := unmet(entry, deployed(client, entry)))}
        made = {entry.name: put_up(client, file, entry, paused.get(entry.name)) for entry in entries}

        def one(config: CheckConfig) -> RungRun:
            entry = chosen[config.dataset]
            return run_deployed(client, config, made[entry.name], pools[entry.work_pool.name], own, asked.timeout)

        return Rungs.of("deployment", session.each(one), paused)


def _asked(file: PrefectFile, config: CheckConfig) -> DeploymentEntry:
    """The entry of a dataset; ConfigurationError where its source has no such partition, which no run could judge.

    What cannot be read is left to the run, which says it to whom it concerns.
    """
    if config.part and config.source:
        with suppress(SourceError):
            config.within(config.source).partitions(project.root())
    return file.of(config.dataset, str(config.environment))


def _own_flows(file: PrefectFile, configs: Sequence[CheckConfig]) -> list[DeploymentEntry]:
    """The deployments of the team's own flows in these environments, when every dataset was asked for."""
    if {config.dataset for config in configs} != set(project.datasets()):
        return []
    asked = {None, *(config.environment for config in configs)}
    return [entry for entry in file.deployments if entry.dataset is None and entry.environment in asked]


def put_up(client: Any, file: PrefectFile, entry: DeploymentEntry, line: Check | None) -> UUID:
    """The deployment; what is not promoted goes up paused, and the line that is missing is said."""
    from quality.ladder.deployment import deploy
    from quality.server import link

    made = deploy(client, file, entry, promoted=line is None)
    say(f"deployed {entry.name}: {link('deployments/deployment', made)}")
    if line:
        say(f"{entry.name} is paused, as it is not promoted: {line.name}: {line.seen}", "yellow")
        say(f"  do: {line.fix}; once it is promoted, deploy it again")
    return made


def run_deployed(client: Any, config: CheckConfig, deployment: Any, pool: Any, own: bool, seconds: float) -> RungRun:
    """The fourth rung of one dataset, by a run of its deployment; `own` is whether the server is this session's."""
    from quality.ladder.deployment import cancel_unfinished, online_workers, wait, work_off
    from quality.ladder.pools import worker_start
    from quality.server import run_link

    start = worker_start(pool.name, pool.type)
    if own and pool.type != "process":
        need = f"{pool.type} workers need a Prefect server that they reach: set PREFECT_API_URL and run this again"
        say("prefect.yaml, pool and deployment are valid, but nothing was judged", "yellow")
        say(need)
        say(f"then start a worker where it can run: {start}")
        return RungRun(dataset=config.dataset, environment=config.environment, exit_code=3, problem=need)
    if not own and not online_workers(client, pool.name):
        raise ServerError(
            f"no worker of the work pool {pool.name} is online, so the run would wait for ever; start one: {start}"
        )
    if own and (left := cancel_unfinished(client, deployment)):
        say(f"cancelled {left} runs that an interrupted session left behind")
    asked = {} if config.partition is None else {"partition": config.partition}
    run = client.create_flow_run_from_deployment(deployment, parameters=asked)
    say(f"run {run.name}: {run_link(run.id)}")
    started = time.monotonic()
    ended = wait(client, run, seconds, (lambda: work_off(pool.name)) if own else (lambda: time.sleep(0.5)), say)
    say(f"run {run.name} ended {ended.state_name} after {time.monotonic() - started:.0f} s")
    return _read_back(client, config, ended)


def _read_back(client: Any, config: CheckConfig, run: Any) -> RungRun:
    from quality.server import artifact_of, link, result_of, run_link, why_it_ended

    if (artifact := artifact_of(client, run.id, "result")) is None:
        why = why_it_ended(client, run.id) if run.state.is_crashed() else None
        said = ": ".join(filter(None, ((run.state.message or "").rstrip("."), why)))
        raise ServerError(f"run {run.name} left no result: {run.state_name}, {said}; {run_link(run.id)}")
    found = result_of(artifact)
    out.print(plain(f"\ndeployment · {config.subject} in {config.environment}", style="bold"))
    print_verdict(found, out)
    for one in (artifact_of(client, run.id, "markdown"), artifact):
        if one is not None:
            say(f"artifact {one.key}: {link('artifacts/artifact', one.id)}")
    same = compare(checking.check(None, config, now=found.timestamp), found, "here, without Prefect")
    return prove(found, "deployment", [same], flow_run=str(run.id), deployment=str(run.deployment_id))
