"""Folders that checks write to, which may not lie among the files that they read: what they wrote would be data."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from quality.contract.config import CheckConfig
from quality.files import expanded
from quality.sources import Files
from quality.sources.listing import ASIDE, before_magic, is_aside, suffix_format
from quality.sources.remote import before_magic as of_address
from quality.sources.remote import matches
from quality.sources.storage import is_remote

Way = Callable[[Path], str]
"""How a local path is told from others: by its name or, where links lead to it, by what it is."""


def among_the_data(config: CheckConfig, root: Path) -> Iterator[str]:
    """Why each folder cannot be that lies among the files of the configuration's source."""
    if not isinstance(source := config.source, Files):
        return
    ways: tuple[Way, ...] = (os.path.normpath, os.path.realpath)
    for field, folder, names in _written(config):
        if any(_is_read(_whole(folder, root, way), name, source, root, way) for name in names for way in ways):
            yield (
                f"{field}: what checks write to {folder} would be read as data, as it lies among the files of "
                f"{source.path}; choose a folder outside of them"
            )


def _written(config: CheckConfig) -> Iterator[tuple[str, str, list[str]]]:
    """The field and the folder of everything that a check leaves behind, and where in it files come to lie."""
    of = f"{config.dataset}/{config.environment}"
    yield "states.path", config.states.path, [f"states/{of}/0.parquet"]
    yield "history.path", config.history.path, [f"runs/{of}/2026-11/0.parquet"]
    if config.quarantine:
        names = ("passed.parquet", "split.json")
        yield "quarantine.path", config.quarantine.path, [f"{of}/date=2026-11-26/run=0/{name}" for name in names]
    if config.lineage and config.lineage.path:
        yield "lineage.path", config.lineage.path, [""]


def _whole(path: str, root: Path, way: Way) -> str:
    """An address as it is, and the whole path of a local file or folder, with / on every system."""
    return path.rstrip("/") if is_remote(path) else Path(way(root / expanded(path))).as_posix()


def _start(source: Files, root: Path, way: Way) -> str:
    """The folder that a pattern starts from, whatever the folders above are called; all of a path that is none."""
    if source.is_remote:
        return of_address(f"{source.path.rstrip('/')}/").rstrip("/")
    return _whole(str(before_magic(Path(source.path))), root, way)


def _is_read(folder: str, name: str, source: Files, root: Path, way: Way) -> bool:
    """Whether a file in a folder would be one of the source's; not where that begins in what was written."""
    place, file = _whole(source.path, root, way), f"{folder}/{name}".rstrip("/")
    base, first = _start(source, root, way), f"{folder}/{name.partition('/')[0]}".rstrip("/")
    if not file.startswith(f"{base}/") or f"{base}/".startswith(f"{first}/"):
        return False
    if not source.is_remote and any(map(is_aside, Path(file).relative_to(base).parts)):
        return False
    if base != place:
        return matches(file, f"{glob.escape(base)}{place.removeprefix(base)}")
    if Path(place).is_file() or (source.is_remote and not source.path.endswith("/") and suffix_format(place)):
        return False
    its, form = suffix_format(file), source.resolved_format()
    return its is not None and its == (form or its) and not (form is None and its in ASIDE)
