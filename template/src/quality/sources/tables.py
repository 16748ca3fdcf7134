"""Folders that are tables of a format of their own: their files hold removed rows too, so they are refused by name."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from pathlib import Path

from quality.errors import MalformedError

METADATA = re.compile(r"(v?\d+.*)\.metadata\.json(\.gz)?|.*\.gz\.metadata\.json")
READ = ("Delta", "Iceberg")
"""What is read as a table where the path names its folder."""


def refuse_tables(files: Iterable[Path], folder: Path | None, shown: str) -> None:
    """MalformedError for files that lie in the folder of a table, with what to do instead."""
    look = functools.cache(table_format)
    places = [folder] if folder is not None else []
    lie_in = dict.fromkeys(file.parent for file in files)
    places += list(dict.fromkeys(place for parent in lie_in for place in (parent, *parent.parents)))
    for place in places:
        if kind := look(place):
            fix = "name the folder of the table in source.path" if kind in READ else "export it to Parquet"
            raise MalformedError(
                f"{shown} is part of a {kind} table ({place.name}), whose files also hold rows that were removed: "
                f"{fix}, or read it by a source of your own in src/domain/sources.py"
            )


def table_format(folder: Path) -> str | None:
    """The format of the table that a folder is: Delta, Iceberg, Lance or Hudi; None where it is plain."""
    if (folder / "_delta_log").is_dir():
        return "Delta"
    if (folder / ".hoodie").is_dir():
        return "Hudi"
    if (folder / "_versions").is_dir() and (folder.suffix == ".lance" or any((folder / "data").glob("*.lance"))):
        return "Lance"
    metadata = folder / "metadata"
    if metadata.is_dir() and any(METADATA.fullmatch(file.name) for file in metadata.iterdir()):
        return "Iceberg"
    return None


def table_among(addresses: Iterable[str]) -> str | None:
    """The format of the table that objects of these addresses are of; None where they are plain files."""
    for address in addresses:
        folder, _, name = address.rpartition("/")
        if "/_delta_log/" in address:
            return "Delta"
        if "/.hoodie/" in address:
            return "Hudi"
        if folder.endswith("/metadata") and METADATA.fullmatch(name):
            return "Iceberg"
    return None
