"""Which columns may refer to another dataset of the repository: those whose name says so."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from quality.engine.dtypes import kind_of
from quality.learning.claim import Column, Proposed

References = Mapping[str, tuple[pl.LazyFrame, tuple[str, ...]]]
"""Other datasets by name, each with the columns that may be referred to."""


def related(column: Column, references: References) -> Proposed:
    """That the column's values occur in another dataset's key."""
    if kind_of(column.dtype) not in ("number", "text") or column.dtype.is_float() or not column.values.len():
        return
    own_key = column.values.n_unique() == column.values.len()
    for dataset, (frame, keys) in references.items():
        schema = frame.collect_schema()
        for key in keys:
            if own_key and column.name.lower() == key.lower() and not names(column.name, dataset):
                continue  # a number such as `no` in both names the rows of either
            if means(column.name, dataset, key) and kind_of(schema[key]) == kind_of(column.dtype):
                fields = {"check": "referential_integrity", "reference": dataset, "reference_column": key}
                yield "varies", f"{dataset}.{key}", fields, f"its name is that of {key} of {dataset}"


def means(column: str, dataset: str, key: str) -> bool:
    """`customer_id` means `id`, `customer_id` and `customer` of customers."""
    own, theirs, stems = column.lower(), key.lower(), stems_of(dataset)
    if own == theirs:
        return theirs not in ("id", "key", "name", "code") or own in stems
    return any(own in (stem, f"{stem}_{theirs}", f"{stem}{theirs}") for stem in stems)


def names(column: str, dataset: str) -> bool:
    """Whether the name of a column has that of a dataset in it."""
    return any(stem in column.lower() for stem in stems_of(dataset))


def stems_of(dataset: str) -> set[str]:
    """How a dataset is called where one row of it is meant: `customer` of customers."""
    return {dataset.lower(), dataset.lower().removesuffix("s"), dataset.lower().removesuffix("es")}
