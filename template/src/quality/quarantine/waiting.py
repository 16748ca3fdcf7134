"""The rows in quarantine, of every night: together where one schema holds them, and apart where a column has no
dtype for all of its values, such as text of one night and numbers of the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from quality.contract.config import CheckConfig
from quality.quarantine import splits
from quality.quarantine.encryption import TOKEN, decrypted
from quality.quarantine.splits import FAILING, Split
from quality.rules.common_dtype import common

Rows = tuple[pl.LazyFrame, tuple[Split, ...]]


def waiting(config: CheckConfig) -> Iterator[Rows]:
    """The rows, decrypted, and the splits that hold them: as many together as one schema holds."""
    groups: list[tuple[pl.Schema, list[tuple[pl.LazyFrame, Split]]]] = []
    for folder, split in splits.standing(config).items():
        if not split.failing:
            continue
        rows = _read(folder, config)
        schema = rows.collect_schema()
        for number, (there, held) in enumerate(groups):
            if (both := _both(there, schema)) is not None:
                groups[number] = (both, [*held, (rows, split)])
                break
        else:
            groups.append((schema, [(rows, split)]))
    for schema, held in groups:
        alike = [rows.cast({name: schema[name] for name in rows.collect_schema()}) for rows, _ in held]
        yield pl.concat(alike, how="diagonal"), tuple(split for _, split in held)


def _read(folder: Path, config: CheckConfig) -> pl.LazyFrame:
    """The rows of one split, decrypted by the dtypes that they were encrypted with."""
    rows = pl.scan_parquet(folder / FAILING, glob=False)
    if TOKEN in rows.collect_schema():
        return decrypted(rows.collect(), splits.key(config), str(splits.asked(config).secret)).lazy()
    return rows


def _both(one: pl.Schema, other: pl.Schema) -> pl.Schema | None:
    """The columns of both, each of a dtype that holds the values of both; None where a column has none."""
    found = dict(one) | {name: dtype for name, dtype in other.items() if name not in one}
    for name in one:
        if name in other:
            if (dtype := _dtype(one[name], other[name])) is None:
                return None
            found[name] = dtype
    return pl.Schema(found)


def _dtype(one: pl.DataType, other: pl.DataType) -> pl.DataType | None:
    """Moments of other units or zones, and a date and a moment, are apart: what is released stays what it was."""
    return common(one, other) if one == other or not (one.is_temporal() and other.is_temporal()) else None
