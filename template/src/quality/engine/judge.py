"""The check: binds rules to a frame, runs them in as few passes as they need, and judges what comes back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.contract import load_contract, parse_source
from quality.contract.sources import as_frame, as_source
from quality.engine.frame import Frame, Surroundings
from quality.engine.one_pass import States, measure
from quality.engine.rule import Judgement, Rule, first_line, kind_of
from quality.engine.samples import Wanted, readable, samples
from quality.errors import ConfigurationError, SourceError
from quality.history.runs import measured, volumes
from quality.result import CheckResult, RuleResult, RunMetadata, Scalar, Status, run_status

MASK = "***"
BROKEN = (pl.exceptions.PolarsError, pl.exceptions.PanicException, SourceError, OSError)


class Found(NamedTuple):
    """A rule's judgement on one segment, or why there is none."""

    rule: Rule
    segment: Any
    judgement: Judgement | None
    problem: str | None = None


def check(
    data: Any = None,
    config: CheckConfig | None = None,
    *,
    now: datetime | None = None,
    history: Callable[[int], list[float]] | None = None,
    seen: Callable[[Frame, list[Found]], None] | None = None,
    judged: Callable[[int], None] = lambda rules: None,
) -> CheckResult:
    """Judges data by the configuration's rules; `history` gives the rows of earlier runs, by default its own runs'.

    `seen` is called with the frame and every judgement, for whoever needs the failing rows themselves; `judged` now and
    then with the number of rules that came to be judged since.

    `data` is a frame, LazyFrame, pandas or Arrow table, path, source or dataset name; None means the configured
    source. Wrong use raises ConfigurationError before any data is read; what cannot be read or computed is ERROR.
    """
    config = config or CheckConfig()
    started, clock = datetime.now(UTC), time.perf_counter()
    about = RunMetadata(
        dataset=config.dataset,
        owner=config.owner,
        environment=config.environment,
        contract=config.contract,
        source=_place(data, config),
        fingerprint=config.fingerprint,
        template_version=project.template_version(),
        compatibility=project.compatibility(),
    )
    try:
        frame = open_frame(data, config, now=now, history=history)
    except BROKEN as error:
        verdict = _unreadable(_problem(error, config), config)
    else:
        verdict = _verdict(frame, config, seen, judged)
        about = about.model_copy(update={"explain": frame.explain()})
    took = (time.perf_counter() - clock) * 1000
    return CheckResult(
        **verdict, allow_empty=config.allow_empty, execution_time_ms=took, timestamp=started, metadata=about
    )


def _unreadable(reason: str, config: CheckConfig) -> dict[str, Any]:
    rules = tuple(_result(Found(rule, None, None, reason), config) for rule in config.rules)
    return {"status": Status.ERROR, "rules": rules, "reason": reason}


def _verdict(
    frame: Frame,
    config: CheckConfig,
    seen: Callable[[Frame, list[Found]], None] | None,
    judged: Callable[[int], None],
) -> dict[str, Any]:
    found = judge(config, frame, judged)
    if seen is not None:
        seen(frame, found)
    rules = _with_samples(tuple(_result(one, config) for one in found), found, frame, config)
    status, reason, rows = run_status(rules, config.warning_threshold), None, _rows(frame)
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


def open_frame(
    data: Any,
    config: CheckConfig,
    *,
    now: datetime | None = None,
    history: Callable[[int], list[float]] | None = None,
) -> Frame:
    """The frame of the data, or of the configured source; SourceError when there is nothing to read."""
    around = Surroundings(
        references=reference,
        history=history or volumes(config, now),
        measured=measured(config, now) if history is None else lambda metric, window: history(window),
        now=now or datetime.now(UTC),
        root=project.root(),
    )
    if (lazy := as_frame(data)) is not None:
        return Frame(lazy, around)
    source, base = config.source, project.root()
    if isinstance(data, str) and data in project.datasets():
        source = load_contract(base / "datasets" / f"{data}.yml").source
    elif data is not None:
        source, base = as_source(data), Path.cwd()
    if source is None:
        given = "no data" if data is None else f"a {type(data).__name__}"
        raise ConfigurationError(f"{config.dataset}: cannot judge {given}; give a frame, a path or a dataset's name")
    return Frame(source.scan(base), around, columnar=source.columnar, version_now=partial(source.version, base))


def reference(written: Any) -> pl.LazyFrame:
    """Another dataset of the repository by name, or any source by path."""
    base = project.root()
    if isinstance(written, str) and written in project.datasets():
        return load_contract(base / "datasets" / f"{written}.yml").source.scan(base)
    return parse_source(written).scan(base)


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


