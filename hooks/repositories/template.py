"""The template's releases: their dates, the files each gives a repository, the migrations and changes between two."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from packaging.version import InvalidVersion, Version

from repositories.git import Entry, GitError, contents, git, text, tree

MANIFEST = "src/quality/manifest.json"
FOLDER = "template"
DESCRIBED = re.compile(r"(?P<tag>.+)-\d+-g(?P<commit>[0-9a-f]{4,40})")
"""How Copier names a commit after a tag: v1.0.0-3-g1a2b3c4."""


class TemplateError(Exception):
    """The template cannot be read; the message says what to do."""


@dataclass(frozen=True)
class Release:
    """A release: its tag, its version and when it was made."""

    tag: str
    version: Version
    made: datetime


@dataclass(frozen=True)
class Migration:
    """A script that an update runs when it crosses a version, and what its first line says it does."""

    version: str
    script: str
    what: str

    def __str__(self) -> str:
        return f"{self.version or 'every update'}: {self.script}" + (f" ({self.what})" if self.what else "")


@dataclass(frozen=True)
class Given:
    """What a release gives every repository: its managed folders, and the digest and blob of each managed file."""

    managed: tuple[str, ...]
    digests: dict[str, str]
    entries: dict[str, Entry]

    def tuple_for(self, name: str) -> str:
        """The newest tuple that it offers in place of another, of the same Python where there is one; else empty."""
        found = [re.fullmatch(r"constraints/(py\d+-prefect-.+)\.txt", path) for path in self.digests]
        names = sorted((one[1] for one in found if one), key=lambda one: [*map(int, re.findall(r"\d+", one))])
        same = [one for one in names if one.split("-")[0] == name.split("-")[0]]
        return next(reversed(same or names), "")

    def differing(self, there: dict[str, Entry]) -> int:
        """How many managed files of a repository are others, by the name of their content."""
        return sum(there.get(name) != self.entries.get(name) for name in self.digests)


class Template:
    """A clone of the template with its tags."""

    def __init__(self, folder: Path, addresses: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self._given: dict[str, Given] = {}
        self._migrations: dict[str, list[Any]] = {}
        self.addresses = (str(folder), *addresses, *self._remotes())

    def _remotes(self) -> list[str]:
        try:
            return [line.split("\t")[1].split(" ")[0] for line in text(self.folder, "remote", "-v").splitlines()]
        except GitError as error:
            raise TemplateError(f"the template {self.folder} cannot be read: {error}") from None

    @cached_property
    def releases(self) -> tuple[Release, ...]:
        """Every release, the oldest first; TemplateError when there is none."""
        named = text(self.folder, "for-each-ref", "--format=%(refname:short) %(creatordate:unix)", "refs/tags")
        found = []
        for line in named.splitlines():
            tag, _, when = line.rpartition(" ")
            if (version := parsed(tag)) and not version.is_prerelease:
                found.append(Release(tag, version, datetime.fromtimestamp(int(when), UTC)))
        if not found:
            raise TemplateError(f"{self.folder} has no release: fetch its tags, or make one with `nox -s release`")
        return tuple(sorted(found, key=lambda release: release.version))

    @property
    def newest(self) -> Release:
        return self.releases[-1]

    def release(self, name: str) -> Release | None:
        """The release of a tag, with or without its v."""
        return next((one for one in self.releases if name in (one.tag, one.tag.removeprefix("v"))), None)

    def commit(self, name: str) -> str | None:
        """The commit that an answers file means; None when the template does not have it."""
        described = DESCRIBED.fullmatch(name)
        wanted = described["commit"] if described else name
        try:
            return text(self.folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{wanted}^{{commit}}")
        except GitError:
            return None

    def version(self, name: str) -> Version | None:
        """The version that a commit of an answers file counts as: that of the tag before it."""
        described = DESCRIBED.fullmatch(name)
        return parsed(described["tag"] if described else name)

    def missed(self, name: str) -> list[Release]:
        """The releases that are newer than a commit of an answers file, the oldest first."""
        version = self.version(name)
        return [] if version is None else [one for one in self.releases if one.version > version]

    def given(self, commit: str) -> Given | None:
        """What a commit of the template gives a repository; None when it has no manifest."""
        if commit not in self._given:
            entries = tree(self.folder, commit, FOLDER)
            if MANIFEST not in entries:
                return None
            blob = entries[MANIFEST].blob
            manifest: dict[str, Any] = json.loads(contents(self.folder, [blob])[blob])
            managed = {name: entries[name] for name in (MANIFEST, *manifest["files"]) if name in entries}
            self._given[commit] = Given(tuple(manifest["managed"]), manifest["files"], managed)
        return self._given[commit]

    @cached_property
    def known(self) -> frozenset[str]:
        """The blobs of every file that a release gives unrendered: nobody wrote them by hand."""
        return frozenset(one.blob for release in self.releases for one in tree(self.folder, release.tag).values())

    @cached_property
    def ending(self) -> dict[str, dict[str, Any]]:
        """The tuples whose support ends, as the newest release says: until which day, what instead, and why."""
        try:
            return tomllib.loads(self.file(self.newest.tag, f"{FOLDER}/constraints/ending.toml"))
        except tomllib.TOMLDecodeError:
            return {}

    def file(self, commit: str, name: str) -> str:
        """A file of the template at a commit; empty when it is not there."""
        try:
            return git(self.folder, "cat-file", "blob", f"{commit}:{name}").decode("utf-8", "replace")
        except GitError:
            return ""

    def migrations(self, start: str, to: Release) -> list[Migration]:
        """What an update from a commit to a release runs, and asks trust for."""
        if to.tag not in self._migrations:
            self._migrations[to.tag] = (yaml.safe_load(self.file(to.tag, "copier.yml")) or {}).get("_migrations") or []
        here = self.version(start)
        crossed = []
        for one in self._migrations[to.tag]:
            asked = parsed(str(one.get("version", ""))) if isinstance(one, dict) else None
            if asked is None or here is None or here < asked <= to.version:
                crossed.append(self._described(one, to.tag))
        return crossed

    def _described(self, one: Any, tag: str) -> Migration:
        words = one.get("command", "") if isinstance(one, dict) else one
        words = words if isinstance(words, list) else [str(words)]
        script = next((found[0] for word in words if (found := re.search(r"hooks/[\w/]+\.py", str(word)))), "")
        what = first_sentence(self.file(tag, script)) if script else ""
        version = str(one.get("version", "")) if isinstance(one, dict) else ""
        return Migration(version, script or " ".join(map(str, words)), what)

    def changes(self, start: str, to: Release) -> str:
        """What the changelog says of the releases after a commit, up to a release, the newest first."""
        here = self.version(start)
        parts = re.split(r"(?m)^(?=## \[)", self.file(to.tag, "CHANGELOG.md"))
        kept = []
        for part in parts:
            heading = re.match(r"## \[([^\]]+)\]", part)
            version = parsed(heading[1]) if heading else None
            if version and (here is None or here < version) and version <= to.version:
                kept.append(part.strip())
        return "\n\n".join(kept)


def parsed(name: str) -> Version | None:
    """The version that a tag is; None when it is none."""
    try:
        return Version(name)
    except InvalidVersion:
        return None


def first_sentence(source: str) -> str:
    """The first line of a script's docstring."""
    try:
        return (ast.get_docstring(ast.parse(source)) or "").splitlines()[0]
    except (SyntaxError, IndexError):
        return ""


def same_address(one: str, other: str) -> bool:
    """Whether two addresses mean one repository, whichever way they are written."""
    return _address(one) == _address(other)


def _address(written: str) -> str:
    """An address without scheme, user and ending: host/path."""
    short = re.sub(r"^(git\+)?[a-z]+://", "", written.strip())
    short = re.sub(r"^(gh|gl):", lambda found: {"gh": "github.com/", "gl": "gitlab.com/"}[found[1]], short)
    short = re.sub(r"^[^/@]+@", "", short)
    short = re.sub(r"^([\w.-]+):(?!/|\d)", r"\1/", short)
    return short.rstrip("/").removesuffix(".git").rstrip("/").lower()
