"""Where states are kept: one small Parquet file for each file of the source, beside it the marks of its keys.

Files are written whole or not at all, and a file's name is what shaped its content, so that two checks at once write
the same. What cannot be read is not there. Local files that nothing has asked for in a while are deleted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import polars as pl

from quality.contract import project
from quality.sources import storage

DAY = 86_400
GROUP = 65_536
"""Rows that are read together: a range of sorted marks is read without those of others."""
GONE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError)
"""What reading a file that is not there, or not whole, raises; states are then measured again."""


class Store(NamedTuple):
    """The states of one dataset in one environment, in a local folder or in object storage."""

    path: str
    dataset: str
    environment: str

    @property
    def remote(self) -> bool:
        return storage.is_remote(self.path)

    @property
    def keeps(self) -> bool:
        """Whether what is written is there afterwards."""
        return True

    @property
    def folder(self) -> str:
        base = self.path.rstrip("/") if self.remote else str(project.root() / self.path)
        return f"{base}/states/{self.dataset}/{self.environment}"

    def place(self, name: str) -> str:
        return f"{self.folder}/{name}.parquet"

    def read(self, name: str) -> pl.DataFrame | None:
        """A table by its name; None where it is not there or not whole."""
        place = self.place(name)
        try:
            self._touch(place)
            return pl.read_parquet(place, storage_options=self._wait(place), glob=False)
        except GONE:
            return None

    def scan(self, name: str) -> pl.LazyFrame:
        """A table that is there, to be read in part."""
        place = self.place(name)
        return pl.scan_parquet(place, storage_options=self._wait(place), glob=False)

    def all(self, names: str) -> Iterator[pl.DataFrame]:
        """Every table whose name fits a pattern."""
        if self.remote:
            scan = pl.scan_parquet(self.place(names), storage_options=self._wait(self.folder), include_file_paths="of")
            with suppress(*GONE):
                yield from scan.collect().partition_by("of")
            return
        for place in sorted(Path(self.folder).glob(f"{names}.parquet")):
            if (table := self.read(place.stem)) is not None:
                yield table

    def about(self, name: str) -> dict[str, str]:
        """What was written beside a table; nothing where it is not there."""
        place = self.place(name)
        try:
            self._touch(place)
            return pl.read_parquet_metadata(place, storage_options=self._wait(place))
        except GONE:
            return {}

    def write(self, name: str, table: pl.DataFrame, about: Mapping[str, str] | None = None) -> None:
        """Keeps a table. OSError or PolarsError where it cannot be written."""
        how = {"compression": "uncompressed", "row_group_size": GROUP, "metadata": dict(about or {})}
        storage.write_table(table, self.place(name), **how)

    def forget(self, name: str) -> None:
        """Deletes a local table that cannot be read, or is needed no more."""
        if not self.remote:
            with suppress(OSError):
                Path(self.place(name)).unlink()

    def prune(self, keep_days: int) -> None:
        """Deletes local files that were not asked for in so many days, and what a killed check left half written."""
        if self.remote:
            return
        oldest = time.time() - keep_days * DAY
        for file in Path(self.folder).glob("*"):
            with suppress(OSError):
                if file.stat().st_mtime < (time.time() - DAY if file.name.startswith(".") else oldest):
                    file.unlink()

    def clear(self) -> None:
        """Deletes every state; in object storage, the note that they may be used, so that they are compared again."""
        if self.remote:
            return
        for file in Path(self.folder).glob("*"):
            with suppress(OSError):
                file.unlink()

    def touch(self, name: str) -> bool:
        """Keeps a local table from being deleted, and says whether it is there; in object storage nothing is asked."""
        try:
            self._touch(self.place(name))
        except OSError:
            return False
        return True

    def _touch(self, place: str) -> None:
        """What is in use is not deleted."""
        if not self.remote:
            os.utime(place)

    def _wait(self, place: str) -> dict[str, object] | None:
        return storage.options(place, storage.SHORT) if self.remote else None
