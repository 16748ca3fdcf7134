"""One check: resolves its configuration, opens the data, judges it, and returns or raises the result."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

from quality import isolation
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.contract import unknown_references
from quality.contract.judging_code import judging_digest
from quality.contract.references import References, referred
from quality.contract.times import in_utc
from quality.engine.frame import Frame, Surroundings
from quality.engine.judge import BROKEN, Found, judge, unreadable, verdict
from quality.engine.one_pass import measure
from quality.engine.rule import Rule
from quality.errors import ConfigurationError, DataQualityError, SourceError
from quality.file_states import opening
from quality.file_states.comparing import difference
from quality.history.runs import past, volumes
from quality.provenance import RunMetadata
from quality.pushdown.opening import judged_there
from quality.result import CheckResult, summarize_check_result
from quality.rules.schema import judged_columns
from quality.sources import Parses, Reading, Source, as_frame, as_source, digest, reading
from quality.sources.read_ahead import surroundings
from quality.texts import nearest
from quality.values import Status

ENGINES = ("truthound", "polars")
"""Engine names that are accepted; there is one engine, and `truthound` is how the field's snippets ask for it."""
Rules = Sequence[Rule | Mapping[str, object]]


def known_engine(name: str) -> str:
    """The name, when it is one that this engine answers to."""
    if name not in ENGINES:
        raise ConfigurationError(f"there is no engine '{name}'; {nearest(name, ENGINES)}")
    return name


def resolve_call(data: object, config: CheckConfig | None, auto_schema: bool = False, **call: Any) -> CheckConfig:
    """The configuration of one check: what the call gives, over `config`, over the contract that `data` names.

    With `auto_schema`, a check that has no rules at all takes those that are learned from the data.
    """
    if config is None:
        config = project.load(data) if isinstance(data, str) and data in project.datasets() else CheckConfig()
    config = config.override(**call)
    if auto_schema and not config.rules:
        from quality.learning.proposal import learn  # only who asks for it waits for it

        frame = open_frame(data, config)
        return config.override(rules=learn(frame.lazy, columnar=frame.columnar).rules)
    return config


def uphold(result: CheckResult, fail_on_error: bool) -> CheckResult:
    """The result of a success, or of a failure that the caller asked to see; ERROR is raised in any case."""
    if result.is_success or (not fail_on_error and result.status is not Status.ERROR):
        return result
    raise DataQualityError(summarize_check_result(result), result)


def caught(call: Callable[[], Any]) -> CheckResult:
    """The result of a check, where the check raises it, too."""
    try:
        result: CheckResult = call()
    except DataQualityError as error:
        return error.result
    return result


def check(
    data: object = None,
    config: CheckConfig | None = None,
    *,
    now: datetime | None = None,
    history: Callable[[int], list[float]] | None = None,
    seen: Callable[[Frame, list[Found]], None] | None = None,
    judged: Callable[[int], None] = lambda rules: None,
    isolated: Callable[[], isolation.Answer] | None = None,
) -> CheckResult:
    """Judges data by the configuration's rules, as of `now`: ages are counted to it, and only runs before it are known.

    `history` gives the rows of earlier runs, by default its own runs'. Results of one dataset and one `now` are equal.
    `seen` is called with the frame and every judgement, for whoever needs the failing rows themselves, and closes what
    is judged `there`; `judged` now and then with the number of rules that came to be judged since.

    `data` is a frame, LazyFrame, pandas or Arrow table, path, source or dataset name; None means the configured
    source. Wrong use raises ConfigurationError before any data is read; what cannot be read or computed is ERROR. Where
    the configuration says `isolate`, named data is judged in a child, by `isolated`, and `seen` is not called.
    """
    config, started, clock = config or CheckConfig(), datetime.now(UTC), time.perf_counter()
    now = in_utc(now or started)
    about = _about(data, config)
    refuse_unknown(config)
    try:
        if isolation.wanted(data, config):
            answer = isolated() if isolated else isolation.ask(data, config, now)
            judged(len(config.rules))
            return cast("CheckResult", answer.result)
        open_it = partial(open_source, data, config, now=now, history=history)
        opened = open_it()
    except ConfigurationError:
        raise
    except BROKEN as error:
        fields = unreadable(error, config)
    else:
        opened, fields = _compared(opened, config, judged, seen, now, partial(open_it, keep=False))
        about = about.model_copy(update={"explain": opened.frame.explain(), "version": opened.version})
    told = {"allow_empty": config.allow_empty, "timestamp": started, "metadata": about}
    return CheckResult(**fields, **told, execution_time_ms=(time.perf_counter() - clock) * 1000)


class Opened(NamedTuple):
    """A frame, the rules that its source adds, how many rows were counted in its files, and of which version it is.

    `kept` has the states of its files, which answer for the pass.
    """

    frame: Frame
    declared: tuple[Rule, ...] = ()
    rows: int | None = None
    version: str | None = None
    kept: opening.Kept | None = None


def _compared(
    opened: Opened,
    config: CheckConfig,
    judged: Callable[[int], None],
    seen: Callable[[Frame, list[Found]], None] | None,
    now: datetime,
    again: Callable[[], Opened],
) -> tuple[Opened, dict[str, Any]]:
    """The fields of a result; where kept states are due, of the whole, and ERROR where the states say otherwise."""
    if (kept := opened.kept) is None:
        return opened, _judged(opened, config, judged, seen)
    if not kept.is_due(now):
        fields = _judged(opened, config, judged, seen)
    else:
        expected = _judged(opened, config, lambda rules: None, None)
        opened = again()
        fields = _judged(opened, config, judged, seen)
        if "row_count" not in expected:  # it changed meanwhile: there is nothing to compare, and no night to keep
            return opened, fields
        if said := difference(expected["rules"], fields["rules"]):
            kept.store.clear()
            return opened, unreadable(SourceError(said), config)
        kept.was_full(now)
    kept.remember(now, fields["status"])
    return opened, fields


