"""The whole of a source whose files have states: it has a schema at once, and is opened only where rows are read."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Concatenate, ParamSpec, TypeVar

import polars as pl

from quality.engine.frame import Frame, Surroundings

Given = ParamSpec("Given")
Found = TypeVar("Found")


class Whole(Frame):
    """A frame whose rows are opened when they are first asked for.

    `answers` are functions that states answer in place of a query on the whole, by the function that asks.
    """

    def __init__(
        self, schema: pl.Schema, around: Surroundings, opened: Callable[[], pl.LazyFrame], **more: Any
    ) -> None:
        super().__init__(pl.LazyFrame(schema=schema), around, **more)
        self._rows_of = opened
        self._is_open = False
        self.answers: dict[Any, Callable[..., Any]] = {}

    @property
    def lazy(self) -> pl.LazyFrame:
        """The rows of every file."""
        with self.lock:
            if not self._is_open:
                self._lazy = self._rows_of()
                self._is_open = True
        return self._lazy

    def where(self, keep: pl.Expr) -> Frame:
        """The rows where `keep` is true, opened when they are read; queries go to the same log."""
        part = Whole(
            self.schema, self.around, lambda: self.lazy.filter(keep), columnar=self.columnar, hidden=self.hidden
        )
        part.queries = self.queries
        return part

    def once(self, compute: Callable[Concatenate[Frame, Given], Found], *of: Given.args, **by: Given.kwargs) -> Found:
        """What a function gives for this frame: of states, where they answer for it."""
        if compute not in self.answers:
            return super().once(compute, *of, **by)
        key: tuple[Hashable, ...] = (compute, of, frozenset(by.items()))
        if key not in self.known:
            self.known[key] = self.answers[compute](*of, **by)
        found: Found = self.known[key]
        return found
