"""The first three rungs as a person climbs them: each prints a verdict, and whether every path gives the same."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.progress import Progress

from quality import checking
from quality.cli.answers import Compared, RungRun, Rungs
from quality.cli.junit import write_junit
from quality.cli.session import Session
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.errors import ServerError
from quality.file_states.opening import ignored
from quality.provenance import Explain
from quality.reporting.console import out, plain, print_verdict, say
from quality.result import CheckResult
from quality.rollout import evidence, scorecard
from quality.rollout.evidence import Check


def first_verdict(config: CheckConfig, rung: str) -> CheckResult:
    """The verdict of the engine alone, printed at once: no rung waits for Prefect with it."""
    out.print(plain(f"\n{rung} · {config.subject} in {config.environment}", style="bold"))
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
    if not expected:
        return Rungs.of("block", session.entries)
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
    if not expected:
        return Rungs.of("flow", session.entries)
    from quality.server import prefect_api, server

    with prefect_api() as own, server() as client, scorecard.kept():
        bury(client, session.configs, own)
        return Rungs.of("flow", session.each(lambda config: run_flow(client, config, expected[config.dataset])))


def bury(client: Any, configs: Sequence[CheckConfig], own: bool) -> None:
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
