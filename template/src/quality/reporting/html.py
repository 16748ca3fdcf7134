"""The report of a run: one HTML file that needs no network and no script."""

from __future__ import annotations

import functools
import itertools
import sys
import webbrowser
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, StrictUndefined, Template

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.errors import ConfigurationError
from quality.files import write_whole
from quality.history.partitions import judged_alone
from quality.history.runs import SCHEMA, last_result, metrics
from quality.history.series import RUNS, rule_trends, run_trends, verdicts
from quality.reporting.console import segment
from quality.reporting.escaping import legible
from quality.reporting.guidance import NEXT, ORDER, again, alone, not_passed, ranked, sample_columns
from quality.reporting.segments import matrices, together
from quality.result import CheckResult, RuleResult, summarize_check_result
from quality.texts import cell_text, percent_of, text_of
from quality.values import Status

MARKS = {Status.PASSED: "✓", Status.WARNING: "!", Status.FAILED: "✕", Status.SKIPPED: "·", Status.ERROR: "?"}
"""Beside each word, so that no verdict depends on colour."""
CARDS = 50
"""Rules that are shown with their failing rows; the worst come first, and tables below have them all."""


def render(result: CheckResult, history: pl.DataFrame | None = None) -> str:
    """The report of a result, with the trends that history has."""
    past = SCHEMA.to_frame() if history is None else history
    runs, broken = verdicts(past), not_passed(result)
    return page().render(
        result=result,
        about=result.metadata,
        verdict=summarize_check_result(result).removeprefix(f"{result.metadata.subject}: {result.status} — "),
        advice=NEXT[result.status],
        again=again(result),
        counts=counts(result),
        rules=together(ranked(result)),
        loud=broken[:CARDS],
        more=len(broken) - CARDS,
        matrices=matrices(result.rules),
        trends=rule_trends(past),
        charts=run_trends(past),
        runs=runs,
        since=since(runs),
    )


@functools.cache
def page() -> Template:
    """The template; every value in it is escaped."""
    environment = Environment(
        autoescape=True, finalize=escaped, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals |= {"mark": MARKS.__getitem__, "segment": segment, "cell": cell_text, "value": text_of}
    environment.globals |= {"tone": tone, "matrix_words": matrix_words, "sample_columns": sample_columns}
    environment.filters |= {"number": number, "percent": percent, "minute": minute}
    return environment.from_string(Path(__file__).with_name("report.html").read_text("utf-8"))


def escaped(found: Any) -> Any:
    """Anything the page says, without invisible controls."""
    return legible(found) if isinstance(found, str) else found


def counts(result: CheckResult) -> list[tuple[Status, str, str]]:
    """How many rules have each verdict, worst first: the verdict, its tone and the words."""
    found: dict[tuple[Status, str], int] = {}
    for rule in result.rules:
        found[rule.status, tone(rule)] = found.get((rule.status, tone(rule)), 0) + 1
    order = sorted(found, key=lambda key: (ORDER.index(key[0]), key[1]))
    words = {(Status.FAILED, "warning"): "failed, not fatal", (Status.ERROR, "error"): "not judged"}
    return [
        (status, kind, f"{found[status, kind]} {words.get((status, kind), status.lower())}") for status, kind in order
    ]


def since(runs: Sequence[tuple[datetime, Status]]) -> str | None:
    """When the verdict of the last run first was as it is; None where there is no run to compare it with."""
    if len(runs) < 2:
        return None
    same = list(itertools.takewhile(lambda run: run[1] is runs[-1][1], reversed(runs)))
    if len(same) == 1:
        return f"this run; the one before was {runs[-2][1]}"
    return f"{minute(same[-1][0])}{' or earlier' if len(same) == RUNS else ''}, {len(same)} runs"


def minute(moment: datetime) -> str:
    """A time, to the minute, with its zone."""
    return f"{moment:%Y-%m-%d %H:%M %Z}"


def number(value: float | None) -> str:
    """A count with thousands apart."""
    return "unknown" if value is None else f"{value:,.0f}"


def percent(rate: float) -> str:
    """A rate that is given in percent."""
    return percent_of(rate / 100)


def tone(rule: RuleResult) -> str:
    """The colour of a rule's verdict: a failure that does not fail the run looks like the warning that it is."""
    softened = rule.status is Status.FAILED and not rule.severity.fails_the_run
    return "warning" if softened else rule.status.lower()


def matrix_words(rule: RuleResult) -> str:
    """The rate at which a rule failed in a segment, beside its mark; the verdict where none did."""
    return f"{rule.status} {percent(rule.failure_rate)}" if rule.failed_count else rule.status


def last(config: CheckConfig) -> Path:
    """Writes the report of the newest run in the history, wherever that ran."""
    if (result := last_result(config)) is None:
        where = f"{config.subject} in {config.environment}"
        command = (
            f"nox -s task -- {config.dataset} --env {config.environment}{alone(config.part and config.part.shown)}"
        )
        apart = [] if config.part else judged_alone(config)
        words = f"nox -s report -- {config.dataset} --env {config.environment}"
        others = "".join(f"; of {one.newest} there is: {words}{alone(one.asked)}" for one in apart)
        raise ConfigurationError(f"no run of {where} is remembered yet; make one: {command}{others}")
    return write(result, config, metrics(config, RUNS))


def write(result: CheckResult, config: CheckConfig, history: pl.DataFrame | None) -> Path:
    """Writes the report of a run, with the trends that history has, to `reports/<dataset>-<environment>.html`; that of
    a partition to a file of its own."""
    part = f"-{config.part.name}" if config.part else ""
    path = project.root() / "reports" / f"{config.dataset}-{config.environment}{part}.html"
    write_whole(path, render(result, history), lasting=False, private=True)
    return path


def show(path: Path) -> None:
    """Opens a report where somebody sits at the terminal."""
    if sys.stdout.isatty():
        webbrowser.open(path.as_uri())
