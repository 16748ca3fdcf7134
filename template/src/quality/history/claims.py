"""Whose a folder is that repositories of several domains may write to: the first that writes there leaves its name.

A folder within the repository is its own.
"""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl

from quality.contract import project
from quality.errors import SourceError, first_line
from quality.sources import remote, storage

NOTE, DOMAIN = "domain.parquet", "domain"
"""The file that names the domain, and what it is named by in there."""
_OURS = set[tuple[str, str]]()
"""Folders that this process has seen to be of its domain: nobody takes them away, and a look costs a request."""


def anothers(folder: str) -> str | None:
    """That a folder is of another domain, or does not say of which, and what to do; None where it may be used, or
    cannot be looked into."""
    try:
        ours, theirs = project.domain(), _named(folder)
    except SourceError as error:
        return first_line(error)
    except OSError:
        return None
    if theirs is None or theirs == ours:
        return None
    return (
        f"{folder} is of the domain {theirs}, which has a dataset of this name, too: give the domain {ours} a path of "
        f"its own or, where it was called {theirs} before, delete {folder}/{NOTE}"
    )


def refuse_anothers(folder: str) -> None:
    """SourceError where what lies in a folder is of another domain."""
    if said := anothers(folder):
        raise SourceError(said)


def claim(folder: str) -> None:
    """Leaves the domain's name in a folder that has none; SourceError where it is of another one, OSError or
    PolarsError where that cannot be told, or not be left. Of several that come at once the first one stays."""
    ours = project.domain()
    if _named(folder) is None and ours is not None and not _is_own(folder):
        _leave(f"{folder}/{NOTE}", {DOMAIN: ours})
    refuse_anothers(folder)


def _leave(place: str, about: dict[str, str]) -> None:
    if storage.is_remote(place):
        held = io.BytesIO()
        pl.DataFrame().write_parquet(held, metadata=about)
        if remote.create(place, held.getvalue()):
            return
    storage.write_table(pl.DataFrame(), place, first=True, metadata=about)


def _is_own(folder: str) -> bool:
    return not storage.is_remote(folder) and Path(folder).resolve().is_relative_to(project.root().resolve())


def _named(folder: str) -> str | None:
    """The domain whose name lies in a folder, which is this one's of what is this repository's alone; None where none
    does. SourceError where it is damaged."""
    ours = project.domain()
    if ours is None or _is_own(folder) or (folder, ours) in _OURS:
        return ours
    place = f"{folder}/{NOTE}"
    wait = storage.options(place, storage.SHORT) if storage.is_remote(place) else None
    try:
        found = pl.read_parquet_metadata(place, storage_options=wait).get(DOMAIN)
    except FileNotFoundError:
        return None
    except pl.exceptions.PolarsError as error:
        if storage.NONE in str(error):
            return None
        said = f"{place}, which names the domain that the folder is of, cannot be read: {first_line(error)}"
        raise SourceError(f"{said}; delete it where that is {ours}") from None
    except PermissionError:
        return ours  # as a store says of what is not there to whoever may not list it
    if found == ours:
        _OURS.add((folder, ours))
    return found
