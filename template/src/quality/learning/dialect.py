"""How CSV files are written, told from their own bytes: their encoding, the signs between values, and lines above."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from quality.errors import SourceError
from quality.sources import Files
from quality.sources.encoding import BLOCK, as_utf8, last_byte, opened
from quality.sources.listing import File, one_format
from quality.sources.parsing import Written, unparsed

ENCODINGS = ("utf-8", "cp1252", "latin-1")
"""Tried in this order: what is UTF-8 is hardly ever anything else, and every file is latin-1."""
MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
SEPARATORS = (",", ";", "\t", "|")
FEW, LOOKED_AT, ALIKE, ABOVE = 50, 1_000, 0.95, 20
"""Values that are looked at first; records that tell the separator, of which this share must have one width; and how
many lines may stand above the header."""
NUMBERS = ((".", None), (",", None), (",", "."), (".", ","), (",", " "), (".", " "), (".", "'"), (",", "'"))
"""How numbers are written: the sign before decimals and the one between thousands; of two that fit, the first."""
DIGITS, WHOLE = r"\A[-+0-9.,:'TZ/ ]+\z", r"\A-?[0-9]+\z"
NO_VALUES = ("NA", "N/A", "n/a", "#N/A", "NULL", "null", "None", "NaN", "nan", "\\N", "-", "--", "?")
"""Texts that mean no value where all others of a column are numbers or dates."""


class Signs(NamedTuple):
    """The separator of a text, and how many lines stand above its header."""

    separator: str
    above: int
    width: int


def is_csv(source: Files, root: Path) -> bool:
    """Whether the files are CSV, told by the path or, of a folder, by what lies in it."""
    if (form := source.resolved_format()) is not None:
        return form == "csv"
    try:
        return source.table(root) is None and one_format(source.files(root), source.path) == "csv"
    except SourceError:
        return False


def with_dialect(source: Files, root: Path) -> Files:
    """CSV files with what they do not say and their bytes tell; what is declared stays, and so do remote ones."""
    if source.is_remote or not source.header:
        return source
    found: dict[str, Any] = {}
    files = source.files(root)
    if source.is_utf8 and (encoding := _encoding(files)) != "utf-8":
        found["encoding"] = encoding
    files = [_as_utf8(file, source.model_copy(update=found)) for file in files]
    if (signs := _signs(_head(files[0]), source)) is not None:
        usual = "\t" if files[0].shown.endswith((".tsv", ".tsv.gz", ".tsv.zst")) else ","
        found |= {"separator": signs.separator} if source.separator is None and signs.separator != usual else {}
        found |= {"skip_lines": signs.above} if not source.skip_lines and signs.above else {}
    if any(last_byte(file.path, file.shown) not in b"\r\n" for file in files):
        found["ends_in_newline"] = False
    return Files.model_validate({**source.model_dump(), **found}) if found else source


def _as_utf8(file: File, source: Files) -> File:
    """The same text as UTF-8."""
    place = file.place if source.is_utf8 else str(as_utf8(file.path, file.shown, source.encoding))
    return file._replace(place=place)


def _encoding(files: Iterable[File]) -> str:
    """The first encoding in which every file is text; zstd is unpacked by Polars alone, which reads UTF-8."""
    plain = [file for file in files if file.path.suffix != ".zst"]
    for file in plain:
        with opened(file.path, file.shown) as read:
            if mark := MARKS.get(read.read(2)):
                return mark
    return next(name for name in ENCODINGS if all(_is_text(file, name) for file in plain))


def _is_text(file: File, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with opened(file.path, file.shown) as read:
        try:
            while block := read.read(BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _head(file: File) -> str:
    """The first lines of a file of UTF-8, without the one that is cut."""
    if file.path.suffix == ".zst":
        return "\n".join(pl.scan_lines(file.place, glob=False).head(LOOKED_AT).collect().to_series())
    with opened(file.path, file.shown) as read:
        block = read.read(BLOCK)
    text = block.decode("utf-8-sig", "replace")
    return text.rpartition("\n")[0] or text if len(block) == BLOCK else text


def _signs(text: str, source: Files) -> Signs | None:
    """The separator by which records are of one width from the header on, with the fewest lines above it."""
    tried = SEPARATORS if source.separator is None else (source.separator,)
    found = (_of(list(_widths(text, one, source)), one) for one in tried)
    fitting = [signs for signs in found if signs is not None]
    return min(fitting, key=lambda signs: (signs.above, -signs.width), default=None)


def _widths(text: str, separator: str, source: Files) -> Iterator[tuple[int, int]]:
    """The number of lines before each record, and of fields in it."""
    quote = {"quoting": csv.QUOTE_NONE} if source.quote == "none" else {"quotechar": source.quote}
    reader, before = csv.reader(io.StringIO(text, newline=""), delimiter=separator, **quote), 0
    try:
        for number, record in enumerate(reader):
            if number == LOOKED_AT:
                return
            yield before, len(record)
            before = reader.line_num
    except csv.Error:
        return


def _of(records: Sequence[tuple[int, int]], separator: str) -> Signs | None:
    """What a separator makes of records: None where they have one field, or several numbers of them."""
    usual = Counter(width for _, width in records if width > 1).most_common(1)
    if not usual:
        return None
    width = usual[0][0]
    first = next(number for number, (_, one) in enumerate(records) if one == width)
    alike = sum(one == width for _, one in records[first:]) / len(records[first:])
    return Signs(separator, records[first][0], width) if alike >= ALIKE and records[first][0] <= ABOVE else None


def numbers(texts: pl.DataFrame) -> tuple[str, str | None]:
    """The signs by which most columns are numbers."""
    columns = undecided(filled(texts))
    return max(NUMBERS, key=lambda signs: len(fitting(columns, columns.columns, pl.Float64(), Written(*signs))))


def filled(texts: pl.DataFrame) -> pl.DataFrame:
    """The columns with a text, under their numbers, as names may be patterns."""
    numbered = texts.rename(dict(zip(texts.columns, map(str, range(texts.width)), strict=True)))
    there = numbered.select((pl.all().is_not_null() & (pl.all() != "")).any())
    return numbered.select(name for name in numbered.columns if there[name].item())


def undecided(texts: pl.DataFrame) -> pl.DataFrame:
    """The columns of digits and signs that are not plain whole numbers, which are numbers however they are written."""
    given = pl.all().filter(pl.all() != "")
    signs, plain = (texts.select(given.str.contains(form).all()) for form in (DIGITS, WHOLE))
    return texts.select(name for name in texts.columns if signs[name].item() and not plain[name].item())


def fitting(texts: pl.DataFrame, names: Sequence[str], dtype: pl.DataType, written: Written) -> list[str]:
    """The columns all of whose texts are values of a dtype, written so; their first ones tell of most that are not."""
    for part in (texts.head(FEW), texts):
        wrong = part.select(unparsed(pl.col(name), dtype, written).any() for name in names)
        names = [name for name in names if not wrong[name].item()]
    return list(names)
