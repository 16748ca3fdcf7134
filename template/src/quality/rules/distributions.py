"""Drift rules: the column's distribution against that of a baseline, compared over the baseline's own bins."""

import math
from typing import Annotated, Any, ClassVar, Literal

import polars as pl
from pydantic import Field, FiniteFloat

from quality.engine.dtypes import PLAIN, Kinds, kind_of
from quality.engine.frame import Frame
from quality.engine.rule import Judgement, Measure, Reference, Rule, State
from quality.errors import CannotJudgeError
from quality.rules.profile import ColumnProfile, Profile, profile_column
from quality.rules.references import schema_of
from quality.rules.table_rules import NumberRule, nothing, outcome
from quality.texts import text_of
from quality.values import STRICT

THRESHOLDS = {"psi": 0.2, "ks": 0.1, "chi2": 0.1}
FLOOR = 1e-4
KS_95, NORMAL_95 = 1.36, 1.645


class _Drift(NumberRule):
    """A statistic above the threshold that so few rows reach by chance alone tells nothing: the rule is skipped."""

    JUDGES: ClassVar[Kinds] = PLAIN - {"time"}
    baseline: Reference
    method: Literal["psi", "ks", "chi2"] = "psi"
    threshold: Annotated[FiniteFloat, Field(gt=0), STRICT] | None = Field(
        None, description="Largest allowed statistic: psi index 0.2, ks distance 0.1, chi2 per row 0.1 when left out."
    )

    @property
    def limit(self) -> float:
        return self.threshold or THRESHOLDS[self.method]

    def says(self) -> str:
        limit = text_of(self.limit, self.limit)
        return f"the distribution of {self.column} is within {self.method} {limit} of its baseline"

    def usual(self, frame: Frame) -> ColumnProfile:
        raise NotImplementedError

    def bind(self, frame: Frame) -> None:
        dtype, usual = frame.schema[self.column], self.usual(frame)
        if self.method == "ks" and kind_of(dtype) not in ("number", "null"):
            raise CannotJudgeError(f"ks judges numbers; column '{self.column}' is {dtype}: use chi2")
        if usual.shares and bool(usual.edges) != (kind_of(dtype) == "number") and dtype != pl.Null:
            raise CannotJudgeError(f"column '{self.column}' is {dtype} but its baseline is {usual.dtype}")
        if usual.count and not usual.shares and dtype != pl.Null:
            raise CannotJudgeError(
                f"column '{self.column}' is {dtype}, and none of the {usual.count:,} values of its baseline, which is "
                f"{usual.dtype}, is one to compare with"
            )

    def measures(self, frame: Frame) -> dict[str, Measure]:
        """The judged rows in each of the baseline's bins; bins add up."""
        usual, value = self.usual(frame), self.col(self.column)
        counts = {"count": Measure(value.count())}
        if usual.edges:
            number = value.cast(pl.Float64)
            return counts | {f"bin{i}": Measure((number <= edge).sum()) for i, edge in enumerate(usual.edges)}
        text = value.cast(pl.String)
        return counts | {f"bin{i}": Measure((text == category).sum()) for i, category in enumerate(usual.categories)}

    def judge(self, state: State, frame: Frame) -> Judgement:
        usual = self.usual(frame)
        if not state["count"] or not usual.shares:
            return nothing("its baseline has no value to compare with" if state["count"] else "no value to compare")
        held = [state[f"bin{i}"] for i in range(len(usual.shares))]
        if usual.edges:
            held = [after - before for before, after in zip([0, *held], held, strict=False)]
        shares = [n / state["count"] for n in held]
        shares, expected = [*shares, max(0.0, 1 - sum(shares))], [*usual.shares, max(0.0, 1 - sum(usual.shares))]
        statistic = STATISTICS[self.method](expected, shares)
        bins = sum(1 for pair in zip(expected, shares, strict=True) if any(pair))
        chance = by_chance(self.method, bins, state["count"], usual.count)
        if self.limit < statistic <= chance:
            told = f"{text_of(statistic, self.limit)}, and by chance alone it can be {text_of(chance)}"
            return nothing(f"too few rows to tell: of {state['count']:,} its {self.method} is {told}", statistic)
        return outcome(statistic <= self.limit, statistic, f"its {self.method} is {text_of(statistic, self.limit)}")


class StatisticalDrift(_Drift):
    """The distribution is close to that of `baseline`, a source, a dataset or a saved profile."""

    ALIASES: ClassVar[tuple[str, ...]] = ("drift", "stat_drift")
    check: Literal["statistical_drift"] = "statistical_drift"

    def usual(self, frame: Frame) -> ColumnProfile:
        if (path := saved_profile(self)) is not None:
            return frame.once(_saved, path, self.column)
        return frame.once(_profiled, self.baseline, self.column)


class DistributionChange(_Drift):
    """The distribution is close to that of a saved profile."""

    ALIASES: ClassVar[tuple[str, ...]] = ("dist_change",)
    check: Literal["distribution_change"] = "distribution_change"

    def usual(self, frame: Frame) -> ColumnProfile:
        return frame.once(_saved, str(self.baseline), self.column)


def saved_profile(rule: Rule) -> str | None:
    """The path of the saved profile that a rule compares with, which is part of what the rule says; None of others."""
    written = getattr(rule, "baseline", None)
    saved = isinstance(written, str) and (written.endswith(".json") or isinstance(rule, DistributionChange))
    return written if saved else None


def _saved(frame: Frame, path: str, column: str) -> ColumnProfile:
    return Profile.load(path, frame.around.root).column(column)


def _profiled(frame: Frame, baseline: Reference, column: str) -> ColumnProfile:
    schema_of(frame, baseline, (column,))
    return profile_column(frame.reference(baseline), column)


def psi(expected: list[float], actual: list[float]) -> float:
    """Population stability index: 0 for equal shares; empty bins count as a share of 0.0001."""
    pairs = [(max(e, FLOOR), max(a, FLOOR)) for e, a in zip(expected, actual, strict=True) if e or a]
    return sum((a - e) * math.log(a / e) for e, a in pairs)


def ks(expected: list[float], actual: list[float]) -> float:
    """Largest distance of the cumulative shares, at the baseline's bin edges."""
    far, sum_e, sum_a = 0.0, 0.0, 0.0
    for e, a in zip(expected, actual, strict=True):
        sum_e, sum_a = sum_e + e, sum_a + a
        far = max(far, abs(sum_e - sum_a))
    return far


def chi2(expected: list[float], actual: list[float]) -> float:
    """Pearson's chi-square per row; empty bins of the baseline count as a share of 0.0001."""
    return sum((a - e) ** 2 / max(e, FLOOR) for e, a in zip(expected, actual, strict=True) if e or a)


STATISTICS: dict[str, Any] = {"psi": psi, "ks": ks, "chi2": chi2}


def by_chance(method: str, bins: int, ours: int, theirs: int) -> float:
    """What the statistic stays below in 19 of 20 samples of these numbers of rows when nothing has drifted."""
    rows = ours * theirs / (ours + theirs)
    if method == "ks":
        return KS_95 / math.sqrt(rows)
    free = max(bins - 1, 1)
    return free * (1 - 2 / (9 * free) + NORMAL_95 * math.sqrt(2 / (9 * free))) ** 3 / rows  # Wilson and Hilferty
