"""Trend rules: one number of the dataset against the same number of earlier runs, as history has it."""

import math
import statistics
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, AliasChoices, Field, FiniteFloat, WithJsonSchema, model_validator

from quality.engine.dtypes import ANY, NUMBER, kind_of
from quality.engine.frame import Frame
from quality.engine.rule import Judgement, Measure, State, TableRule
from quality.errors import CannotJudgeError
from quality.rules.aggregates import Max, Mean, Median, Min, Quantile, StdDev, Sum
from quality.rules.baseline import ALL, WEEKDAY, WEEKS, Baseline, Season, baseline
from quality.rules.numbers import CompletenessRatio, DistinctCount, RowCount
from quality.rules.table_rules import Metric, nothing, outcome
from quality.texts import json_value, nearest, percent_of, text_of, told_apart
from quality.values import STRICT, STRICT_INT, Fraction, Text

METRICS: dict[str, type[Metric]] = {
    "row_count": RowCount,
    "completeness_ratio": CompletenessRatio,
    "distinct_count": DistinctCount,
    "mean": Mean,
    "median": Median,
    "sum": Sum,
    "stddev": StdDev,
    "min": Min,
    "max": Max,
    "quantile": Quantile,
}


def _metric(name: str) -> str:
    if name not in METRICS:
        raise ValueError(f"unknown metric '{name}'; {nearest(name, METRICS)}")
    return name


MetricName = Annotated[str, AfterValidator(_metric), WithJsonSchema({"enum": list(METRICS), "type": "string"})]
Change = Annotated[FiniteFloat, Field(ge=0), STRICT]
Runs = Annotated[int, Field(ge=1), STRICT_INT]
NONE_EARLIER = {WEEKDAY: f"fewer than {WEEKS} earlier weeks of this weekday to compare with"}


class _Remembering(TableRule):
    """Judges the number of another rule by what it was in earlier runs, and leaves it for later ones."""

    season: Season = Field(
        "auto",
        description="Compare with runs of the same weekday: weekday for always, none for never; auto where they are "
        "closer to each other than those of all days.",
    )

    @property
    def counted(self) -> Metric:
        """The rule whose number it is."""
        raise NotImplementedError

    def compare(self, number: float, frame: Frame) -> Judgement:
        """The number against earlier ones; it is part of a judgement that is skipped, too, so that history has it."""
        raise NotImplementedError

    @property
    def remembers(self) -> str:
        return self.counted.derived_name()

    @model_validator(mode="after")
    def _without_segments(self) -> Self:
        """A segment that vanished would leave no result and go unseen; a rule with `where` counts its rows."""
        if self.by is not None:
            check = self.check
            raise ValueError(f"{check} remembers no segments; write one {check} rule with `where` for each")
        return self

    def bind(self, frame: Frame) -> None:
        for column in self.subjects:
            dtype = frame.schema[column]
            if self.counted.JUDGES != ANY and kind_of(dtype) not in NUMBER:
                raise CannotJudgeError(f"column '{column}' is {dtype}; {self.counted.check} over time judges number")
        self.counted.bind(frame)

    def measures(self, frame: Frame) -> dict[str, Measure]:
        return self.counted.measures(frame)

    def judge(self, state: State, frame: Frame) -> Judgement:
        found = self.counted.number(state, frame)
        if found is None:
            return nothing(self.counted.NOTHING)
        return self.compare(found if isinstance(found, int) else float(found), frame)

    def past(self, window: int, frame: Frame, least: int = 1) -> Baseline:
        """The numbers to compare with, oldest first; every run counted its rows, even when no rule asked for them."""
        if frame.around.past is None:
            return Baseline(frame.around.history(window))
        earlier = frame.around.past(self.title, self.remembers, window, frame.version)
        return baseline(earlier, window, frame.around.now, self.season, least)


class _OfMetric(_Remembering):
    metric: MetricName = Field(description="The number that is compared: row_count, or one of a `column`.")
    column: Text | None = None
    q: Fraction | None = Field(None, description="Which quantile, for the metric quantile.")

    @model_validator(mode="after")
    def _fits_the_metric(self) -> Self:
        """What the metric's own rule takes is given, and nothing else."""
        for field in ("column", "q"):
            takes = sorted(name for name, rule in METRICS.items() if field in rule.model_fields)
            given = getattr(self, field) is not None
            if given and self.metric not in takes:
                raise ValueError(f"the metric {self.metric} takes no `{field}`; only {', '.join(takes)} can")
            if not given and self.metric in takes:
                raise ValueError(f"the metric {self.metric} needs the field `{field}`")
        return self

    @property
    def subjects(self) -> tuple[str, ...]:
        return () if self.column is None else (self.column,)

    @property
    def counted(self) -> Metric:
        """Without the bounds that its validation would ask for: only its number is wanted."""
        given: dict[str, Any] = {"name": self.title, "column": self.column, "q": self.q, "where": self.where}
        return METRICS[self.metric].model_construct(**{name: v for name, v in given.items() if v is not None})

    @property
    def phrase(self) -> str:
        if self.column is None:
            return "the number of rows"
        return f"the {'' if self.q is None else f'{text_of(self.q, self.q)} '}{self.metric} of {self.column}"


