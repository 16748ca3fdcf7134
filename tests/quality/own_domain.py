"""A domain package with rules and sources of its own, imported anew by whoever edits it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from quality.rules import catalogue
from quality.sources import domain_sources

RULES = '''"""Rules of this domain."""

from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl

from domain import limits
from domain.helpers import rest
from quality import NUMBER, ColumnRule, Frame, Kinds, Rule

DIVISOR = 2
UNUSED = 1


def divided(value: pl.Expr) -> pl.Expr:
    return rest(value, DIVISOR)


class Even(ColumnRule):
    """Every value is even."""

    JUDGES: ClassVar[Kinds] = NUMBER
    check: Literal["even"] = "even"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        return divided(value) == limits.NONE  # what is left


class Small(ColumnRule):
    """Every value is small."""

    JUDGES: ClassVar[Kinds] = NUMBER
    check: Literal["small"] = "small"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        return value < 1_000


RULES: tuple[type[Rule], ...] = (Even, Small)
'''
HELPERS = '''"""Helpers."""

import polars as pl


def rest(value: pl.Expr, by: int) -> pl.Expr:
    return value % by


def other() -> int:
    return 1
'''
SOURCES = '''"""Sources of this domain."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import polars as pl

from quality import Source

ROWS = 3


class Made(Source):
    """Numbers that are made here."""

    kind: Literal["made"] = "made"

    def scan(self, root: Path) -> pl.LazyFrame:
        return pl.LazyFrame({"id": range(ROWS)})


SOURCES: tuple[type[Source], ...] = (Made,)
'''
FILES = {"__init__": "", "rules": RULES, "helpers": HELPERS, "limits": "NONE = 0\n", "sources": SOURCES}


class OwnDomain:
    """The folder `src/domain` of a repository."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = root / "src" / "domain"
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, text in FILES.items():
            self.write(f"{name}.py", text)
        monkeypatch.syspath_prepend(str(root / "src"))
        self.forget()

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text("utf-8")
        assert old in text
        self.write(name, text.replace(old, new, 1))

    def forget(self) -> None:
        """What was imported of it: the next who asks gets it as its files are, as a new process does."""
        for name in [name for name in sys.modules if name.split(".")[0] == "domain"]:
            del sys.modules[name]
        for cached in (domain_sources, catalogue.domain_rules, catalogue.rules_by_name):
            cached.cache_clear()
        importlib.invalidate_caches()
