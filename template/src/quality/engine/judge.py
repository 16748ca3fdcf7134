"""Judging: binds rules to a frame, runs them in as few passes as they need, and words what comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Literal, NamedTuple

import polars as pl

from quality.engine.dtypes import kind_of
from quality.engine.frame import Frame
from quality.engine.one_pass import States, measure
from quality.engine.request import Request
from quality.engine.rule import Judgement, RowRule, Rule, State, TableRule
from quality.engine.samples import Wanted, readable, samples
from quality.errors import CannotJudgeError, ConfigurationError, MalformedError, SourceError, first_line, retry_helps
from quality.known_sql import known
from quality.provenance import is_own
from quality.result import RuleResult, run_status
from quality.texts import percent_of
from quality.values import Scalar, Status

MASK = "***"
UNCOMPUTED = "it could not be computed"
BROKEN: tuple[type[BaseException], ...] = (Exception, pl.exceptions.PanicException)
"""What can go wrong with one rule, a team's own included, and is a verdict: ERROR of that rule alone."""
POLARS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


class Found(NamedTuple):
    """A rule's judgement on one segment, or why there is none."""

    rule: Rule
    segment: object
    judgement: Judgement | None
    problem: str | None = None
    retry_helps: bool = False


def unreadable(error: BaseException, request: Request) -> dict[str, Any]:
    """The fields of a result when there is nothing to judge: every rule is ERROR."""
    reason, retry = problem_of(error, request), retry_helps(error)
    rules = tuple(_result(Found(rule, None, None, reason, retry), request) for rule in request.rules)
    return {"status": Status.ERROR, "rules": rules, "reason": reason, "retry_helps": retry}


def verdict(found: list[Found], request: Request, frame: Frame) -> dict[str, Any]:
    """The fields of a result over every rule's judgements, with a few failing rows of the rules that did not hold."""
    request = shielded(request, frame)
    rules = _with_samples(tuple(_result(one, request) for one in found), found, frame, request)
    status, reason, rows = run_status(rules, request.warning_threshold), None, _rows(frame)
    if rows is None and status is not Status.FAILED:
        status = Status.ERROR
        reason = frame.differs or "the rows could not be counted, so nothing is known of all of them"
    elif status is Status.PASSED and rows == 0:
        status, reason = Status.SKIPPED, "there are no rows"
    elif status is Status.SKIPPED:
        reason = "no rule judged a row" if rules else "there are no rules"
    retry = any(rule.retry_helps for rule in rules)
    return {"status": status, "rules": rules, "reason": reason, "row_count": rows, "retry_helps": retry}


def _rows(frame: Frame) -> int | None:
    """The number of rows, where the data can be read."""
    with suppress(*BROKEN):
        return frame.rows
    return None


def bind(rule: Rule, frame: Frame) -> Rule:
    """The rule as it judges this frame; CannotJudgeError where columns and dtypes forbid that. It reads no data."""
    if frame.differs and not rule.JUDGES_SCHEMAS:
        raise MalformedError(frame.differs)
    frame.check_readable((*rule.subjects, *((rule.by,) if rule.by else ())))
    if rule.by is not None and (kind_of(frame.schema[rule.by]) == "nested" or frame.schema[rule.by] == pl.Object):
        raise CannotJudgeError(f"column '{rule.by}' is {frame.schema[rule.by]}; by needs single values")
    rule = known(rule, frame.schema)
    if rule.where is not None:
        frame.check_condition(rule.where)
    for column in rule.subjects:
        dtype = frame.schema[column]
        if kind_of(dtype) not in rule.JUDGES:
            wanted = " or ".join(sorted(rule.JUDGES - {"null"}))
            raise CannotJudgeError(
                f"column '{column}' is {dtype} where {rule.check} judges {wanted}: declare its dtype in source.dtypes, "
                "or change the rule"
            )
    rule.bind(frame)
    _check_answers(rule, frame)
    return rule


