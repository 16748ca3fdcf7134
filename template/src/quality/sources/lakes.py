"""Delta and Iceberg tables: one snapshot, with its deletions and its schema, and the snapshots that there are."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

import polars as pl

from quality.engine.dtypes import col
from quality.errors import ConfigurationError, MalformedError, SourceError, first_line
from quality.sources.drivers import driver
from quality.sources.hive import values
from quality.sources.partition import Keys, Partition
from quality.sources.source import Reading
from quality.texts import many

Lake = Literal["delta", "iceberg"]
LAKES: Mapping[str, Lake] = {"Delta": "delta", "Iceberg": "iceberg"}
TOLD = 5


class Past(NamedTuple):
    """One version of a table, when it was written, and by what."""

    number: int
    at: datetime
    by: str

    def __str__(self) -> str:
        return f"{self.number} ({self.at:%Y-%m-%d %H:%M}, {self.by})"


class Snapshot(NamedTuple):
    """One version of a table: what names it, how it is scanned, its data files with their sizes, and its rows.

    `keys` has, for each file, the values of partition columns that all of its rows have, and `counts` its rows; of a
    file that a later way of partitioning has left behind, no values.
    """

    version: str
    scan: Callable[[], pl.LazyFrame]
    files: Sequence[tuple[str, int]]
    rows: int | None
    history: Sequence[Past]
    number: int | None = None
    partitions: Sequence[str] = ()
    keys: Sequence[Keys] = ()
    counts: Sequence[int] = ()

    def within(self, part: Partition, shown: str) -> Snapshot:
        """This version, of one partition alone; SourceError where it is not there."""
        part.refuse_unknown(self.partitions, shown)
        old = [n for n, keys in enumerate(self.keys) if not keys.keys() >= set(part.keys)]
        found = [n for n, keys in enumerate(self.keys) if part.has(keys)]
        if not found and not old:
            raise part.missing(self.keys, shown)
        counted = self.rows is not None and self.counts and not old
        return self._replace(
            version=f"{self.version}:{part.name}",
            scan=lambda: _filtered(self.scan(), part),
            files=[self.files[n] for n in (*found, *old)],
            rows=sum(self.counts[n] for n in found) if counted else None,
            keys=[self.keys[n] for n in found],
        )

    def told(self) -> str:
        """How many versions there are, from when to when, and which of them is judged."""
        if not self.history:
            return "0 versions"
        first, last = (pick(past.at for past in self.history) for pick in (min, max))
        judged = next((f", {past} is judged" for past in self.history if past.number == self.number), "")
        span = f"since {first:%Y-%m-%d}" if first.date() == last.date() else f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
        return f"{many(len(self.history), 'version')}, {span}{judged}"

    @property
    def size(self) -> int:
        return sum(size for _, size in self.files)


class Wanted(NamedTuple):
    """The version to judge: a number, or that of a moment; the newest where neither is given."""

    number: int | None = None
    moment: date | datetime | None = None

    def of(self, history: Sequence[Past], shown: str) -> int | None:
        """The number of the version; None for that of a table without any."""
        numbers = {past.number for past in history}
        if self.number is not None and self.number not in numbers:
            raise MalformedError(f"{shown} has no version {self.number}; it has {_several(history)}")
        if self.number is not None or not history:
            return self.number
        if self.moment is None:
            return max(history, key=lambda past: past.at).number
        until = _until(self.moment)
        earlier = [past for past in history if past.at <= until]
        if not earlier:
            raise MalformedError(f"{shown} has no version as of {self.moment}; it has {_several(history)}")
        return max(earlier, key=lambda past: (past.at, past.number)).number


def _until(moment: date | datetime) -> datetime:
    """The end of a day; a moment without a zone is of UTC."""
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time.max, UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _several(history: Sequence[Past]) -> str:
    newest = sorted(history, key=lambda past: past.at, reverse=True)
    more = f" and {len(newest) - TOLD:,} older" if len(newest) > TOLD else ""
    return ", ".join(map(str, newest[:TOLD])) + more


def _filtered(lazy: pl.LazyFrame, part: Partition) -> pl.LazyFrame:
    """The rows of a partition, by values of the columns' own dtypes, by which a scan leaves files out."""
    schema = lazy.collect_schema()
    for key, text in part.values:
        (value,) = values([text], schema[key]) if schema[key] != pl.String else [text]
        if value is None and text is not None:
            raise SourceError(f"the partition {part.shown}: column '{key}' is {schema[key]}; write such a value")
        lazy = lazy.filter(col(key).is_null() if value is None else col(key) == pl.lit(value, schema[key]))
    return lazy


