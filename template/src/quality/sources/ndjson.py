"""NDJSON files: every line decoded once, so that late keys, mixed types, keys twice and cut lines are noticed."""

from __future__ import annotations

import glob
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

import polars as pl

from quality.engine.frame import Frame
from quality.errors import MalformedError, first_line
from quality.sources.encoding import as_utf8
from quality.sources.listing import File
from quality.sources.options import TextFormat
from quality.sources.records import BATCH, Records, located
from quality.sources.schemas import Evolution, exactly, unite
from quality.sources.source import Reading
from quality.sources.typed import Text, typed
from quality.values import Scalar

KINDS = {int: "a number", float: "a number", str: "text", bool: "true or false", list: "a list", dict: "an object"}
LARGEST = 2**63

Storage = dict[str, Any] | None


class Part(NamedTuple):
    """One file, its shape, and where each of its keys first has a value of each kind; None is the kind of null."""

    file: File
    place: str
    shape: Records
    kinds: Mapping[str, Mapping[type | None, int]]


class _TwiceError(ValueError):
    """A key that one object has more than once."""


def read_ndjson(
    files: Sequence[File],
    options: TextFormat,
    evolution: Collection[Evolution],
    keys: Mapping[str, pl.DataType],
    judged: Collection[str] | None,
    storage: Storage,
) -> Reading:
    """NDJSON files as one: a column for every key of every line, of the dtype that all its values have."""
    parts = [_part(file, options, storage) for file in files]
    names = list(dict.fromkeys(name for part in parts for name in part.kinds))
    if not names:
        raise MalformedError(f"{parts[0].file.shown} names no column: all of its {parts[0].file.unit}s are empty, {{}}")
    dtypes = {name: pl.String() if name in options.declared else _dtype(name, parts) for name in names}
    nested = _nested([part.place for part in parts], [name for name, dtype in dtypes.items() if dtype is None], storage)
    whole = {name: nested[name] if dtype is None else dtype for name, dtype in dtypes.items()}
    one = unite([(part.file.shown, pl.Schema({n: whole[n] for n in part.kinds})) for part in parts], evolution)
    if one.differs:
        return Reading(pl.LazyFrame(), schemas=one.schemas, differs=one.differs)
    native = {name: dtype for name, dtype in whole.items() if name not in options.declared}
    tables = _Tables(parts, whole, storage)
    found = typed(
        Text(tables.scan(keys), names, keys, tables.wrong, native),
        options.model_copy(update={"scientific": True, "decimal": ".", "thousands": None}),
        judged,
        sum(part.shape.total for part in parts),
    )
    return found._replace(rows=sum(part.shape.total for part in parts))


def _part(file: File, options: TextFormat, storage: Storage) -> Part:
    place = file.place if options.is_utf8 else str(as_utf8(file.path, file.shown, options.encoding))
    kinds: dict[str, dict[type | None, int]] = {}
    count, shifts, shift = 0, list[tuple[int, int]](), 0
    for number, line in _lines(place, file, storage):
        if not line.strip():
            continue
        if number - count != shift:
            shift = number - count
            shifts.append((count, shift))
        for name, value in _decoded(line, number, file).items():
            kind = None if value is None else type(value)
            kinds.setdefault(name, {}).setdefault(kind, number + 1)
            if kind is int and not -LARGEST <= value < LARGEST:
                _refuse(file, number, f"'{name}' is a whole number of more than 64 bits; write it as text")
        count += 1
    if not count:
        raise MalformedError(f"{file.shown} has no record, so its columns are not known")
    return Part(file, place, Records((), 0, count, tuple(shifts), file.unit), kinds)


def _lines(place: str, file: File, storage: Storage) -> Iterator[tuple[int, str]]:
    lines = pl.scan_lines(place, row_index_name="n", glob=False, storage_options=storage)
    try:
        for batch in lines.collect_batches(chunk_size=BATCH, maintain_order=True, lazy=True):
            yield from batch.iter_rows()
    except pl.exceptions.ComputeError as error:
        if "utf8" not in str(error):
            raise
        raise MalformedError(f"{file.shown}: not utf-8 text: set source.encoding, such as latin-1 or utf-16") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(next(name for name in names if names.count(name) > 1))
    return found