def judge(config: CheckConfig, frame: Frame, judged: Callable[[int], None] = lambda rules: None) -> list[Found]:
    """Every rule's judgements, in the order of the rules and of the segments' values."""
    _check_named(config, frame)
    ready: list[Rule] = []
    problems: dict[int, str] = {}
    for number, rule in enumerate(config.rules):
        try:
            bind(rule, frame)
            _check_remembered(rule, config)
            ready.append(rule)
        except ConfigurationError as error:
            where = project.place_of_rule(config, number)
            raise ConfigurationError(f"{where}: rule {number + 1} '{rule.title}': {error}") from None
        except BROKEN as error:
            problems[id(rule)] = _problem(error, config)
    states, broken = measure(ready, frame, BROKEN, judged)
    problems |= {id(rule): _problem(error, config) for rule, error in broken}
    found: list[Found] = []
    for rule in config.rules:
        found.extend(_judge(rule, states, frame, problems.get(id(rule)), config))
        if not states.has(rule):
            judged(1)
    return found


def _check_named(config: CheckConfig, frame: Frame) -> None:
    named = {"key": config.key, "sensitive": config.sensitive}
    if config.quarantine is not None:
        named |= {"quarantine.drop": config.quarantine.drop, "quarantine.encrypt": config.quarantine.encrypt}
    for field, columns in named.items():
        try:
            frame.check_columns(columns)
        except ConfigurationError as error:
            raise ConfigurationError(f"{config.dataset}: {field}: {error}") from None
    for column in named.get("quarantine.encrypt", ()):
        if kind_of(dtype := frame.schema[column]) == "nested":
            raise ConfigurationError(
                f"{config.dataset}: quarantine.encrypt: column '{column}' is {dtype}; drop it instead"
            )


def _check_remembered(rule: Rule, config: CheckConfig) -> None:
    """History keeps no value of a sensitive column, so a rule that needs earlier ones would be skipped for ever."""
    if rule.remembers is not None and (secret := sorted(set(rule.subjects) & set(config.sensitive))):
        raise ConfigurationError(
            f"column '{secret[0]}' is sensitive, so history keeps none of its numbers to compare with; "
            "judge it by bounds of your own, or take it from `sensitive`"
        )


def _judge(rule: Rule, states: States, frame: Frame, problem: str | None, config: CheckConfig) -> Iterable[Found]:
    if problem is not None:
        yield Found(rule, None, None, problem)
        return
    for segment, state in states.of(rule, frame):
        part = frame if rule.by is None else frame.where(pl.col(rule.by).eq_missing(pl.lit(segment)))
        try:
            yield Found(rule, segment, rule.judge(state, part))
        except BROKEN as error:
            yield Found(rule, segment, None, _problem(error, config))


def _problem(error: BaseException, config: CheckConfig) -> str:
    """Why a rule could not be computed; in a dataset with sensitive columns without words that may quote them."""
    if config.sensitive and (error.__cause__ or not isinstance(error, SourceError)):
        name = type(error.__cause__ or error).__name__
        return f"it could not be computed ({name}; the details are withheld, as they may quote sensitive values)"
    return first_line(error) if isinstance(error, SourceError) else f"it could not be computed: {first_line(error)}"


def _result(found: Found, config: CheckConfig) -> RuleResult:
    rule, judgement = found.rule, found.judgement
    subjects = rule.subjects or tuple(filter(None, (getattr(rule, "column", None),)))
    secret = bool(set(subjects) & set(config.sensitive))
    common: dict[str, Any] = {
        "rule_name": rule.title,
        "check": rule.check,
        "column": getattr(rule, "column", subjects[0] if len(subjects) == 1 else None),
        "columns": subjects,
        "severity": rule.severity,
        "by": rule.by,
        "segment": MASK if rule.by in config.sensitive else readable(found.segment),
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
    return f"not so in {rows}: {rule.says()}{more}"


def _why_empty(rule: Rule) -> str:
    return f"no row with a value where {rule.where}" if rule.where else "no row with a value"


def _place(data: Any, config: CheckConfig) -> str | None:
    if data is None:
        return config.source.describe() if config.source else None
    source = as_source(data)
    return source.describe() if source else type(data).__name__


def _with_samples(
    rules: tuple[RuleResult, ...], found: list[Found], frame: Frame, config: CheckConfig
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
        rows = samples(frame, wanted, config.key, config.sample_rows)
    except BROKEN:
        return rules
    return tuple(
        rule.model_copy(update={"samples": tuple(_masked(row, config.sensitive) for row in rows.get(number, ()))})
        for number, rule in enumerate(rules)
    )


def _masked(row: Mapping[str, Scalar], sensitive: tuple[str, ...]) -> dict[str, Scalar]:
    return {column: MASK if column in sensitive and value is not None else value for column, value in row.items()}
