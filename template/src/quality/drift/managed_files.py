"""Drift of files: the managed ones against the manifest, and every written one against what can be read."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ValidationError

from quality.contract import project
from quality.contract.policy import load_policy
from quality.drift.finding import Finding, Layer
from quality.drift.release import ANSWERS, manifest_drift
from quality.errors import ConfigurationError, first_line
from quality.ladder.prefect_file import load_prefect_file
from quality.rollout.evidence import EvidenceFile

MANIFEST = "src/quality/manifest.json"
RESTORE = "restore it with `nox -s restore`"
DESKTOP = (".DS_Store", "Thumbs.db", "desktop.ini")
UNCHECKED = b"\x01\x00\x00\x00"
"""Marks compiled code that runs whatever its source says."""
SKEW = timedelta(minutes=5)
"""How far ahead another machine's clock may be."""


class Manifest(BaseModel):
    """The managed folders and files of this release, and the SHA-256 of each file with line endings as LF."""

    managed: tuple[str, ...]
    files: dict[str, str]


def digest(path: Path) -> str:
    """The hash of a file, the same on every platform."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def managed_files(root: Path) -> Iterator[Finding]:
    """Managed files that were edited, are missing, or are not the template's."""
    try:
        manifest = Manifest.model_validate_json((root / MANIFEST).read_text("utf-8"))
    except (OSError, ValidationError, ValueError) as error:
        problem = "is missing" if isinstance(error, FileNotFoundError) else "is incomplete"
        yield Finding.of(Layer.FILES, MANIFEST, f"{problem}, so no managed file can be judged", RESTORE)
        return
    yield from manifest_drift(root, MANIFEST, RESTORE)
    for name, wanted in manifest.files.items():
        if wrong := _problem(root, name, wanted):
            yield Finding.of(Layer.FILES, name, wrong, RESTORE)
    for name in sorted(set(present(root, manifest.managed)) - manifest.files.keys() - {MANIFEST}):
        yield Finding.of(
            Layer.FILES, name, "unknown in a managed folder", f"move it to src/domain or tests/domain, or {RESTORE}"
        )


def _problem(root: Path, name: str, wanted: str) -> str | None:
    """How a managed file is not as its release has it: by its kind, its bytes and its mode."""
    path = root / name
    if any(part.is_symlink() for part in (path, *path.parents) if part.is_relative_to(root) and part != root):
        return "is a link, and what it points to can change"
    if not path.is_file():
        return "missing"
    try:
        if digest(path) != wanted:
            return "edited"
    except OSError as error:
        return f"cannot be read: {first_line(error)}"
    mode = stat.S_IMODE(path.stat().st_mode)
    return f"its mode was changed to {mode:o}" if os.name != "nt" and mode & 0o111 else None


def present(root: Path, managed: tuple[str, ...]) -> Iterator[str]:
    """Everything that lies in managed folders, hidden and ignored by git or not, but what Python keeps for its sources
    and what desktops leave."""
    for place in managed:
        found = [root / place] if (root / place).is_file() else (root / place).rglob("*")
        for path in found:
            if (path.is_symlink() or not path.is_dir()) and not _left_by_tools(path):
                yield path.relative_to(root).as_posix()


def _left_by_tools(path: Path) -> bool:
    """What nobody runs: a desktop's file, or compiled code that Python only takes while its source is the same."""
    if path.name in DESKTOP:
        return True
    if path.parent.name != "__pycache__" or path.suffix != ".pyc" or path.is_symlink():
        return False
    with path.open("rb") as file:
        return file.read(8)[4:] != UNCHECKED


def unreadable(root: Path, now: datetime | None = None) -> Iterator[Finding]:
    """Written files that are not whole, in conflict, or dated in the future, by name."""
    yield from unread_contracts()
    files: dict[Path, Callable[[Path], object]] = {
        root / "policy.yml": load_policy,
        root / "prefect.yaml": load_prefect_file,
    }
    for path, read in files.items():
        try:
            read(path)
        except ConfigurationError as error:
            fix = "run `nox -s entries`" if not path.exists() and path.suffix == ".yaml" else "fix the file"
            yield Finding.of(Layer.FILES, path.relative_to(root).as_posix(), f"cannot be read: {error}", fix)
    for path in sorted((root / "rollout").rglob("*.json")):
        yield from _written(path, path.relative_to(root).as_posix(), now or datetime.now(UTC))


def stale_documents(root: Path, stale: Callable[[Path], Iterable[Path]]) -> Iterator[Finding]:
    """Schemas and pages that are not what code, contracts and policy say; one that is missing counts where all were
    rendered."""
    try:
        paths = [path for path in stale(root) if path.exists() or (root / ANSWERS).exists()]
    except ConfigurationError:
        return  # the file that cannot be read is told of by itself
    for path in paths:
        yield Finding.of(
            Layer.FILES, path.relative_to(root).as_posix(), "is not current", "write it with `nox -s rules`"
        )


def unread_contracts() -> Iterator[Finding]:
    """Each contract that cannot be read; every layer goes on with the others."""
    for dataset in project.datasets():
        try:
            project.contract(dataset)
        except ConfigurationError as error:
            said = "; ".join(str(error).splitlines())
            yield Finding.of(Layer.FILES, f"datasets/{dataset}.yml", f"cannot be read: {said}", "fix the file")


def _written(path: Path, name: str, now: datetime) -> Iterator[Finding]:
    try:
        data = json.loads(path.read_text("utf-8"))
        evidence = EvidenceFile.model_validate(data) if path.parent.name == "evidence" else None
    except ValueError:
        yield Finding.of(
            Layer.FILES, name, "is incomplete", "delete it and run its session again; `nox -s status` says which"
        )
        return
    for environment, one in evidence.environments.items() if evidence else ():
        if one.recorded > now + SKEW:
            when = f"{one.recorded:%Y-%m-%d %H:%M} UTC"
            yield Finding.of(
                Layer.FILES,
                name,
                f"{environment} is dated in the future ({when})",
                "set the clock right, delete it and run it again",
            )
