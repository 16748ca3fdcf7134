"""What is wrong with this machine, this environment or these files, and what to do about it."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from quality.contract import project
from quality.errors import ConfigurationError, ServerError
from quality.ladder.prefect_file import load_prefect_file
from quality.values import Frozen

TUPLE = re.compile(r"py(\d)(\d+)-prefect-([\d.]+)-polars-([\d.]+)")
FASTAPI = (0, 151)
"""From here on the server of Prefect 3.7 and 3.8 refuses its own client's requests; from 0.155 on it does not start."""
MARKS = {0: ("ok", "green"), 2: ("wrong", "bold red"), 3: ("wrong", "bold red")}


class Finding(Frozen):
    """One thing looked at. `code` is 0 when it is as it should be, 2 for files and environment, 3 for a server."""

    subject: str
    said: str
    code: int = 0


def report() -> int:
    """Print every finding and return the worst exit code."""
    out, worst = Console(), 0
    for look in (environment, packages, files, deployments, repository, api):
        for finding in _findings(look):
            mark, style = MARKS[finding.code]
            out.print(Text(f"{mark:<6}", style=style), Text(f"{finding.subject}: {finding.said}"), soft_wrap=True)
            worst = max(worst, finding.code)
    return worst


def _findings(look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except ConfigurationError as error:
        yield Finding(subject=look.__name__, said=str(error), code=2)
    except ServerError as error:
        yield Finding(subject=look.__name__, said=str(error), code=3)


def supported(root: Path) -> dict[str, tuple[str, ...]]:
    """The supported tuples, by the name of their file in constraints/: python, prefect, polars."""
    names = sorted(path.stem for path in (root / "constraints").glob("*.txt"))
    found = {name: TUPLE.fullmatch(name) for name in names}
    return {name: (f"{m[1]}.{m[2]}", m[3], m[4]) for name, m in found.items() if m}


def environment() -> Iterator[Finding]:
    """Whether this Python, Prefect and Polars are a supported tuple."""
    known = supported(project.root())
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    prefect, polars = _version("prefect"), _version("polars")
    runs = (python, prefect, ".".join(polars.split(".")[:2]))
    if runs in known.values():
        yield Finding(subject="environment", said=f"Python {python}, Prefect {prefect}, Polars {polars} is supported")
        return
    fitting = [name for name, pins in known.items() if pins[0] == python]
    advice = (
        f"python -m pip install -r constraints/{fitting[0]}.txt"
        if fitting
        else f"use Python of one of: {', '.join(known)}"
    )
    said = f"Python {python}, Prefect {prefect}, Polars {polars} is not a supported tuple; {advice}"
    yield Finding(subject="environment", said=said, code=2)


def packages() -> Iterator[Finding]:
    """Whether Prefect's server can work with the FastAPI beside it."""
    fastapi, prefect = _version("fastapi"), _version("prefect")
    if _numbers(prefect) < (3, 9) and _numbers(fastapi) >= FASTAPI:
        said = (
            f"FastAPI {fastapi} is too new for the server of Prefect {prefect}; python -m pip install 'fastapi<0.151'"
        )
        yield Finding(subject="packages", said=said, code=2)
    else:
        yield Finding(subject="packages", said=f"Prefect {prefect} works with FastAPI {fastapi}")


def files() -> Iterator[Finding]:
    """Whether policy and contracts can be read, and the data of each contract is there."""
    names = project.policy().environments
    yield Finding(subject="policy.yml", said=f"valid, for {', '.join(names)}")
    if not project.datasets():
        raise ConfigurationError(f"there is no contract in {project.root() / 'datasets'}")
    for dataset in project.datasets():
        try:
            config = project.load(dataset, next(iter(names)))
        except ConfigurationError as error:
            yield Finding(subject=f"datasets/{dataset}.yml", said=str(error), code=2)
        else:
            yield Finding(subject=f"datasets/{dataset}.yml", said=f"valid, {len(config.rules)} rules")


def deployments() -> Iterator[Finding]:
    """Whether prefect.yaml is valid, deploys each dataset to each environment, and agrees with policy.yml."""
    file = load_prefect_file(project.root() / "prefect.yaml")
    yield Finding(subject="prefect.yaml", said=f"valid, {len(file.deployments)} deployments")
    for dataset in (config.dataset for config in project.load_each(project.datasets())[0]):
        for name in project.policy().environments:
            config = project.load(dataset, name)
            try:
                entry = file.of(dataset, name)
            except ConfigurationError as error:
                yield Finding(subject=f"{dataset} in {name}", said=str(error), code=2)
                continue
            crons = [one.cron for one in entry.schedules]
            if crons != ([config.schedule] if config.schedule else []):
                policy = config.schedule or "nothing"
                said = f"prefect.yaml schedules {crons or 'nothing'}, policy.yml {policy}; make them equal"
                yield Finding(subject=entry.name, said=said, code=2)
            if entry.work_pool.name != config.work_pool:
                said = (
                    f"prefect.yaml uses the pool {entry.work_pool.name}, policy.yml {config.work_pool}; make them equal"
                )
                yield Finding(subject=entry.name, said=said, code=2)


def repository() -> Iterator[Finding]:
    """Whether what would be deployed is committed."""
    git = ["git", "-C", str(project.root()), "status", "--porcelain"]
    try:
        done = subprocess.run(git, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        yield Finding(subject="git", said="not installed; a deployment should be of a commit", code=2)
        return
    if done.returncode:
        yield Finding(subject="git", said="this is no repository yet; git init && git add . && git commit", code=2)
    elif changed := len(done.stdout.splitlines()):
        yield Finding(subject="git", said=f"{changed} files are not committed; commit before you deploy")
    else:
        yield Finding(subject="git", said="everything is committed")


def api() -> Iterator[Finding]:
    """Whether the configured Prefect API answers, and has pools with workers and the blocks of channels."""
    from prefect.settings import get_current_settings

    if (url := get_current_settings().api.url) is None:
        yield Finding(
            subject="api", said="PREFECT_API_URL is not set: block, flow and deployment use a server of their own"
        )
        return
    from quality.ladder.deployment import online_workers
    from quality.operations.alarms import document
    from quality.server import server

    file, policies = load_prefect_file(project.root() / "prefect.yaml"), project.policy().environments.values()
    with server() as client:
        yield Finding(subject="api", said=f"{url} answers, server {client.api_version()}, client {_version('prefect')}")
        there = {pool.name: pool for pool in client.read_work_pools(limit=200)}
        for name in sorted({entry.work_pool.name for entry in file.deployments}):
            if name not in there:
                yield Finding(
                    subject=name, said="this work pool does not exist; `nox -s deployment` creates it", code=3
                )
            elif workers := online_workers(client, name):
                yield Finding(subject=name, said=f"{there[name].type} pool, {len(workers)} workers online")
            else:
                said = f"no worker is online; prefect worker start --pool {name} --no-create-pool-if-not-found"
                yield Finding(subject=name, said=said, code=3)
        for channel in dict.fromkeys(one for policy in policies for one in policy.notifications):
            try:
                document(client, channel.block)
            except ConfigurationError as error:
                yield Finding(subject=f"channel {channel.channel}", said=str(error), code=3)
            else:
                yield Finding(subject=f"channel {channel.channel}", said=f"{channel.block} is saved")


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
