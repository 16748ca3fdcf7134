"""Answers to Copier's questions that the repository's own files speak against: an update never changes those files."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from quality.contract import project
from quality.contract.contract import Contract
from quality.contract.policy import BLOCKS
from quality.contract.yaml_file import YamlFile
from quality.drift.finding import Finding, Layer
from quality.drift.release import ANSWERS
from quality.errors import ConfigurationError
from quality.ladder.entries import computed
from quality.ladder.job_template import template_of
from quality.ladder.pools import POOL_TYPES
from quality.texts import shorten, slug

ENVIRONMENTS = ("dev", "staging", "prod")
"""What the question of environments can be answered with; policy.yml may have others."""
OWN = {"docker": "auto_remove", "kubernetes": "finished_job_ttl"}
"""A job variable of each type that runs an image, as the template writes it into policy.yml."""
SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
"""What a domain can be answered with."""
CODEOWNERS, PROJECT = "CODEOWNERS", "pyproject.toml"


def answered() -> Iterator[Finding]:
    """Each answer that policy.yml, a contract or a rendered file speaks against.

    A note, as those files hold and an answer only words README.md; wrong is what every update refuses.
    """
    path = project.root() / ANSWERS
    if not path.is_file():
        return
    said = YamlFile(path).data()
    looks: dict[str, Callable[[Any], Iterator[Finding]]] = {"domain": _domain, "owner": _owner}
    looks |= {"environments": _environments, "work_pool_type": _work_pool_type}
    looks |= {"source": _source, "notifications": _notifications}
    with suppress(ConfigurationError):  # a file that cannot be read is told of where it is read
        for name, look in looks.items():
            if (one := said.get(name)) is not None:
                fits = isinstance(one, list if name == "environments" else str)
                yield from look(one) if fits else [_unfit(name, one)]


def _domain(said: str) -> Iterator[Finding]:
    mine = project.domain()
    if not SNAKE.fullmatch(said):
        yield _unfit("domain", said)
        return
    if mine is not None and mine != slug(said):
        fix = f"to rename it, write `domain: {slug(said)}` into policy.yml, then `nox -s entries`"
        again = _again("domain", mine.replace("-", "_"))
        problem = f"the answer is {said}, and policy.yml says `domain: {mine}`, which everything on a server carries"
        yield _finding("domain", problem, f"{fix}; to leave it, {again}")
        return
    called = _project_name()
    if called.endswith("-quality") and called != f"{slug(said)}-quality":
        problem = f"the answer is {said}, and {PROJECT} is called {called}"
        yield _finding("domain", problem, _by_hand("domain", said))


def _owner(said: str) -> Iterator[Finding]:
    contracts = _contracts()
    if len(owners := {one.owner for one in contracts}) == 1 and said not in owners:
        [other] = owners
        problem = f"the answer is {said}, and every contract in datasets/ is owned by {other}"
        fix = f'to change it, write `owner: "{said}"` into them, then `nox -s rules`; to leave it'
        yield _finding("owner", problem, f"{fix}, {_again('owner', other)}")
    path = project.root() / CODEOWNERS
    everywhere = re.search(r"(?m)^\*[ \t]+(.*)$", path.read_text("utf-8", "replace")) if path.is_file() else None
    if everywhere and said not in everywhere[1].split():
        problem = f"the answer is {said}, and {CODEOWNERS} says `* {everywhere[1].strip()}`"
        yield _finding("owner", problem, _by_hand("owner", said))


def _environments(said: list[Any]) -> Iterator[Finding]:
    mine = project.policy().environments
    gone = [str(one) for one in said if one not in mine]
    known = [one for one in mine if one in ENVIRONMENTS]
    again = _again("environments", f"[{', '.join(known)}]")
    if gone:
        problem = f"policy.yml has no {', '.join(gone)}, so nothing is checked there"
        add = "; ".join(f"`nox -s environment-add -- {one}`" for one in gone)
        fix = f"to add {'it' if len(gone) == 1 else 'them'}, {add}" + (f"; to leave them, {again}" if known else "")
        yield _finding("environments", f"the answer is {', '.join(map(str, said))}, and {problem}", fix)
    elif more := [one for one in known if one not in said]:
        problem = f"the answer is {', '.join(map(str, said))}, and policy.yml has {', '.join(more)} as well"
        yield _finding("environments", problem, f"so that README.md says so, too, {again}")


def _work_pool_type(said: str) -> Iterator[Finding]:
    if said not in POOL_TYPES:
        yield _unfit("work_pool_type", said)
    elif (kinds := _kinds()) and said not in kinds:
        runs = " or ".join(kinds)
        problem = f"the answer is {said}, and by their job variables policy.yml has the deployments run by {runs}"
        fix = f"to change it, write the `job_variables` of {said} into policy.yml, then `nox -s entries`"
        yield _finding("work_pool_type", problem, f"{fix}; to leave it, {_again('work_pool_type', kinds[0])}")


def _kinds() -> list[str]:
    """The types of work pool that the deployments can run in: by an image, and by variables that one type has."""
    found: set[str] = set()
    for pool in [one.work_pool for one in computed().deployments]:
        known = (template_of(pool.name) or {}).get("variables", {}).get("properties", {})
        variables = {*pool.job_variables, *known}
        told = {kind for kind, variable in OWN.items() if variable in variables}
        found |= (told or {*OWN}) if "image" in variables else {"process"}
    return [kind for kind in POOL_TYPES if kind in found]


def _source(said: str) -> Iterator[Finding]:
    contracts = _contracts()
    read = [str(getattr(one, "path", "")) for each in contracts for one in (each.source, *each.sources.values())]
    if contracts and said.rstrip("/") not in [one.rstrip("/") for one in read]:
        problem = f"the answer is {said}, which no contract in datasets/ reads, and README.md goes by it"
        other = next(filter(None, read), None)
        back = f", {_again('source', other)}" if other else ", where it is a file, a folder or an address of one"
        fix = f"to have it read, `nox -s add -- {shlex.quote(said)}`; else answer with what is read{back}"
        yield _finding("source", problem, fix)


def _notifications(said: str) -> Iterator[Finding]:
    if said not in ("none", *BLOCKS):
        yield _unfit("notifications", said)
        return
    channels = [channel.channel for one in project.policy().environments.values() for channel in one.notifications]
    if channels and said not in channels:
        problem = f"the answer is {said}, and policy.yml tells {', '.join(dict.fromkeys(channels))}"
        fix = f"so that README.md fits, {_again('notifications', channels[0])}"
        yield _finding("notifications", problem, fix)
    elif said != "none" and not channels:
        block = next(iter(BLOCKS[said]))  # type: ignore[index] # said is one of them
        line = f"{{channel: {said}, block: {block}/{project.domain()}-alerts}}"
        problem = f"the answer is {said}, and policy.yml has no channel, so nobody is told of a failed run"
        fix = f"write `notifications: [{line}]` into `defaults` there, then `nox -s entries`"
        yield _finding("notifications", problem, f"{fix}; to leave it, {_again('notifications', 'none')}")


def _unfit(name: str, said: object) -> Finding:
    problem = f"the answer {shorten(said)} is none that this release takes, and every update refuses it"
    return _finding(name, problem, _again(name, "…"), note=False)


def _again(name: str, answer: str) -> str:
    return f"`nox -s update -- --data {shlex.quote(f'{name}={answer}')}`"


def _by_hand(name: str, answer: str) -> str:
    """What to do where a rendered file does not say an answer: an update merges only what was answered otherwise."""
    edited = f"where {ANSWERS} was edited by hand, write the answer of before into it and commit"
    return f"{edited}, then {_again(name, answer)}; else leave it"


def _project_name() -> str:
    try:
        return str(tomllib.loads((project.root() / PROJECT).read_text("utf-8"))["project"]["name"])
    except (OSError, ValueError, LookupError, TypeError):
        return ""


def _contracts() -> list[Contract]:
    """The contracts that can be read."""
    found = []
    for name in project.datasets():
        try:
            found.append(project.contract(name))
        except ConfigurationError:
            continue
    return found


def _finding(name: str, problem: str, fix: str, note: bool = True) -> Finding:
    made = Finding.of(Layer.FILES, f"{ANSWERS}, {name}", problem, fix)
    return made.model_copy(update={"note": note})
