"""Where data comes from: files of any format Polars scans, frames in memory, or a source of the domain's own."""

from __future__ import annotations

import csv
import functools
import glob
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from quality.contract import storage
from quality.engine.dtypes import DTYPES, Dtype
from quality.errors import ConfigurationError, SourceError, first_line, nearest
from quality.rules.catalogue import listed
from quality.values import Frozen, Text

Format = Literal["parquet", "csv", "ndjson", "ipc"]
SUFFIXES: dict[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".arrow": "ipc",
    ".ipc": "ipc",
    ".feather": "ipc",
}
TAIL = 65_536


class Source(Frozen):
    """Where a dataset lies. A domain's own source is a subclass with its own `kind`, fields and `scan`."""

    kind: str

    @property
    def columnar(self) -> bool:
        """Whether columns can be read apart from each other."""
        return False

    def scan(self, root: Path) -> pl.LazyFrame:
        """A lazy frame; SourceError when there is nothing to read."""
        raise NotImplementedError

    def version(self, root: Path) -> str | None:
        """What changes when the data changes (size and time of files); None when it cannot be known cheaply."""
        return None

    def size(self, root: Path) -> int | None:
        """Bytes of the data as it lies there; None when it cannot be known cheaply."""
        return None

    def describe(self) -> str:
        return self.kind


class Files(Source):
    """Files: a path, a glob, a folder or an object-storage URL, relative to the repository."""

    kind: Literal["files"] = "files"
    path: Text = Field(description="File, glob, folder or URL such as s3://bucket/orders/*.parquet.")
    format: Format | None = Field(None, description="Told from the file name when left out.")
    separator: Text | None = Field(None, description="Of a CSV file; a comma, and a tab for .tsv, when left out.")
    dtypes: dict[str, Dtype] = Field({}, description="Dtypes of CSV columns that must not be inferred.")

    @model_validator(mode="after")
    def _typed(self) -> Self:
        if families := [dtype for dtype in self.dtypes.values() if dtype.lower() not in DTYPES]:
            raise ValueError(f"dtypes: '{families[0]}' is a family; name a dtype such as Int64, String or Date")
        if self.dtypes and self.resolved_format() != "csv":
            raise ValueError("dtypes are for CSV files only; files of other formats have their own")
        return self

    @property
    def columnar(self) -> bool:
        return self.resolved_format() in ("parquet", "ipc")

    def describe(self) -> str:
        return self.path

    def resolved_format(self) -> Format:
        if self.format:
            return self.format
        name = self.path.removesuffix(".gz").removesuffix(".zst")
        suffix = Path(name).suffix.lower()
        if suffix in SUFFIXES:
            return SUFFIXES[suffix]
        if suffix and "*" not in suffix:
            raise ConfigurationError(f"the format of '{self.path}' cannot be told from '{suffix}'; set source.format")
        return "parquet"

    @property
    def is_remote(self) -> bool:
        return storage.is_remote(self.path)

    def files(self, root: Path) -> list[Path]:
        """The local files, in order; SourceError says which one is missing or empty."""
        place = root / Path(self.path).expanduser()
        if place.is_dir():
            wanted = {s for s, f in SUFFIXES.items() if f == self.resolved_format()}
            found = sorted(p for p in place.rglob("*") if p.is_file() and p.suffix.lower() in wanted)
        elif glob.has_magic(self.path):
            found = sorted(map(Path, glob.glob(str(place), recursive=True)))  # noqa: PTH207 - patterns may be absolute
        else:
            found = [place]
        if not found:
            raise SourceError(f"no file matches {self.path}")
        for file in found:
            if not file.exists():
                raise SourceError(f"the file {self.path} does not exist")
            if file.stat().st_size == 0:
                raise SourceError(f"the file {self._shown(file, root)} is empty (0 bytes)")
        return found

    def _shown(self, file: Path, root: Path) -> str:
        return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)

    def version(self, root: Path) -> str | None:
        if self.is_remote:
            return None
        stats = [(self._shown(f, root), f.stat()) for f in self.files(root)]
        return ";".join(f"{name}:{stat.st_size}:{stat.st_mtime_ns}" for name, stat in stats)

    def size(self, root: Path) -> int | None:
        return None if self.is_remote else sum(file.stat().st_size for file in self.files(root))

    def scan(self, root: Path) -> pl.LazyFrame:
        places: Any = self.path if self.is_remote else self.files(root)
        wait: Any = storage.options(self.path, storage.PATIENT) if self.is_remote else None
        kind = self.resolved_format()
        if kind == "csv" and not self.is_remote:
            for file in places:
                _refuse_broken_csv(file, self.delimiter, self._shown(file, root))
        match kind:
            case "parquet":
                lazy = pl.scan_parquet(places, hive_partitioning=self._hive(root), storage_options=wait)
            case "csv":
                lazy = pl.scan_csv(
                    places,
                    separator=self.delimiter,
                    schema_overrides={c: DTYPES[d.lower()] for c, d in self.dtypes.items()},
                    infer_schema_length=10_000,
                    storage_options=wait,
                )
            case "ndjson":
                lazy = pl.scan_ndjson(places, infer_schema_length=10_000, storage_options=wait)
            case "ipc":
                lazy = pl.scan_ipc(places, storage_options=wait)
        try:
            there = lazy.collect_schema()
        except (pl.exceptions.PolarsError, OSError) as error:
            if "expanded paths were empty" in str(error):
                raise SourceError(f"no file matches {self.path}") from None
            if isinstance(error, FileNotFoundError):
                raise SourceError(f"the file {self.path} does not exist: {first_line(error)}") from error
            raise SourceError(f"{self.path} cannot be read as {kind}: {first_line(error)}") from error
        for column in self.dtypes:
            if column not in there:
                raise ConfigurationError(
                    f"source.dtypes: no column '{column}' in {self.path}; {nearest(column, there)}"
                )
        return lazy

    def _hive(self, root: Path) -> bool:
        return self.path.endswith("/") if self.is_remote else (root / self.path).is_dir()

    @property
    def delimiter(self) -> str:
        return self.separator or ("\t" if Path(self.path).suffix == ".tsv" else ",")


