"""The four rungs as a person climbs them: each prints a verdict and returns the exit code."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

from rich.progress import Progress
from rich.text import Text

from quality import checking
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.errors import DataQualityError, ServerError
from quality.reporting.console import out, print_verdict, say
from quality.result import CheckResult, Explain
from quality.rollout import evidence
from quality.rollout import scorecard as rollout
from quality.rollout.evidence import Check
from quality.server import prefect_api


def judged(config: CheckConfig, rung: str) -> CheckResult:
    """The verdict of the engine alone, printed at once: no rung waits for Prefect with it."""
    out.print(Text(f"\n{rung} · {config.dataset} in {config.environment}", style="bold"))
    with Progress(console=out, transient=True, disable=not out.is_terminal) as bar:
        line = bar.add_task("rules judged", total=len(config.rules))
        result = checking.check(None, config, judged=lambda rules: bar.advance(line, rules))
    print_verdict(result, out)
    return result


def explained(how: Explain) -> None:
    """Every query of the check, in order, with the columns it read."""
    say(f"{how.collects} queries; " + ", ".join(f"{name} read {n} times" for name, n in how.columns_read.items()))
    for query in how.queries:
        say(f"  {query}")


def compare(expected: CheckResult, found: CheckResult, path: str) -> int:
    """Say whether a path gives the same result as the engine alone; the exit code of the answer."""
    one, other = expected.comparable(), found.comparable()
    if one == other:
        say(f"same result {path}: equal in every field but the times", "green")
        return expected.exit_code
    for field in sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name)):
        say(f"{field} differs {path}: {_differing(one.get(field), other.get(field))}", "bold red")
    return max(1, expected.exit_code)


def prove(result: CheckResult, rung: str, code: int, **references: str) -> int:
    """Write what this run proved to rollout/; the code, unchanged."""
    equal = code == result.exit_code
    seen = "equal in every field but the times" if equal else "a path gave another result"
    check = Check(name="same result on every path", ok=equal, seen=seen, fix=None if equal else "nox -s drift")
    path = evidence.record(evidence.of(result, rung, references, (check,)))
    rollout.save(rollout.scorecard())
    say(f"evidence: {path.relative_to(project.root())}")
    return code


def _differing(one: Any, other: Any) -> str:
    if isinstance(one, dict) and isinstance(other, dict):
        one, other = ({k: v for k, v in a.items() if b.get(k) != v} for a, b in ((one, other), (other, one)))
    return f"{str(one)[:200]} here, {str(other)[:200]} there"


def outcome(call: Any) -> CheckResult:
    """The result of a check that may raise it."""
    try:
        result: CheckResult = call()
    except DataQualityError as error:
        return error.result
    return result


def task(configs: list[CheckConfig], explain: bool = False) -> int:
    """Rung 1: the verdict from the engine, then the same from an ephemeral task in a flow; nothing is saved."""
    code = 0
    for config in configs:
        expected = judged(config, "task")
        if explain:
            explained(expected.metadata.explain)
        same = compare(expected, _ephemeral(config), "from data_quality_check_task in a flow")
        code = max(code, prove(expected, "task", same))
    return code


def _ephemeral(config: CheckConfig) -> CheckResult:
    from prefect import flow
    from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings

    from quality.ladder.tasks import data_quality_check_task

    @flow(name=project.named("ephemeral-check"))
    def ephemeral_check() -> Any:
        return data_quality_check_task.now(config=config)

    if get_current_settings().api.url:
        from quality.server import server

        try:
            with server():
                return outcome(ephemeral_check)
        except ServerError as error:
            say(f"{error}. The verdict needs no server, so the flow runs without one", "yellow")
    with temporary_settings({PREFECT_API_URL: None}):
        return outcome(ephemeral_check.fn)


def block(configs: list[CheckConfig]) -> int:
    """Rung 2: the contract as a saved block, loaded back; the saved path gives what the ephemeral one gives."""
    expected = [judged(config, "block") for config in configs]
    with prefect_api():
        return max(_saved(config, result) for config, result in zip(configs, expected, strict=True))


def _saved(config: CheckConfig, expected: CheckResult) -> int:
    from quality.ladder.block import SLUG, block_name, load_block, save_block
    from quality.server import link, server

    name = block_name(config.dataset, str(config.environment))
    with server() as client:
        say(f"saved the block {SLUG}/{name}: {link('blocks/block', save_block(client, config))}")
        loaded = load_block(name)
    say(f"loaded it back: fingerprint {loaded.fingerprint}, template {loaded.template_version}")
    found = outcome(loaded.check)
    return prove(expected, "block", compare(expected, found, f"from the saved block {name}"), block=name)


def flow(configs: list[CheckConfig]) -> int:
    """Rung 3: the blessed flow and both factories, with artifacts."""
    expected = [judged(config, "flow") for config in configs]
    with prefect_api():
        from quality.server import server

        with server() as client:
            return max(_flows(client, config, result) for config, result in zip(configs, expected, strict=True))


def _flows(client: Any, config: CheckConfig, expected: CheckResult) -> int:
    from quality.cli.probes import results, stops
    from quality.reporting.artifacts import artifact_key
    from quality.server import latest_artifacts, link

    code = expected.exit_code
    for path, found in results(config):
        code = max(code, compare(expected, found, path))
    for path, stopped in stops(config):
        right = stopped is not expected.is_success
        say(f"{path}: {'stopped by the verdict' if stopped else 'let through'}", "green" if right else "bold red")
        code = max(code, 0 if right else 1)
    keys = [artifact_key(expected, kind) for kind in ("markdown", "table", "result")]
    newest = latest_artifacts(client, keys)
    for key in keys:
        if key not in newest:
            raise ServerError(
                f"the artifact {key} was not written; look at the run's log, then run `nox -s flow` again"
            )
        say(f"artifact {key}: {link('artifacts/artifact', newest[key].id)}")
    return prove(expected, "flow", code, artifact=str(newest[keys[0]].id))


def deployment(configs: list[CheckConfig], seconds: float = 600) -> int:
    """Rung 4: the datasets asked for deployed, one run of each by a worker, its artifact read back."""
    from quality.ladder.prefect_file import load_prefect_file

    file = load_prefect_file(project.root() / "prefect.yaml")
    chosen = [file.of(config.dataset, str(config.environment)) for config in configs]
    with prefect_api() as own:
        from quality.ladder import deployment as rung
        from quality.server import server

        with server() as client:
            entries = [*chosen, *_own_flows(file, configs)]
            pools = {entry.work_pool.name: rung.ensure_pool(client, entry.work_pool) for entry in entries}
            for pool in pools.values():
                say(f"work pool {pool.name} ({pool.type})")
            made = {entry.name: _deploy(client, file, entry) for entry in entries}
            return max(
                _deployed(client, config, made[entry.name], pools[entry.work_pool.name], own, seconds)
                for config, entry in zip(configs, chosen, strict=True)
            )


def _own_flows(file: Any, configs: list[CheckConfig]) -> list[Any]:
    """The deployments of the team's own flows in these environments, when every dataset was asked for."""
    if {config.dataset for config in configs} != set(project.datasets()):
        return []
    asked = {None, *(config.environment for config in configs)}
    return [entry for entry in file.deployments if entry.dataset is None and entry.environment in asked]


