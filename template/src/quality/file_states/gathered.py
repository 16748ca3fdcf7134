"""The states of many files in a few tables, so that the next check opens few: a cache of the table of each file."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from typing import Any

import polars as pl

from quality.file_states.store import GONE, Store

FILES = 1_000
"""About so many files have their states in one table."""
HEXADECIMAL = 16
SCHEMA = pl.Schema({"of": pl.String, "key": pl.String, "state": pl.String})


def texts_of(store: Store, keys: Sequence[str]) -> dict[str, dict[str, str]]:
    """The states that are kept of these files, as they were written; nothing of a file that none are kept of."""
    found = dict[str, dict[str, str]]()
    for part, inside in _parts(keys):
        for of, key, state in _read(store, part, inside).iter_rows():
            found.setdefault(of, {})[key] = state
    found = {key: texts for key, texts in found.items() if store.touch(key)}
    left = [key for key in keys if key not in found]
    return found | {key: texts for key, texts in zip(left, _alone(store, left), strict=True) if texts}


def gather(store: Store, keys: Sequence[str], changed: Collection[str]) -> None:
    """Writes the tables that lack what has changed; OSError or PolarsError where they cannot be written."""
    for part, inside in _parts(keys):
        there = _read(store, part, [key for key in inside if key not in changed])
        missing = [*{*inside}.difference(there["of"])]
        texts = zip(missing, _alone(store, missing), strict=True)
        alone = [(key, name, text) for key, some in texts for name, text in some.items()]
        if alone:
            store.write(part, pl.concat([there, pl.DataFrame(alone, SCHEMA, orient="row")]))


def _parts(keys: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """The names of the tables, and the files in each, by the first digits of their keys."""
    digits = 0
    while HEXADECIMAL**digits * FILES < len(keys):
        digits += 1
    parts = dict[str, list[str]]()
    for key in keys:
        parts.setdefault(f"gathered.{digits}{key[:digits]}", []).append(key)
    yield from parts.items()


def _read(store: Store, part: str, keys: Sequence[str]) -> pl.DataFrame:
    table = store.read(part)
    with suppress(*GONE):
        if table is not None:
            return table.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items()).filter(
                pl.col("of").is_in(keys)
            )
    return pl.DataFrame(schema=SCHEMA)


def _alone(store: Store, keys: Sequence[str]) -> list[dict[str, Any]]:
    """The states of each file, of its own table."""

    def said(key: str) -> dict[str, Any]:
        table = store.read(key)
        with suppress(*GONE):
            if table is not None:
                return dict(table.select("key", "state").iter_rows())
        return {}

    return store.each(said, keys)