def _refuse_broken_csv(file: Path, separator: str, shown: str) -> None:
    """What Polars would fix silently: columns named twice, and a last row cut short."""
    if file.suffix in (".gz", ".zst"):
        return
    with file.open(newline="", encoding="utf-8", errors="replace") as lines:
        try:
            header = next(csv.reader(lines, delimiter=separator), [])
        except csv.Error as error:
            raise SourceError(f"{shown} cannot be read as csv: {error}") from None
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise SourceError(f"{shown} names the column '{twice[0]}' more than once; rename one in the header")
    if len(header) < 2:
        return
    with file.open("rb") as raw:
        raw.seek(max(0, file.stat().st_size - TAIL))
        tail = raw.read().decode("utf-8", errors="replace").rstrip("\r\n").splitlines()
    if len(tail) < 2 or '"' in tail[-1]:
        return
    fields = tail[-1].count(separator) + 1
    if fields != len(header):
        raise SourceError(f"{shown} ends in a row of {fields} fields where {len(header)} are named; is it truncated?")


def as_frame(data: Any) -> pl.LazyFrame | None:
    """A lazy view of a frame, a pandas or Arrow table, or plain rows or columns; None for anything else."""
    try:
        return _as_frame(data)
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise SourceError(f"the {type(data).__name__} cannot be read as a table: {first_line(error)}") from error


def _as_frame(data: Any) -> pl.LazyFrame | None:
    if isinstance(data, pl.LazyFrame):
        return data
    if isinstance(data, pl.DataFrame):
        return data.lazy()
    if type(data).__module__.split(".")[0] == "pandas":
        return pl.LazyFrame(pl.from_pandas(data))
    if hasattr(data, "__arrow_c_stream__"):
        return pl.DataFrame(data).lazy()
    if isinstance(data, Mapping) or (isinstance(data, Sequence) and not isinstance(data, (str, bytes))):
        return pl.DataFrame(data, infer_schema_length=None, strict=True).lazy()
    return None


def as_source(data: Any) -> Source | None:
    """The source that a path or a source says; None for anything else."""
    if isinstance(data, Source):
        return data
    return Files(path=os.fspath(data)) if isinstance(data, (str, os.PathLike)) and str(data).strip() else None


@functools.cache
def domain_sources() -> dict[str, type[Source]]:
    """The domain's own sources by kind: `SOURCES` of `domain.sources`."""
    return {source.model_fields["kind"].default: source for source in listed("sources", "SOURCES")}