def snapshot(lake: Lake, place: str, wanted: Wanted, shown: str, storage: dict[str, Any] | None = None) -> Snapshot:
    """The version of a table that is wanted; SourceError says why it cannot be read."""
    name = next(name for name, one in LAKES.items() if one == lake)
    with _told(f"{shown} cannot be read as {'a' if lake == 'delta' else 'an'} {name} table", "://" in place):
        return (_delta if lake == "delta" else _iceberg)(place, wanted, shown, storage)


def read_lake(found: Snapshot, shown: str, remote: bool) -> Reading:
    """A snapshot as rows; MalformedError names a file of it that is gone, cut or no Parquet file."""
    with _told(f"{shown} cannot be read", remote):
        for place, size in () if remote else found.files:
            _refuse_broken(Path(place), size, shown)
        lazy = found.scan()
        lazy.collect_schema()
    return Reading(lazy, columnar=True, version=found.version)


@contextmanager
def _told(what: str, remote: bool) -> Iterator[None]:
    try:
        yield
    except (SourceError, ConfigurationError):
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        raise (SourceError if remote else MalformedError)(f"{what}: {first_line(error)}") from error


def _refuse_broken(file: Path, size: int, shown: str) -> None:
    """A count is answered from the table's own notes, so that a query alone would not miss a file."""
    if not file.exists():
        raise MalformedError(f"{shown}: its file {file.name} is gone: was it vacuumed, or copied in part?")
    if file.stat().st_size != size:
        there = file.stat().st_size
        raise MalformedError(f"{shown}: its file {file.name} has {there:,} bytes where the table says {size:,}")
    if file.suffix == ".parquet":
        pl.read_parquet_schema(file)


def _delta(place: str, wanted: Wanted, shown: str, storage: dict[str, Any] | None) -> Snapshot:
    deltalake = driver("deltalake", "delta", f"{shown} is a Delta table, which")
    table = deltalake.DeltaTable(place)
    history = [
        Past(one["version"], datetime.fromtimestamp(one["timestamp"] / 1000, UTC), str(one.get("operation", "?")))
        for one in table.history()
    ]
    number = wanted.of(history, shown)
    number = table.version() if number is None else number
    table.load_as_version(number)
    adds = pl.DataFrame(table.get_add_actions(flatten=True))
    columns: list[str] = table.metadata().partition_columns
    told = [f"partition.{column}" for column in columns]
    order = _by_uri(adds, table.file_uris())
    files = [(place, adds["size_bytes"][row]) for place, row in zip(table.file_uris(), order, strict=True)]
    deletes = any(name.startswith("deletion_vector") for name in adds.columns)
    counts = adds["num_records"] if "num_records" in adds.columns and not deletes else None
    rows = None if counts is None or counts.null_count() else int(counts.sum())
    return Snapshot(
        f"{table.metadata().id}:{number}",
        lambda: pl.scan_delta(place, version=number, storage_options=storage),
        files,
        rows,
        history,
        number,
        columns,
        [
            {name.removeprefix("partition."): _key(adds[name][row]) for name in adds.columns if name in told}
            for row in order
        ],
        [] if rows is None or counts is None else [counts[row] for row in order],
    )


