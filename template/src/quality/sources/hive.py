"""Folders named `day=2024-01-01` as columns: text, unless every value is a whole number or a day, written as such."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import polars as pl

from quality.errors import MalformedError
from quality.sources.listing import File
from quality.sources.options import dtype_of
from quality.sources.parsing import Written, given, parsed

WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def key_dtypes(files: Sequence[File], dtypes: Mapping[str, str]) -> dict[str, pl.DataType]:
    """The dtype of each folder column: the declared one, else one that loses nothing (`007` stays text)."""
    first = files[0]
    for file in files:
        if file.keys.keys() != first.keys.keys():
            has, has_not = (file, first) if len(file.keys) > len(first.keys) else (first, file)
            key = next(iter(has.keys.keys() - has_not.keys.keys()), "")
            raise MalformedError(f"{has.shown} lies in a folder {key}=…, but {has_not.shown} does not: move one")
    return {key: _key_dtype(key, files, dtypes.get(key)) for key in first.keys}


def _key_dtype(key: str, files: Sequence[File], declared: str | None) -> pl.DataType:
    texts = [file.keys[key] for file in files]
    if declared is None:
        there = {text for text in files[0].among.get(key, texts) if text is not None}
        whole = bool(there) and all(WHOLE.fullmatch(text) for text in there)
        if whole:
            return pl.Int64()
        days = bool(there) and all(DAY.fullmatch(text) for text in there) and None not in values(there, pl.Date())
        return pl.Date() if days else pl.String()
    dtype = dtype_of(declared)
    for file, text, value in zip(files, texts, values(texts, dtype), strict=True):
        if value is None and text is not None:
            raise MalformedError(f"{file.shown}: the folder {key}={text} does not read as {dtype}, its declared dtype")
    return dtype


def values(texts: Sequence[str | None] | set[str], dtype: pl.DataType) -> list[object]:
    """Folders' values as a dtype has them; None for what is none of it."""
    text = pl.col("text")
    frame = pl.DataFrame({"text": list(texts)}, schema={"text": pl.String})
    read = pl.when(given(text, dtype)).then(parsed(text, dtype, Written()))
    return frame.select(read.alias("value"))["value"].to_list()
