"""What every rule is: its common fields, the null convention, and how counts become a verdict.

A row rule says with one expression what holds for a row; a table rule measures numbers and judges them. Both give
mergeable measures, so that all rules of a dataset compile to one pass. A rule that one aggregate cannot express
queries the frame itself when it is judged. Annotations are no texts here and where rules are: Pydantic would evaluate
them again for each class below.
"""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, ClassVar, NamedTuple

import polars as pl
from pydantic import Field

from quality.engine.dtypes import ANY, Kinds, col, kind_of
from quality.engine.frame import Frame
from quality.engine.sql import Sql, condition
from quality.masking import masked
from quality.merging import Merge
from quality.provenance import Learned, is_own
from quality.texts import shorten
from quality.values import Fraction, Frozen, Scalar, Severity, Text

Reference = Text | dict[str, Any]
State = Mapping[str, Any]


class Measure(NamedTuple):
    """One aggregate of a rule, how the values of two partitions become one, and which `rows` it counts, if it does."""

    expr: pl.Expr
    merge: Merge = "sum"
    rows: pl.Expr | None = None


class Taken(NamedTuple):
    """Values of every row that a rule needs, what becomes of them, and the bytes of a row while they are held."""

    name: Hashable
    label: str
    values: Mapping[str, pl.Expr]
    become: Callable[[pl.DataFrame], Any]
    width: int


class Judgement(NamedTuple):
    """Failing of judged rows (for a table rule 0 or 1 of 1), the number judged, and what selects failing rows.

    `rows` are failing rows that the rule has looked up itself.
    """

    failed: int
    judged: int
    value: Scalar = None
    note: str | None = None
    failing: pl.Expr | None = None
    against: str | None = None
    rows: tuple[dict[str, Scalar], ...] = ()


class Rule(Frozen):
    """The fields every rule takes."""

    ALIASES: ClassVar[tuple[str, ...]] = ()
    JUDGES: ClassVar[Kinds] = ANY
    JUDGES_SCHEMAS: ClassVar[bool] = False

    check: str
    severity: Severity = Field(Severity.ERROR, description="What a failure does to the run.")
    where: Sql | None = Field(None, description="SQL condition: the rule speaks only of the rows where it is true.")
    max_failure_rate: Fraction = Field(0.0, description="Fraction of judged rows that may fail before the rule fails.")
    warn_failure_rate: Fraction | None = Field(
        None, description="Fraction of judged rows above which a rule that does not fail is reported as WARNING."
    )
    by: Text | None = Field(None, description="A column: one result for each of its values.")
    name: Text | None = Field(None, description="For people; unique in the dataset.")
    description: str | None = Field(None, description="Why the rule exists, for whoever reads its failure.")
    learned: Learned | None = Field(None, exclude=True, description="What a rule that data proposed stands on.")

    @property
    def subjects(self) -> tuple[str, ...]:
        """The columns the rule judges."""
        return ()

    @property
    def reads(self) -> tuple[str, ...]:
        """Every column the rule needs: subjects, those of `where`, and `by`."""
        extra = (*(condition(self.where).meta.root_names() if self.where else ()), *((self.by,) if self.by else ()))
        return tuple(dict.fromkeys((*self.subjects, *extra)))

    @property
    def title(self) -> str:
        """The rule's name, or one derived from what it says."""
        return masked(self.name or self.derived_name())

    def derived_name(self) -> str:
        own = [f for f in type(self).model_fields if f not in Rule.model_fields and f not in ("column", "columns")]
        given = [f"{f}={shorten(getattr(self, f))}" for f in own if f in self.model_fields_set]
        return f"{self.check}({', '.join([*self.subjects, *given])}){self._scope()}"

    def _scope(self) -> str:
        return (f" where {self.where}" if self.where else "") + (f" by {self.by}" if self.by else "")

    @property
    def remembers(self) -> str | None:
        """What its number is, in words that no other number has, where later runs are judged by it."""
        return None

    def says(self) -> str:
        """What holds, as the end of a sentence: the first line of the class's docstring, where a rule says no more."""
        return ((type(self).__doc__ or "").strip() or self.title).splitlines()[0].rstrip(".")

    def bind(self, frame: Frame) -> None:
        """Refuse, before any data is read, what the frame's dtypes make impossible."""

    def measures(self, frame: Frame) -> dict[str, Measure]:
        """Aggregates that join the one pass; none for a rule that queries the frame itself."""
        return {}

    def takes(self, frame: Frame, beside: State) -> Taken | None:
        """What the pass takes of every row for it, where that fits the memory; `frame.taken` has what became of it."""
        return None

    def judge(self, state: State, frame: Frame) -> Judgement:
        raise NotImplementedError


