'''Rules of this domain that no built-in rule expresses.

A rule is one small class, listed in `RULES` and then used from YAML like a built-in:

    class EvenNumber(ColumnRule):
        """Every value is an even number."""

        JUDGES: ClassVar[Kinds] = NUMBER

        check: Literal["even_number"] = "even_number"

        def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
            return value % 2 == 0

    RULES = (EvenNumber,)
'''

from __future__ import annotations

from quality.engine.rule import Rule

RULES: tuple[type[Rule], ...] = ()
