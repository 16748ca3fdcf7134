"""Drift of files: the managed ones against the manifest, and every written one against what can be read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ValidationError

from quality.contract import project
from quality.contract.policy import load_policy
from quality.drift.finding import Finding, Layer
from quality.errors import ConfigurationError
from quality.ladder.prefect_file import load_prefect_file
from quality.rollout.evidence import EvidenceFile

MANIFEST = "src/quality/manifest.json"
RESTORE = "restore it with `nox -s restore`"
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
    for name, wanted in manifest.files.items():
        if not (root / name).is_file():
            yield Finding.of(Layer.FILES, name, "missing", RESTORE)
        elif digest(root / name) != wanted:
            yield Finding.of(Layer.FILES, name, "edited", RESTORE)
    for name in sorted(set(present(root, manifest.managed)) - manifest.files.keys() - {MANIFEST}):
        yield Finding.of(
            Layer.FILES, name, "unknown in a managed folder", f"move it to src/domain or tests/domain, or {RESTORE}"
        )


def present(root: Path, managed: tuple[str, ...]) -> Iterator[str]:
    """The files that lie in managed folders, without what Python and editors leave there."""
    for place in managed:
        found = [root / place] if (root / place).is_file() else (root / place).rglob("*")
        for path in found:
            name = path.relative_to(root)
            if path.is_file() and path.suffix != ".pyc" and not any(part.startswith(".") for part in name.parts):
                yield name.as_posix()


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