def _check_answers(rule: Rule, frame: Frame) -> None:
    """CannotJudgeError where a team's own rule does not answer each row of a few with true, false or null."""
    if isinstance(rule, RowRule) and is_own(type(rule)) and type(rule).measures is RowRule.measures:
        rows, passes = pl.DataFrame(schema=frame.schema).clear(7), rule.passes(frame).alias("answer")
        given = str(rows.lazy().select(passes).collect_schema()["answer"])
        with suppress(*BROKEN):  # what nulls alone break is told, where there are any, by judging
            given += "" if (number := rows.select(passes).height) == rows.height else f", {number} for 7 rows"
        if given != "Boolean":
            raise CannotJudgeError(f"its answers are {given}; `holds` and `passes` give each row true, false or null")


def judge(
    request: Request,
    frame: Frame,
    judged: Callable[[int], None] = lambda rules: None,
    measuring: Callable[..., tuple[States, dict[int, BaseException]]] = measure,
) -> list[Found]:
    """Every rule's judgements, in the order of the rules and of the segments' values, then named columns that are gone.

    `judged` is called now and then with the number of rules judged since; `measuring` is the pass, or answers for it.
    """
    ready, problems = dict[int, Rule](), dict[int, BaseException]()
    for number, rule in enumerate(request.rules):
        try:
            ready[number] = bind(rule, frame)
        except BROKEN as error:
            problems[number] = error
    states, broken = measuring(ready, frame, BROKEN, judged)
    problems |= broken
    found: list[Found] = []
    for number, rule in enumerate(request.rules):
        if number in problems:
            found.append(_unjudged(rule, None, problems[number], request))
        else:
            found.extend(_segments(ready[number], states.of(number, rule, frame), frame, request))
        if not states.has(number):
            judged(1)
    return [*found, *_gone(request, frame)]


class NamedColumns(TableRule):
    """The columns that a field beside the rules names are there; it is no rule that people write."""

    check: Literal["named_columns"] = "named_columns"


def _gone(request: Request, frame: Frame) -> Iterable[Found]:
    """An ERROR for each field whose columns are gone: rows can no longer be named, or values no longer be masked."""
    for field, columns in request.named_columns.items():
        try:
            frame.check_columns(columns)
        except CannotJudgeError as error:
            hides = "; until it is back, every value is masked" if field == "sensitive" else ""
            yield Found(NamedColumns(name=field), None, None, f"{field}: {error}{hides}")


def shielded(request: Request, frame: Frame) -> Request:
    """The request; with every column sensitive where a sensitive one is gone, as another may hold its values now."""
    if set(request.sensitive) <= set(frame.schema):
        return request
    return request.model_copy(update={"sensitive": (*request.sensitive, *frame.schema)})


def _segments(rule: Rule, states: Iterable[tuple[Any, State]], frame: Frame, request: Request) -> Iterable[Found]:
    try:
        for segment, state in states:
            part = frame if rule.by is None else frame.where(frame.segment(rule.by).eq_missing(pl.lit(segment)))
            try:
                yield Found(rule, segment, _judgement(rule, state, part))
            except BROKEN as error:
                yield _unjudged(rule, segment, error, request)
    except BROKEN as error:
        yield _unjudged(rule, None, error, request)


def _judgement(rule: Rule, state: State, part: Frame) -> Judgement:
    found: object = rule.judge(state, part)
    if not isinstance(found, Judgement):
        raise TypeError(f"judge returned {type(found).__name__} where a Judgement is needed")
    if not (found.failed >= 0 and found.judged >= min(found.failed, 1)):
        raise ValueError(f"judge counted {found.failed} failing of {found.judged} rows")
    return found


def _unjudged(rule: Rule, segment: Any, error: BaseException, request: Request) -> Found:
    return Found(rule, segment, None, problem_of(error, request), retry_helps(error))


