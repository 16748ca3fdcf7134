"""Git, asked for objects: what a commit holds is read without a checkout, and nothing that a repository says is run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from quality.masking import masked

SAFE = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "-c", "safe.directory=*")
"""A repository's own settings may name programs; none of them runs."""
ALONE = {
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
ELSEWHERE = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_GRAFT_FILE", "GIT_INDEX_FILE",
    "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
)  # fmt: skip
"""What a hook of another repository leaves in the environment, and what would be read instead of the folder."""
PROGRAMS = ("clean", "smudge", "process", "required")
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
    around = surroundings() | ALONE | {"GIT_CEILING_DIRECTORIES": str(folder.resolve().parent)} | (env or {})
    command = ["git", *SAFE, "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, input=given, env=around, capture_output=True, check=False, timeout=HANGS)
    except subprocess.TimeoutExpired:
        raise GitError(f"git {arguments[0]} took longer than {HANGS} s") from None
    except OSError as error:
        raise GitError(f"git cannot be started in {folder}: {error.strerror}") from None
    if done.returncode:
        raise GitError(first_line(done.stderr))
    return done.stdout


def surroundings() -> dict[str, str]:
    """The environment without what names another repository than the folder that git is asked in."""
    return {name: value for name, value in os.environ.items() if name not in ELSEWHERE}


def first_line(output: bytes) -> str:
    """The line of an error that says what is wrong."""
    lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines() if line.strip()]
    said = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[0] if lines else "")
    return masked(said.removeprefix("fatal: ").removeprefix("error: ")) or "git failed and said nothing"


def text(folder: Path, *arguments: str) -> str:
    """What git prints, as text without the last line's end."""
    return git(folder, *arguments).decode("utf-8", "replace").strip()


def is_repository(folder: Path) -> bool:
    """Whether a folder is a clone or a bare mirror; one that nobody may look into is not known to be."""
    try:
        bare = (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()
        return bare or has_files(folder)
    except OSError:
        return False


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
    words = ("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=dirty")
    fields = git(folder, *words, env=_without_filters(folder)).split(b"\0")
    return [(line[:2].decode(), line[3:].decode("utf-8", "replace")) for line in fields if line]


def _without_filters(folder: Path) -> dict[str, str]:
    """Settings by which no program runs that a repository's own name for its files, such as a filter of their text."""
    listed = git(folder, "config", "--show-scope", "--name-only", "-z", "--list").decode("utf-8", "replace").split("\0")
    own = (name for scope, name in zip(listed[::2], listed[1::2], strict=False) if scope in ("local", "worktree"))
    named = {name.rpartition(".")[0] for name in own if name.startswith("filter.")}
    keys = [f"{name}.{program}" for name in sorted(named) for program in PROGRAMS]
    first = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    said = {f"GIT_CONFIG_KEY_{n}": key for n, key in enumerate(keys, first)}
    said |= {f"GIT_CONFIG_VALUE_{n}": "false" if "required" in key else "" for n, key in enumerate(keys, first)}
    return said | {"GIT_CONFIG_COUNT": str(first + len(keys))}


def mirror(address: str, target: Path, depth: int | None = 1) -> Path:
    """A bare copy of an address, one commit deep unless told; fetched again when it is there."""
    shallow = [] if depth is None else ["--depth", str(depth)]
    if is_repository(target):
        try:
            git(target, "fetch", "--quiet", "--force", "--prune", *shallow, "origin", "HEAD:refs/heads/fleet")
        except GitError as error:
            if "remote ref HEAD" not in str(error) or git(target, "for-each-ref", "--count=1"):
                raise
            return target  # it had no commit, and has none yet
        git(target, "symbolic-ref", "HEAD", "refs/heads/fleet")
        return target
    half = target.with_name(f"{target.name}.partial")
    shutil.rmtree(half, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    git(target.parent, "clone", "--quiet", "--bare", *shallow, "--", address, str(half))
    shutil.rmtree(target, ignore_errors=True)
    return half.rename(target)
