'''Rules of this domain that no built-in rule expresses.

A rule is one small class, listed in `RULES`, and then used from YAML like a built-in:

    class EvenMinutes(RowRule):
        """Every value is an even number of minutes."""

        check: Literal["even_minutes"] = "even_minutes"
        column: str

        def passes(self) -> pl.Expr:
            return pl.col(self.column) % 2 == 0

    RULES = (EvenMinutes,)
'''

from __future__ import annotations

from quality.rules import Rule

RULES: tuple[type[Rule], ...] = ()
