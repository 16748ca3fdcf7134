"""The report of a run: one HTML file that needs no network and no script."""

from __future__ import annotations

import functools
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, StrictUndefined, Template

from quality import history, project
from quality.artifacts import NEXT, ORDER
from quality.config import CheckConfig
from quality.console import segment
from quality.errors import ConfigurationError
from quality.evidence import write_whole
from quality.result import CheckResult, Frozen, RuleResult, Scalar, Severity, Status, summarize_check_result
from quality.trends import RUNS, rule_trends, run_trends

MARKS = {Status.PASSED: "✓", Status.WARNING: "!", Status.FAILED: "✕", Status.SKIPPED: "·", Status.ERROR: "?"}
"""Beside each word, so that no verdict depends on colour."""
SEGMENTS = 200
"""Segments of a matrix; those that fail come first."""


class Matrix(Frozen):
    """The rules that are judged by one column: a line for each of its values, a cell for each rule."""

    by: str
    rules: tuple[str, ...]
    lines: tuple[tuple[str, tuple[RuleResult | None, ...]], ...]
    hidden: int


def render(result: CheckResult, metrics: pl.DataFrame | None = None) -> str:
    """The report of a result, with the trends that history has."""
    past = history.SCHEMA.to_frame() if metrics is None else metrics
    ranked = sorted(result.rules, key=lambda rule: (ORDER.index(rule.status), list(Severity).index(rule.severity)))
    return page().render(
        result=result,
        about=result.metadata,
        verdict=summarize_check_result(result),
        advice=NEXT[result.status],
        rules=lines(ranked),
        loud=[rule for rule in ranked if rule.status not in (Status.PASSED, Status.SKIPPED)],
        matrices=matrices(result.rules),
        trends=rule_trends(past),
        runs=run_trends(past),
        count=past["run"].n_unique(),
    )


def lines(ranked: Sequence[RuleResult]) -> list[RuleResult]:
    """One line for each rule: the segments of a rule taken together, with the verdict of the worst."""
    by_name: dict[str, list[RuleResult]] = {}
    for rule in ranked:
        by_name.setdefault(rule.rule_name, []).append(rule)
    return [same[0] if same[0].by is None else _together(same) for same in by_name.values()]


def _together(segments: list[RuleResult]) -> RuleResult:
    worst = segments[0]
    count = sum(one.status is worst.status for one in segments)
    found = f"in {count} of {len(segments)} segments"
    return worst.model_copy(
        update={
            "rule_name": worst.rule_name,
            "by": None,
            "segment": None,
            "value": found,
            "failed_count": sum(one.failed_count for one in segments),
            "total_count": sum(one.total_count for one in segments),
        }
    )


@functools.cache
def page() -> Template:
    """The template; every value in it is escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals |= {"mark": MARKS.__getitem__, "segment": segment, "cell": cell}
    environment.globals |= {"tone": tone, "matrix_words": matrix_words, "order": order, "value": value}
    environment.filters |= {"number": number, "percent": percent}
    return environment.from_string(Path(__file__).with_name("report.html").read_text("utf-8"))


def number(value: float | None) -> str:
    """A count with thousands apart."""
    return "unknown" if value is None else f"{value:,.0f}"


def percent(rate: float) -> str:
    """A rate in percent; what is not zero never reads as zero."""
    return "0 %" if rate == 0 else "< 0.01 %" if rate < 0.01 else f"{rate:.2f} %"


def tone(rule: RuleResult) -> str:
    """The colour of a rule's verdict: a failure that does not fail the run looks like the warning that it is."""
    softened = rule.status is Status.FAILED and not rule.severity.fails_the_run
    return "warning" if softened else rule.status.lower()


def matrix_words(rule: RuleResult) -> str:
    """The rate at which a rule failed in a segment, beside its mark; the verdict where none did."""
    return f"{rule.status} {percent(rule.failure_rate)}" if rule.failed_count else rule.status


def order(rule: RuleResult) -> list[str]:
    """The columns of failing rows: those the rule is about, then those that name the row."""
    return sorted(rule.samples[0], key=lambda name: name not in rule.columns)


def value(found: Scalar) -> str:
    """The number that a table rule judged, or its word."""
    return f"{found:,.6g}" if isinstance(found, float) else f"{found:,}" if type(found) is int else cell(found)


def cell(value: Any) -> str:
    """A value of a row."""
    return "null" if value is None else str(value)


def matrices(rules: Sequence[RuleResult]) -> list[Matrix]:
    """One matrix for each column that rules are judged by; segments with most failures first."""
    columns = dict.fromkeys(rule.by for rule in rules if rule.by is not None)
    return [_matrix(by, [rule for rule in rules if rule.by == by]) for by in columns]


def _matrix(by: str, rules: list[RuleResult]) -> Matrix:
    names = tuple(dict.fromkeys(rule.rule_name for rule in rules))
    cells = {(cell(rule.segment), rule.rule_name): rule for rule in rules}
    worst: dict[str, int] = {}
    for rule in rules:
        bad = rule.status in (Status.FAILED, Status.ERROR, Status.WARNING)
        worst[cell(rule.segment)] = worst.get(cell(rule.segment), 0) + bad
    order = sorted(worst, key=lambda name: (-worst[name], name))
    lines = tuple((name, tuple(cells.get((name, rule)) for rule in names)) for name in order[:SEGMENTS])
    return Matrix(by=by, rules=names, lines=lines, hidden=max(0, len(order) - SEGMENTS))


def last(config: CheckConfig) -> Path:
    """Writes the report of the newest run in the history, wherever that ran."""
    if (result := history.last_result(config)) is None:
        where = f"{config.dataset} in {config.environment}"
        raise ConfigurationError(f"no run of {where} is remembered yet; make one: nox -s task -- {config.dataset}")
    return write(result, config)


def write(result: CheckResult, config: CheckConfig) -> Path:
    """Writes the report of a run to `reports/<dataset>-<environment>.html`."""
    path = project.root() / "reports" / f"{config.dataset}-{config.environment}.html"
    write_whole(path, render(result, history.metrics(config, RUNS)))
    return path


def show(path: Path) -> None:
    """Opens a report where somebody sits at the terminal."""
    if sys.stdout.isatty():
        webbrowser.open(path.as_uri())
