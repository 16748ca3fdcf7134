"""What is wrong with this machine, this environment or these files, and what to do about it."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from packaging.version import Version

from quality.cli.answers import Doctor, Looked
from quality.cli.remains import former, left, of_environments, remains
from quality.cli.silences import silences
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.policy import Policy
from quality.drift.answered import answered
from quality.drift.environments import stale
from quality.drift.finding import Finding
from quality.errors import ConfigurationError, ServerError, SourceError
from quality.file_states.store import Store
from quality.git import UnansweredError, git
from quality.history.claims import anothers
from quality.history.runs import shelf
from quality.isolation import SIZES
from quality.ladder.entries import computed
from quality.quarantine.splits import base
from quality.reporting.console import out, plain
from quality.rollout import pins
from quality.sources import digest, reading, storage
from quality.texts import many

FASTAPI, CAPPED = Version("0.151"), Version("3.9")
"""From this FastAPI on, the server of a Prefect before 3.9 refuses its own client's requests, or does not start."""
MARKS = {0: ("ok", "green"), 2: ("wrong", "bold red"), 3: ("wrong", "bold red")}
NOTE = ("note", "yellow")
WORKFLOW = ".github/workflows/quality.yml"


def doctor(asked: argparse.Namespace) -> Doctor:
    """Looks at everything, and prints each finding as soon as it is there."""
    found = []
    for look in (environment, packages, files, deployments, answers, repository, api):
        for one in _found(look):
            mark, style = NOTE if one.note else MARKS[one.code]
            out.print(plain(f"{mark:<6}", style=style), plain(f"{one.subject}: {one.said}"), soft_wrap=True)
            found.append(one)
    return Doctor(verb="doctor", findings=tuple(found), exit_code=max(one.code for one in found))


def _found(look: Callable[[], Iterator[Looked]]) -> Iterator[Looked]:
    try:
        yield from look()
    except ConfigurationError as error:
        yield Looked(subject=look.__name__, said=str(error), code=2)
    except ServerError as error:
        yield Looked(subject=look.__name__, said=str(error), code=3)


def environment() -> Iterator[Looked]:
    """Whether this Python, Prefect and Polars are a supported tuple."""
    runs, today = pins.running(), datetime.now(UTC).date()
    if runs in pins.supported():
        if (end := pins.ending().get(runs)) is not None:
            yield Looked(subject="environment", said=end.says(runs, today), code=2 if today > end.until else 0)
            return
        yield Looked(subject="environment", said=f"{runs} is supported")
        return
    if best := pins.newest():
        advice = f"run it with nox, or `python -m pip install -r constraints/{best}.txt`"
    else:
        advice = f"use a Python of one of these: {', '.join(pins.supported()) or 'none, run nox -s restore'}"
    yield Looked(subject="environment", said=f"{runs} is not a supported tuple; {advice}", code=2)


def packages() -> Iterator[Looked]:
    """Whether Prefect's server can work with the FastAPI beside it."""
    fastapi, prefect = project.installed("fastapi"), project.installed("prefect")
    if "none" not in (fastapi, prefect) and Version(prefect) < CAPPED and Version(fastapi) >= FASTAPI:
        said = f"FastAPI {fastapi} is too new for the server of Prefect {prefect}; "
        said += f"python -m pip install 'fastapi<{FASTAPI}'"
        yield Looked(subject="packages", said=said, code=2)
    else:
        yield Looked(subject="packages", said=f"Prefect {prefect} works with FastAPI {fastapi}")


def files() -> Iterator[Looked]:
    """Whether policy and contracts can be read, and the data of each contract is there."""
    names = project.policy().environments
    yield Looked(subject="policy.yml", said=f"valid, for {', '.join(names)}")
    yield from _limits(project.policy())
    if not project.datasets():
        raise ConfigurationError(f"there is no contract in {project.root() / 'datasets'}")
    yield from silences(project.load_each(project.datasets(), next(iter(names)))[0])
    for dataset in project.datasets():
        try:
            configs = [project.load(dataset, name) for name in names]
        except ConfigurationError as error:
            yield Looked(subject=f"datasets/{dataset}.yml", said=str(error), code=2)
        else:
            yield Looked(subject=f"datasets/{dataset}.yml", said=f"valid, {many(len(configs[0].rules), 'rule')}")
            yield from _sources(dataset, configs)
            yield from _of_others(configs)
    for gone, folders in remains(project.datasets()).items():
        if gone not in project.datasets():
            yield Looked(subject=f"datasets/{gone}.yml", said=f"not there any more; {left(folders)}")
    for gone, folders in of_environments(project.datasets()).items():
        yield Looked(subject=f"policy.yml: {gone}", said=f"not there any more; {left(folders, 'environment')}")
    for folder, what in former():
        yield Looked(subject=folder, said=f"nothing names this folder any more, and in it are {what}")


def _limits(policy: Policy) -> Iterator[Looked]:
    """A limit that this machine does not keep."""
    limited = [name for name, one in policy.environments.items() if one.isolate and one.memory_limit]
    if limited and not SIZES.exists():
        said = f"that of {', '.join(limited)} limits nothing on this machine: only Linux says in {SIZES} how large a "
        said += "process is; timeout_seconds is kept everywhere"
        yield Looked(subject="memory_limit", said=said, note=True)


def _sources(dataset: str, configs: Sequence[CheckConfig]) -> Iterator[Looked]:
    """The source of a dataset, of each environment where they differ."""
    for number, config in enumerate(configs):
        if config.source not in [one.source for one in configs[:number]]:
            same = all(one.source == config.source for one in configs)
            yield _source(f"source of {dataset}{'' if same else f' in {config.environment}'}", config)


