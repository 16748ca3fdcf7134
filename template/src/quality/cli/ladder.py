"""The four rungs as a person climbs them: each prints a verdict, and says whether every path gives the same."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from rich.progress import Progress
from rich.text import Text

from quality import checking
from quality.cli.answers import Compared, RungRun, Rungs
from quality.cli.junit import write_junit
from quality.cli.session import Session
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.errors import ServerError
from quality.file_states.opening import ignored
from quality.provenance import Explain
from quality.reporting.console import out, print_verdict, say
from quality.result import CheckResult
from quality.rollout import evidence, scorecard
from quality.rollout.evidence import Check

if TYPE_CHECKING:
    from quality.ladder.prefect_file import DeploymentEntry, PrefectFile


def first_verdict(config: CheckConfig, rung: str) -> CheckResult:
    """The verdict of the engine alone, printed at once: no rung waits for Prefect with it."""
    out.print(Text(f"\n{rung} · {config.subject} in {config.environment}", style="bold"))
    with Progress(console=out, transient=True, disable=not out.is_terminal) as bar:
        line = bar.add_task("rules judged", total=len(config.rules))
        result = checking.check(None, config, judged=lambda rules: bar.advance(line, rules))
    print_verdict(result, out)
    return result


def explained(how: Explain) -> None:
    """Every query of the check, in order, with the columns it read."""
    read = ", ".join(f"{name} read {_times(n, 'time')}" for name, n in how.columns_read.items())
    say(f"{_times(how.collects, 'query', 'queries')}; {read or 'no column was read'}")
    for query in how.queries:
        say(f"  {query}")


def _times(count: int, one: str, several: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def compare(expected: CheckResult, found: CheckResult, path: str) -> Compared:
    """Says whether a path gives the same result as the engine alone."""
    one, other = expected.comparable(), found.comparable()
    names = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    differs = {name: _differing(one.get(name), other.get(name)) for name in names}
    if not differs:
        say(f"same result {path}: equal in every field but the times", "green")
    for field, how in differs.items():
        say(f"{field} differs {path}: {how}", "bold red")
    return Compared(path=path, equal=not differs, differs=differs)


def prove(result: CheckResult, rung: str, paths: list[Compared], **references: str) -> RungRun:
    """Writes what this run proved to rollout/; a partition is not the dataset, and proves no rung of it."""
    about, equal = result.metadata, all(path.equal for path in paths)
    where = {"dataset": about.dataset, "environment": about.environment}
    code = max(result.exit_code, 0 if equal else 1)
    if about.partition is not None:
        say("no evidence: one partition proves no rung; run this without --partition for that")
        return RungRun(**where, exit_code=code, result=result, paths=tuple(paths))
    seen = "equal in every field but the times" if equal else "a path gave another result"
    check = Check(name="same result on every path", ok=equal, seen=seen, fix=None if equal else "nox -s drift")
    written = evidence.record(evidence.of(result, rung, references, (check,)))
    place = written.relative_to(project.root()).as_posix()
    say(f"evidence: {place}")
    return RungRun(**where, exit_code=code, result=result, paths=tuple(paths), evidence=place)


def _differing(one: Any, other: Any) -> str:
    if isinstance(one, dict) and isinstance(other, dict):
        one, other = ({k: v for k, v in a.items() if b.get(k) != v} for a, b in ((one, other), (other, one)))
    return f"{str(one)[:200]} here, {str(other)[:200]} there"


def task(asked: argparse.Namespace) -> Rungs:
    """Rung 1: the verdict from the engine, then the same from an ephemeral task in a flow; nothing is saved."""
    session = Session(asked, RungRun)
    with scorecard.kept(), ExitStack() as held:
        if asked.full:
            held.enter_context(ignored())
        runs = session.each(lambda config: run_task(config, held, asked.explain))
    if asked.junit:
        write_junit(Path(asked.junit), [run.result for run in runs if run.result])
        say(f"JUnit XML: {asked.junit}")
    return Rungs.of("task", runs)


def run_task(config: CheckConfig, held: ExitStack, explain: bool = False) -> RungRun:
    """The first rung of one dataset."""
    expected = first_verdict(config, "task")
    if explain:
        explained(expected.metadata.explain)
    found = _ephemeral(config, expected.timestamp, held)
    return prove(expected, "task", [compare(expected, found, "from data_quality_check_task in a flow")])


def _ephemeral(config: CheckConfig, now: datetime, held: ExitStack) -> CheckResult:
    """In a flow where a server is configured; where it does not answer, `held` keeps it out from then on."""
    from prefect import flow
    from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings

    from quality.ladder.tasks import data_quality_check_task

    def ephemeral_check() -> Any:
        return data_quality_check_task.now(config=config, now=now)

    if get_current_settings().api.url is not None:
        from quality.server import server

        try:
            with server():
                return checking.caught(flow(name=project.named("ephemeral-check"))(ephemeral_check))
        except ServerError as error:
            say(f"{error}. The verdict needs no server, so the flow runs without one", "yellow")
            held.enter_context(temporary_settings({PREFECT_API_URL: None}))
    return checking.caught(ephemeral_check)


def block(asked: argparse.Namespace) -> Rungs:
    """Rung 2: the contract as a saved block, loaded back; the saved path gives what the ephemeral one gives."""
    session = Session(asked, RungRun)
    expected = session.make(lambda config: first_verdict(config, "block"))
    from quality.server import prefect_api, server

    with prefect_api(), server(), scorecard.kept():
        return Rungs.of("block", session.each(lambda config: run_block(config, expected[config.dataset])))


def run_block(config: CheckConfig, expected: CheckResult) -> RungRun:
    """The second rung of one dataset."""
    from quality.ladder.block import SLUG, block_name, load_block, save_block
    from quality.server import link, server

    name = block_name(config.dataset, str(config.environment))
    with server() as client:
        say(f"saved the block {SLUG}/{name}: {link('blocks/block', save_block(client, config))}")
        loaded = load_block(name)
    say(f"loaded it back: fingerprint {loaded.fingerprint}, template {loaded.template_version}")
    found = checking.caught(lambda: loaded.check(now=expected.timestamp, partition=config.partition))
    return prove(expected, "block", [compare(expected, found, f"from the saved block {name}")], block=name)


def flow(asked: argparse.Namespace) -> Rungs:
    """Rung 3: the blessed flow and both factories, with artifacts."""
    session = Session(asked, RungRun)
    expected = session.make(lambda config: first_verdict(config, "flow"))
    from quality.server import prefect_api, server

    with prefect_api() as own, server() as client, scorecard.kept():
        _bury(client, session.configs, own)
        return Rungs.of("flow", session.each(lambda config: run_flow(client, config, expected[config.dataset])))


def _bury(client: Any, configs: Sequence[CheckConfig], own: bool) -> None:
    """Says which runs of before died, and marks them as crashed."""
    from quality.ladder.flows import check_dataset
    from quality.operations import dead

    for config in configs:
        for words in dead.bury(client, config, check_dataset.name, own_server=own):
            say(words, "yellow")


def run_flow(client: Any, config: CheckConfig, expected: CheckResult) -> RungRun:
    """The third rung of one dataset."""
    from quality.cli.probes import results, stops

    now = expected.timestamp
    paths = [compare(expected, found, path) for path, found in results(config, now)]
    paths += [_stopped(expected, path, stopped) for path, stopped in stops(config, now)]
    return prove(expected, "flow", paths, artifact=_artifacts(client, expected))


def _stopped(expected: CheckResult, path: str, stopped: bool) -> Compared:
    right, what = stopped is not expected.is_success, "stopped by the verdict" if stopped else "let through"
    say(f"{path}: {what}", "green" if right else "bold red")
    return Compared(path=path, equal=right, differs={} if right else {"is_success": what})


def _artifacts(client: Any, result: CheckResult) -> str:
    """Names each artifact of the run, which must be there; the id of the first."""
    from quality.reporting.artifacts import artifact_key
    from quality.server import latest_artifacts, link

    keys = [artifact_key(result, kind) for kind in ("markdown", "table", "result")]
    newest = latest_artifacts(client, keys)
    for key in keys:
        if key not in newest:
            raise ServerError(
                f"the artifact {key} was not written; look at the run's log, then run `nox -s flow` again"
            )
        say(f"artifact {key}: {link('artifacts/artifact', newest[key].id)}")
    return str(newest[keys[0]].id)


def deployment(asked: argparse.Namespace) -> Rungs:
    """Rung 4: the datasets asked for deployed, one run of each by a worker, its artifact read back."""
    from quality.ladder.computed_file import current
    from quality.ladder.deployment import deployed, ensure_pool
    from quality.rollout.gate import unmet
    from quality.server import prefect_api, server

    session = Session(asked, RungRun)
    file = current()
    chosen = session.make(lambda config: file.of(config.dataset, str(config.environment)))
    if not chosen:
        return Rungs.of("deployment", session.entries)
    with prefect_api() as own, server() as client, scorecard.kept():
        _bury(client, session.configs, own)
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
    from quality.server import run_link

    start = f"prefect worker start --pool {pool.name} --no-create-pool-if-not-found"
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
    from quality.server import artifact_of, link, result_of, run_link

    if (artifact := artifact_of(client, run.id, "result")) is None:
        raise ServerError(f"run {run.name} left no result: {run.state_name}, {run.state.message}; {run_link(run.id)}")
    found = result_of(artifact)
    out.print(Text(f"\ndeployment · {config.subject} in {config.environment}", style="bold"))
    print_verdict(found, out)
    for one in (artifact_of(client, run.id, "markdown"), artifact):
        if one is not None:
            say(f"artifact {one.key}: {link('artifacts/artifact', one.id)}")
    same = compare(checking.check(None, config, now=found.timestamp), found, "here, without Prefect")
    return prove(found, "deployment", [same], flow_run=str(run.id), deployment=str(run.deployment_id))
