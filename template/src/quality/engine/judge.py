"""Judging: binds rules to a frame, runs them in as few passes as they need, and words what comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import polars as pl

from quality.engine.dtypes import kind_of
from quality.engine.frame import Frame
from quality.engine.one_pass import measure
from quality.engine.request import Request
from quality.engine.rule import Judgement, Rule, State
from quality.engine.samples import Wanted, readable, samples
from quality.errors import ConfigurationError, SourceError, first_line
from quality.result import RuleResult, run_status
from quality.values import Scalar, Status

MASK = "***"
BROKEN = (pl.exceptions.PolarsError, pl.exceptions.PanicException, SourceError, OSError)


class Found(NamedTuple):
    """A rule's judgement on one segment, or why there is none."""

    rule: Rule
    segment: Any
    judgement: Judgement | None
    problem: str | None = None


def unreadable(error: BaseException, request: Request) -> dict[str, Any]:
    """The fields of a result when there is nothing to judge: every rule is ERROR."""
    reason = _problem(error, request)
    rules = tuple(_result(Found(rule, None, None, reason), request) for rule in request.rules)
    return {"status": Status.ERROR, "rules": rules, "reason": reason}


def verdict(found: list[Found], request: Request, frame: Frame) -> dict[str, Any]:
    """The fields of a result over every rule's judgements, with a few failing rows of the rules that did not hold."""
    rules = _with_samples(tuple(_result(one, request) for one in found), found, frame, request)
    status, reason, rows = run_status(rules, request.warning_threshold), None, _rows(frame)
    if status is Status.PASSED and rows == 0:
        status, reason = Status.SKIPPED, "there are no rows"
    elif status is Status.SKIPPED:
        reason = "no rule judged a row" if rules else "there are no rules"
    return {"status": status, "rules": rules, "reason": reason, "row_count": rows}


def _rows(frame: Frame) -> int | None:
    """The number of rows, where the data can be read."""
    try:
        return frame.rows
    except BROKEN:
        return None


def bind(rule: Rule, frame: Frame) -> None:
    """Refuses a rule that this frame's columns and dtypes make impossible; reads no data."""
    frame.check_columns((*rule.subjects, *((rule.by,) if rule.by else ())))
    if rule.by is not None and kind_of(frame.schema[rule.by]) == "nested":
        raise ConfigurationError(f"column '{rule.by}' is {frame.schema[rule.by]}; by needs single values")
    if rule.where is not None:
        frame.check_condition(rule.where)
    for column in rule.subjects:
        dtype = frame.schema[column]
        if kind_of(dtype) not in rule.JUDGES:
            wanted = " or ".join(sorted(rule.JUDGES - {"null"}))
            raise ConfigurationError(f"column '{column}' is {dtype}; {rule.check} judges {wanted}")
    rule.bind(frame)


def judge(
    request: Request,
    frame: Frame,
    judged: Callable[[int], None] = lambda rules: None,
    place: Callable[[int], str] | None = None,
) -> list[Found]:
    """Every rule's judgements, in the order of the rules and of the segments' values.

    `judged` is called now and then with the number of rules judged since; `place` says where rule n is written.
    """
    _check_named(request, frame)
    ready: dict[int, Rule] = {}
    problems: dict[int, str] = {}
    for number, rule in enumerate(request.rules):
        try:
            bind(rule, frame)
            _check_remembered(rule, request)
            ready[number] = rule
        except ConfigurationError as error:
            where = place(number) if place else request.dataset
            raise ConfigurationError(f"{where}: rule {number + 1} '{rule.title}': {error}") from None
        except BROKEN as error:
            problems[number] = _problem(error, request)
    states, broken = measure(ready, frame, BROKEN, judged)
    problems |= {number: _problem(error, request) for number, error in broken.items()}
    found: list[Found] = []
    for number, rule in enumerate(request.rules):
        if number in problems:
            found.append(Found(rule, None, None, problems[number]))
        else:
            found.extend(_segments(rule, states.of(number, rule, frame), frame, request))
        if not states.has(number):
            judged(1)
    return found


def _check_named(request: Request, frame: Frame) -> None:
    for field, columns in request.named_columns.items():
        try:
            frame.check_columns(columns)
        except ConfigurationError as error:
            raise ConfigurationError(f"{request.dataset}: {field}: {error}") from None


def _check_remembered(rule: Rule, request: Request) -> None:
    """History keeps no value of a sensitive column, so a rule that needs earlier ones would be skipped for ever."""
    if rule.remembers is not None and (secret := sorted(set(rule.subjects) & set(request.sensitive))):
        raise ConfigurationError(
            f"column '{secret[0]}' is sensitive, so history keeps none of its numbers to compare with; "
            "judge it by bounds of your own, or take it from `sensitive`"
        )