def _of_others(configs: Sequence[CheckConfig]) -> Iterator[Looked]:
    """Where checks would write what another domain's checks write, too."""
    folders = dict[str, str]()
    for config in configs:
        of = f"{config.dataset} in {config.environment}"
        folders[f"states.path of {of}"] = Store(config.states.path, config.dataset, str(config.environment)).folder
        folders[f"history.path of {of}"] = shelf(config).folder
        folders |= {f"quarantine.path of {of}": str(base(config))} if config.quarantine else {}
    for subject, said in zip(folders, storage.each(anothers, folders.values(), far=True), strict=True):
        if said is not None:
            yield Looked(subject=subject, said=said, code=2)


def _source(subject: str, config: CheckConfig) -> Looked:
    """What there is to judge, as a check will read it; why not, where it will not."""
    if config.source is None:
        return Looked(subject=subject, said="a check is given its data", code=0)
    try:
        with reading(config.source):
            found = config.source.look(project.root())
    except ConfigurationError as error:
        return Looked(subject=subject, said=str(error), code=2)
    except SourceError as error:
        return Looked(subject=subject, said=str(error), code=3)
    reads = {column for rule in config.rules for column in rule.reads} & {*found.columns}
    some = f"{len(reads)} of its " if found.columnar else "all " if len(found.columns) > 1 else ""
    told = [f"{config.source.describe()} can be read"]
    told += [many(found.size, "byte")] if found.size is not None else []
    told += [many(found.rows, "row")] if found.rows is not None else []
    told += [f"version {digest(found.version) or config.source.UNKNOWN}", *filter(None, [found.said])]
    return Looked(subject=subject, said=f"{', '.join(told)}; a check reads {some}{many(len(found.columns), 'column')}")


def deployments() -> Iterator[Looked]:
    """Whether prefect.yaml is there and says what datasets and policy.yml give."""
    found = list(stale())
    if not any(one.subject.startswith(project.PREFECT_FILE) for one in found):
        file = computed()
        yield Looked(subject=project.PREFECT_FILE, said=f"current, {many(len(file.deployments), 'deployment')}")
    yield from map(_looked, found)


def answers() -> Iterator[Looked]:
    """Whether what Copier was answered is what these files say."""
    yield from map(_looked, answered())


def _looked(one: Finding) -> Looked:
    said = f"{one.problem}; {one.fix}" if one.fix else one.problem
    return Looked(subject=one.subject, said=said, code=0 if one.note else 2, note=one.note)


def repository() -> Iterator[Looked]:
    """Whether what would be deployed is committed."""
    try:
        changed = len(git(project.root(), "status", "--porcelain", "--", ".").splitlines())
        within = git(project.root(), "rev-parse", "--show-prefix").decode("utf-8", "replace").strip().rstrip("/")
    except UnansweredError as error:
        yield Looked(subject="git", said=_unread(project.root(), str(error)), code=2)
        return
    said = "everything is committed"
    if changed:
        said = f"{many(changed, 'file')} {'is' if changed == 1 else 'are'} not committed; commit before you deploy"
    yield Looked(subject="git", said=said)
    if within and (project.root() / WORKFLOW).exists():
        said = (
            f"no code host reads it here, in the folder {within} of a larger repository; move it to {WORKFLOW} at the "
        )
        said += f"top of that, with `working-directory: {within}` in it"
        yield Looked(subject=WORKFLOW, said=said, note=True)


def _unread(root: Path, why: str) -> str:
    """What to do where git does not read a checkout."""
    if "not a git repository" in why:
        return "this is not a repository yet; git init && git add . && git commit"
    if "dubious ownership" in why:
        said = f"{root} belongs to another user, so that git does not read it; "
        return said + f"git config --global --add safe.directory {shlex.quote(str(root))}"
    return f"{why}; a deployment should be of a commit"


def api() -> Iterator[Looked]:
    """Whether the configured Prefect API answers, and has pools with workers and the blocks of channels."""
    from prefect.settings import get_current_settings

    if (url := get_current_settings().api.url) is None:
        yield Looked(
            subject="api", said="PREFECT_API_URL is not set: block, flow and deployment use a server of their own"
        )
        return
    from quality.drift.standstill import NO_WORKER, standstill
    from quality.ladder.deployment import online_workers
    from quality.ladder.pools import worker_start
    from quality.operations.alarms import document
    from quality.server import server

    file, policies = computed(), project.policy().environments.values()
    with server() as client:
        yield Looked(
            subject="api", said=f"{url} answers, server {client.api_version()}, client {project.installed('prefect')}"
        )
        there = {pool.name: pool for pool in client.read_work_pools(limit=200)}
        for name in sorted({entry.work_pool.name for entry in file.deployments}):
            if name not in there:
                yield Looked(subject=name, said="this work pool does not exist; `nox -s deployment` creates it", code=3)
            elif workers := online_workers(client, name):
                yield Looked(subject=name, said=f"{there[name].type} pool, {many(len(workers), 'worker')} online")
            else:
                said = f"no worker is online; {worker_start(name, there[name].type)}"
                yield Looked(subject=name, said=said, code=3)
        for one in standstill(client, file.deployments):
            if NO_WORKER not in one.problem:
                yield Looked(subject=one.subject, said=f"{one.problem}; {one.fix}", code=3)
        for channel in dict.fromkeys(one for policy in policies for one in policy.notifications):
            try:
                document(client, channel.block)
            except ConfigurationError as error:
                yield Looked(subject=f"channel {channel.channel}", said=str(error), code=3)
            else:
                yield Looked(subject=f"channel {channel.channel}", said=f"{channel.block} is saved")
