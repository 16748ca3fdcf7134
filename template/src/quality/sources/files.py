"""Files as a source: a path, a glob, a folder or an address in object storage, judged as the whole that they are."""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import polars as pl
from pydantic import AliasChoices, Field, PrivateAttr, ValidationError, model_validator

from quality.errors import ConfigurationError, MalformedError, SourceError, first_line
from quality.files import expanded
from quality.sources import remote, storage
from quality.sources.columnar import read_columnar
from quality.sources.connections import refuse_password
from quality.sources.csv import read_csv
from quality.sources.excel import read_excel
from quality.sources.hive import key_dtypes
from quality.sources.json_array import as_lines
from quality.sources.lakes import LAKES, Lake, Snapshot, Wanted, read_lake, snapshot
from quality.sources.listing import File, Format, local_files, one_format, told_format
from quality.sources.ndjson import read_ndjson
from quality.sources.options import TextFormat
from quality.sources.partition import Partition
from quality.sources.schemas import Evolution
from quality.sources.source import Looked, Part, Reading, Source
from quality.sources.tables import table_format
from quality.texts import nearest
from quality.values import STRICT_INT, Text

CSV_ONLY = (
    "separator", "decimal", "thousands", "scientific", "quote", "comment", "header", "columns", "ends_in_newline",
)  # fmt: skip
FITS: tuple[tuple[tuple[str, ...], tuple[Format, ...]], ...] = (
    (CSV_ONLY, ("csv",)),
    (("null_values", "skip_lines"), ("csv", "excel")),
    (("encoding",), ("csv", "ndjson", "json")),
    (("dates",), ("csv", "ndjson", "json", "excel")),
    (("sheet",), ("excel",)),
    (("snapshot", "as_of"), ("delta", "iceberg")),
)
"""Which formats a field is for."""
COARSE, FINE = 1_000_000_000, 20_000_000
"""Nanoseconds between two ticks of a file system's clock: where it counts seconds, and where it counts less."""
OWN_DTYPES = ("parquet", "ipc", "delta", "iceberg")


