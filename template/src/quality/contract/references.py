"""The other datasets that rules refer to, each opened once and of one version."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from quality.contract import project
from quality.contract.contract import parse_source
from quality.contract.own_python import own_digest
from quality.engine.rule import Rule
from quality.sources import Source, reading
from quality.sources.source import settled_parts


class Opened(NamedTuple):
    """Another dataset: its source, from where its path starts, its rows, and of which version they are."""

    source: Source
    base: Path
    lazy: pl.LazyFrame
    version: str | None


class References:
    """The other datasets that the rules of one check refer to: each opened once, of one version."""

    def __init__(self, environment: str | None = None) -> None:
        self._environment = environment
        self._opened: dict[str, Opened] = {}
        self._told: dict[str, str | None] = {}

    def __call__(self, written: Any) -> pl.LazyFrame:
        """Another dataset of the repository by name, or any source by path."""
        return self._open(written).lazy

    def version(self, written: Any) -> str | None:
        """What its rows depend on: which files, how they are read, and by which code; None where that is not known."""
        name, opened = _name(written), self._open(written)
        if name not in self._told:
            self._told[name] = _told(opened)
        return self._told[name]

    def _open(self, written: Any) -> Opened:
        name = _name(written)
        if name not in self._opened:
            source, base = referred(written, self._environment), project.root()
            with reading(source):
                version = source.version(base)
                self._opened[name] = Opened(source, base, source.scan(base), version)
        return self._opened[name]

    def versions(self) -> dict[str, str]:
        """The versions of those that were opened, where they are known."""
        known = {name: self.version(json.loads(name)) for name in self._opened}
        return {name: version for name, version in known.items() if version is not None}

    def have_changed(self) -> bool:
        """Whether one of them is of another version now than when it was opened."""
        return any(one.source.version(one.base) != one.version for one in self._opened.values())


def _name(written: Any) -> str:
    return json.dumps(written, sort_keys=True, default=str)


def _told(opened: Opened) -> str | None:
    """A file that may still change unseen is of a version of its own, as one of the dataset itself is."""
    source, base, _, version = opened
    if version is None:
        return None
    files = [(one.name, one.version, None if one.settled else time.time_ns()) for one in settled_parts(source, base)]
    said = (source.model_dump(mode="json"), own_digest(type(source)), files or version)
    return hashlib.sha256(json.dumps(said, default=str).encode()).hexdigest()[:32]


def references_of(rule: Rule) -> list[Any]:
    """The sources and datasets that a rule's fields name; saved profiles are none."""
    named = (getattr(rule, field, None) for field in ("reference", "baseline"))
    return [one for one in named if one is not None and not (isinstance(one, str) and one.endswith(".json"))]


def referred(written: Any, environment: str | None = None) -> Source:
    """The source of another dataset of the repository in this environment, by name, or of a path or mapping."""
    if isinstance(written, str) and written in project.datasets():
        return project.contract(written).source_in(environment)
    return parse_source(written)
