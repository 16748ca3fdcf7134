"""Where the repositories are: clones and mirrors in folders, and addresses that are mirrored first."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from quality.masking import masked
from repositories.git import GitError, is_address, is_repository, mirror

DEPTH = 4
"""How deep in a folder repositories are looked for: host, group, subgroup, repository."""
LEFT_OUT = {".git", ".nox", ".venv", "node_modules"}
LONGEST = 120
"""Of the name of a folder: disks take 255 bytes, and a suffix follows."""
BESIDE = (".json", ".md", ".new", ".partial", ".cache", ".git")
"""What lies beside a clone by its name."""


@dataclass(frozen=True)
class Place:
    """A repository: how it is called on the page, and where it lies once it is here."""

    name: str
    folder: Path | None = None
    address: str = ""

    def opened(self, cache: Path) -> Path:
        """The folder to read; an address is mirrored into the cache. GitError when it cannot be."""
        if self.folder is None:
            return mirror(self.address or self.name, cache / f"{slug(self.name)}.git")
        if not self.folder.is_dir():
            raise GitError(f"there is no folder {self.folder}")
        os.scandir(self.folder).close()  # where nobody may look in, that is why
        if not is_repository(self.folder):
            raise GitError(f"{self.folder} is no git repository")
        return self.folder


def slug(address: str) -> str:
    """An address as the name of a folder, another one for every address."""
    plain = re.sub(r"[^A-Za-z0-9._]+", "-", re.sub(r"^[a-z]+://", "", address)).strip("-.")
    is_whole = plain == address and len(plain) <= LONGEST and not plain.endswith(BESIDE)
    return plain if is_whole else f"{plain[-LONGEST:]}-{hashlib.sha256(address.encode()).hexdigest()[:8]}"


def places(given: Iterable[str]) -> list[Place]:
    """The repositories of folders, of files that list some, and of addresses; each once, in the order given."""
    found: dict[str, Place] = {}
    for word in given:
        for place in _places(word):
            found.setdefault(str(place.folder or place.name), place)
    return list(_told_apart([*found.values()]))


def _told_apart(found: Sequence[Place]) -> Iterator[Place]:
    """The places, of which no two are called alike: two of one name are called by where they lie."""
    counts = Counter(place.name for place in found)
    for place in found:
        is_one = counts[place.name] == 1 or place.folder is None
        yield place if is_one else replace(place, name=str(place.folder))


def _places(word: str, lists: tuple[str, ...] = ()) -> Iterator[Place]:
    path = Path(word)
    if is_address(word) or re.match(r"[\w.-]+@[\w.-]+:", word):
        yield Place(masked(word), None, word)
    elif os.path.realpath(word) in lists:
        raise GitError(f"{word} lists itself: take that line out of it")
    elif path.is_file():
        for line in _lines(path):
            yield from _places(line, (*lists, os.path.realpath(word)))
    elif is_repository(path):
        yield Place(word, path.resolve())
    elif path.is_dir():
        yield from _within(path)
    else:
        yield Place(word, path.absolute())


def _lines(path: Path) -> Iterator[str]:
    """What a file lists, without comments; GitError where it is none that lists anything."""
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise GitError(f"{path} is not UTF-8 text: it lists paths and addresses, one in a line") from None
    yield from filter(None, (line.split("#")[0].strip() for line in text.splitlines()))


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
