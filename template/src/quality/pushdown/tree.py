"""The plan of a Polars query as Polars itself has it once every dtype is known and every cast is written down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import polars as pl

FLAGS = pl.QueryOptFlags.none()
FLAGS.simplify_expression = True


class Tree:
    """A walk over the nodes of a plan."""

    def __init__(self, query: pl.LazyFrame) -> None:
        self._nodes = query._ldf.with_optimizations(FLAGS._pyoptflags).visit()

    @property
    def node(self) -> Any:
        """The node of the plan that the walk is at."""
        return self._nodes.view_current_node()

    @property
    def kind(self) -> str:
        return type(self.node).__name__

    @property
    def schema(self) -> dict[str, pl.DataType]:
        return dict(self._nodes.get_schema())

    @contextmanager
    def below(self, number: int = 0) -> Iterator[None]:
        """The walk at an input of where it is, against whose columns the node's expressions are read."""
        here = self._nodes.get_node()
        self._nodes.set_node(self._nodes.get_inputs()[number])
        try:
            yield
        finally:
            self._nodes.set_node(here)

    @property
    def inputs(self) -> int:
        return len(self._nodes.get_inputs())

    def leaves(self) -> Iterator[Any]:
        """The scans of the plan."""
        here, there = self._nodes.get_node(), self._nodes.get_inputs()
        if not there:
            yield self.node
        for one in there:
            self._nodes.set_node(one)
            yield from self.leaves()
        self._nodes.set_node(here)

    def expr(self, number: int) -> Any:
        return self._nodes.view_expression(number)

    def dtype(self, number: int) -> pl.DataType:
        found: pl.DataType = self._nodes.get_dtype(number)
        return found
