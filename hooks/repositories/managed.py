"""Drift of managed files, judged by the template's own tag: a manifest that a repository forged excuses nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import PurePosixPath

from repositories.card import Check, Drift, Waiver
from repositories.git import LINK
from repositories.snapshot import Snapshot
from repositories.template import MANIFEST, Given, Template

RESTORE = "nox -s restore"
FORGED = 5
"""Differing files from which on it is asked whether they are those of another release."""


def drift(snapshot: Snapshot, given: Given, waivers: tuple[Waiver, ...]) -> Drift:
    """The managed files of a repository that are not those of its release."""
    waived = {waiver.path for waiver in waivers}
    found: dict[str, list[str]] = {"edited": [], "missing": [], "extra": []}
    excused = []
    for kind, name in _differences(snapshot, given):
        excused.append(name) if name.split(" (")[0] in waived else found[kind].append(name)
    return Drift(**{kind: tuple(names) for kind, names in found.items()}, waived=tuple(excused))


def _differences(snapshot: Snapshot, given: Given) -> Iterator[tuple[str, str]]:
    for name in sorted({*given.digests, MANIFEST}):
        entry = snapshot.entries.get(name)
        if entry is None:
            yield "missing", name
        elif entry.mode == LINK:
            yield "edited", f"{name} (a symbolic link)"
        elif entry.blob != given.entries[name].blob and not _only_line_ends(snapshot, given, name):
            yield "edited", f"{name} (forged)" if name == MANIFEST else name
    for name in sorted(snapshot.entries.keys() - given.digests.keys() - {MANIFEST}):
        if _within(name, given.managed) and not _left_by_tools(name):
            yield "extra", name


def _only_line_ends(snapshot: Snapshot, given: Given, name: str) -> bool:
    """Whether a file differs from the release's in its line ends alone."""
    content = snapshot.bytes(name)
    if content is None or b"\r\n" not in content or name == MANIFEST:
        return False
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest() == given.digests[name]


def _within(name: str, managed: tuple[str, ...]) -> bool:
    return any(name == place or name.startswith(f"{place}/") for place in managed)


def _left_by_tools(name: str) -> bool:
    return name.endswith(".pyc") or any(part.startswith(".") for part in PurePosixPath(name).parts)


def check(found: Drift, snapshot: Snapshot, template: Template, given: Given | None, release: str) -> Check:
    """The line of a card about managed files."""
    if given is None:
        return Check("managed files", False, f"{release or 'its release'} has no manifest to judge by", "nox -s update")
    if not found.count:
        seen = f"all {len(given.digests)} are those of {release}"
        return Check("managed files", True, seen + (f", {len(found.waived)} waived" if found.waived else ""))
    names = [*found.edited, *found.missing, *found.extra]
    seen = f"{found.words()}: {', '.join(names[:3])}" + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    if found.count >= FORGED and (other := nearest(snapshot, template)) and other != release:
        return Check("managed files", False, f"{seen}; they are those of {other}, not of {release}", "nox -s update")
    return Check("managed files", False, seen, RESTORE)


def nearest(snapshot: Snapshot, template: Template) -> str | None:
    """The release whose managed files a repository has, most of them; None when it has those of no release."""
    gives = ((release.tag, template.given(release.tag)) for release in reversed(template.releases))
    counts = [(given.differing(snapshot.entries), len(given.digests), tag) for tag, given in gives if given]
    fewest = min(counts, key=lambda one: one[0], default=(1, 1, ""))
    return fewest[2] if fewest[0] * 2 < fewest[1] else None
