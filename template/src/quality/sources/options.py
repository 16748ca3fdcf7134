"""How text files are written: what a contract says of CSV and NDJSON files beside their place."""

from __future__ import annotations

import codecs
from typing import Annotated, Literal, NamedTuple, Self

import polars as pl
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from quality.rules.dtype_names import DTYPES, Dtype
from quality.sources.dates import date_format
from quality.values import Frozen, Text

READABLE = frozenset(
    [
        "int8",
        "int16",
        "int32",
        "int64",
        "int128",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "float32",
        "float64",
        "decimal",
        "string",
        "boolean",
        "date",
        "datetime",
        "time",
        "categorical",
        "utf8",
        "str",
        "bool",
        "int",
    ]
)
"""The dtypes that text can be read as."""
DECIMAL = pl.Decimal(38, 9)
"""What `Decimal` is in a text file, which says neither precision nor scale."""


def _encoding(name: str) -> str:
    try:
        codecs.lookup(name)
    except LookupError:
        raise ValueError(f"there is no encoding '{name}'; write one such as utf-8, latin-1, cp1252 or utf-16") from None
    return name


def _date_format(written: str) -> str:
    date_format(written)
    return written


Sign = Annotated[str, StringConstraints(pattern=r"^[\x01-\x7f]$")]
Encoding = Annotated[Text, AfterValidator(_encoding)]
DateForm = Annotated[Text, AfterValidator(_date_format)]


class Dialect(NamedTuple):
    """The signs of a CSV file; `names` are its columns where it has no header."""

    separator: str
    quote: str | None
    comment: str | None
    skip: int
    names: tuple[str, ...]


class TextFormat(Frozen):
    """The fields of a source that say how its text files are written."""

    separator: Sign | None = Field(None, description="Of a CSV file; a comma, and a tab for .tsv, when left out.")
    dtypes: dict[str, Dtype] = Field(
        {},
        description="Dtypes of columns that must not be inferred, of text files and of folders such as day=2024-01-01.",
    )
    encoding: Encoding = Field("utf-8", description="Of text files: utf-8, latin-1, cp1252, utf-16, …")
    decimal: Literal[".", ","] = Field(".", description="What is before the decimals of a number in a CSV file.")
    thousands: Literal[".", ",", " ", "'", "_"] | None = Field(
        None, description="What is between the thousands of a number in a CSV file."
    )
    scientific: bool = Field(False, description="Whether CSV numbers may be 1e-05, inf and NaN.")
    null_values: tuple[str, ...] = Field((), description="Texts of a CSV file that mean no value, such as NA.")
    quote: Sign | Literal["none"] = Field('"', description="Around CSV values; `none` where files have no quotes.")
    comment: Text | None = Field(None, description="How CSV lines begin that are comments.")
    skip_lines: Annotated[int, Field(ge=0)] = Field(0, description="Lines before the header of a CSV file.")
    header: bool = Field(True, description="Whether a CSV file names its columns; `columns` names them where not.")
    columns: tuple[Text, ...] = Field((), description="Names of the columns of a CSV file without a header.")
    dates: dict[str, DateForm] = Field(
        {}, description="Formats of date and time columns in text files: {day: DD.MM.YYYY}."
    )
    ends_in_newline: bool = Field(
        True, description="Whether the last line of a text file must be ended: one that is not may have been cut."
    )

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if families := [dtype for dtype in self.dtypes.values() if dtype.lower() not in DTYPES]:
            raise ValueError(f"dtypes: '{families[0]}' is a family; name a dtype such as Int64, String or Date")
        if nested := [f"{c}: {d}" for c, d in self.dtypes.items() if d.lower() not in READABLE]:
            raise ValueError(
                f"dtypes: {nested[0]} cannot be read from text; name a dtype such as Int64, String or Date"
            )
        if self.decimal == self.thousands:
            raise ValueError(f"decimal and thousands are both '{self.decimal}'; they must differ")
        if self.header == bool(self.columns):
            said = "columns are for files with `header: false`" if self.header else "header: false needs `columns`"
            raise ValueError(f"{said}, such as columns: [id, amount]")
        if len(set(self.columns)) < len(self.columns):
            raise ValueError("columns: a name is there twice; name each column once")
        texts = [c for c in self.dates if self.dtypes.get(c, "date").lower() not in ("date", "datetime", "time")]
        if texts:
            raise ValueError(f"dates: '{texts[0]}' is {self.dtypes[texts[0]]} in dtypes; declare it Date or Datetime")
        return self

    def dialect(self, separator: str) -> Dialect:
        quote = None if self.quote == "none" else self.quote
        return Dialect(separator, quote, self.comment, self.skip_lines, self.columns)

    @property
    def declared(self) -> tuple[str, ...]:
        """The columns whose texts are said to be something."""
        return tuple(dict.fromkeys((*self.dtypes, *self.dates)))

    def date_of(self, column: str) -> str | None:
        """The strftime format of a column's dates; None where they are written as ISO 8601 says."""
        return date_format(self.dates[column]) if column in self.dates else None

    @property
    def is_utf8(self) -> bool:
        return codecs.lookup(self.encoding).name in ("utf-8", "utf-8-sig")


def dtype_of(name: str) -> pl.DataType:
    """The dtype that a name in `dtypes` stands for in a text file."""
    dtype = DTYPES[name.lower()]
    return DECIMAL if dtype == pl.Decimal else dtype()
