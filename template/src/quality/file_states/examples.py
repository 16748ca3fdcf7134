"""Examples of failing rows, of the files whose states say that they have some, in the order of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from quality.engine.frame import Frame
from quality.engine.rule import Rule
from quality.engine.samples import ROW, Wanted, across, samples
from quality.file_states.frame import Whole
from quality.file_states.piece import Piece
from quality.values import Scalar

Shown = dict[int, list[dict[str, Scalar]]]


class Examples:
    """Gives the first failing rows of each rule: those that the whole would give, of which only some files are read.

    `failing` has, by the identity of a rule, how many rows of each file fail it; others are looked up in the whole.
    """

    def __init__(self, pieces: Sequence[Piece], whole: Whole, failing: Mapping[int, Sequence[int]]) -> None:
        self.pieces, self.whole, self.failing = pieces, whole, failing

    def samples(self, wanted: Mapping[int, Wanted], key: tuple[str, ...], rows: int) -> Shown:
        """Up to `rows` failing rows for each, with the key's columns or the row's number in the whole."""
        apart = {n: one for n, one in wanted.items() if id(one.rule) in self.failing}
        apart = {n: one for n, one in apart.items() if not across(one.failing, self.whole)}
        found: Shown = {n: [] for n in apart}
        before = 0
        for place, piece in enumerate(self.pieces):
            counts = {n: self.failing[id(one.rule)][place] for n, one in apart.items() if len(found[n]) < rows}
            asked = {n: apart[n]._replace(failed=count) for n, count in counts.items() if count}
            for n, some in self._of(piece, asked, key, rows).items():
                found[n] += [_numbered(row, before, apart[n].rule, key) for row in some][: rows - len(found[n])]
            before += piece.described().rows
        left = {n: one for n, one in wanted.items() if n not in apart}
        return found | (samples(self._whole(), left, key, rows) if left else {})

    def _of(self, piece: Piece, asked: Mapping[int, Wanted], key: tuple[str, ...], rows: int) -> Shown:
        """The samples of one file, whose queries are told with those of the whole."""
        if not asked:
            return {}
        seen = len(piece.frame.queries)
        found = samples(piece.frame, asked, key, rows)
        self.whole.queries += piece.frame.queries[seen:]
        return found

    def _whole(self) -> Frame:
        """The whole, of which samples are taken as of any frame."""
        rows = self.whole.where(pl.lit(True))
        rows.rows_seen(self.whole.rows)
        return rows


def _numbered(row: dict[str, Scalar], before: int, rule: Rule, key: tuple[str, ...]) -> dict[str, Scalar]:
    """A row by its number in the whole, where it is told by its number."""
    number = row.get(ROW)
    if key or ROW in rule.reads or not isinstance(number, int):
        return row
    return row | {ROW: number + before}