def _segments(rule: Rule, states: Iterable[tuple[Any, State]], frame: Frame, request: Request) -> Iterable[Found]:
    for segment, state in states:
        part = frame if rule.by is None else frame.where(pl.col(rule.by).eq_missing(pl.lit(segment)))
        try:
            yield Found(rule, segment, rule.judge(state, part))
        except BROKEN as error:
            yield Found(rule, segment, None, _problem(error, request))


def _problem(error: BaseException, request: Request) -> str:
    """Why a rule could not be computed; in a dataset with sensitive columns without words that may quote them."""
    if request.sensitive and (error.__cause__ or not isinstance(error, SourceError)):
        name = type(error.__cause__ or error).__name__
        return f"it could not be computed ({name}; the details are withheld, as they may quote sensitive values)"
    return first_line(error) if isinstance(error, SourceError) else f"it could not be computed: {first_line(error)}"


def _result(found: Found, request: Request) -> RuleResult:
    rule, judgement = found.rule, found.judgement
    subjects = rule.subjects or tuple(filter(None, (getattr(rule, "column", None),)))
    secret = bool(set(subjects) & set(request.sensitive))
    common: dict[str, Any] = {
        "rule_name": rule.title,
        "check": rule.check,
        "column": getattr(rule, "column", subjects[0] if len(subjects) == 1 else None),
        "columns": subjects,
        "severity": rule.severity,
        "by": rule.by,
        "segment": MASK if rule.by in request.sensitive else readable(found.segment),
    }
    if judgement is None:
        return RuleResult(**common, status=Status.ERROR, message=found.problem or "it could not be judged")
    status = _status(rule, judgement)
    value = MASK if secret and judgement.value is not None else judgement.value
    return RuleResult(
        **common,
        status=status,
        message=_message(rule, judgement, status, secret),
        failed_count=judgement.failed,
        total_count=judgement.judged,
        value=value,
    )


def _status(rule: Rule, judgement: Judgement) -> Status:
    if judgement.judged == 0:
        return Status.SKIPPED
    rate = judgement.failed / judgement.judged
    if rate > rule.max_failure_rate:
        return Status.FAILED
    warns = rule.warn_failure_rate is not None and rate > rule.warn_failure_rate
    return Status.WARNING if warns else Status.PASSED


def _message(rule: Rule, judgement: Judgement, status: Status, secret: bool) -> str:
    if status is Status.SKIPPED:
        return f"nothing judged: {judgement.note or _why_empty(rule)}"
    note = None if secret else judgement.note
    if judgement.note is not None and judgement.failing is None and judgement.judged == 1:
        return f"{rule.says()}; {note or 'its value is withheld'}"
    if not judgement.failed:
        return f"{rule.says()}, in all {judgement.judged:,} rows judged"
    rate = judgement.failed / judgement.judged
    allowed = f", {rule.max_failure_rate:.2%} allowed" if rule.max_failure_rate else ""
    more = f" ({note})" if note else ""
    rows = f"{judgement.failed:,} of {judgement.judged:,} rows ({rate:.2%}{allowed})"
    return f"{rows} break the rule: {rule.says()}{more}"


def _why_empty(rule: Rule) -> str:
    return f"no row with a value where {rule.where}" if rule.where else "no row with a value"


def _with_samples(
    rules: tuple[RuleResult, ...], found: list[Found], frame: Frame, request: Request
) -> tuple[RuleResult, ...]:
    """A few failing rows for the rules that did not hold, with sensitive values masked."""
    loud = (Status.FAILED, Status.WARNING)
    wanted: dict[int, Wanted] = {}
    for number, (result, one) in enumerate(zip(rules, found, strict=True)):
        if result.status in loud and one.judgement is not None and one.judgement.failing is not None:
            failing = one.judgement.failing
            if one.rule.by is not None:
                failing = failing & pl.col(one.rule.by).eq_missing(pl.lit(one.segment))
            wanted[number] = Wanted(failing, one.judgement.failed, one.rule.reads)
    try:
        rows = samples(frame, wanted, request.key, request.sample_rows)
    except BROKEN:
        return rules
    return tuple(
        rule.model_copy(update={"samples": tuple(_masked(row, request.sensitive) for row in rows.get(number, ()))})
        for number, rule in enumerate(rules)
    )


def _masked(row: Mapping[str, Scalar], sensitive: tuple[str, ...]) -> dict[str, Scalar]:
    return {column: MASK if column in sensitive and value is not None else value for column, value in row.items()}
