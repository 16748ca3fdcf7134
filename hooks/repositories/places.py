"""Where the repositories are: clones and mirrors in folders, and addresses that are mirrored first."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from repositories.git import GitError, is_address, is_repository, mirror

DEPTH = 4
"""How deep in a folder repositories are looked for: host, group, subgroup, repository."""
LEFT_OUT = {".git", ".nox", ".venv", "node_modules"}


@dataclass(frozen=True)
class Place:
    """A repository: how it is called on the page, and where it lies once it is here."""

    name: str
    folder: Path | None = None

    def opened(self, cache: Path) -> Path:
        """The folder to read; an address is mirrored into the cache. GitError when it cannot be."""
        if self.folder is None:
            return mirror(self.name, cache / f"{slug(self.name)}.git")
        if not self.folder.is_dir():
            raise GitError(f"there is no folder {self.folder}")
        if not is_repository(self.folder):
            raise GitError(f"{self.folder} is no git repository")
        return self.folder


def slug(address: str) -> str:
    """An address as the name of a folder, another one for every address."""
    plain = re.sub(r"[^A-Za-z0-9._]+", "-", re.sub(r"^[a-z]+://", "", address)).strip("-.")
    return plain if plain == address else f"{plain}-{hashlib.sha256(address.encode()).hexdigest()[:8]}"


def places(given: Iterable[str]) -> list[Place]:
    """The repositories of folders, of files that list some, and of addresses; each once, in the order given."""
    found: dict[str, Place] = {}
    for word in given:
        for place in _places(word):
            found.setdefault(str(place.folder or place.name), place)
    return list(found.values())


def _places(word: str) -> Iterator[Place]:
    path = Path(word)
    if is_address(word) or re.match(r"[\w.-]+@[\w.-]+:", word):
        yield Place(word)
    elif path.is_file():
        lines = (line.split("#")[0].strip() for line in path.read_text("utf-8").splitlines())
        for line in filter(None, lines):
            yield from _places(line)
    elif is_repository(path):
        yield Place(word, path.resolve())
    elif path.is_dir():
        yield from _within(path)
    else:
        yield Place(word, path.absolute())


def _within(folder: Path) -> Iterator[Place]:
    """Every repository in a folder, and every folder of its first level that has none, each named from there."""
    children = sorted(one for one in folder.iterdir() if one.is_dir() and one.name not in LEFT_OUT)
    for child in children:
        inside = [*_repositories(child)] or [child]
        for found in inside:
            yield Place(found.relative_to(folder).as_posix().removesuffix(".git"), found.resolve())


def _repositories(folder: Path) -> Iterator[Path]:
    for where, names, _ in os.walk(folder):
        here = Path(where)
        if is_repository(here):
            names.clear()
            yield here
        elif len(here.relative_to(folder).parts) >= DEPTH - 1:
            names.clear()
        else:
            names[:] = sorted(name for name in names if name not in LEFT_OUT)
