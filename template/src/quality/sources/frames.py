"""Data in memory: frames, tables of other libraries, plain rows and columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
        if hasattr(data, "__next__"):
            raise ValueError(
                "it can be read once, and would be empty after the check; give the table, as of `read_all()`"
            )
        return pl.DataFrame(data).lazy()
    if isinstance(data, Mapping) or (isinstance(data, Sequence) and not isinstance(data, (str, bytes))):
        if kind := next((type(one).__name__ for one in _parts(data) if _is_table(one)), None):
            raise ValueError(f"it holds a {kind}, and a check is about one table: give that alone, or all in one")
        made = pl.DataFrame(data, infer_schema_length=None, strict=True)
        if made.columns == ["column_0"] and not _is_row(next(iter(data))):
            kind = type(next(iter(data))).__name__
            raise ValueError(f"a {kind} is no row: give rows as mappings, columns by name, or one path or glob")
        return made.lazy()
    return None


def _parts(data: Mapping[Any, Any] | Sequence[Any]) -> Iterable[Any]:
    return data.values() if isinstance(data, Mapping) else data


def _is_table(data: Any) -> bool:
    """Whether it has columns of its own, which within another table would be a value."""
    kind = type(data)
    return kind is pl.LazyFrame or (hasattr(kind, "__arrow_c_stream__") and hasattr(kind, "columns"))


def _is_row(data: Any) -> bool:
    return hasattr(type(data), "__len__") and not isinstance(data, (str, bytes))
