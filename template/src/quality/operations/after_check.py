"""A check as operators know it: judged, its failing rows quarantined, remembered, told and announced, in this order.

The verdict depends on none of the rest; what could not be done is among the notes that the summary shows. Only rows
that could not be quarantined fail the run, because whoever reads the good rows would read the wrong ones.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

import polars as pl
from prefect.context import TaskRunContext
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from quality import checking, isolation
from quality.contract.config import CheckConfig
from quality.engine.frame import Frame
from quality.engine.judge import Found
from quality.errors import QuarantineError, SourceError, first_line, retry_helps
from quality.history import runs
from quality.history.series import RUNS
from quality.operations import events, lineage, notifications, progress
from quality.prefect_run import run_context
from quality.quarantine import splits
from quality.reporting import html
from quality.reporting.console import say
from quality.result import CheckResult
from quality.values import Status

UNKEPT = "states could not be kept: "
"""What is said among the queries of a check whose files' states were not written."""

FIRST = (
    "history: this is the first run that {} knows of: rules that look back have nothing to compare with, and what is "
    "open is told anew; where the path has changed, move what lies in the old folder"
)


class Ran(NamedTuple):
    """A result, what operators are told beside it, and what keeps the run from being a success."""

    result: CheckResult
    notes: tuple[str, ...] = ()
    problem: QuarantineError | None = None


def check(data: Any, config: CheckConfig, now: datetime | None = None) -> Ran:
    """Judges data and, for a configuration of the repository, does all that a run leaves behind."""
    judged: list[tuple[Frame, list[Found]]] = []
    answers: list[isolation.Answer] = []
    run, again = run_id(), _is_tried_again()

    def isolated() -> isolation.Answer:
        apart = run if config.environment is not None and config.quarantine else None
        answers.append(isolation.ask(data, config, now, apart, again))
        return answers[0]

    with progress.visible(config) as more:
        keep: Callable[[Frame, list[Found]], None] = lambda frame, found: judged.append((frame, found))  # noqa: E731
        result = checking.check(data, config, now=now, seen=keep, judged=more, isolated=isolated)
    notes, problem = [], None
    try:
        if config.environment is None or (result.status is Status.ERROR and result.retry_helps and again):
            return Ran(result)
        notes += _apart(judged, answers, result, config, run)
    except QuarantineError as error:
        if retry_helps(error) and again:
            return Ran(result, problem=error)
        problem = error
        notes += [str(error)] if result.is_success else _said([str(error)])  # of a success it is raised
    finally:
        for frame, _ in judged:
            if frame.there is not None:
                frame.there.close()
    for name, step in _steps(result, config, run):
        notes.extend(_attempt(name, step))
    return Ran(result, tuple(notes), problem)


def _apart(
    judged: list[tuple[Frame, list[Found]]],
    answers: list[isolation.Answer],
    result: CheckResult,
    config: CheckConfig,
    run: str,
) -> list[str]:
    """Quarantines the failing rows, unless the process that judged them has; what was done, or QuarantineError."""
    if answers and answers[0].problem is not None:
        error = QuarantineError(answers[0].problem)
        error.retry = answers[0].retry
        raise error
    if answers:
        return [answers[0].split] if answers[0].split else []
    if config.quarantine and judged:
        return [splits.split(*judged[0], result, config, run).says()]
    return []


def _steps(result: CheckResult, config: CheckConfig, run: str) -> list[tuple[str, Callable[[], list[str]]]]:
    """What follows a verdict. Messages and events need Prefect, and are for its runs only."""
    steps: list[tuple[str, Callable[[], list[str]]]] = [
        ("history", lambda: _remember(result, config, run)),
        ("states", lambda: _unkept(result, config)),
        ("report", lambda: _report(result, config)),
    ]
    if run_context() is not None:
        steps += [("messages", lambda: _tell(result, config, run)), ("event", lambda: _announce(result, run))]
    if config.lineage:
        steps.append(("lineage", lambda: _trace(result, config, run)))
    return steps


def _remember(result: CheckResult, config: CheckConfig, run: str) -> list[str]:
    """What is deleted is said."""
    return _said(runs.append(result, config, run, flow_run.id))


def _unkept(result: CheckResult, config: CheckConfig) -> list[str]:
    """Why states could not be kept: nothing else would tell that every check reads everything."""
    found = (query.removesuffix(": (metadata)").partition(UNKEPT)[2] for query in result.metadata.explain.queries)
    more = "every check reads everything until it can be written"
    return _said(f"states: {config.states.path} keeps nothing: {why}; {more}" for why in found if why)


def _said(words: Iterable[str]) -> list[str]:
    """What a run's summary says; outside of a run it is said at once."""
    told = list(words)
    if run_context() is None:
        for line in told:
            say(line)
    return told


def _report(result: CheckResult, config: CheckConfig) -> list[str]:
    """A history that cannot be read takes nothing from the report but its trends."""
    try:
        past = runs.metrics(config, RUNS)
        notes = [FIRST.format(config.history.path)] if _is_the_first(past, config) else []
    except SourceError as error:
        past, notes = None, [f"report: without trends: {error}"]
    html.write(result, config, past)
    return notes


def _is_the_first(past: pl.DataFrame, config: CheckConfig) -> bool:
    """Whether no earlier run is known, and somebody relies on one: a history that lies elsewhere now is a new one."""
    relies = bool(config.notifications) or any(rule.remembers for rule in config.rules)
    return relies and run_context() is not None and past["run"].n_unique() == 1


def _tell(result: CheckResult, config: CheckConfig, run: str) -> list[str]:
    sent = notifications.notify(result, config, run)
    return [f"messages: {one.block} was not told: {one.problem}" for one in sent if not one.ok] + [
        f"messages: {one.block} was told" for one in sent if one.ok
    ]


def _announce(result: CheckResult, run: str) -> list[str]:
    events.announce(result, run)
    return []


def _trace(result: CheckResult, config: CheckConfig, run: str) -> list[str]:
    lineage.emit(result, config, run)
    return []


def _attempt(name: str, step: Callable[[], list[str]]) -> list[str]:
    try:
        return step()
    except Exception as error:
        note = f"{name}: not written: {first_line(error)}"
        if run_context() is not None:
            get_run_logger().warning("%s", note)
        return _said([note])


def run_id() -> str:
    """The task run that this code is part of, or a new name."""
    context = TaskRunContext.get()
    return str(context.task_run.id) if context else str(uuid.uuid4())


def _is_tried_again() -> bool:
    """Whether a retry follows if this attempt ends without a verdict; operators hear of the last one only."""
    context = TaskRunContext.get()
    return context is not None and context.task_run.run_count <= (context.task.retries or 0)