def _judged(
    opened: Opened,
    config: CheckConfig,
    judged: Callable[[int], None],
    seen: Callable[[Frame, list[Found]], None] | None,
) -> dict[str, Any]:
    """The fields of a result about one version of the data; of what its source adds, those that did not hold."""
    frame = opened.frame
    asks = config.model_copy(update={"rules": (*config.rules, *opened.declared)})
    found = judge(asks, frame, judged, opened.kept.measuring if opened.kept else measure)
    found = [one for one in found if not (isinstance(one.rule, Parses) and one.judgement and not one.judgement.failed)]
    if seen is not None:
        seen(frame, found)
    fields = verdict(found, config, frame)
    if frame.there is not None and seen is None:
        frame.there.close()
    if frame.has_changed:
        return unreadable(SourceError("the source, or a reference, changed while it was read: check again"), config)
    if opened.rows not in (None, fields["row_count"]) and frame.differs is None:
        counted = f"{fields['row_count']:,}" if fields["row_count"] is not None else "none"
        said = f"{opened.rows:,} records are in the files, but {counted} were read; run the check again"
        return unreadable(SourceError(said), config)
    return fields


def refuse_unknown(config: CheckConfig) -> None:
    """ConfigurationError for a rule whose reference is neither a dataset of the repository nor a path to one."""
    referring = [rule for rule in config.rules if {"reference", "baseline"} & type(rule).model_fields.keys()]
    known = project.datasets() if referring else ()
    if wrong := [said for rule in referring for said in unknown_references(rule, known)]:
        raise ConfigurationError.of(f"{config.dataset}: {said}" for said in wrong)


def open_frame(
    data: object,
    config: CheckConfig,
    *,
    now: datetime | None = None,
    history: Callable[[int], list[float]] | None = None,
) -> Frame:
    """The frame of the data, or of the configured source; SourceError when there is nothing to read, or a value that
    is not of its column's dtype."""
    return open_source(data, config, now=now, history=history, judging=False).frame


def open_source(
    data: object,
    config: CheckConfig,
    *,
    now: datetime | None = None,
    history: Callable[[int], list[float]] | None = None,
    judging: bool = True,
    keep: bool = True,
) -> Opened:
    """The data, or the configured source, opened for the configuration's rules; with kept states where it has any."""
    now, references = now or datetime.now(UTC), References(config.environment)
    around = Surroundings(
        references=references,
        history=history or volumes(config, now),
        past=past(config, now) if history is None else None,
        now=now,
        root=project.root(),
        references_changed=references.have_changed,
    )
    if (lazy := as_frame(data)) is not None:
        return Opened(Frame(config.in_memory(lazy), around))
    source, base = source_of(data, config)
    with reading(source):
        version, ruled = source.version(base), judged_columns(config.rules)
        here = surroundings(around, source.is_remote)
        asked = opening.Asked(source, base, config, here, references, ruled, version)
        kept = opening.opened(asked) if judging and keep else None
        if isinstance(kept, opening.Kept):
            return Opened(kept.frame, kept.declared, version=digest(version), kept=kept)
        found = source.read(base, ruled) if judging else Reading(source.scan(base))
        if found.there is not None:
            there = judged_there(found, config, around, partial(referred, environment=config.environment))
            return Opened(there, version=source.UNKNOWN)
        frame = _frame(found, here, version, partial(source.version, base))
        frame.queries += [(f"states are not used: {kept}", ())] if kept else []
    return Opened(frame, found.declared, found.rows, digest(found.version or version) or source.UNKNOWN)


def _frame(found: Reading, around: Surroundings, version: str | None, version_now: Callable[[], str | None]) -> Frame:
    frame = Frame(
        found.lazy,
        around,
        columnar=found.columnar,
        version=found.version or version,
        version_now=(lambda: found.version) if found.version else version_now,
        hidden=found.hidden,
        schemas=found.schemas,
        differs=found.differs,
    )
    if found.ended is not None:
        weakref.finalize(frame, found.ended)
    return frame


def source_of(data: Any, config: CheckConfig) -> tuple[Source, Path]:
    """The source that is meant, and the folder that its path starts from."""
    source, base = config.source, project.root()
    if isinstance(data, str) and data in project.datasets():
        source = project.contract(data).source_in(config.environment)
    elif data is not None:
        source, base = as_source(data), Path.cwd()
    if source is None:
        given = "no data" if data is None else f"a {type(data).__name__}"
        raise ConfigurationError(f"{config.dataset}: cannot judge {given}; give a frame, a path or a dataset's name")
    return config.within(source), base


def _about(data: object, config: CheckConfig) -> RunMetadata:
    return RunMetadata(
        dataset=config.dataset,
        owner=config.owner,
        environment=config.environment,
        partition=config.part and config.part.shown,
        contract=config.contract,
        source=_place(data, config),
        fingerprint=config.fingerprint,
        template_version=project.template_version(),
        compatibility=project.compatibility(),
        judged_by=judging_digest(),
    )


def _place(data: object, config: CheckConfig) -> str | None:
    if data is None:
        return config.source.describe() if config.source else None
    source = as_source(data)
    return source.describe() if source else type(data).__name__
