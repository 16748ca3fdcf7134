"""What checks leave of each dataset within the repository: kept states, history, and rows in quarantine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from quality.contract import project

KINDS = ("runs", "messages", "partition-runs", "partition-messages")
"""The folders of history that have one for each dataset."""


def remains(contracts: Iterable[str]) -> dict[str, list[str]]:
    """The folders of each dataset, there or gone, where policy and these contracts say that checks write.

    Those outside the repository may be another's.
    """
    root, environments = project.root().resolve(), project.policy().environments
    found: dict[str, list[str]] = {}
    for home in dict.fromkeys(one.resolve() for one in _homes(contracts)):
        for folder in sorted(home.iterdir()) if home.is_relative_to(root) and home.is_dir() else ():
            if any((folder / name).is_dir() for name in environments):
                found.setdefault(folder.name, []).append(folder.relative_to(root).as_posix())
    return found


def left(folders: list[str]) -> str:
    """That they stay when their dataset goes, and what to do with them."""
    return (
        f"what checks left of it stays in {', '.join(folders)}; delete that, or rename each of these folders where "
        "the dataset has another name now, so that its history and its states go on"
    )


def _homes(contracts: Iterable[str]) -> Iterator[Path]:
    """The folders that hold one for each dataset."""
    root, policy = project.root(), project.policy()
    for one in map(policy.of, policy.environments):
        yield root / one.states.path / "states"
        yield from (root / one.history.path / kind for kind in KINDS)
    for config in project.load_each(contracts)[0]:
        if config.quarantine:
            yield root / config.quarantine.path
