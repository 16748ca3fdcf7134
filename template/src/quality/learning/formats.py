"""What columns of text are, so that nothing is lost: leading zeros stay text, dates are dates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from quality.errors import MalformedError
from quality.learning.dialect import NO_VALUES, given, is_csv, is_number, numbers, with_dialect
from quality.sources import Files, Source
from quality.sources.dates import dated
from quality.sources.parsing import Written, parsed, unparsed
from quality.sources.schemas import exactly
from quality.sources.snapshots import Asked, quoted
from quality.sources.sql import Sql

LOOKED_AT = 20_000
ZEROS = r"\A0[0-9]+\z"
ISO = {"Date": pl.Date(), "Datetime": pl.Datetime("us"), "Time": pl.Time()}
FORMATS = {
    "DD.MM.YYYY": "%d.%m.%Y",
    "DD/MM/YYYY": "%d/%m/%Y",
    "MM/DD/YYYY": "%m/%d/%Y",
    "DD-MM-YYYY": "%d-%m-%Y",
    "YYYY/MM/DD": "%Y/%m/%d",
    "DD.MM.YYYY HH:mm": "%d.%m.%Y %H:%M",
    "DD.MM.YYYY HH:mm:ss": "%d.%m.%Y %H:%M:%S",
    "YYYY-MM-DDTHH:mm:ssZ": "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%dT%H:%M:%S%.f%z": "%Y-%m-%dT%H:%M:%S%.f%z",
    "YYYY-MM-DD HH:mm:ssZ": "%Y-%m-%d %H:%M:%S%z",
}
DATELESS = ("ndjson", "json", "excel")
"""Formats whose dates may be texts: JSON has no others, and many a sheet."""


class Told(NamedTuple):
    """Dtypes, and formats of dates, that a source had better declare."""

    dtypes: dict[str, str]
    dates: dict[str, str]


def described(source: Source, root: Path) -> Source:
    """The source, with what its texts tell and it does not say: how they are written, and what their columns are."""
    if isinstance(source, Files) and is_csv(source, root):
        return with_dtypes(with_dialect(source, root), root)
    if isinstance(source, Sql) or (isinstance(source, Files) and source.resolved_format() in DATELESS):
        return _with_dates(source, root)
    return source


def with_dtypes(source: Files, root: Path) -> Files:
    """A CSV source, and what its texts are where nothing was declared and a guess would lose something."""
    if not source.header:
        return source
    names = list(source.scan(root).collect_schema())
    open_ = [name for name in names if name not in source.dtypes and name not in source.dates]
    as_text = source.model_copy(update={"dtypes": dict.fromkeys(names, "String"), "dates": {}})
    texts = as_text.scan(root).select(open_).head(LOOKED_AT).collect(engine="streaming")
    found = _of_values(texts, source)
    return Files.model_validate({**source.model_dump(), **found}) if found else source


def _with_dates(source: Files | Sql, root: Path) -> Files | Sql:
    """A source whose numbers are numbers, with those of its columns of text that are dates."""
    try:
        rows = (_first(source) if isinstance(source, Sql) else source).scan(root)
    except MalformedError:
        return source  # whoever reads it next is told why; and not every database knows LIMIT
    known = {*source.dtypes, *source.dates}
    texts = [name for name, dtype in rows.collect_schema().items() if dtype == pl.String and name not in known]
    told = declared(rows.select(exactly(name) for name in texts).head(LOOKED_AT).collect(engine="streaming"))
    dtypes = {name: dtype for name, dtype in told.dtypes.items() if dtype != "String"}
    if not dtypes and not told.dates:
        return source
    found = {"dtypes": source.dtypes | dtypes, "dates": source.dates | told.dates}
    return type(source).model_validate({**source.model_dump(), **found})


def _first(source: Sql) -> Sql:
    """The first rows of a database's, in SQL that most of them know."""
    rows = Asked(source.query and source.query.strip().rstrip(";"), tuple((source.table or "").split("."))).rows(quoted)
    return source.model_copy(update={"table": None, "query": f"SELECT * FROM {rows} LIMIT {LOOKED_AT}"})


def _of_values(texts: pl.DataFrame, source: Files) -> dict[str, Any]:
    """The fields of a source that the texts of its columns tell."""
    found: dict[str, Any] = {}
    written = Written(source.decimal, source.thousands, source.scientific)
    if written == Written() and (signs := numbers(texts)) != written[:2]:
        found |= {"decimal": signs[0], "thousands": signs[1]}
        written = Written(*signs)
    if not source.null_values and (words := no_values(texts, written)):
        found["null_values"] = words
        texts = texts.with_columns(pl.when(~pl.all().is_in(words)).then(pl.all()))
    told = declared(texts)
    found |= {"dtypes": source.dtypes | told.dtypes} if told.dtypes else {}
    return found | ({"dates": source.dates | told.dates} if told.dates else {})


def no_values(texts: pl.DataFrame, written: Written) -> tuple[str, ...]:
    """The words that mean no value: what else is in each column that has one are numbers, or are dates."""
    words, kept = set[str](), set[str]()
    for name in texts.columns:
        values = given(texts.get_column(name))
        if there := set(NO_VALUES) & {*values.unique()}:
            rest = values.filter(~values.is_in([*there]))
            (words if rest.len() and _is_told(rest, written) else kept).update(there)
    return tuple(sorted(words - kept))


def _is_told(values: pl.Series, written: Written) -> bool:
    """Whether texts are numbers, or dates of one format."""
    return is_number(values, written) or next(_iso(values), None) is not None or next(_styles(values), None) is not None


def declared(texts: pl.DataFrame) -> Told:
    """What columns of text should be declared as."""
    told = Told({}, {})
    for name in texts.columns:
        values = given(texts.get_column(name))
        if not values.len():
            continue
        if values.str.contains(ZEROS).any():
            told.dtypes[name] = "String"
        elif (dtype := next(_iso(values), None)) is not None:
            told.dtypes[name] = dtype
        elif (style := next(_styles(values), None)) is not None:
            told.dates[name] = style
    return told


def _iso(values: pl.Series) -> Iterator[str]:
    for name, dtype in ISO.items():
        if not values.to_frame().select(unparsed(pl.col("value"), dtype, Written()).any()).item():
            yield name


def _styles(values: pl.Series) -> Iterator[str]:
    """The format that all are written in; none where several fit and disagree, as day and month may be either."""
    fitting, read = [], []
    for style, form in FORMATS.items():
        own = parsed(pl.col("value"), dated(form), Written(date=form))
        moments = values.to_frame().select(own.alias("value")).to_series()
        if not moments.has_nulls():
            fitting.append(style)
            read.append(moments)
    if fitting and all(one.equals(read[0]) for one in read):
        yield fitting[0]
