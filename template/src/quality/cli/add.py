"""A dataset or an environment comes or goes: its contract or policy, and all that is computed from them."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from pathlib import Path
from typing import Any

from quality.cli import documents
from quality.cli.answers import Changed, Entries
from quality.cli.asked_source import asked_source, called
from quality.cli.entries import write
from quality.cli.ladder import first_verdict
from quality.cli.learn import proposal, remark
from quality.cli.policy_file import PolicyFile
from quality.cli.remains import left, remains
from quality.cli.review import reviewed
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.contract import parse_source
from quality.contract.deployment_policy import BLOCK, DATASETS
from quality.errors import ConfigurationError
from quality.files import write_whole
from quality.learning.page import flow, page, plain
from quality.texts import many, nearest

NAME, ENVIRONMENT = re.compile(r"[a-z][a-z0-9_]*"), re.compile(r"[a-z][a-z0-9_-]*")
STARTER = """# yaml-language-server: $schema=contract.schema.json
dataset: {dataset}
description: What one row is, and where the data comes from
owner: {owner}
source: {source}
sensitive: []
# Learned from {rows}. {remark}
{rules}"""


def add(asked: argparse.Namespace) -> Entries:
    """Writes the contract of a new dataset, with rules learned from its data, and what is computed; checks it once.

    A contract that is there is reviewed by what its data says now; `accept` writes what differs.
    """
    source = asked_source(asked)
    name = asked.name or name_of(called(source))
    path = project.root() / "datasets" / f"{name}.yml"
    if not NAME.fullmatch(name):
        raise ConfigurationError(
            f"'{name}' is no name of a dataset: small letters, digits and _, a letter first; give one after the path"
        )
    if name in project.datasets():
        changes = reviewed(name, source, moves=asked.name is not None, accept=asked.accept)
        if not asked.accept:
            return Entries(verb="add", changes=changes)
        made = _computed("add", path, changes)
        first_verdict(project.load(name), "add")
        return made
    if asked.accept:
        raise ConfigurationError(f"there is no datasets/{path.name} to review; leave --accept out, and it is written")
    text = starter(name, source)
    write(quiet=True)
    write_whole(path, text)
    try:
        project.contract(name)
    except ConfigurationError:
        path.unlink()
        raise
    made = _computed("add", path)
    first_verdict(project.load(name), "add")
    return made


def name_of(path: str) -> str:
    """What a dataset is called after its path: the file or, of many files, the folder that holds them."""
    fixed = re.sub(r"(/[^/]*[*][^/]*)+\Z", "", path).rstrip("/")
    stem = re.sub(r"([.][a-z]+)?([.](gz|zst))?\Z", "", fixed.rsplit("/", 1)[-1].lower(), count=1)
    return re.sub(r"[^a-z0-9]+", "_", stem).strip("_")


def starter(dataset: str, source: dict[str, Any]) -> str:
    """A first contract: its source, and the rules that its data satisfies, held out where it can be."""
    found, told = proposal(CheckConfig(dataset=dataset, source=parse_source(source)))
    declared = told.model_dump(mode="json", exclude_defaults=True) if told else source
    rules = page(found) if found.rules else "rules:\n  - {check: row_count, min: 1}\n"
    return STARTER.format(
        dataset=plain(dataset),
        owner=f'"{owner()}"',
        source=flow(declared),
        rows=many(found.rows, "row"),
        remark=remark(found),
        rules=rules,
    )


def owner() -> str:
    """Who owns most datasets here, or the repository itself."""
    read = project.load_each(project.datasets())[0]
    if owners := Counter(config.owner for config in read if config.owner).most_common(1):
        return str(owners[0][0])
    answers = project.root() / ".copier-answers.yml"
    said = (
        re.search(r"^owner: *['\"]?([^'\"\n]+)", answers.read_text("utf-8"), re.MULTILINE)
        if answers.is_file()
        else None
    )
    return said[1] if said else f"@{project.domain() or 'data'}-team"


def remove(asked: argparse.Namespace) -> Entries:
    """Takes a dataset away: its contract, what policy.yml says of it alone, and its entries."""
    name = asked.name
    if name not in (known := project.datasets()):
        raise ConfigurationError(f"there is no dataset '{name}'; {nearest(name, known)}")
    write(quiet=True)
    folders = remains([name]).get(name)
    path, policy = project.root() / "datasets" / f"{name}.yml", PolicyFile()
    kept = path.read_text("utf-8")
    for place in ((), *(("environments", one) for one in project.policy().environments)):
        policy.remove(*(place or ("defaults",)), BLOCK, DATASETS, name)
    if silences := policy.get("silences"):
        policy.set([one for one in silences if one.get("dataset") != name], "silences")
    policy.save()
    path.unlink()
    try:
        _refuse_dangling(name)
    except ConfigurationError:
        write_whole(path, kept)
        policy.restore()
        raise
    print("its deployments, blocks and automations on a server: `nox -s drift -- --fix` deletes what left prefect.yaml")
    if folders:
        print(left(folders))
    return _computed("remove", path)


def _refuse_dangling(name: str) -> None:
    """Another contract may compare itself with the dataset that goes."""
    _, unread = project.load_each(project.datasets())
    if told := [str(error) for error in unread.values() if f"'{name}'" in str(error)]:
        raise ConfigurationError("\n".join([*told, f"datasets/{name}.yml stays, as another contract names it"]))


def environment_add(asked: argparse.Namespace) -> Entries:
    """Writes the policy of a new environment, made like the last one, and its entries."""
    name, known = asked.name, [*project.policy().environments]
    if not ENVIRONMENT.fullmatch(name):
        raise ConfigurationError(
            f"'{name}' is no name of an environment: small letters, digits, _ and -, such as staging"
        )
    if name in known:
        raise ConfigurationError(f"policy.yml has the environment '{name}' already; edit it there")
    write(quiet=True)
    like, policy = known[-1], PolicyFile()
    pool = project.policy().of(like).work_pool
    new = pool.removesuffix(like) + name if pool.endswith(like) else f"{pool}-{name}"
    fields: dict[str, Any] = {"work_pool": new}
    block = policy.get("environments", like, BLOCK)
    if isinstance(block, dict) and (own := {k: v for k, v in block.items() if k not in (DATASETS, "schedules")}):
        fields[BLOCK] = _renamed(own, pool, new)
    policy.set({**(policy.get("environments") or {}), name: fields}[name], "environments", name)
    policy.save()
    return _computed("environment-add", policy.path)


def _renamed(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(inner, old, new) for key, inner in value.items()}
    return new if value == old else value


def _computed(verb: Any, path: Path, changes: tuple[Changed, ...] = ()) -> Entries:
    """Writes what is computed from contracts and policy, and names all that was written."""
    root = project.root()
    print(f"{'removed' if verb == 'remove' else 'written'}: {path.relative_to(root).as_posix()}")
    written = [*write(), *(one.relative_to(root).as_posix() for one in documents.write(root))]
    return Entries(verb=verb, written=(path.relative_to(root).as_posix(), *written), changes=changes)
