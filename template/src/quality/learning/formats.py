"""What columns of text are, so that nothing is lost: leading zeros stay text, dates are dates."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from quality.errors import MalformedError
from quality.learning.dialect import NO_VALUES, filled, fitting, is_csv, numbers, undecided, with_dialect
from quality.sources import Files, Source
from quality.sources.connections import name_parts
from quality.sources.dates import dated
from quality.sources.parsing import Written, parsed
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
TEXT = {"String"}
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
    rows = Asked(source.query and source.query.strip().rstrip(";"), name_parts(source.table or "")).rows(quoted)
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
    columns, words, kept = filled(texts), set[str](), set[str]()
    for name in columns.columns:
        if there := set(NO_VALUES) & {*columns[name].unique()}:
            rest = filled(columns.select(pl.col(name).filter(~pl.col(name).is_in([*there]))))
            (words if rest.width and _is_told(rest, written) else kept).update(there)
    return tuple(sorted(words - kept))


def _is_told(texts: pl.DataFrame, written: Written) -> bool:
    """Whether the texts of a column are numbers, or dates of one format."""
    told = declared(texts)
    return bool(fitting(texts, texts.columns, pl.Float64(), written) or told.dates or {*told.dtypes.values()} - TEXT)


def declared(texts: pl.DataFrame) -> Told:
    """What columns of text should be declared as."""
    there, names = filled(texts), texts.columns
    zeros = there.select(pl.all().str.contains(ZEROS).any())
    dtypes = {name: "String" for name in there.columns if zeros[name].item()}
    columns = undecided(there.drop(dtypes))
    for dtype, iso in ISO.items():
        left = [name for name in columns.columns if name not in dtypes]
        dtypes |= dict.fromkeys(fitting(columns, left, iso, Written()), dtype)
    dates = _styles(columns.drop(name for name in columns.columns if name in dtypes))
    return Told(*({names[int(number)]: said for number, said in one.items()} for one in (dtypes, dates)))


def _styles(texts: pl.DataFrame) -> dict[str, str]:
    """The format that all of a column are written in; none where several disagree, as day and month may be either."""
    styles: dict[str, list[str]] = {}
    for style, form in FORMATS.items():
        for name in fitting(texts, texts.columns, dated(form), Written(date=form)):
            styles.setdefault(name, []).append(style)
    return {name: fit[0] for name, fit in styles.items() if _agree(texts, name, fit)}


def _agree(texts: pl.DataFrame, name: str, styles: list[str]) -> bool:
    """Whether texts mean the same in each format."""
    forms = [FORMATS[style] for style in styles]
    first, *others = (texts.select(parsed(pl.col(name), dated(form), Written(date=form))).to_series() for form in forms)
    return all(one.equals(first) for one in others)
