"""The contracts of a commit, read from git: beside this tree's, nothing is checked out and nothing is written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from quality.errors import ConfigurationError
from quality.git import UnansweredError, git
from quality.masking import masked

MAIN = ("origin/main", "main", "origin/HEAD", "origin/master", "master")
"""Where a branch comes from, when nobody says it: the first of these that there is."""
NO_MAIN = (
    "this clone has no branch to tell it by, such as origin/main: make one with the whole history (`fetch-depth: 0` of "
    "a checkout), or name a commit by --rules"
)
SEVERAL = re.compile(r"(.*?)\.{2,3}.*|\^(.+)|(?:(.+))\^(?:[@!]|-\d*)")
"""Names of git's that mean a range of commits."""
FOLLOWED = re.compile(r"[^~^@:]*(?=[~^@])")
"""A name before what leads from it to another commit, such as `~1`."""
LINK = b"120000"
"""The mode of a link, whose blob is the path that it leads to."""
NOWHERE = (b"dangling", b"loop", b"notdir", b"symlink")
"""What git calls a link that leads to nothing in the commit, or out of it."""


class Commit(NamedTuple):
    """A commit, and how it was asked for."""

    asked: str
    id: str


def compared_with(root: Path, asked: str | None) -> Commit:
    """The commit that is asked for; else where this branch left the main one or, where there is none, HEAD.

    ConfigurationError outside a git repository, and for a name that git does not know here.
    """
    try:
        git(root, "rev-parse", "--git-dir")
    except UnansweredError as error:
        said = f"contracts are compared with those of a git commit, but {root} gives none: {error}"
        raise ConfigurationError(said) from None
    if asked is None:
        return _base(root)
    if (found := _commit(root, asked)) is None:
        raise ConfigurationError(_why_not(root, asked))
    return Commit(masked(asked), found)


def _why_not(root: Path, asked: str) -> str:
    """Why a name means no commit here, and what to write or to fetch instead."""
    named, shallow = f"'{masked(asked)}'", _is_shallow(root)
    if (kind := _kind(root, asked)) in ("tree", "blob"):
        one = masked(asked.partition(":")[0] or "HEAD")
        return f"{named} is a {kind} of git, and one commit is meant: write --rules {one}"
    if found := SEVERAL.fullmatch(asked):
        one = masked(next(filter(None, found.groups()), "HEAD"))
        return f"{named} is a range of commits, and one is meant, whose contracts are taken: write --rules {one}"
    base = FOLLOWED.match(asked)
    if base is not None and not shallow and _commit(root, base[0] or "HEAD") is not None:
        return f"git knows no commit {named} here: what follows {masked(base[0] or 'HEAD')} leads to none; name another"
    todo = "this clone lacks older commits: get them by `git fetch --unshallow`" if shallow else "fetch it first"
    return f"git knows no commit {named} here; {todo}, or name another"


def _kind(root: Path, asked: str) -> str | None:
    """What a name means that is no commit, such as a tree; None where it means nothing."""
    try:
        found = git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", asked).decode().strip()
        return git(root, "cat-file", "-t", found).decode().strip()
    except (UnansweredError, ValueError):
        return None


def _is_shallow(root: Path) -> bool:
    with suppress(UnansweredError):
        return git(root, "rev-parse", "--is-shallow-repository").strip() == b"true"
    return False


def _base(root: Path) -> Commit:
    head = _commit(root, "HEAD")
    if head is None:
        raise ConfigurationError(f"{root} has no commit yet, so there are no contracts to compare with; commit first")
    there = [name for name in MAIN if _commit(root, name) is not None]
    for name in there:
        with suppress(UnansweredError):
            left = git(root, "merge-base", "HEAD", name).decode().strip()
            return Commit(f"the commit where HEAD left {name}", left)
    if there and not _is_shallow(root):
        raise ConfigurationError(f"HEAD and {there[0]} have no commit in common; name a commit by --rules")
    if there:
        raise ConfigurationError(
            f"where HEAD left {there[0]} is not known here, as this clone lacks older commits; get them by "
            "`git fetch --unshallow`, or name a commit by --rules"
        )
    if _is_copy(root):
        raise ConfigurationError(f"where HEAD left the main branch is not known here, as {NO_MAIN}")
    return Commit("HEAD", head)


def _is_copy(root: Path) -> bool:
    """Whether a repository came from elsewhere, where its main branch may be that is not here."""
    with suppress(UnansweredError):
        return bool(git(root, "remote").strip()) or _is_shallow(root)
    return False


def _commit(root: Path, name: str) -> str | None:
    """The whole id of the commit that a name means; None where it means none."""
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    try:
        found = git(root, *words).decode().strip()
    except (UnansweredError, ValueError):
        return None
    return found if found.isalnum() else None  # ^main is what is left out


def contracts(root: Path, commit: Commit) -> dict[str, bytes]:
    """The contracts of a commit as they are written there, by dataset."""
    try:
        listed = git(root, "ls-tree", "-z", commit.id, "datasets/").split(b"\0")
        entries = (entry.partition(b"\t") for entry in listed if entry)
        files = ((about.split(), Path(name.decode("utf-8", "replace"))) for about, _, name in entries)
        there = f"{commit.id}:./".encode()
        blobs = {
            path: there + bytes(path) if about[0] == LINK else about[2] for about, path in files if about[1] == b"blob"
        }
        ids = {path.stem: blob for path, blob in blobs.items() if path.suffix == ".yml"}
        held = zip(ids, _blobs(root, ids.values()), strict=True)
        return {name: text for name, text in held if text is not None}
    except UnansweredError as error:
        raise ConfigurationError(f"the contracts of {commit.asked} cannot be read: {error}") from None


def _blobs(root: Path, ids: Iterable[bytes]) -> list[bytes | None]:
    """What each blob holds, or the one that a path leads to; None where a link leads nowhere in the commit.

    It is asked of one process, as a repository has hundreds.
    """
    wanted = b"".join(one + b"\n" for one in ids)
    answer, held = git(root, "cat-file", "--batch", "--follow-symlinks", given=wanted), list[bytes | None]()
    while answer:
        head, _, answer = answer.partition(b"\n")
        what, _, size = head.rpartition(b" ")
        if not size.isdigit():
            raise UnansweredError(f"git has no {head.decode('utf-8', 'replace')}")
        held.append(None if what in NOWHERE else answer[: int(size)])
        answer = answer[int(size) + 1 :]
    return held


def changed_beside(root: Path, commit: Commit, *paths: str) -> tuple[str, ...]:
    """Files below these paths that differ from the commit's: both contracts are judged by those of this tree."""
    try:
        named = git(root, "diff", "-z", "--name-only", "--relative", commit.id, "--", *paths)
    except UnansweredError:
        return ()
    return tuple(one.decode("utf-8", "replace") for one in named.split(b"\0") if one)
