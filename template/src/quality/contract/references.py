"""The other datasets that rules refer to, each opened once and of one version."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import polars as pl

from quality.contract import project
from quality.contract.contract import parse_source
from quality.engine.rule import Rule
from quality.sources import Source, reading


class References:
    """The other datasets that the rules of one check refer to: each opened once, of one version."""

    def __init__(self, environment: str | None = None) -> None:
        self._environment = environment
        self._opened: dict[str, tuple[pl.LazyFrame, str | None, Callable[[], str | None]]] = {}

    def __call__(self, written: Any) -> pl.LazyFrame:
        """Another dataset of the repository by name, or any source by path."""
        return self._open(written)[0]

    def version(self, written: Any) -> str | None:
        """Of which version it is; None where that is not known."""
        return self._open(written)[1]

    def _open(self, written: Any) -> tuple[pl.LazyFrame, str | None, Callable[[], str | None]]:
        name = json.dumps(written, sort_keys=True, default=str)
        if name not in self._opened:
            source, base = referred(written, self._environment), project.root()
            with reading(source):
                version = source.version(base)
                self._opened[name] = (source.scan(base), version, partial(source.version, base))
        return self._opened[name]

    def versions(self) -> dict[str, str]:
        """The versions of those that were opened, where they are known."""
        return {written: version for written, (_, version, _) in self._opened.items() if version is not None}

    def have_changed(self) -> bool:
        """Whether one of them is of another version now than when it was opened."""
        return any(now() != version for _, version, now in self._opened.values())


def references_of(rule: Rule) -> list[Any]:
    """The sources and datasets that a rule's fields name; saved profiles are none."""
    named = (getattr(rule, field, None) for field in ("reference", "baseline"))
    return [one for one in named if one is not None and not (isinstance(one, str) and one.endswith(".json"))]


def referred(written: Any, environment: str | None = None) -> Source:
    """The source of another dataset of the repository in this environment, by name, or of a path or mapping."""
    if isinstance(written, str) and written in project.datasets():
        return project.contract(written).source_in(environment)
    return parse_source(written)
