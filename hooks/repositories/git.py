"""Git, asked for objects: what a commit holds is read without a checkout, and nothing that a repository says is run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

SAFE = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "-c", "safe.directory=*")
"""A repository's own settings may name programs; none of them runs."""
ALONE = {
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
HANGS = 300
"""Seconds after which git is given up."""
LINK = "120000"
FILE_MODE = "100"
"""How the mode of a file begins, and not that of a link or a submodule."""
FAR = ("https://", "http://", "ssh://", "git://", "git@", "file://")


class GitError(Exception):
    """Git did not do what it was asked; the message is its first line."""


class Entry(NamedTuple):
    """A file of a commit: what kind it is, and the name of its content."""

    mode: str
    blob: str


def git(folder: Path, *arguments: str, given: bytes = b"", env: dict[str, str] | None = None) -> bytes:
    """What git prints in a folder; GitError with its first line when it fails or hangs."""
    command = ["git", *SAFE, "-C", str(folder), *arguments]
    try:
        done = subprocess.run(
            command, input=given, env=os.environ | ALONE | (env or {}), capture_output=True, check=False, timeout=HANGS
        )
    except subprocess.TimeoutExpired:
        raise GitError(f"git {arguments[0]} took longer than {HANGS} s") from None
    except OSError as error:
        raise GitError(f"git cannot be started in {folder}: {error.strerror}") from None
    if done.returncode:
        raise GitError(first_line(done.stderr))
    return done.stdout


def first_line(output: bytes) -> str:
    """The line of an error that says what is wrong."""
    lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines() if line.strip()]
    said = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[0] if lines else "")
    return said.removeprefix("fatal: ").removeprefix("error: ") or "git failed and said nothing"


def text(folder: Path, *arguments: str) -> str:
    """What git prints, as text without the last line's end."""
    return git(folder, *arguments).decode("utf-8", "replace").strip()


def is_repository(folder: Path) -> bool:
    """Whether a folder is a clone or a bare mirror."""
    bare = (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()
    return bare or (folder / ".git").exists()


def has_files(folder: Path) -> bool:
    """Whether there is a checkout beside the objects."""
    return (folder / ".git").exists()


def is_address(place: str) -> bool:
    """Whether a place is an address to clone from, such as git@host:team/orders.git, and no path."""
    return place.startswith(FAR)


def tree(folder: Path, commit: str = "HEAD", under: str = "") -> dict[str, Entry]:
    """Every file of a commit, by path; those in a folder by the path within it."""
    listed = git(folder, "ls-tree", "-r", "-z", f"{commit}:{under}" if under else commit)
    return dict(_entries(listed))


def _entries(listed: bytes) -> Iterator[tuple[str, Entry]]:
    for line in filter(None, listed.split(b"\0")):
        about, _, name = line.partition(b"\t")
        mode, _, blob = about.decode().split(" ")
        yield name.decode("utf-8", "replace"), Entry(mode, blob)


def contents(folder: Path, blobs: Iterable[str]) -> dict[str, bytes]:
    """The bytes of each blob, read by one process."""
    wanted = sorted(set(blobs))
    if not wanted:
        return {}
    answer = git(folder, "cat-file", "--batch", given="".join(f"{blob}\n" for blob in wanted).encode())
    found, at = {}, 0
    for blob in wanted:
        head, _, _ = answer[at : at + 200].partition(b"\n")
        words = head.split()
        if len(words) != 3:
            raise GitError(f"object {blob[:10]} is missing or damaged")
        start, size = at + len(head) + 1, int(words[2])
        found[blob] = answer[start : start + size]
        at = start + size + 1
    return found


def changed(folder: Path) -> list[tuple[str, str]]:
    """What a checkout has that is not committed: git's two letters, and the path."""
    fields = git(folder, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames").split(b"\0")
    return [(line[:2].decode(), line[3:].decode("utf-8", "replace")) for line in fields if line]


def mirror(address: str, target: Path, depth: int | None = 1) -> Path:
    """A bare copy of an address, one commit deep unless told; fetched again when it is there."""
    shallow = [] if depth is None else ["--depth", str(depth)]
    if is_repository(target):
        git(target, "fetch", "--quiet", "--force", "--prune", *shallow, "origin", "HEAD:refs/heads/fleet")
        git(target, "symbolic-ref", "HEAD", "refs/heads/fleet")
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    git(target.parent, "clone", "--quiet", "--bare", *shallow, "--", address, str(target))
    return target
