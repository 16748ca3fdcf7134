"""What checks left within the repository and no check looks at any more: of datasets, environments and folders."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.policy import History, KeptStates
from quality.git import UnansweredError, git

KINDS = ("runs", "messages", "partition-runs", "partition-messages")
"""The folders of history that have one for each dataset."""
NAME = re.compile("[a-z0-9_-]+")
"""What an environment is called."""
WRITTEN = re.compile(r"^-[^-].*?\bpath: *[\"']?([^\"'\s,}#]+)", re.MULTILINE)
"""A path that a commit, or what is not committed yet, took out of a file."""


def remains(contracts: Iterable[str]) -> dict[str, list[str]]:
    """The folders of each dataset, there or gone, where policy and these contracts say that checks write.

    Those outside the repository may be another's.
    """
    environments, found = project.policy().environments, dict[str, list[str]]()
    for folder in _folders(contracts):
        if any((folder / name).is_dir() for name in environments):
            found.setdefault(folder.name, []).append(_shown(folder))
    return found


def of_environments(contracts: Iterable[str]) -> dict[str, list[str]]:
    """The folders of datasets that are there, of environments that are gone."""
    environments, datasets = ("none", *project.policy().environments), project.datasets()
    found: dict[str, list[str]] = {}
    for folder in _folders(contracts):
        for one in sorted(folder.iterdir()) if folder.name in datasets else ():
            if one.is_dir() and one.name not in environments and NAME.fullmatch(one.name):
                found.setdefault(one.name, []).append(_shown(one))
    return found


def former() -> Iterator[tuple[str, str]]:
    """Folders of the repository that policy and contracts named once, and what checks left there that none reads."""
    root, homes = project.root().resolve(), {one.resolve() for one in _homes(project.datasets())}
    named = [History().path, KeptStates().path, *_paths_of_before(root)]
    for folder in dict.fromkeys((root / one).resolve() for one in named):
        if not folder.is_relative_to(root) or not folder.is_dir():
            continue
        if there := [kind for kind in (*KINDS, "states") if (folder / kind).is_dir() and folder / kind not in homes]:
            yield (
                _shown(folder),
                f"{', '.join(there)} of checks; move them to where policy.yml says now, or delete them",
            )
        depths = ("*/*/date=*/run=*/split.json", "*/*/partition=*/date=*/run=*/split.json")
        if folder not in homes and (splits := sum(1 for depth in depths for _ in folder.glob(depth))):
            where = f"put `quarantine: {{path: {_shown(folder)}}}` back into the contract to redrive them"
            yield (
                _shown(folder),
                f"rows of {splits:,} runs in quarantine, which are kept for ever; {where}, or delete them",
            )


def left(folders: list[str], what: str = "dataset") -> str:
    """That they stay when their dataset goes, and what to do with them."""
    return (
        f"what checks left of it stays in {', '.join(folders)}; delete that, or rename each of these folders where "
        f"the {what} has another name now, so that its history and its states go on"
    )


def _paths_of_before(root: Path) -> Iterator[str]:
    """What `path` said in policy.yml and contracts and says no more; nothing where git knows nothing."""
    lines = ("-U0", "--no-color", "--no-ext-diff")
    for words in (("log", "-n", "200", "-G", "path", "-p", "--format=", *lines), ("diff", "HEAD", *lines)):
        try:
            said = git(root, *words, "--", "policy.yml", "datasets/*.yml").decode("utf-8", "replace")
        except UnansweredError:
            continue
        yield from (one[1] for one in WRITTEN.finditer(said) if "://" not in one[1])


def _folders(contracts: Iterable[str]) -> Iterator[Path]:
    """The folders of datasets within the repository."""
    root = project.root().resolve()
    for home in dict.fromkeys(one.resolve() for one in _homes(contracts)):
        if home.is_relative_to(root) and home.is_dir():
            yield from (folder for folder in sorted(home.iterdir()) if folder.is_dir())


def _shown(folder: Path) -> str:
    return folder.resolve().relative_to(project.root().resolve()).as_posix()


def _homes(contracts: Iterable[str]) -> Iterator[Path]:
    """The folders that hold one for each dataset."""
    local, policy = project.local, project.policy()
    for one in map(policy.of, policy.environments):
        yield local(one.states.path) / "states"
        yield from (local(one.history.path) / kind for kind in KINDS)
    configs: list[CheckConfig] = project.load_each(contracts)[0]
    yield from (local(config.quarantine.path) for config in configs if config.quarantine)
