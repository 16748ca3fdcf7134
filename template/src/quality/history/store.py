"""Small Parquet files, one for each run: no two writers share one, and none is half written.

They lie under `<path>/<kind>/<dataset>/<environment>/<month>/`, in a local folder or in object storage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl

from quality.contract import project
from quality.errors import SourceError, first_line
from quality.files import alone
from quality.history.claims import claim, refuse_anothers
from quality.history.retention import keep_from, told
from quality.sources import storage

STAMP = "%Y%m%dT%H%M%S.%fZ"
ABOUT = re.compile(r"\.([0-9a-f]{16})\.[0-9a-f]{16}\.parquet$")
"""The digest of the version of the data, before that of the configuration."""
SUBJECT = pl.coalesce("version", "run")
"""What a row is about: a version of the data or, where that is unknown, a run."""


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
        base = self.path.rstrip("/") if self.remote else str(project.local(self.path))
        return f"{base}/{self.kind}/{self.dataset}/{self.environment}"

    def write(self, rows: pl.DataFrame, at: datetime, run: str, about: Sequence[str] = ()) -> str:
        """Adds one file, whole or not at all, and says where. OSError, PolarsError or SourceError where it cannot.

        `about` goes into the file's name: digests of what the run was about, so that later runs find it by name.
        """
        name = ".".join((f"{stamp(at)}-{run}", *about, "parquet"))
        claim(self.folder)
        target = f"{self.folder}/{at.astimezone(UTC):%Y-%m}/{name}"
        storage.write_table(rows, target)
        return target

    def read(self, schema: pl.Schema, last: int | None = None, before: datetime | None = None) -> pl.DataFrame:
        """The rows of the last subjects before a moment, oldest first; SourceError when they cannot be read.

        Runs that looked at the same version of the data are about one subject; any other run is about its own.
        """
        try:
            found = (self._read_remote if self.remote else self._read_local)(schema, last, before)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise SourceError(f"the {self.kind} in {self.path} cannot be read: {first_line(error)}") from None
        refuse_anothers(self.folder)
        return found.sort("at", maintain_order=True)

    def _read_local(self, schema: pl.Schema, last: int | None, before: datetime | None) -> pl.DataFrame:
        """A file that a later look replaces while it is read is looked for once more.

        A look that is later than the moment counts where it is about what was first seen before.
        """
        try:
            found = _scan(self._chosen(last, before), schema)
        except FileNotFoundError:
            found = _scan(self._chosen(last, before), schema)
        return found if before is None else found.filter(_seen(schema) < before)

    def _chosen(self, last: int | None, before: datetime | None) -> list[Path]:
        files, end = self.files(), stamp(before) if before else "~"
        known = [file for file in files if file.name < end]
        return _newest(known, last) + files[len(known) :]

    def _read_remote(self, schema: pl.Schema, last: int | None, before: datetime | None) -> pl.DataFrame:
        """Of two days or else of two months where they hold enough, else everything: listing by name costs little."""
        moment, found = before or datetime.now(UTC), schema.to_frame()
        subject = SUBJECT if "version" in schema else pl.col("run")
        for names in _recent(moment.astimezone(UTC).date(), last is not None):
            found = pl.concat(_scan(f"{self.folder}/{name}", schema) for name in names)
            found = found if before is None else found.filter(_seen(schema) < before)
            if last is not None and found.select(subject.n_unique()).item() >= last:
                break
        if last is None:
            return found
        newest = found.group_by(subject.alias("subject")).agg(pl.col("at").max()).sort("at").tail(last)
        return found.filter(subject.is_in(newest["subject"].implode()))

    def files(self) -> list[Path]:
        """The local files, oldest first; OSError when the folder is there and cannot be listed."""
        with suppress(FileNotFoundError):
            next(Path(self.folder).iterdir(), None)
        return sorted(Path(self.folder).glob("*/[0-9]*.parquet"), key=lambda file: file.name)

    def earlier(self, at: datetime, about: Sequence[str]) -> list[Path]:
        """The local files about the same from before a moment, oldest first."""
        ends, before = ".".join(("", *about, "parquet")), stamp(at)
        return [] if self.remote else [file for file in self.files() if file.name.endswith(ends) and file.name < before]

    def prune(self, written: str, now: datetime, keep_days: int) -> list[str]:
        """Deletes old local files, and says so; object storage has lifecycle rules for this."""
        if self.remote:
            return []
        others = {file: at for file in self.files() if file != Path(written) and (at := moment(file))}
        kept = keep_from(others.values(), now, keep_days)
        if kept is None:
            return []
        old = [file for file, at in others.items() if at < kept]
        for file in old:
            delete(file)
        return [f"history: {said}" for said in told("run", len(old), others.values(), kept, now, keep_days)]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other processes of this machine out; in object storage, nobody."""
        with nullcontext() if self.remote else alone(Path(self.folder)):
            yield


def stamp(at: datetime) -> str:
    """What a file's name begins with, so that names are in the order of time."""
    return at.astimezone(UTC).strftime(STAMP)


def moment(file: Path) -> datetime | None:
    """When the run of a file was, as its name says; None for a file of somebody else's."""
    try:
        return datetime.strptime(file.name.partition("-")[0], STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def delete(file: Path) -> None:
    """Deletes a file, and its folder when it was the last one there."""
    file.unlink(missing_ok=True)
    with suppress(OSError):
        file.parent.rmdir()


def _seen(schema: pl.Schema) -> pl.Expr:
    """When a row's subject was first seen."""
    return pl.coalesce("first_at", "at") if "first_at" in schema else pl.col("at")


def _newest(files: list[Path], last: int | None) -> list[Path]:
    """The files of the last subjects, oldest first: those whose names end in the same digests are about one."""
    if last is None:
        return files
    subjects: set[str] = set()
    chosen: list[Path] = []
    for file in reversed(files):
        found = ABOUT.search(file.name)
        subject = found[1] if found else file.name
        if subject not in subjects and len(subjects) == last:
            break
        subjects.add(subject)
        chosen.append(file)
    return chosen[::-1]


def _recent(day: date, few: bool) -> Iterator[list[str]]:
    """Patterns of the files of two days and of two months up to a day, where few are wanted, and of all."""
    if few:
        days = [day - timedelta(days=1), day]
        yield [f"{one:%Y-%m}/{one:%Y%m%d}T*.parquet" for one in days]
        yield [f"{one:%Y-%m}/*.parquet" for one in (day.replace(day=1) - timedelta(days=1), day)]
    yield ["*/*.parquet"]


def _scan(places: str | list[Path], schema: pl.Schema) -> pl.DataFrame:
    """Files of older and newer releases alike: columns they lack are null, columns unknown here are left out."""
    if not places:
        return schema.to_frame()
    wait = storage.options(places, storage.SHORT) if isinstance(places, str) else None
    scan = pl.scan_parquet(
        places,
        schema=schema,
        missing_columns="insert",
        extra_columns="ignore",
        glob=isinstance(places, str),
        storage_options=wait,
    )
    return scan.collect()
