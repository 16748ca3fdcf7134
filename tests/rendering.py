"""Commands, and repositories to run them in: what the tests of rendered repositories share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
HANGS = 3_600
"""Seconds after which a command hangs: none is slow, on whatever machine."""
OTHER = {
    "domain": "web_shop",
    "owner": "data@example.com",
    "environments": ["staging", "prod"],
    "source": "data/orders.csv",
    "notifications": "webhook",
}


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def release(folder: Path, tag: str) -> None:
    """Commit everything in the folder, and tag it."""
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", tag)
    git(folder, "tag", tag)


def commit(folder: Path, message: str = "Start") -> None:
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)


def lock(template: Path) -> None:
    """Make the manifest of a template's managed files current."""
    subprocess.run([sys.executable, "hooks/lock_managed.py"], cwd=template, check=True)


def files(folder: Path) -> dict[str, bytes]:
    """The bytes of every file, by path, without git's own and what Python compiled."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.parent.name != "__pycache__")
    named = ((path.relative_to(folder).as_posix(), path) for path in paths)
    return {name: path.read_bytes() for name, path in named if not name.startswith((".git/", ".nox/", ".prefect/"))}


def run(folder: Path, *command: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The finished command, with what it printed; its exit code is for the test to judge."""
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=os.environ | (env or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=HANGS,
    )


def copier(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return run(folder, "copier", *arguments)


def nox(
    folder: Path, session: str, *posargs: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A session of a rendered repository's own noxfile."""
    return run(folder, "nox", "--no-color", "-s", session, *(("--", *posargs) if posargs else ()), env=env)


def ids(rows: Sequence[tuple[str, ...]]) -> list[str]:
    return [row[0] for row in rows]
