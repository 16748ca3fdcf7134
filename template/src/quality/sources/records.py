"""The records of a CSV file, found line by line before any query: a file is whole and strict, or it is refused.

What Polars reads silently as something else (fields too many or too few, quotes that are not closed or stand inside
a value, blank lines, NUL bytes) depends on the columns that a query reads; this look does not.
"""

from __future__ import annotations

import bisect
import csv
import io
import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, NoReturn

import polars as pl

from quality.errors import MalformedError
from quality.sources.options import Dialect
from quality.texts import shorten
from quality.values import Scalar

LONGEST = 10_000_000
"""Characters of one record; one quote that is never closed would take the whole file into memory."""
HEAD = 1_000
"""Lines among which the header must be."""
BATCH = 100_000
MOST_COUNTED = 500
"""Fields that a pattern can count; a wider one would not compile."""


class Records(NamedTuple):
    """The shape of one file: its columns, the lines before the first record, and how many records follow.

    `shifts` are the places where a record is on another line than its number says: values of several lines before it.
    """

    header: tuple[str, ...]
    start: int
    total: int
    shifts: tuple[tuple[int, int], ...]
    unit: str = "line"

    def line(self, record: int) -> int:
        """The line, counted from 1, on which a record begins; the first record is 0."""
        after = bisect.bisect_right(self.shifts, (record, LONGEST * LONGEST)) - 1
        return record + 1 + (self.shifts[after][1] if after >= 0 else self.start)


def records(place: str, shown: str, dialect: Dialect, storage: dict[str, Any] | None = None) -> Records:
    """The shape of a file; MalformedError names the first line that breaks it."""
    return _Look(place, shown, dialect, storage).records()


def located(
    rows: Iterable[tuple[int, str]], column: str, files: Sequence[tuple[str, Records]], several: bool
) -> list[dict[str, Scalar]]:
    """Texts of a column with the file and the line on which their records begin; records are counted over all files."""
    ends = list(itertools.accumulate((shape.total for _, shape in files), initial=0))
    found: list[dict[str, Scalar]] = []
    for record, text in rows:
        at = bisect.bisect_right(ends, record) - 1
        where: dict[str, Scalar] = {"file": files[at][0]} if several else {}
        found.append({**where, files[at][1].unit: files[at][1].line(record - ends[at]), column: shorten(text, 120)})
    return found


