"""What the columns of a text file are, so that nothing is lost: leading zeros stay text, dates are dates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl

from quality.sources import Files
from quality.sources.parsing import Written, unparsed

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
}


class Told(NamedTuple):
    """Dtypes, and formats of dates, that a source had better declare."""

    dtypes: dict[str, str]
    dates: dict[str, str]


def with_dtypes(source: Files, root: Path) -> Files:
    """The source, and what its texts are where nothing was declared and a guess would lose something."""
    if source.resolved_format() != "csv" or not source.header:
        return source
    names = list(source.scan(root).collect_schema())
    open_ = [name for name in names if name not in source.dtypes and name not in source.dates]
    as_text = source.model_copy(update={"dtypes": dict.fromkeys(names, "String"), "dates": {}})
    told = declared(as_text.scan(root).select(open_).head(LOOKED_AT).collect(engine="streaming"))
    if not told.dtypes and not told.dates:
        return source
    return Files.model_validate(
        {**source.model_dump(), "dtypes": source.dtypes | told.dtypes, "dates": source.dates | told.dates}
    )


def declared(texts: pl.DataFrame) -> Told:
    """What columns of text should be declared as."""
    told = Told({}, {})
    for name in texts.columns:
        values = texts.get_column(name).drop_nulls()
        values = values.filter(values != "").rename("value")
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
    """The one format that all are written in; none where several fit, as day and month may be either."""
    fitting = []
    for style, form in FORMATS.items():
        dtype = pl.Datetime("us") if "HH" in style else pl.Date()
        if not values.to_frame().select(unparsed(pl.col("value"), dtype, Written(date=form)).any()).item():
            fitting.append(style)
    if len(fitting) == 1:
        yield fitting[0]
