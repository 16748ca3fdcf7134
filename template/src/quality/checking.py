"""One check: resolves its configuration, opens the data, judges it, and returns or raises the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.contract import parse_source
from quality.contract.sources import as_frame, as_source
from quality.engine.frame import Frame, Surroundings
from quality.engine.judge import BROKEN, Found, judge, unreadable, verdict
from quality.engine.rule import Rule
from quality.errors import ConfigurationError, DataQualityError, nearest
from quality.history.runs import digest, past, volumes
from quality.result import CheckResult, RunMetadata, summarize_check_result
from quality.rules import profile
from quality.values import Status

ENGINES = ("truthound", "polars")
"""Engine names that are accepted; there is one engine, and `truthound` is how the field's snippets ask for it."""
Rules = Sequence[Rule | Mapping[str, Any]]


def known_engine(name: str) -> str:
    """The name, when it is one that this engine answers to."""
    if name not in ENGINES:
        raise ConfigurationError(f"there is no engine '{name}'; {nearest(name, ENGINES)}")
    return name


def asked(data: Any, config: CheckConfig | None, auto_schema: bool = False, **call: Any) -> CheckConfig:
    """The configuration of one check: what the call gives, over `config`, over the contract that `data` names.

    With `auto_schema`, a check that has no rules at all takes those that the data's profile suggests.
    """
    if config is None:
        named = isinstance(data, str) and data in project.datasets()
        config = project.load(data) if named else CheckConfig()
    config = config.override(**call)
    if auto_schema and not config.rules:
        suggested = profile.learn(profile.profile(open_frame(data, config).lazy, config.dataset))
        return config.override(rules=suggested)
    return config


def uphold(result: CheckResult, fail_on_error: bool) -> CheckResult:
    """The result of a success, or of a failure that the caller asked to see; ERROR is raised in any case."""
    if result.is_success or (not fail_on_error and result.status is not Status.ERROR):
        return result
    raise DataQualityError(summarize_check_result(result), result)


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
        fields = unreadable(error, config)
    else:
        found = judge(config, frame, judged, partial(project.place_of_rule, config))
        if seen is not None:
            seen(frame, found)
        fields = verdict(found, config, frame)
        about = about.model_copy(update={"explain": frame.explain(), "version": digest(frame.version)})
    took = (time.perf_counter() - clock) * 1000
    return CheckResult(
        **fields, allow_empty=config.allow_empty, execution_time_ms=took, timestamp=started, metadata=about
    )


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
        past=past(config, now) if history is None else None,
        now=now or datetime.now(UTC),
        root=project.root(),
    )
    if (lazy := as_frame(data)) is not None:
        return Frame(lazy, around)
    source, base = config.source, project.root()
    if isinstance(data, str) and data in project.datasets():
        source = project.contract(data).source
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
        return project.contract(written).source.scan(base)
    return parse_source(written).scan(base)


def _place(data: Any, config: CheckConfig) -> str | None:
    if data is None:
        return config.source.describe() if config.source else None
    source = as_source(data)
    return source.describe() if source else type(data).__name__
