"""The manifest of the release that a repository claims to be of, read from the template itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from quality.contract.yaml_file import YamlFile
from quality.drift.finding import Finding, Layer
from quality.errors import ConfigurationError
from quality.files import write_whole
from quality.git import UnansweredError, git

ANSWERS = ".copier-answers.yml"
SECONDS = 30
"""How long the template may take to answer; whoever looks for drift waits."""
SHORT = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}
"""Copier's words for hosts."""
COMMIT = re.compile(r"-g([0-9a-f]{7,40})$")
"""How a commit ends that no tag names."""


def manifest_drift(root: Path, manifest: str, restore: str) -> Iterator[Finding]:
    """A manifest that is not the one of the release which the repository's answers name."""
    if not (root / ANSWERS).exists():
        return
    try:
        source, commit = _claimed(root)
        released = _released(root, source, commit, manifest)
    except ConfigurationError as error:
        yield Finding.of(Layer.FILES, ANSWERS, f"cannot be read: {error}", "fix the file")
        return
    except UnansweredError as error:
        note = Finding.of(Layer.FILES, manifest, f"was not compared with its release: {error}")
        yield note.model_copy(update={"note": True})
        return
    if (root / manifest).read_bytes().replace(b"\r\n", b"\n") != released.replace(b"\r\n", b"\n"):
        yield Finding.of(Layer.FILES, manifest, f"is not that of the release {commit}", restore)


def _claimed(root: Path) -> tuple[str, str]:
    """Where the template is, and which of its commits this repository is of."""
    answers = YamlFile(root / ANSWERS).data()
    source, commit = (answers.get(name) for name in ("_src_path", "_commit"))
    if not isinstance(source, str) or not isinstance(commit, str):
        raise ConfigurationError(f"{ANSWERS} names no _src_path and _commit, which Copier has written")
    return source, commit


def _released(root: Path, source: str, commit: str, manifest: str) -> bytes:
    """The manifest of a release; once fetched it is kept, so that the next look needs no network."""
    place = f"{((found := COMMIT.search(commit)) and found[1]) or commit}:template/{manifest}"
    if (local := (root / source).expanduser()).is_dir():
        return git(local, "show", place)
    named = re.sub(r"[^\w.-]", "_", f"{source}@{commit}")
    kept = root / ".quality" / "releases" / f"{named}.json"
    if not kept.exists():
        write_whole(kept, _fetched(root, source, commit, place).decode("utf-8"))
    return kept.read_bytes()


def _fetched(root: Path, source: str, commit: str, place: str) -> bytes:
    store = root / ".quality" / "template.git"
    url = next(
        (f"{host}{source.removeprefix(word)}" for word, host in SHORT.items() if source.startswith(word)), source
    )
    git(root, "init", "--quiet", "--bare", str(store))
    wanted = place.partition(":")[0]
    git(store, "fetch", "--quiet", "--depth=1", url.removeprefix("git+"), wanted, seconds=SECONDS)
    return git(store, "show", f"FETCH_HEAD:{place.partition(':')[2]}")