class _Look:
    def __init__(self, place: str, shown: str, dialect: Dialect, storage: dict[str, Any] | None) -> None:
        self.place, self.shown, self.dialect, self.storage = place, shown, dialect, storage
        self.count, self.shifts = 0, list[tuple[int, int]]()
        self.open: tuple[int, str] | None = None

    def lines(self, first: int | None = None) -> pl.LazyFrame:
        """The lines with their numbers, without the mark at the beginning of the file."""
        text = pl.col("line")
        return pl.scan_lines(
            self.place, n_rows=first, row_index_name="n", glob=False, storage_options=self.storage
        ).with_columns(pl.when(pl.col("n") == 0).then(text.str.strip_prefix("\ufeff")).otherwise(text))

    def records(self) -> Records:
        header, start = self._header()
        self.width, self.shift = len(header), start
        for lines in self.lines().slice(start).collect_batches(chunk_size=BATCH, maintain_order=True, lazy=True):
            self._take(lines)
        if self.open is not None:
            self._refuse(self.open[0], "a quoted value is not closed")
        return Records(header, start, self.count, tuple(self.shifts))

    def _header(self) -> tuple[tuple[str, ...], int]:
        """The names of the columns, and the number of lines before the first record."""
        if self.dialect.names:
            return self.dialect.names, self.dialect.skip
        lines = self.lines(self.dialect.skip + HEAD).collect()["line"].to_list()
        first = self.dialect.skip
        while first < len(lines) and self._is_comment(lines[first]):
            first += 1
        if first >= len(lines):
            raise MalformedError(f"{self.shown} has no header: it has {len(lines):,} lines and {first:,} are skipped")
        last, text = first, lines[first]
        while self.dialect.quote and text.count(self.dialect.quote) % 2 and last + 1 < len(lines):
            last += 1
            text += "\n" + lines[last]
        return self._names(text, first), last + 1

    def _names(self, text: str, line: int) -> tuple[str, ...]:
        names = self._fields(text) or [""]
        self.width = len(names)
        if not pl.Series([text]).to_frame("t").select(self._fits(pl.col("t"))).item():
            self._refuse(line, self._reason(text))
        if not "".join(names).strip():
            again = "remove it, or set source.skip_lines"
            raise MalformedError(f"{self.shown} names no column: line {line + 1}, its header, is blank; {again}")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise MalformedError(
                f"{self.shown} names the column '{twice[0]}' more than once (line {line + 1}); rename one in the header"
            )
        others = [sign for sign in ";\t|," if sign != self.dialect.separator and sign in names[0]]
        if len(names) == 1 and others and text.strip(self.dialect.quote or "") == text:
            said = "a tab" if others[0] == "\t" else f"'{others[0]}'"
            raise MalformedError(
                f"{self.shown} has one column, '{names[0]}': is its separator {said}? set source.separator"
            )
        return tuple(names)

    def _is_comment(self, line: str) -> bool:
        return self.dialect.comment is not None and line.startswith(self.dialect.comment)

    def _take(self, lines: pl.DataFrame) -> None:
        """Counts the records of the next lines."""
        plain = self.open is None and self.dialect.comment is None
        if plain and lines.select(self._fits(pl.col("line")).all()).item():
            self._same_shift(lines["n"])
            self.count += lines.height
        else:
            self._take_apart(lines)

    def _same_shift(self, starts: pl.Series) -> None:
        """Remembers where records begin on other lines than their numbers say."""
        shifts = starts.cast(pl.Int64) - pl.int_range(self.count, self.count + len(starts), eager=True)
        moved = shifts != shifts.shift(1, fill_value=self.shift)
        self.shifts += [(self.count + at, int(shifts[at])) for at in moved.arg_true()]
        self.shift = int(shifts[-1]) if len(shifts) else self.shift

    def _take_apart(self, lines: pl.DataFrame) -> None:
        """Lines among which values go over several, or comments stand."""
        quote = self.dialect.quote
        comment = pl.col("line").str.starts_with(self.dialect.comment) if self.dialect.comment else pl.lit(False)
        odd = (pl.col("line").str.count_matches(quote, literal=True) % 2 == 1) if quote else pl.lit(False)
        lines = lines.with_columns(comment.alias("comment")).with_columns(odd=odd & ~pl.col("comment"))
        after = pl.col("odd").cast(pl.Int64).cum_sum() + int(self.open is not None)
        lines = lines.with_columns(inside=(after - pl.col("odd").cast(pl.Int64)) % 2 == 1)
        if (hit := lines.filter(pl.col("comment") & pl.col("inside"))).height:
            self._refuse(hit["n"][0], f"a quoted value goes on over a line that begins with '{self.dialect.comment}'")
        self._take_records(lines.filter(~pl.col("comment")))

    def _take_records(self, lines: pl.DataFrame) -> None:
        lines = lines.with_columns(record=(~pl.col("inside")).cast(pl.Int64).cum_sum())
        alone = ~pl.col("inside") & ~pl.col("odd")
        whole = lines.filter(alone).select("n", "line")
        parts = lines.filter(~alone).group_by("record", maintain_order=True)
        joined = parts.agg(
            pl.col("n").first(), pl.col("line").str.join("\n"), (pl.col("odd").sum() % 2 == 1).alias("half")
        )
        rows = joined.select("n", "line", "half", "record").rows()
        if self.open is not None and rows:
            n, line, half, record = rows.pop(0)
            n, line, half = self.open[0], f"{self.open[1]}\n{line}", not half
            rows.insert(0, (n, line, half, record))
        self.open = (rows[-1][0], rows.pop()[1]) if rows and rows[-1][2] else None
        if self.open is not None and len(self.open[1]) > LONGEST:
            self._refuse(self.open[0], f"a quoted value is not closed within {LONGEST:,} characters")
        several = pl.DataFrame([row[:2] for row in rows], schema=whole.schema, orient="row")
        self._check(pl.concat([whole, several]).sort("n"))

    def _check(self, found: pl.DataFrame) -> None:
        bad = found.filter(~self._fits(pl.col("line")))
        if bad.height:
            more = f" (and {bad.height - 1:,} more soon after)" if bad.height > 1 else ""
            self._refuse(bad["n"][0], self._reason(bad["line"][0]) + more)
        self._same_shift(found["n"])
        self.count += found.height

    def _fits(self, text: pl.Expr) -> pl.Expr:
        """Whether a text is one record of as many fields as are named."""
        sign, quote = re.escape(self.dialect.separator), re.escape(self.dialect.quote or "")
        bare = rf"[^{quote}{sign}\r\n\x00]*"
        field = rf"(?:{bare}|{quote}(?:[^{quote}\x00]|{quote}{quote})*{quote})" if quote else bare
        if self.width <= MOST_COUNTED:
            return text.str.contains(rf"\A{field}(?:{sign}{field}){{{self.width - 1}}}\z")
        unquoted = text.str.replace_all(rf"{quote}(?:[^{quote}]|{quote}{quote})*{quote}", "") if quote else text
        signs = unquoted.str.count_matches(self.dialect.separator, literal=True)
        return text.str.contains(rf"\A{field}(?:{sign}{field})*\z") & (signs == self.width - 1)

    def _fields(self, text: str) -> list[str]:
        """The fields of one record, or of what was meant as one."""
        signs: dict[str, Any] = {"delimiter": self.dialect.separator}
        signs |= {"quotechar": self.dialect.quote} if self.dialect.quote else {"quoting": csv.QUOTE_NONE}
        try:
            return next(csv.reader(io.StringIO(text, newline=""), **signs), [])
        except csv.Error as error:
            raise MalformedError(f"{self.shown} cannot be read as csv: {error}") from None

    def _reason(self, text: str) -> str:
        if not text:
            return "the line is blank"
        if self.dialect.quote and text.count(self.dialect.quote) % 2:
            return "a quoted value is not closed"
        if "\x00" in text:
            return "there is a NUL byte: is it another encoding? set source.encoding"
        if re.search(r"\r(?!\n)", re.sub(r'"[^"]*"', "", text)):
            return "there is a carriage return inside a value, or between lines: end lines in a newline"
        fields = len(self._fields(text))
        if fields != self.width:
            short = "; is it truncated?" if fields < self.width else ""
            return f"{fields} field{'s' * (fields != 1)} where {self.width} are named{short}"
        return "a quote stands inside a value, or text after one: double it, or set source.quote: none"

    def _refuse(self, line: int, why: str) -> NoReturn:
        raise MalformedError(f"{self.shown} cannot be read as csv: line {line + 1:,}: {why}")
