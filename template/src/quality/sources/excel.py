"""Excel sheets: read as text beside the kinds of their cells, so that no cell of another kind becomes null silently."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, NamedTuple
from xml.etree import ElementTree

import polars as pl

from quality.engine.frame import Frame
from quality.errors import MalformedError, first_line
from quality.sources.drivers import driver
from quality.sources.encoding import kept
from quality.sources.listing import File
from quality.sources.options import TextFormat
from quality.sources.parsing import Written, unparsed
from quality.sources.records import Records, located
from quality.sources.schemas import Evolution, unite
from quality.sources.source import Reading
from quality.sources.typed import Text, typed
from quality.texts import nearest
from quality.values import Scalar

LARGEST = 300 * 2**20
"""Bytes of a packed file: a sheet is read whole."""
KINDS = {"s": "text", "str": "text", "inlineStr": "text", "b": "true or false", "e": "an error", "d": "a date"}
TEXTS: Mapping[str, pl.DataType] = {"true or false": pl.Boolean(), "a date": pl.Datetime("us"), "text": pl.String()}
ADDRESS = re.compile(r"([A-Z]+)([0-9]+)")
MOMENT = r"\A[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]+)?\z"
EXACT = Written(scientific=True)


class Sheet(NamedTuple):
    """One sheet: its file, the row of its header counted from 1, its cells as text, and each column's dtype."""

    file: File
    header: int
    place: str
    rows: int
    dtypes: Mapping[str, pl.DataType]

    @property
    def shape(self) -> Records:
        """Rows are numbered as Excel numbers them."""
        return Records((), self.header, self.rows, (), "row")


def read_excel(
    files: Sequence[File],
    sheet: str | None,
    options: TextFormat,
    evolution: Sequence[Evolution],
    keys: Mapping[str, pl.DataType],
    judged: Any,
) -> Reading:
    """The sheets of files as one: every cell looked at, and every column of one kind of values, or declared."""
    sheets = [_sheet(file, sheet, options) for file in files]
    one = unite([(part.file.shown, pl.Schema(part.dtypes)) for part in sheets], evolution)
    declared = {*options.dtypes, *options.dates}
    for column in sorted(declared - set(one.schema) - set(keys)):
        raise MalformedError(
            f"source.dtypes: there is no column '{column}' in {files[0].shown}; {nearest(column, one.schema)}"
        )
    if one.differs:
        return Reading(pl.LazyFrame(), schemas=one.schemas, differs=one.differs)
    tables = _Tables(sheets, one.schema, declared)
    native = {name: dtype for name, dtype in one.schema.items() if name not in declared}
    count = sum(part.rows for part in sheets)
    plain = options.model_copy(update={"scientific": True, "decimal": ".", "thousands": None})
    found = typed(Text(tables.scan(keys), list(one.schema), keys, tables.wrong, native), plain, judged, count)
    return found._replace(rows=count)


class _Tables:
    """The sheets as frames whose columns have names of their own: `0`, `1`, … in the order of the union."""

    def __init__(self, sheets: Sequence[Sheet], schema: pl.Schema, declared: set[str]) -> None:
        self.sheets, self.schema, self.declared = sheets, schema, declared

    def scan(self, keys: Mapping[str, pl.DataType]) -> pl.LazyFrame:
        return pl.concat([self._rows(one, tuple(keys)) for one in self.sheets])

    def _rows(self, one: Sheet, keys: Sequence[str]) -> pl.LazyFrame:
        there = list(one.dtypes)
        own = [
            (self._value(pl.col(str(there.index(name))), name) if name in there else pl.lit(None, dtype)).alias(str(n))
            for n, (name, dtype) in enumerate(self.schema.items())
        ]
        folders = [pl.lit(one.file.keys[key], pl.String).alias(f"key {n}") for n, key in enumerate(keys)]
        return pl.scan_parquet(one.place, glob=False).select(*own, *folders)

    def _value(self, text: pl.Expr, name: str) -> pl.Expr:
        dtype = self.schema[name]
        if name in self.declared or dtype == pl.String:
            return text
        if dtype == pl.Null:
            return pl.lit(None)
        if dtype == pl.Boolean:
            return text == "true"
        return (
            text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us") if dtype == pl.Datetime else text.cast(dtype)
        )

    def wrong(self, column: int, name: str, bad: pl.Expr, most: int, frame: Frame) -> list[dict[str, Scalar]]:
        """The first rows of a column where a condition on its text holds, with file and row."""
        rows = self.scan({}).with_row_index("record").select("record", pl.col(str(column)).alias("text"))
        found = frame.collect(rows.filter(bad).head(most), f"rows of {name}", (name,)).rows()
        return located(found, name, [(one.file.shown, one.shape) for one in self.sheets], len(self.sheets) > 1)


def _sheet(file: File, sheet: str | None, options: TextFormat) -> Sheet:
    fastexcel = driver("fastexcel", "excel", f"{file.shown} is an Excel file, which")
    if file.path.stat().st_size > LARGEST:
        raise MalformedError(f"{file.shown} has more than {LARGEST // 2**20} MiB, and a sheet is read whole")
    try:
        book = fastexcel.read_excel(file.place)
        name = _named(file, sheet, book.sheet_names)
        cells = pl.DataFrame(book.load_sheet(name, header_row=None, dtypes="string"))
        kinds = _kinds(file, name, options.skip_lines)
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError, fastexcel.FastExcelError) as error:
        raise MalformedError(f"{file.shown} cannot be read as excel: {first_line(error)}") from error
    return _with_header(file, name, cells, kinds, options)