def _by_uri(adds: pl.DataFrame, uris: Sequence[str]) -> list[int]:
    """The rows of the log about files in the order of their addresses, whose ends are the paths that it has."""
    there = {unquote(path): row for row, path in enumerate(adds["path"])}
    spellings = [(uri, unquote(uri)) for uri in uris]  # quoted where the table's own folder has blanks
    return [next(row for path, row in there.items() if any(one.endswith(path) for one in both)) for both in spellings]


def _key(value: Any) -> str | None:
    """A value of a partition column as a folder's name has it."""
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _iceberg(place: str, wanted: Wanted, shown: str, storage: dict[str, Any] | None) -> Snapshot:
    tables = driver("pyiceberg.table", "iceberg", f"{shown} is an Iceberg table, which")
    os.environ.setdefault("POLARS_ICEBERG_PLANNER", "pyiceberg")  # the other one is a package that no extra brings
    table = tables.StaticTable.from_metadata(place if place.endswith(".json") else _newest_metadata(Path(place)))
    history = [
        Past(one.snapshot_id, datetime.fromtimestamp(one.timestamp_ms / 1000, UTC), _operation(one))
        for one in table.snapshots()
    ]
    current = table.current_snapshot()
    unasked = wanted == Wanted()
    number = (current.snapshot_id if current else None) if unasked else wanted.of(history, shown)
    tasks = list(table.scan(snapshot_id=number).plan_files()) if number is not None else []
    columns = _identities(table, table.spec())
    files = {
        (_local(one), one.file_size_in_bytes): (_keys(table, task.file), one.record_count if one is task.file else 0)
        for task in tasks
        for one in (task.file, *task.delete_files)
    }
    deletes = any(task.delete_files for task in tasks)
    rows = None if deletes else sum(task.file.record_count for task in tasks)
    return Snapshot(
        f"{table.metadata.table_uuid}:{number}",
        lambda: pl.scan_iceberg(table, snapshot_id=None if unasked else number, storage_options=storage),
        [*files],
        rows,
        history,
        number,
        [*columns.values()],
        [keys for keys, _ in files.values()],
        [count for _, count in files.values()],
    )


def _identities(table: Any, spec: Any) -> dict[int, str]:
    """The columns whose own values a table is partitioned by, by their place in its way of partitioning."""
    by = {n: field.source_id for n, field in enumerate(spec.fields) if str(field.transform) == "identity"}
    return {n: table.schema().find_column_name(column) for n, column in by.items()}


def _keys(table: Any, file: Any) -> Keys:
    """The values of those columns that all rows of a file have, as folders' names have them."""
    spec, schema = table.specs()[file.spec_id], table.schema()
    found: Keys = {}
    for place, column in _identities(table, spec).items():
        value, field = file.partition[place], spec.fields[place]
        kind = schema.find_type(field.source_id)
        found[column] = None if value is None else str(field.transform.to_human_string(kind, value))
    return found


def _operation(one: Any) -> str:
    return str(one.summary.operation.value) if one.summary else "?"


def _local(file: Any) -> str:
    address = str(file.file_path)
    if not address.startswith("file:"):
        return address
    from urllib.request import url2pathname

    return url2pathname(urlsplit(address).path)


def _newest_metadata(folder: Path) -> str:
    """The file that says what a table is: that of its hint, else the one of the highest number."""
    metadata = folder / "metadata"
    hint = metadata / "version-hint.text"
    if hint.exists() and (named := metadata / f"v{hint.read_text('utf-8').strip()}.metadata.json").exists():
        return str(named)
    found = [file for file in metadata.glob("*.metadata.json") if re.match(r"v?\d+", file.name)]
    if not found:
        raise MalformedError(f"{folder.name} has no metadata file; name it in the path")
    return str(max(found, key=lambda file: (int(re.findall(r"\d+", file.name)[0]), file.stat().st_mtime_ns)))