def _constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


def _decoded(line: str, number: int, file: File) -> dict[str, Any]:
    try:
        found = DECODER.decode(line.removeprefix("\ufeff") if number == 0 else line)
    except _TwiceError as error:
        _refuse(file, number, f"the key '{error}' is there more than once")
    except (ValueError, RecursionError) as error:
        _refuse(file, number, f"the {file.unit} is not a whole JSON object ({first_line(error)}); was it cut?")
    if not isinstance(found, dict):
        _refuse(file, number, f'the {file.unit} is not a JSON object such as {{"id": 1}}')
    return found


def _refuse(file: File, number: int, why: str) -> NoReturn:
    form = "json" if file.unit == "object" else "ndjson"
    raise MalformedError(f"{file.shown} cannot be read as {form}: {file.unit} {number + 1:,}: {why}")


def _dtype(name: str, parts: Sequence[Part]) -> pl.DataType | None:
    """The dtype of a key's values over all files; None where they are nested, which Polars knows."""
    seen: dict[type, tuple[Part, int]] = {}
    for part in parts:
        for kind, line in part.kinds.get(name, {}).items():
            if kind is not None:
                seen.setdefault(kind, (part, line))
    words = {KINDS[kind]: place for kind, place in seen.items()}
    if len(words) > 1:
        (word, (one, line)), (other, (two, at)) = sorted(words.items(), key=lambda item: item[1][1])[:2]
        raise MalformedError(
            f"{two.file.shown} {two.file.unit} {at:,}: '{name}' is {other} where {one.file.shown} {one.file.unit} "
            f"{line:,} has {word}: write one of them, or declare its dtype in source.dtypes"
        )
    if {list, dict} & seen.keys():
        return None
    plain = {frozenset({int}): pl.Int64(), frozenset({str}): pl.String(), frozenset({bool}): pl.Boolean()}
    return plain.get(frozenset(seen), pl.Float64() if seen else pl.Null())


def _nested(places: Sequence[str], names: Sequence[str], storage: Storage) -> Mapping[str, pl.DataType]:
    if not names:
        return {}
    return _scan(places, storage, infer_schema_length=None).collect_schema()


def _scan(places: Sequence[str], storage: Storage, **options: Any) -> pl.LazyFrame:
    """The files as Polars scans them, which takes `[` in a name for a pattern."""
    names = [place if "://" in place else glob.escape(place) for place in places]
    return pl.scan_ndjson(names, storage_options=storage, **options)


class _Tables:
    """The files as frames whose columns have names of their own: `0`, `1`, … in the order of the keys."""

    def __init__(self, parts: Sequence[Part], schema: Mapping[str, pl.DataType], storage: Storage) -> None:
        self.parts, self.schema, self.storage = parts, schema, storage

    def scan(self, keys: Mapping[str, pl.DataType]) -> pl.LazyFrame:
        tables = []
        for part in self.parts:
            folders = [pl.lit(part.file.keys[key], pl.String).alias(f"key {n}") for n, key in enumerate(keys)]
            tables.append(self._rows([part]).select(*self._columns(), *folders))
        if not keys:
            return self._rows(self.parts).select(*self._columns())
        return pl.concat(tables)

    def _rows(self, parts: Sequence[Part], **numbered: Any) -> pl.LazyFrame:
        return _scan([part.place for part in parts], self.storage, schema=pl.Schema(self.schema), **numbered)

    def _columns(self) -> list[pl.Expr]:
        return [exactly(name).alias(str(number)) for number, name in enumerate(self.schema)]

    def wrong(self, column: int, name: str, bad: pl.Expr, most: int, frame: Frame) -> list[dict[str, Scalar]]:
        """The first rows of a column where a condition on its text holds, with file and line."""
        text = list(self.schema)[column]
        rows = self._rows(self.parts, row_index_name=" record").select(
            pl.col(" record").alias("record"), exactly(text).alias("text")
        )
        found = frame.collect(rows.filter(bad).head(most), f"lines of {name}", (name,))
        files = [(part.file.shown, part.shape) for part in self.parts]
        return located(found.rows(), name, files, len(files) > 1)