def problem_of(error: BaseException, request: Request) -> str:
    """Why a rule could not be judged; in a dataset with sensitive columns without words that may quote them."""
    if isinstance(error, (CannotJudgeError, ConfigurationError)):
        return " ".join(str(error).split())
    if request.sensitive and (error.__cause__ or not isinstance(error, SourceError)):
        name = type(error.__cause__ or error).__name__
        what = "the source could not be read" if isinstance(error, SourceError) else UNCOMPUTED
        return f"{what} ({name}; the details are withheld, as they may quote sensitive values)"
    if isinstance(error, SourceError):
        return first_line(error)
    kind = "" if isinstance(error, (*POLARS, OSError)) else f"{type(error).__name__}: "
    return f"{UNCOMPUTED}: {kind}{first_line(error)}"


def _result(found: Found, request: Request) -> RuleResult:
    """The result in words; ERROR where the rule itself cannot be asked for them."""
    try:
        return _worded(found, request)
    except BROKEN as error:
        return _worded(found._replace(judgement=None, problem=problem_of(error, request)), request)


def _subjects(rule: Rule) -> tuple[str, ...]:
    with suppress(*BROKEN):
        if rule.subjects:
            return rule.subjects
    return tuple(filter(None, (getattr(rule, "column", None),)))


def _worded(found: Found, request: Request) -> RuleResult:
    rule, judgement = found.rule, found.judgement
    subjects = _subjects(rule)
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
        said = found.problem or "it could not be judged"
        return RuleResult(**common, status=Status.ERROR, message=said, retry_helps=found.retry_helps)
    status = _status(rule, judgement)
    value = MASK if secret and judgement.value is not None else judgement.value
    return RuleResult(
        **common,
        status=status,
        message=_message(rule, judgement, status, secret),
        failed_count=judgement.failed,
        total_count=judgement.judged,
        value=value,
        against=judgement.against,
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
        scope = f" where {rule.where}" if rule.where else ""
        return f"nothing judged: {judgement.note or f'no row with a value{scope}'}"
    note = None if secret else judgement.note
    if judgement.note is not None and judgement.failing is None and judgement.judged == 1:
        return f"{rule.says()}; {note or 'its value is withheld'}"
    more = f" ({note})" if note else ""
    if not judgement.failed:
        return f"{rule.says()}, in all {judgement.judged:,} rows judged{more}"
    rate = judgement.failed / judgement.judged
    allowed = f", {percent_of(rule.max_failure_rate, rule.max_failure_rate)} allowed" if rule.max_failure_rate else ""
    share = percent_of(rate, *filter(None, (rule.max_failure_rate, rule.warn_failure_rate)))
    rows = f"{judgement.failed:,} of {judgement.judged:,} rows ({share}{allowed})"
    return f"{rows} break the rule: {rule.says()}{more}"


def _with_samples(
    rules: tuple[RuleResult, ...], found: list[Found], frame: Frame, request: Request
) -> tuple[RuleResult, ...]:
    """A few failing rows for the rules that did not hold, with sensitive values masked."""
    loud = (Status.FAILED, Status.WARNING)
    wanted: dict[int, Wanted] = {}
    own: dict[int, list[dict[str, Scalar]]] = {}
    for number, (result, one) in enumerate(zip(rules, found, strict=True)):
        if one.judgement is not None and one.judgement.rows:
            own[number] = [*one.judgement.rows][: request.sample_rows]
        elif result.status in loud and one.judgement is not None and one.judgement.failing is not None:
            failing = one.judgement.failing
            if one.rule.by is not None:
                failing = failing & frame.segment(one.rule.by).eq_missing(pl.lit(one.segment))
            wanted[number] = Wanted(failing, one.judgement.failed, one.rule)
    rows = own
    with suppress(*BROKEN):
        there = tuple(column for column in request.key if column in frame.schema)
        rows = own | samples(frame, wanted, there, request.sample_rows)
    return tuple(
        rule.model_copy(update={"samples": tuple(_masked(row, request.sensitive) for row in rows.get(number, ()))})
        for number, rule in enumerate(rules)
    )


def _masked(row: Mapping[str, Scalar], sensitive: tuple[str, ...]) -> dict[str, Scalar]:
    return {column: MASK if column in sensitive and value is not None else value for column, value in row.items()}
