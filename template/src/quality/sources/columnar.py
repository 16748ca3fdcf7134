"""Parquet and IPC files: the schema of every file from its footer, and one scan for files of one schema."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from typing import Any
from urllib.parse import unquote

import polars as pl

from quality.errors import MalformedError, SourceError, first_line
from quality.sources.hive import values
from quality.sources.listing import KEY, File, Format
from quality.sources.partition import Keys
from quality.sources.schemas import Evolution, exactly, fitted, unite
from quality.sources.source import Reading
from quality.sources.storage import NONE

Storage = dict[str, Any] | None


def read_columnar(
    files: Sequence[File],
    form: Format,
    evolution: Collection[Evolution],
    keys: Mapping[str, pl.DataType],
    storage: Storage,
) -> Reading:
    """Files as one frame; the values of their folders are its last columns."""
    schemas = [_schema(file, form, storage) for file in files]
    own = [pl.Schema({n: t for n, t in schema.items() if n not in keys}) for schema in schemas]
    one = unite([(file.shown, schema) for file, schema in zip(files, own, strict=True)], evolution)
    known = {name: pl.Schema({**schema, **keys}) for name, schema in one.schemas.items()}
    if one.differs:
        return Reading(pl.LazyFrame(), schemas=known, differs=one.differs)
    whole = pl.Schema({**one.schema, **keys})
    alike = groupby(range(len(files)), key=lambda at: tuple(own[at].items()))
    groups = [(pl.Schema(columns), [files[at] for at in numbers]) for columns, numbers in alike]
    tables = [fitted(_scan(group, form, keys, storage), pl.Schema({**there, **keys}), whole) for there, group in groups]
    return Reading(pl.concat(tables) if len(tables) > 1 else tables[0], schemas=known, columnar=True)


def _schema(file: File, form: Format, storage: Storage) -> pl.Schema:
    """What a file's footer says; its file is named when it cannot be read."""
    try:
        return _scan([file], form, {}, storage).collect_schema()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        if isinstance(error, FileNotFoundError) or NONE in str(error):
            raise SourceError(f"the file {file.shown} does not exist: {first_line(error)}") from error
        kind = SourceError if storage is not None else MalformedError
        raise kind(f"{file.shown} cannot be read as {form}: {first_line(error)}") from error


def _scan(files: Sequence[File], form: Format, keys: Mapping[str, pl.DataType], storage: Storage) -> pl.LazyFrame:
    scan = pl.scan_parquet if form == "parquet" else pl.scan_ipc
    places = [file.place for file in files]
    if keys and any(_is_plain_to_us_alone(file, keys) for file in files):
        alike = groupby(files, key=lambda file: tuple(file.keys.items()))
        return pl.concat([_told(_scan([*group], form, {}, storage), dict(texts), keys) for texts, group in alike])
    if not keys:
        return scan(places, glob=False, hive_partitioning=False, storage_options=storage)
    pairs = (KEY.fullmatch(part) for file in files for part in file.path.parts[:-1])
    above = {pair[1]: pl.String() for pair in pairs if pair and pair[1] not in keys}
    lazy = scan(places, glob=False, hive_partitioning=True, hive_schema={**above, **keys}, storage_options=storage)
    return lazy.select(exactly(name) for name in lazy.collect_schema() if name not in above)


def _is_plain_to_us_alone(file: File, keys: Mapping[str, pl.DataType]) -> bool:
    """Whether Polars takes a folder such as `a%20b=1`, `k=a=b` or `k=*` for another column, or for none, or finds a
    second one of its name above."""
    pairs = [pair for part in file.path.parts[:-1] if (pair := KEY.fullmatch(part)) and unquote(pair[1]) in keys]
    return len(pairs) > len(file.keys) or any("%" in pair[1] or "=" in pair[2] or "*" in pair[0] for pair in pairs)


def _told(lazy: pl.LazyFrame, texts: Keys, keys: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    """Rows of files in folders of the same values, with these as their last columns."""
    own = [exactly(name) for name in lazy.collect_schema() if name not in keys]
    folders = [pl.lit(values([texts[name]], dtype)[0], dtype).alias(name) for name, dtype in keys.items()]
    return lazy.select(*own, *folders)
