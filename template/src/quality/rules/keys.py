"""Row rules that compare a row with other rows: uniqueness and order. They query the frame beside the one pass."""

from typing import Annotated, Any, ClassVar, Literal

import polars as pl
from pydantic import AfterValidator, Field

from quality.engine.dtypes import ORDERED, Kinds, col
from quality.engine.frame import Frame
from quality.engine.rule import ColumnRule, Judgement, KeyRule, Measure, State, Taken
from quality.engine.sql import condition
from quality.errors import CannotJudgeError
from quality.rules.uniqueness import present, repeated, taken
from quality.texts import there_is
from quality.values import Flag, Text


def distinct(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Refuses a column that is named twice."""
    if len(set(columns)) < len(columns):
        raise ValueError("a column is named twice")
    return columns


Columns = Annotated[tuple[Text, ...], AfterValidator(distinct)]


class _Unique(KeyRule):
    def measures(self, frame: Frame) -> dict[str, Measure]:
        """Where the data lives, a window counts the rows of each key in the one pass."""
        if frame.there is None:
            return {}
        judged = present(self.key, self.where).sum()
        return {"failed": Measure(self.again().sum()), "judged": Measure(judged)}

    def takes(self, frame: Frame, beside: State) -> Taken | None:
        alone = frame.there is None and self.by is None
        return taken(frame, self.key, beside.get("wheres", ())) if alone else None

    def again(self) -> pl.Expr:
        """The judged rows whose key another judged row has, too."""
        inside = present(self.key, self.where)
        keys = [col(name) for name in (*self.key, *((self.by,) if self.by else ()))]
        return inside & (pl.when(inside).then(1).sum().over(keys) > 1)

    def judge(self, state: State, frame: Frame) -> Judgement:
        if frame.there is not None:
            return Judgement(state["failed"] or 0, state["judged"] or 0, failing=self.again())
        found = state.get("repeated") or repeated(frame, self.key, self.where, state.get("wheres", ()))
        failing = present(self.key, self.where) & found.among if found.rows else None
        return Judgement(found.rows, found.judged, failing=failing)


class Unique(_Unique):
    """No value occurs twice; every row of a repeated value fails."""

    check: Literal["unique"] = "unique"
    column: Text

    @property
    def key(self) -> tuple[str, ...]:
        return (self.column,)

    def says(self) -> str:
        return f"{self.column} is unique"


class UniqueCombination(_Unique):
    """No combination of `columns` occurs twice; a row with a null among them is skipped."""

    check: Literal["unique_combination"] = "unique_combination"
    columns: Columns = Field(min_length=1)

    @property
    def key(self) -> tuple[str, ...]:
        return self.columns

    def says(self) -> str:
        return f"({', '.join(self.columns)}) is unique"


class PrimaryKey(_Unique):
    """No null is among `columns`, and no combination of them occurs twice."""

    check: Literal["primary_key"] = "primary_key"
    columns: Columns = Field(min_length=1)

    @property
    def key(self) -> tuple[str, ...]:
        return self.columns

    def says(self) -> str:
        return f"({', '.join(self.columns)}) is unique and never null"

    def nulls(self) -> pl.Expr:
        null = pl.any_horizontal([col(name).is_null() for name in self.columns])
        return null if self.where is None else null & condition(self.where)

    def measures(self, frame: Frame) -> dict[str, Measure]:
        return {"nulls": Measure(self.nulls().sum(), rows=self.nulls()), **super().measures(frame)}

    def judge(self, state: State, frame: Frame) -> Judgement:
        """A row with a null is not a repeated one, so that each row counts once."""
        nulls, unique = state["nulls"] or 0, super().judge(state, frame)
        failing = self.nulls() if unique.failing is None else self.nulls() | unique.failing
        failed, note = nulls + unique.failed, f"{nulls:,} with a null, {unique.failed:,} of keys that repeat"
        return Judgement(failed, nulls + unique.judged, note=note if failed else None, failing=failing)


class Ordered(ColumnRule):
    """Each judged value of the column is in order with the one before it."""

    JUDGES: ClassVar[Kinds] = ORDERED
    WORD: ClassVar[str]
    strict: Flag = Field(False, description="Equal neighbours fail, too.")

    def in_order(self, before: pl.Expr, after: pl.Expr) -> pl.Expr:
        raise NotImplementedError

    def breaks(self, before: pl.Expr, after: pl.Expr, dtype: pl.DataType) -> pl.Expr:
        """Whether a value breaks the order; NaN, which has no place in any, does, and so does the value after it."""
        ordered = self.in_order(before, after)
        return ~(ordered & before.is_not_nan() & after.is_not_nan()) if dtype.is_float() else ~ordered

    def says(self) -> str:
        return f"{self.column} is {'strictly ' if self.strict else ''}{self.WORD}"

    def measures(self, frame: Frame) -> dict[str, Measure]:
        """Where the data lives, the source says what orders its rows, and a window looks one row back."""
        if frame.there is None:
            return {}
        kept, broken = self.kept(), self.broken(frame)
        counts = {"failed": kept & broken, "judged": kept, "tied": kept & self.tied(frame)}
        return {name: Measure(rows.sum()) for name, rows in counts.items()}

    def kept(self) -> pl.Expr:
        there = col(self.column).is_not_null()
        return there if self.where is None else there & condition(self.where)

    def broken(self, frame: Frame) -> pl.Expr:
        """Whether a judged row breaks the order of the judged rows of its segment, where the data lives."""
        return self.breaks(self.before(self.column), col(self.column), frame.schema[self.column])

    def before(self, name: str) -> pl.Expr:
        """What the judged row before has in a column, where the data lives."""
        return col(name).shift(1).over([self.kept(), *((col(self.by),) if self.by else ())])

    def tied(self, frame: Frame) -> pl.Expr:
        """Whether a row and the one before it are alike in what orders them, and have different values."""
        for name in frame.there.order:
            if name not in frame.schema:
                raise CannotJudgeError(f"column '{name}' of source.order_by is gone; {there_is(name, frame.schema)}")
        same = [self.before(name).eq_missing(col(name)) for name in frame.there.order]
        before = self.before(self.column)
        return pl.all_horizontal([before.is_not_null(), before.ne_missing(col(self.column)), *same])

    def judge(self, state: State, frame: Frame) -> Judgement:
        """Each value against the one before it among the judged rows; the first has none to break the order with."""
        if frame.there is not None:
            if state["tied"]:
                raise CannotJudgeError(
                    f"rows of the same {' and '.join(frame.there.order)} have different values of {self.column}, and "
                    "nobody knows which is first: name more columns in source.order_by, until no two rows are alike"
                )
            return Judgement(state["failed"] or 0, state["judged"] or 0, failing=self.kept() & self.broken(frame))
        kept, value, dtype = self.kept(), self.physical(frame), frame.schema[self.column]
        counted = state if "judged" in state else self.counted(frame)
        before = pl.when(kept).then(value).forward_fill().shift(1)
        before = before.over(frame.segment(self.by)) if self.by else before
        failing = kept & self.breaks(before, value, dtype)
        return Judgement(counted["failed"] or 0, counted["judged"], failing=failing)

    def physical(self, frame: Frame) -> pl.Expr:
        """The value as its order is: text for Categoricals, the place of its category for Enums."""
        value, dtype = col(self.column), frame.schema[self.column]
        if dtype == pl.Enum:
            return value.to_physical()
        return value.cast(pl.String) if dtype == pl.Categorical else value

    def counted(self, frame: Frame) -> dict[str, Any]:
        value = self.physical(frame)
        broken = self.breaks(value.shift(1), value, frame.schema[self.column])
        counts = frame.lazy.filter(self.kept()).select(broken.sum().alias("failed"), pl.len().alias("judged"))
        return frame.collect(counts, self.title, self.reads).row(0, named=True)


class Increasing(Ordered):
    """No value is smaller than the one in the row before it."""

    WORD: ClassVar[str] = "increasing"
    check: Literal["increasing"] = "increasing"

    def in_order(self, before: pl.Expr, after: pl.Expr) -> pl.Expr:
        return before < after if self.strict else before <= after


class Decreasing(Ordered):
    """No value is greater than the one in the row before it."""

    WORD: ClassVar[str] = "decreasing"
    check: Literal["decreasing"] = "decreasing"

    def in_order(self, before: pl.Expr, after: pl.Expr) -> pl.Expr:
        return before > after if self.strict else before >= after
