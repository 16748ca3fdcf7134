"""The source that the words of a command line say: files, or rows of a database."""

from __future__ import annotations

import argparse
import os
from typing import Any

from quality.errors import ConfigurationError
from quality.sources.connections import NAMED, name_parts

STORES = ("s3", "s3a", "gs", "gcs", "az", "azure", "abfs", "abfss", "adl", "http", "https", "hf", "file")
"""How addresses of files begin; every other one is a database's."""
ROWS = ("table", "query")


def asked_source(asked: argparse.Namespace) -> dict[str, Any]:
    """The fields of a source; ConfigurationError says which words do not go together."""
    said = {name: word for name in (*ROWS, "sheet") if (word := getattr(asked, name))}
    if not is_database(asked.path):
        if wrong := [name for name in ROWS if name in said]:
            raise ConfigurationError(f"--{wrong[0]} is of a database: begin with env:NAME or sqlite:///data/shop.db")
        return {"path": asked.path.replace(os.sep, "/"), **said}
    if "sheet" in said:
        raise ConfigurationError("--sheet is of a workbook, and this is a database: name rows by --table or --query")
    if len(said) != 1:
        raise ConfigurationError(
            "a database has many rows: name those of one dataset by --table sales.orders or by --query 'SELECT …'"
        )
    return {"connection": asked.path, **said}


def is_database(place: str) -> bool:
    """Whether a place is a connection: `env:NAME`, `secret:NAME`, or an address that is of no store of files."""
    scheme, sign, _ = place.partition("://")
    return bool(NAMED.fullmatch(place)) or (bool(sign) and scheme.lower() not in STORES)


def called(source: dict[str, Any]) -> str:
    """What names a source: its path, or its table without the schema; ConfigurationError where nothing does."""
    if "query" in source:
        raise ConfigurationError("a query says no name of a dataset: give one after the connection")
    return str(source["path"] if "path" in source else name_parts(source["table"])[-1])
