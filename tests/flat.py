"""The last release candidate whose package was one flat folder, out of this repository's history."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from rendering import ROOT

FLAT = "99aa41c"
MISSING = (
    f"this test needs commit {FLAT}, the last with a flat package, and this clone's history ends before it: "
    "run `git fetch --unshallow`, or clone without --depth"
)


def flat_files(path: str) -> dict[str, str]:
    """The text of every file of that commit under a path."""
    with tarfile.open(fileobj=io.BytesIO(_archive(path))) as archive:
        held = {member.name: archive.extractfile(member) for member in archive.getmembers() if member.isfile()}
        return {name: file.read().decode() for name, file in held.items() if file}


def write_flat(target: Path) -> None:
    """Writes the whole template of that commit into a folder."""
    with tarfile.open(fileobj=io.BytesIO(_archive("."))) as archive:
        archive.extractall(target, filter="data")


def _archive(path: str) -> bytes:
    done = subprocess.run(["git", "archive", FLAT, path], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.fail(f"{MISSING} ({done.stderr.decode().strip()})", pytrace=False)
    return done.stdout