class RowRule(Rule):
    """Counts failing rows. Null convention, applied here only: a row whose `passes` is null is not judged."""

    def passes(self, frame: Frame) -> pl.Expr:
        """TRUE passes, FALSE fails, NULL is skipped."""
        raise NotImplementedError

    def judged(self, frame: Frame) -> pl.Expr:
        """`passes`, and null for rows that `where` leaves out."""
        return self.passes(frame) if self.where is None else pl.when(condition(self.where)).then(self.passes(frame))

    def denominator(self, frame: Frame) -> Measure:
        judged = self.judged(frame)
        return Measure(judged.count(), rows=judged.is_not_null())

    def measures(self, frame: Frame) -> dict[str, Measure]:
        fails = ~self.judged(frame)
        return {"failed": Measure(fails.sum(), rows=fails), "judged": self.denominator(frame)}

    def judge(self, state: State, frame: Frame) -> Judgement:
        return Judgement(state["failed"] or 0, state["judged"], failing=~self.judged(frame))


class ColumnRule(RowRule):
    """A row rule about one column. Nulls are skipped; NaN is a value, and fails every comparison.

    `COMPARES` says that the rule asks for an order, which an Enum has by its categories; elsewhere it is text.
    """

    COMPARES: ClassVar[bool] = False
    PROVABLE: ClassVar[bool] = False
    JUDGES_NULLS: ClassVar[bool] = False

    column: Text

    @property
    def subjects(self) -> tuple[str, ...]:
        return (self.column,)

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        """What is true of a value that is not null."""
        raise NotImplementedError

    def passes(self, frame: Frame) -> pl.Expr:
        dtype = frame.schema[self.column]
        if kind_of(dtype) == "null" and type(self).JUDGES != ANY:
            return col(self.column).cast(pl.Boolean)
        value = col(self.column)
        if dtype == pl.Categorical or (dtype == pl.Enum and not self.COMPARES):
            value, dtype = value.cast(pl.String), pl.String()
        holds = self.holds(value, dtype, frame)
        return holds & value.is_not_nan() if self.COMPARES and dtype.is_float() else holds

    def denominator(self, frame: Frame) -> Measure:
        if self.where is not None or is_own(type(self)):
            return super().denominator(frame)
        if self.JUDGES_NULLS:
            return Measure(pl.len(), rows=pl.lit(True))
        return Measure(col(self.column).count(), rows=col(self.column).is_not_null())


class KeyRule(RowRule):
    """A row rule about how often the values of a key occur; all rules on one key are counted together."""

    @property
    def key(self) -> tuple[str, ...]:
        raise NotImplementedError

    @property
    def subjects(self) -> tuple[str, ...]:
        return self.key

    def measures(self, frame: Frame) -> dict[str, Measure]:
        return {}


class TableRule(Rule):
    """Judges one number about the rows that `where` leaves in."""

    def col(self, column: str) -> pl.Expr:
        return col(column) if self.where is None else col(column).filter(condition(self.where))

    def count_rows(self) -> Measure:
        if self.where is None:
            return Measure(pl.len(), rows=pl.lit(True))
        return Measure(condition(self.where).sum(), rows=condition(self.where))