class Trend(_OfMetric):
    """The `metric` changed by at most the fraction `max_change` against the median of the last `window` runs."""

    ALIASES: ClassVar[tuple[str, ...]] = ("change_over_time", "metric_change")
    check: Literal["trend"] = "trend"
    max_change: Change
    window: Runs = 7

    def says(self) -> str:
        change = percent_of(self.max_change, self.max_change)
        return f"{self.phrase} is within {change} of the median of the last {self.window} runs"

    def compare(self, number: float, frame: Frame) -> Judgement:
        return changed(number, self.past(self.window, frame), self.max_change)


class Anomaly(_OfMetric):
    """The `metric` lies within `threshold` standard deviations of its mean over the last `window` runs.

    A standard deviation below the fraction `min_spread` of the mean counts as that. Fewer than `min_runs` numbers
    judge nothing.
    """

    ALIASES: ClassVar[tuple[str, ...]] = ("anomaly_detection", "metric_z_score")
    check: Literal["anomaly"] = "anomaly"
    threshold: Annotated[FiniteFloat, Field(gt=0), STRICT] = Field(
        3.0, validation_alias=AliasChoices("threshold", "z_threshold", "sigma")
    )
    window: Runs = 30
    min_runs: Annotated[int, Field(ge=2), STRICT_INT] = Field(
        5, description="Earlier numbers without which nothing is judged."
    )
    min_spread: Change = Field(
        0.01, description="The least standard deviation, as a fraction of the mean: steadier numbers are chance."
    )

    @model_validator(mode="after")
    def _window_holds_min_runs(self) -> Self:
        if self.min_runs > self.window:
            raise ValueError(f"the last {self.window} runs never have min_runs={self.min_runs} numbers")
        return self

    def says(self) -> str:
        far = f"{text_of(self.threshold, self.threshold)} standard deviations"
        return f"{self.phrase} is within {far} of its mean over the last {self.window} runs"

    def compare(self, number: float, frame: Frame) -> Judgement:
        past = self.past(self.window, frame, self.min_runs)
        if len(past.values) < self.min_runs:
            few = f"only {len(past.values)} of the {self.min_runs} earlier {past.of} that it takes"
            return nothing(few, json_value(number))
        mean = statistics.mean(past.values)
        spread = max(statistics.stdev(past.values), self.min_spread * abs(mean))
        return compared(number, mean, self.threshold * spread, past, f"the mean of {len(past.values)} {past.of},")


class Volume(_Remembering):
    """The number of rows changed by at most the fraction `max_change` against the median of the last `window` runs."""

    check: Literal["volume"] = "volume"
    max_change: Change
    window: Runs = 7

    @property
    def counted(self) -> Metric:
        return RowCount.model_construct(where=self.where)

    def says(self) -> str:
        change = percent_of(self.max_change, self.max_change)
        return f"the number of rows is within {change} of the median of the last {self.window} runs"

    def compare(self, number: float, frame: Frame) -> Judgement:
        return changed(number, self.past(self.window, frame), self.max_change)


def changed(number: float, past: Baseline, most: float) -> Judgement:
    """The number against the median of earlier ones; against a median of 0 only 0 is no change."""
    if not past.values:
        return nothing(NONE_EARLIER.get(past.against, "no earlier run to compare with"), json_value(number))
    usual = statistics.median(past.values)
    of = "" if past.against == ALL else f" of {len(past.values)} {past.of}"
    return compared(number, usual, most * abs(usual), past, f"the median{of},")


def compared(number: float, usual: float, distance: float, past: Baseline, what: str) -> Judgement:
    """Whether a number is no farther from the usual one; says between which numbers it would pass.

    Where newer numbers failed as well, it says how to make them the new baseline.
    """
    ok = near(number, usual, distance)
    low, high = usual - distance, usual + distance
    inside = min(max(number, low), high) if ok else number
    it, against, low_text, high_text = told_apart(inside, usual, low, high)
    note = f"it is {it}; {what} {against}, allows {low_text} to {high_text}"
    if not ok and past.left_out:
        failed = "the last number" if past.left_out == 1 else f"the last {past.left_out} numbers"
        note += f"; {failed} failed too: if this is right from now on, give the rule a new `name`"
    return outcome(ok, json_value(number), note)._replace(against=past.against)


def near(number: float, usual: float, distance: float) -> bool:
    """Whether a number is no farther away, or the same but for rounding."""
    # Parallel sums of the same floats differ in their last digits, many deviations of a history that hardly spreads.
    return abs(number - usual) <= distance or (isinstance(number, float) and math.isclose(number, usual))