def _deploy(client: Any, file: Any, entry: Any) -> UUID:
    """The deployment; what is not promoted goes up paused, and the line that is missing is said."""
    from quality.ladder import deployment as rung
    from quality.rollout.gate import unmet
    from quality.server import link

    line = unmet(entry)
    made = rung.deploy(client, file, entry, promoted=line is None)
    say(f"deployed {entry.name}: {link('deployments/deployment', made)}")
    if line:
        say(f"{entry.name} is paused, as it is not promoted: {line.name}: {line.seen}", "yellow")
        say(f"  do: {line.fix}; once it is promoted, deploy it again")
    return made


def _deployed(client: Any, config: CheckConfig, deployment: Any, pool: Any, own: bool, seconds: float) -> int:
    from quality.ladder import deployment as rung
    from quality.server import run_link

    start = f"prefect worker start --pool {pool.name} --no-create-pool-if-not-found"
    if own and pool.type != "process":
        say("prefect.yaml, pool and deployment are valid, but nothing was judged", "yellow")
        say(f"{pool.type} workers need a Prefect server that they reach: set PREFECT_API_URL and run this again")
        say(f"then start a worker where it can run: {start}")
        return 3
    if not own and not rung.online_workers(client, pool.name):
        raise ServerError(
            f"no worker of the work pool {pool.name} is online, so the run would wait for ever; start one: {start}"
        )
    if own and (left := rung.cancel_unfinished(client, deployment)):
        say(f"cancelled {left} runs that an interrupted session left behind")
    run = client.create_flow_run_from_deployment(deployment)
    say(f"run {run.name}: {run_link(run)}")
    started = time.monotonic()
    ended = rung.wait(
        client, run, seconds, (lambda: rung.work_off(pool.name)) if own else (lambda: time.sleep(0.5)), say
    )
    say(f"run {run.name} ended {ended.state_name} after {time.monotonic() - started:.0f} s")
    return _read_back(client, config, ended)


def _read_back(client: Any, config: CheckConfig, run: Any) -> int:
    from quality.server import artifact_of, link, result_of, run_link

    if (artifact := artifact_of(client, run.id, "result")) is None:
        raise ServerError(f"run {run.name} left no result: {run.state_name}, {run.state.message}; {run_link(run)}")
    found = result_of(artifact)
    out.print(Text(f"\ndeployment · {config.dataset} in {config.environment}", style="bold"))
    print_verdict(found, out)
    for one in (artifact_of(client, run.id, "markdown"), artifact):
        if one is not None:
            say(f"artifact {one.key}: {link('artifacts/artifact', one.id)}")
    same = compare(checking.check(None, config, now=found.timestamp), found, "here, without Prefect")
    return prove(found, "deployment", same, flow_run=str(run.id), deployment=str(run.deployment_id))
