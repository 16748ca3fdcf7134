"""Data in memory: frames, tables of other libraries, plain rows and columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from quality.errors import MalformedError, first_line


def as_frame(data: Any) -> pl.LazyFrame | None:
    """A lazy view of a frame, a pandas or Arrow table, or plain rows or columns; None for anything else."""
    try:
        return _as_frame(data)
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise MalformedError(f"the {type(data).__name__} cannot be read as a table: {first_line(error)}") from error


def _as_frame(data: Any) -> pl.LazyFrame | None:
    if isinstance(data, pl.LazyFrame):
        return data
    if isinstance(data, pl.DataFrame):
        return data.lazy()
    if type(data).__module__.split(".")[0] == "pandas":
        return pl.LazyFrame(pl.from_pandas(data))
    if hasattr(data, "__arrow_c_stream__"):
        return pl.DataFrame(data).lazy()
    if isinstance(data, Mapping) or (isinstance(data, Sequence) and not isinstance(data, (str, bytes))):
        return pl.DataFrame(data, infer_schema_length=None, strict=True).lazy()
    return None
