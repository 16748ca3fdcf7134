"""CSV files: looked at whole, read as text, and only then as numbers and dates, so that nothing is lost silently."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from quality.engine.frame import Frame
from quality.errors import MalformedError
from quality.sources.encoding import as_utf8, first_bad_line, last_byte
from quality.sources.listing import File
from quality.sources.options import Dialect, TextFormat
from quality.sources.records import Records, located, records
from quality.sources.schemas import Evolution, unite
from quality.sources.source import Reading
from quality.sources.typed import Text, typed
from quality.values import Scalar

Storage = dict[str, Any] | None


class Part(NamedTuple):
    """One file, its place as UTF-8, and its shape."""

    file: File
    place: str
    shape: Records


def read_csv(
    files: Sequence[File],
    options: TextFormat,
    evolution: Collection[Evolution],
    keys: Mapping[str, pl.DataType],
    judged: Collection[str] | None,
    storage: Storage,
) -> Reading:
    """CSV files as one: every line looked at, every column as its declared dtype or that of its first rows."""
    parts = [_part(file, options, storage) for file in files]
    headers = [(part.file.shown, pl.Schema(dict.fromkeys(part.shape.header, pl.String()))) for part in parts]
    one = unite(headers, evolution)
    if one.differs:
        return Reading(pl.LazyFrame(), schemas=one.schemas, differs=one.differs)
    columns = [name for name in one.schema if name not in keys]
    tables = _Tables(parts, columns, options, storage)
    count = sum(part.shape.total for part in parts)
    found = typed(Text(tables.scan(keys), columns, keys, tables.wrong), options, judged, count)
    return found._replace(rows=count)


def _part(file: File, options: TextFormat, storage: Storage) -> Part:
    place, remote = file.place, storage is not None or "://" in file.place
    if not options.is_utf8:
        if remote:
            raise MalformedError(
                f"{file.shown}: files in object storage must be UTF-8; write it as UTF-8, or copy it here"
            )
        place = str(as_utf8(file.path, file.shown, options.encoding))
    try:
        shape = records(place, file.shown, _dialect(file, options), storage)
    except pl.exceptions.ComputeError as error:
        raise _unreadable(error, file, remote) from None
    if not remote:
        _refuse_cut(place, file, shape, options)
    return Part(file, place, shape)


def _refuse_cut(place: str, file: File, shape: Records, options: TextFormat) -> None:
    """MalformedError where the last line is not ended as lines are."""
    last = last_byte(Path(place), file.shown)
    if last == b"\r":
        raise MalformedError(f"{file.shown} cannot be read as csv: it ends in a carriage return without a newline")
    if options.ends_in_newline and shape.total > 1 and last != b"\n":
        raise MalformedError(
            f"{file.shown}: its last line is not ended, so its last value may have been cut; write it again, or set "
            "`source.ends_in_newline: false` where it is always so"
        )


def _dialect(file: File, options: TextFormat) -> Dialect:
    name = file.shown.removesuffix(".gz").removesuffix(".zst").lower()
    return options.dialect(options.separator or ("\t" if name.endswith(".tsv") else ","))


def _unreadable(error: pl.exceptions.ComputeError, file: File, remote: bool) -> Exception:
    if "utf8" not in str(error).lower() and "utf-8" not in str(error).lower():
        return error
    line = None if remote else first_bad_line(file.path, file.shown)
    where = f" cannot be read as csv: line {line:,}" if line else ""
    return MalformedError(
        f"{file.shown}{where}: not utf-8 text: set source.encoding, such as latin-1, cp1252 or utf-16"
    )


class _Tables:
    """The files as frames of text, whose columns have names of their own: `0`, `1`, … in the order of the union."""

    def __init__(self, parts: Sequence[Part], columns: Sequence[str], options: TextFormat, storage: Storage) -> None:
        self.parts, self.columns, self.options, self.storage = parts, columns, options, storage

    def scan(self, keys: Iterable[str]) -> pl.LazyFrame:
        """All rows in order, with the values of their folders as text."""
        return pl.concat([self._rows(group, tuple(keys)) for group in self._groups()])

    def _groups(self) -> list[list[Part]]:
        """Neighbouring files of one header, whose folders say the same, are one scan."""
        alike = groupby(self.parts, lambda part: (part.shape.header, part.shape.start, tuple(part.file.keys.items())))
        return [list(group) for _, group in alike]

    def _rows(self, group: Sequence[Part], keys: Sequence[str], **numbered: Any) -> pl.LazyFrame:
        header, signs = group[0].shape.header, _dialect(group[0].file, self.options)
        lazy = pl.scan_csv(
            [part.place for part in group],
            has_header=False,
            skip_lines=group[0].shape.start,
            separator=signs.separator,
            quote_char=signs.quote,
            comment_prefix=signs.comment,
            null_values=list(self.options.null_values) or None,
            schema={f"{number} of file": pl.String for number in range(len(header))},
            infer_schema=False,
            raise_if_empty=False,
            glob=False,
            storage_options=self.storage,
            **numbered,
        )
        place = {name: f"{number} of file" for number, name in enumerate(header)}
        own = [
            (pl.col(place[name]) if name in place else pl.lit(None, pl.String)).alias(str(number))
            for number, name in enumerate(self.columns)
        ]
        folders = [pl.lit(group[0].file.keys[key], pl.String).alias(f"key {number}") for number, key in enumerate(keys)]
        return lazy.select(*numbered.values(), *own, *folders)

    def wrong(self, column: int, name: str, bad: pl.Expr, most: int, frame: Frame) -> list[dict[str, Scalar]]:
        """The first rows of a column where a condition on its text holds, with file and line."""
        found: list[dict[str, Scalar]] = []
        for group in self._groups():
            rows = self._rows(group, (), row_index_name="record").select("record", pl.col(str(column)).alias("text"))
            wanted = rows.filter(bad).head(most - len(found))
            bad_rows = frame.collect(wanted, f"lines of {name}", (name,)).rows()
            found += located(bad_rows, name, [(part.file.shown, part.shape) for part in group], len(self.parts) > 1)
            if len(found) >= most:
                break
        return found