class Files(TextFormat, Source):
    """Files: a path, a glob, a folder or an object-storage URL, relative to the repository."""

    UNKNOWN: ClassVar[str] = remote.UNKNOWN

    kind: Literal["files"] = "files"
    path: Text = Field(description="File, glob, folder or URL such as s3://bucket/orders/*.parquet.")
    format: Format | None = Field(None, description="Told from the names of the files when left out.")
    sheet: Text | None = Field(None, description="Of an Excel file that has several.")
    snapshot: Annotated[int, STRICT_INT] | None = Field(
        None,
        validation_alias=AliasChoices("snapshot", "version"),
        description="Version of a Delta table, or snapshot of an Iceberg table; the newest when left out.",
    )
    as_of: date | datetime | None = Field(
        None, description="Moment, or day with its end, whose version of a table is judged; without a zone, of UTC."
    )
    evolution: tuple[Evolution, ...] = Field(
        (),
        description="How files may differ: new_columns, missing_columns (null), wider_numbers, time_units.",
    )

    _part: Partition | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _fits_the_format(self) -> Self:
        refuse_password(self.path)
        form = self.resolved_format()
        if form in OWN_DTYPES and self.dtypes and not self._has_folders:
            raise ValueError("dtypes are for CSV files only; files of other formats have their own")
        for names, formats in FITS:
            given = [name for name in names if getattr(self, name) != type(self).model_fields[name].default]
            if form is not None and form not in formats and given:
                what = "tables" if "delta" in formats else "files"
                raise ValueError(f"{given[0]} is for {' and '.join(formats)} {what} only; {self.path} is {form}")
        if self.snapshot is not None and self.as_of is not None:
            raise ValueError("snapshot and as_of each name one version; keep one of them")
        return self

    def describe(self) -> str:
        return self.path

    def resolved_format(self) -> Format | None:
        """The format that is declared or told by the path; None where the files must tell."""
        return self.format or told_format(self.path)

    @property
    def is_remote(self) -> bool:
        return storage.is_remote(self.path)

    @property
    def _has_folders(self) -> bool:
        return glob.has_magic(self.path) or self.path.endswith("/") or self.resolved_format() is None

    def files(self, root: Path) -> list[File]:
        """The files, in order; SourceError says which one is missing or empty."""
        if self.is_remote:
            return remote.files(self.path, self.resolved_format(), self._part)
        return local_files(self.path, root, self.resolved_format(), self._part)

    def within(self, partition: Partition) -> Files:
        """These files, of which only those are listed, opened and versioned that lie in the partition's folders."""
        chosen = self.model_copy()
        chosen._part = partition
        return chosen

    def partitions(self, root: Path) -> tuple[str, ...]:
        """The columns that folders such as `day=2026-11-27` name, or a table's log."""
        if (table := self.table(root)) is not None:
            return (*table.partitions,)
        return (*self.files(root)[0].keys,)

    def table(self, root: Path) -> Snapshot | None:
        """The version of the table that the path is; None where it is plain files."""
        lake: Lake | None = self.format if self.format in ("delta", "iceberg") else None
        place = self.path if self.is_remote else str(root / expanded(self.path))
        if lake is None and not self.is_remote and Path(place).is_dir():
            lake = LAKES.get(table_format(Path(place)) or "")
        if lake is None:
            if self.snapshot is not None or self.as_of is not None:
                raise MalformedError(f"{self.path} is no Delta or Iceberg table, so that it has no versions to choose")
            return None
        wait = storage.options(self.path, storage.PATIENT) if self.is_remote else None
        found = snapshot(lake, place, Wanted(self.snapshot, self.as_of), self.path, wait)
        return found.within(self._part, self.path) if self._part else found

    def look(self, root: Path) -> Looked:
        """Of plain files every row is counted: of columnar ones by their footers."""
        found, table = super().look(root), self.table(root)
        if table is None:
            count = found.rows
            if found.columnar and count is None:
                count = int(self.scan(root).select(pl.len()).collect().item())
            return found._replace(rows=count)
        return found._replace(rows=table.rows, said=table.told())

    def version(self, root: Path) -> str | None:
        if (table := self.table(root)) is not None:
            return table.version
        if self.is_remote:
            return remote.version(self.path, self.resolved_format(), self._part)
        stats = [(file.shown, os.stat(file.place)) for file in self.files(root)]  # noqa: PTH116 - a name and its stat
        return ";".join(f"{name}:{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ino}" for name, stat in stats)

    def parts(self, root: Path) -> tuple[Part, ...]:
        """Plain files, each of its own version; none where a store does not tell versions."""
        if self.table(root) is not None:
            return ()
        files = self.files(root)
        keys = key_dtypes(files, self.dtypes)
        tags = remote.tags(self.path, self.resolved_format(), self._part) if self.is_remote else {}
        if tags is None:
            return ()
        found = []
        for file in files:
            version, settled = (tags[file.place], True) if self.is_remote else local_version(file.path)
            told = f"{version} {keys}" if keys else version
            size = int(version.partition(":")[0])  # both versions begin with it
            other = partial(remote.has_changed if self.is_remote else _has_changed, file.place, version)
            found.append(Part(file.shown, told, partial(self._alone, [file], keys), settled, size, other))
        return tuple(found)

    def _alone(self, files: Sequence[File], keys: dict[str, pl.DataType], judged: Collection[str]) -> Reading:
        return self._read(files, judged, keys)

    def size(self, root: Path) -> int | None:
        if (table := self.table(root)) is not None:
            return table.size
        return None if self.is_remote else sum(file.path.stat().st_size for file in self.files(root))

    def scan(self, root: Path) -> pl.LazyFrame:
        found = self._open(root, None)
        if found.differs:
            raise MalformedError(f"{self.path}: {found.differs}")
        return found.lazy

    def read(self, root: Path, judged: Collection[str]) -> Reading:
        found = self._open(root, judged)
        return found._replace(differs=f"{self.path}: {found.differs}") if found.differs else found

    def _open(self, root: Path, judged: Collection[str] | None) -> Reading:
        """The files; what Polars says of one that it cannot read becomes a sentence."""
        try:
            if (table := self.table(root)) is not None:
                return read_lake(table, self.path, self.is_remote)
            return self._read(self.files(root), judged)
        except SourceError:
            raise
        except FileNotFoundError as error:
            raise SourceError(f"the file {self.path} does not exist: {first_line(error)}") from error
        except OSError as error:
            raise SourceError(f"{self.path} cannot be read: {first_line(error)}") from error
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, EOFError) as error:
            said = (
                f"{self.path} cannot be read as {self.resolved_format() or 'files of one format'}: {first_line(error)}"
            )
            raise (SourceError if self.is_remote else MalformedError)(said) from error

    def _read(
        self, files: Sequence[File], judged: Collection[str] | None, keys: dict[str, pl.DataType] | None = None
    ) -> Reading:
        """The files; `keys` are the dtypes of their folders' values, where there are more files than these."""
        form = self.resolved_format() or one_format(files, self.path)
        keys = key_dtypes(files, self.dtypes) if keys is None else keys
        wait = storage.options(self.path, storage.PATIENT) if self.is_remote else None
        if form == "csv":
            return read_csv(files, self, self.evolution, keys, judged, wait)
        if form in ("json", "excel") and wait is not None:
            raise MalformedError(f"{self.path}: {form} files in object storage are not read; write Parquet or NDJSON")
        if form == "excel":
            return read_excel(files, self.sheet, self, self.evolution, keys, judged)
        if form in ("json", "ndjson"):
            files = [as_lines(file, self) for file in files] if form == "json" else files
            own = self.model_copy(update={"encoding": "utf-8"}) if form == "json" else self
            return read_ndjson(files, own, self.evolution, keys, judged, wait)
        self._refuse_other_dtypes(keys, files)
        return read_columnar(files, form, self.evolution, keys, wait)

    def _refuse_other_dtypes(self, keys: Mapping[str, Any], files: Sequence[File]) -> None:
        for column in self.dtypes:
            if column not in keys:
                raise MalformedError(
                    f"source.dtypes: {files[0].shown} lies in no folder {column}=…; its columns have dtypes of their "
                    f"own; {nearest(column, keys)}"
                )


def local_version(path: Path) -> tuple[str, bool]:
    """Size, times and place of a file, and whether a change from now on would change them.

    The time at which its entry changed is told too, as a copy may bring the old time of its content along, or one that
    is still to come.
    """
    at, now = path.stat(), time.time_ns()
    tick = COARSE if at.st_mtime_ns % COARSE == 0 else FINE
    changed = at.st_ctime_ns if at.st_mtime_ns > now else max(at.st_mtime_ns, at.st_ctime_ns)
    settled = now - changed > 2 * tick
    return f"{at.st_size}:{at.st_mtime_ns}:{at.st_ctime_ns}:{at.st_ino}", settled


def _has_changed(place: str, version: str) -> bool:
    return local_version(Path(place))[0] != version


def as_source(data: Any) -> Source | None:
    """The source that a path or a source says; None for anything else."""
    if isinstance(data, Source):
        return data
    if not isinstance(data, (str, os.PathLike)) or not str(data).strip():
        return None
    try:
        return Files(path=os.fspath(data))
    except ValidationError as error:
        raise ConfigurationError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
