"""What the engine is asked: rules, and how their results are shown."""

from __future__ import annotations

from quality.engine.rule import Rule
from quality.values import Count, Flag, Fraction, Frozen


class Request(Frozen):
    """The rules of one dataset and what decides its verdict; `key` names rows, values of `sensitive` are masked."""

    dataset: str = "data"
    key: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    warning_threshold: Fraction | None = None
    allow_empty: Flag = False
    sample_rows: Count = 5

    @property
    def named_columns(self) -> dict[str, tuple[str, ...]]:
        """The columns that fields beside the rules name, by field; each of them must exist."""
        return {"key": self.key, "sensitive": self.sensitive}
