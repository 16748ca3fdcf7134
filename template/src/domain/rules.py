'''Rules of this domain that no built-in rule expresses.

A rule is one small class, listed in `RULES`, then used in a contract like a built-in:
`{check: even_number, column: id}`.
Its docstring says what holds, and stands in the message when it does not. `datasets/`, the JSON Schema and
`docs/rules.md` know it after `nox -s rules`.

    from typing import ClassVar, Literal

    import polars as pl

    from quality import NUMBER, ColumnRule, Frame, Kinds, Rule


    class EvenNumber(ColumnRule):
        """Every value is an even number."""

        JUDGES: ClassVar[Kinds] = NUMBER

        check: Literal["even_number"] = "even_number"

        def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
            return value % 2 == 0


    RULES: tuple[type[Rule], ...] = (EvenNumber,)

A rule about the whole table measures numbers in the same pass as all other rules, and judges them:

    from collections.abc import Mapping
    from typing import Any, Literal

    from quality import Frame, Judgement, Measure, Rule, TableRule


    class BalancedBooks(TableRule):
        """What is booked in equals what is booked out."""

        check: Literal["balanced_books"] = "balanced_books"
        debit: str
        credit: str

        @property
        def subjects(self) -> tuple[str, ...]:
            return (self.debit, self.credit)

        def measures(self, frame: Frame) -> dict[str, Measure]:
            return {"debit": Measure(self.col(self.debit).sum()), "credit": Measure(self.col(self.credit).sum())}

        def judge(self, state: Mapping[str, Any], frame: Frame) -> Judgement:
            difference = state["debit"] - state["credit"]
            return Judgement(int(difference != 0), 1, value=difference, note=f"the difference is {difference}")


    RULES: tuple[type[Rule], ...] = (BalancedBooks,)
'''

from __future__ import annotations

from quality import Rule

RULES: tuple[type[Rule], ...] = ()