def _named(file: File, sheet: str | None, names: Sequence[str]) -> str:
    if sheet is None and len(names) == 1:
        return names[0]
    if sheet is None:
        raise MalformedError(f"{file.shown} has {len(names)} sheets: {', '.join(names)}; name one in source.sheet")
    if sheet not in names:
        raise MalformedError(f"{file.shown} has no sheet '{sheet}'; {nearest(sheet, names)}")
    return sheet


class Cells(NamedTuple):
    """Where a column, numbered from 0, first has a cell of each kind, by address; the first row with a cell."""

    kinds: Mapping[int, Mapping[str, str]]
    first: int


def _kinds(file: File, name: str, skipped: int) -> Cells:
    """The kinds of all cells below the header, from the sheet's own XML."""
    kinds: dict[int, dict[str, str]] = {}
    first = 0
    with zipfile.ZipFile(file.path) as book, book.open(_part(book, name)) as source:
        for address, kind in _cells(source):
            found = ADDRESS.fullmatch(address)
            if found is None:
                raise MalformedError(f"{file.shown} does not say where its cells are; open it, and save it again")
            row = int(found[2])
            first = first or row
            if row > first + skipped:
                kinds.setdefault(_number(found[1]), {}).setdefault(kind, address)
    return Cells(kinds, first)


def _cells(source: IO[bytes]) -> Iterator[tuple[str, str]]:
    """The address and the kind of every cell that has a value, or a formula whose value is not in the file."""
    for _, node in ElementTree.iterparse(source):
        tag = node.tag.rpartition("}")[2]
        if tag == "c":
            parts = {child.tag.rpartition("}")[2]: child for child in node}
            kind = KINDS.get(node.get("t", "n"), "a number")
            value = parts.get("v")
            if "f" in parts and kind != "text" and (value is None or not value.text):
                yield node.get("r", ""), "a formula"
            elif value is not None or "is" in parts:
                yield node.get("r", ""), kind
        elif tag == "row":
            node.clear()


def _part(book: zipfile.ZipFile, name: str) -> str:
    """The part of a workbook that is the sheet of this name."""
    sheets = [one for one in ElementTree.fromstring(book.read("xl/workbook.xml")).iter() if one.tag.endswith("}sheet")]
    sheet = next(one for one in sheets if one.get("name") == name)
    named = next(value for key, value in sheet.items() if key.endswith("}id"))
    links = ElementTree.fromstring(book.read("xl/_rels/workbook.xml.rels"))
    target = next(str(one.get("Target")) for one in links if one.get("Id") == named)
    return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"


def _number(letters: str) -> int:
    """0 for A, 26 for AA."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _with_header(file: File, sheet: str, cells: pl.DataFrame, kinds: Cells, options: TextFormat) -> Sheet:
    where = f"{file.shown} sheet '{sheet}'"
    skipped = options.skip_lines
    if cells.height <= skipped:
        raise MalformedError(f"{where} has no header: it has {cells.height:,} rows and {skipped:,} are skipped")
    names = list(cells.row(skipped))
    if None in names:
        raise MalformedError(f"{where}: the header has no name for column {names.index(None) + 1}; name each column")
    if twice := next((one for one in names if names.count(one) > 1), None):
        raise MalformedError(f"{where} names the column '{twice}' more than once; rename one in the header")
    rows = cells[skipped + 1 :].rename({old: str(n) for n, old in enumerate(cells.columns)})
    rows = rows[: rows.height - _blank(rows)]
    rows = rows.with_columns(pl.all().replace(dict.fromkeys(options.null_values)))
    _refuse_lost(where, names, kinds)
    declared = {*options.dtypes, *options.dates}
    dtypes = {
        name: pl.String() if name in declared else _dtype(where, name, rows[str(n)], kinds.kinds.get(n, {}))
        for n, name in enumerate(names)
    }
    made = kept(file.path, f"sheet {sheet} {skipped} {options.null_values}", lambda place: rows.write_parquet(place))
    return Sheet(file, kinds.first + skipped, str(made), rows.height, dtypes)


def _blank(rows: pl.DataFrame) -> int:
    """How many of the last rows have no value: they have borders or colors only."""
    empty = rows.select(pl.all_horizontal(pl.all().is_null()).alias("empty"))["empty"]
    return int(empty.reverse().cum_min().sum())


def _refuse_lost(where: str, names: Sequence[str], kinds: Cells) -> None:
    """Errors and formulas without a value would be null, whatever is declared."""
    for number, name in enumerate(names):
        for kind, address in kinds.kinds.get(number, {}).items():
            if kind in ("an error", "a formula"):
                said = "an error such as #DIV/0!" if kind == "an error" else "a formula that was not computed"
                raise MalformedError(
                    f"{where}: cell {address} of column '{name}' is {said}; mend it, and save the file"
                )


def _dtype(where: str, name: str, texts: pl.Series, kinds: Mapping[str, str]) -> pl.DataType:
    """The dtype of a column whose cells are of one kind."""
    if texts.null_count() == texts.len():
        return pl.Null()
    if len(kinds) > 1:
        (one, at), (other, also) = list(kinds.items())[:2]
        raise MalformedError(
            f"{where}: column '{name}' holds {one} ({at}) and {other} ({also}): write one kind, or declare its "
            "dtype in source.dtypes"
        )
    kind = next(iter(kinds), "text")
    if kind != "a number":
        return TEXTS.get(kind, pl.String())
    dates = texts.drop_nulls().str.contains(MOMENT)
    if dates.any() and not dates.all():
        raise MalformedError(f"{where}: column '{name}' holds dates and other numbers: format its cells alike")
    if dates.any():
        return pl.Datetime("us")
    whole = texts.to_frame("t").select(unparsed(pl.col("t"), pl.Int64(), EXACT).any()).item()
    return pl.Float64() if whole else pl.Int64()
