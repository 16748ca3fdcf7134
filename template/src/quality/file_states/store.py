"""Where states are kept: one small Parquet file for each file of the source, beside it the marks of its keys.

Files are written whole or not at all, and a file's name is what shaped its content, so that two checks at once write
the same. What cannot be read is not there. Local files that nothing has asked for in a while are deleted.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from quality.contract import project
from quality.errors import SourceError, first_line
from quality.file_states import seal
from quality.history.claims import NOTE
from quality.history.retention import keep_from
from quality.sources import remote, storage

Item = TypeVar("Item")
Answer = TypeVar("Answer")

GROUP = 65_536
"""Rows that are read together: a range of sorted marks is read without those of others."""
GONE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError)
"""What reading a file that is not there, or not whole, raises; states are then measured again."""


@dataclass(frozen=True)
class Store:
    """The states of one dataset in one environment, in a local folder or in object storage."""

    path: str
    dataset: str
    environment: str

    def __reduce__(self) -> tuple[Any, ...]:
        """As another process takes it, whose repository may lie elsewhere."""
        return type(self), (self.path, self.dataset, self.environment)

    @property
    def remote(self) -> bool:
        return storage.is_remote(self.path)

    @property
    def keeps(self) -> bool:
        """Whether what is written is there afterwards."""
        return True

    @cached_property
    def folder(self) -> str:
        base = self.path.rstrip("/") if self.remote else str(project.local(self.path))
        return f"{base}/states/{self.dataset}/{self.environment}"

    def place(self, name: str) -> str:
        return f"{self.folder}/{name}.parquet"

    def each(self, work: Callable[[Item], Answer], items: Iterable[Item]) -> list[Answer]:
        """What the work, which asks for tables, says of each item, in their order."""
        return storage.each(work, items, self.remote)

    def read(self, name: str) -> pl.DataFrame | None:
        """A table by its name; None where it is not there or not whole."""
        place = self.place(name)
        try:
            self._touch(place)
            self.refuse_damaged(name)
            return pl.read_parquet(place, storage_options=self._wait(place), glob=False)
        except GONE:
            return None

    def scan(self, name: str) -> pl.LazyFrame:
        """A table that is there, to be read in part."""
        place = self.place(name)
        return pl.scan_parquet(place, storage_options=self._wait(place), glob=False)

    def refuse_damaged(self, name: str) -> None:
        """OSError or ValueError for a local table that is not there, or of other bytes than were written."""
        if not self.remote:  # object storage has checksums of its own
            seal.refuse_damaged(Path(self.place(name)))

    def all(self, names: str) -> Iterator[pl.DataFrame]:
        """Every table whose name fits a pattern and that is whole; SourceError where the store cannot be listed."""
        try:
            found = self._all_remote(names) if self.remote else map(self.read, self._named(names))
        except OSError as error:
            raise SourceError(f"the states in {self.path} cannot be read: {first_line(error)}") from None
        yield from (table for table in found if table is not None)

    def _named(self, names: str) -> list[str]:
        """The names of local tables that fit a pattern; OSError where the folder is there and cannot be listed."""
        with suppress(FileNotFoundError):
            next(Path(self.folder).iterdir(), None)
        return [place.stem for place in sorted(Path(self.folder).glob(f"{names}.parquet"))]

    def _all_remote(self, names: str) -> Iterable[pl.DataFrame | None]:
        """All at once or, where they are not alike or one is not whole, one by one."""
        place = self.place(names)
        scan = pl.scan_parquet(place, storage_options=self._wait(place), include_file_paths="of")
        try:
            return scan.collect().partition_by("of")
        except OSError:
            raise
        except GONE as error:
            if storage.NONE in str(error):
                return []
            if (listed := remote.tags(place, "parquet")) is None:
                raise OSError(first_line(error)) from None
        return [self.read(Path(one).stem) for one in listed]

    def about(self, name: str) -> dict[str, str]:
        """What was written beside a table; nothing where it is not there."""
        place = self.place(name)
        try:
            self._touch(place)
            return seal.said(pl.read_parquet_metadata(place, storage_options=self._wait(place)))
        except GONE:
            return {}

    def write(
        self, name: str, table: pl.DataFrame, about: Mapping[str, str] | None = None, *, sealed: bool = True
    ) -> None:
        """Keeps a table, with a checksum where it is sealed. OSError or PolarsError where it cannot be written."""
        how: dict[str, Any] = {
            "compression": "uncompressed",
            "row_group_size": GROUP,
            "metadata": seal.beside(about or {}, sealed),
        }
        storage.write_table(table, self.place(name), seal.seal if sealed else None, **how)

    def forget(self, name: str) -> None:
        """Deletes a local table that cannot be read, or is needed no more."""
        if not self.remote:
            with suppress(OSError):
                Path(self.place(name)).unlink()

    def prune(self, keep_days: int) -> None:
        """Deletes local files that were not asked for in so many days, and what a killed check left half written.

        What is old is told as in history, by the others, as a clock that is far ahead would take all for old.
        """
        if self.remote:
            return
        now, there, times = datetime.now(UTC), self._clock(), dict[Path, datetime]()
        for file in self._tables():
            with suppress(OSError, ValueError, OverflowError):
                times[Path(file)] = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        whole = [at for path, at in times.items() if not _is_half(path)]
        oldest = keep_from(whole, now, keep_days)
        for path, at in times.items():
            if at < there - timedelta(days=1) if _is_half(path) else oldest is not None and at < oldest:
                with suppress(OSError):
                    path.unlink()

    def _clock(self) -> datetime:
        """The time of the folder's file system, which a write in progress is dated by, whichever machine writes it."""
        with suppress(OSError), tempfile.TemporaryFile(dir=self.folder) as file:
            return datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
        return datetime.min.replace(tzinfo=UTC)  # nothing can be deleted there

    def clear(self) -> None:
        """Deletes every state; in object storage, the note that they may be used, so that they are compared again."""
        if self.remote:
            return
        for file in self._tables():
            with suppress(OSError):
                Path(file).unlink()

    def _tables(self) -> list[os.DirEntry[str]]:
        """All local files but the note that says whose they are; none where there is no folder."""
        with suppress(OSError), os.scandir(self.folder) as found:
            return [file for file in found if file.name != NOTE]
        return []

    def touch(self, name: str) -> bool:
        """Keeps a local table from being deleted, and says whether it is there; in object storage nothing is asked."""
        try:
            self._touch(self.place(name))
        except OSError:
            return False
        return True

    def _touch(self, place: str) -> None:
        """What is in use is not deleted; a folder that is another one's may be read and no more."""
        if self.remote:
            return
        try:
            os.utime(place)
        except OSError:
            Path(place).stat()

    def _wait(self, place: str) -> dict[str, object] | None:
        return storage.options(place, storage.SHORT) if self.remote else None


def _is_half(file: Path) -> bool:
    """Whether a file was not written to its end."""
    return file.name.startswith(".")
