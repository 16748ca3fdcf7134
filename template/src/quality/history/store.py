"""Small Parquet files, one for each run, that are only ever added: no two writers share one, and none is half written.

They lie under `<path>/<kind>/<dataset>/<environment>/<month>/`, in a local folder or in object storage.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl

from quality.contract import project
from quality.errors import SourceError, first_line
from quality.files import alone
from quality.sources import storage

STAMP = "%Y%m%dT%H%M%S.%fZ"


class Shelf(NamedTuple):
    """The files of one kind about one dataset in one environment."""

    path: str
    kind: str
    dataset: str
    environment: str

    @property
    def remote(self) -> bool:
        return storage.is_remote(self.path)

    @property
    def folder(self) -> str:
        """Where the files lie; a local path is relative to the repository."""
        base = self.path.rstrip("/") if self.remote else str(project.root() / self.path)
        return f"{base}/{self.kind}/{self.dataset}/{self.environment}"

    def write(self, rows: pl.DataFrame, at: datetime, run: str) -> str:
        """Adds one file, whole or not at all, and says where. OSError or PolarsError when it cannot be written."""
        month, name = f"{at.astimezone(UTC):%Y-%m}", f"{at.astimezone(UTC).strftime(STAMP)}-{run}.parquet"
        target = f"{self.folder}/{month}/{name}"
        if self.remote:
            rows.write_parquet(target, storage_options=storage.options(target, storage.SHORT))
            return target
        half = Path(f"{self.folder}/{month}/.{name}.{os.getpid()}")
        half.parent.mkdir(parents=True, exist_ok=True)
        try:
            rows.write_parquet(half)
            half.replace(target)
        finally:
            half.unlink(missing_ok=True)
        return target

    def read(self, schema: pl.Schema, last: int | None = None, before: datetime | None = None) -> pl.DataFrame:
        """The rows of the last files before a moment, oldest first; SourceError when they cannot be read."""
        try:
            found = (self._read_remote if self.remote else self._read_local)(schema, last, before)
            found = found if before is None else found.filter(pl.col("at") < before)
            runs = found.select("run", "at").unique().sort("at").tail(last) if last else found.select("run").unique()
            return found.filter(pl.col("run").is_in(runs["run"].implode())).sort("at", maintain_order=True)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise SourceError(f"the {self.kind} in {self.path} cannot be read: {first_line(error)}") from None

    def _read_local(self, schema: pl.Schema, last: int | None, before: datetime | None) -> pl.DataFrame:
        end = before.astimezone(UTC).strftime(STAMP) if before else "~"
        names = [file for file in self.files() if file.name < end]
        if last is not None:
            names = names[len(names) - min(last, len(names)) :]
        return _scan(names, schema) if names else schema.to_frame()

    def _read_remote(self, schema: pl.Schema, last: int | None, before: datetime | None) -> pl.DataFrame:
        """Of two days or else of two months where they hold enough, else everything: listing by name costs little."""
        moment = before or datetime.now(UTC)
        for names in _recent(moment.astimezone(UTC).date()) if last is not None else ():
            found = pl.concat(_scan(f"{self.folder}/{name}", schema) for name in names)
            if found.filter(pl.col("at") < moment)["run"].n_unique() >= (last or 0):
                return found
        return _scan(f"{self.folder}/*/*.parquet", schema)

    def files(self) -> list[Path]:
        """The local files, oldest first; OSError when the folder is there and cannot be listed."""
        with suppress(FileNotFoundError):
            next(Path(self.folder).iterdir(), None)
        return sorted(Path(self.folder).glob("*/[0-9]*.parquet"), key=lambda file: file.name)

    def prune(self, before: date) -> int:
        """Deletes local files from before a day and counts them; object storage has lifecycle rules for this."""
        if self.remote:
            return 0
        old = [file for file in self.files() if file.name < f"{before:%Y%m%d}"]
        for file in old:
            file.unlink(missing_ok=True)
            with suppress(OSError):
                file.parent.rmdir()
        return len(old)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other processes of this machine out; in object storage, nobody."""
        with nullcontext() if self.remote else alone(Path(self.folder)):
            yield


def _recent(day: date) -> Iterator[list[str]]:
    """Patterns of the files of two days, then of two months, up to a day."""
    days = [day - timedelta(days=1), day]
    yield [f"{one:%Y-%m}/{one:%Y%m%d}T*.parquet" for one in days]
    yield [f"{one:%Y-%m}/*.parquet" for one in (day.replace(day=1) - timedelta(days=1), day)]


def _scan(places: str | list[Path], schema: pl.Schema) -> pl.DataFrame:
    """Files of older and newer releases alike: columns they lack are null, columns unknown here are left out."""
    wait = storage.options(places, storage.SHORT) if isinstance(places, str) else None
    scan = pl.scan_parquet(
        places, schema=schema, missing_columns="insert", extra_columns="ignore", storage_options=wait
    )
    return scan.collect()
