"""The rung of a first look: checks as Prefect tasks, the same call in sync and in async code.

A FAILED verdict is never retried: it is returned as a state that carries its `DataQualityError`. What could not be
judged is raised, and only that is retried.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial, wraps
from typing import Any

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.context import TaskRunContext
from prefect.logging import get_run_logger
from prefect.settings import get_current_settings
from prefect.utilities.annotations import NotSet

from quality import checking
from quality.checking import Rules, asked, known_engine, uphold
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.contract import parse_source
from quality.contract.sources import as_frame
from quality.errors import ConfigurationError, DataQualityError, nearest
from quality.ladder.block import DataQualityBlock
from quality.ladder.states import is_machinery, result_or_raise, settled
from quality.operations import after_check as operations
from quality.prefect_run import either, run_context
from quality.reporting import artifacts
from quality.result import CheckResult
from quality.rules import profile
from quality.values import Status


class QualityTask(Task[..., Any]):
    """A sync task that async code can await, that raises what it failed with, and that needs no server of its own."""

    def __call__(self, *args: Any, return_state: bool = False, wait_for: Any = None, **kwargs: Any) -> Any:
        """The result or, in async code, an awaitable of it."""
        return either(partial(self.now, *args, return_state=return_state, wait_for=wait_for, **kwargs))

    def now(self, *args: Any, return_state: bool = False, wait_for: Any = None, **kwargs: Any) -> Any:
        """The result, wherever the caller is. Outside runs, where no API is set, the plain function runs."""
        if run_context() is None and get_current_settings().api.url is None:
            returned = self.fn(*args, **kwargs)
        else:
            returned = super().__call__(*args, return_state=return_state, wait_for=wait_for, **kwargs)
        return returned if return_state else result_or_raise(returned)

    def with_options(self, **options: Any) -> QualityTask:
        """A copy with other options, as good as this one in sync and async code."""
        task = super().with_options(**options)
        task.__class__ = QualityTask
        return task  # type: ignore[return-value]


def configured(
    data: Any = None,
    block: DataQualityBlock | None = None,
    rules: Rules | None = None,
    config: CheckConfig | None = None,
    fail_on_error: bool | None = None,
    warning_threshold: float | None = None,
    auto_schema: bool = False,
    engine_name: str | None = None,
    **_: Any,
) -> CheckConfig:
    """What a call of the check task asks for: the call, over the block, over the contract's configuration."""
    known_engine(engine_name or "truthound")
    if block is not None:
        config = (config or CheckConfig()).override(**block.given())
        auto_schema = auto_schema or block.auto_schema
    call = {"rules": rules, "fail_on_error": fail_on_error, "warning_threshold": warning_threshold}
    return asked(data, config, auto_schema, **call)


def check(
    data: Any = None,
    block: DataQualityBlock | None = None,
    rules: Rules | None = None,
    config: CheckConfig | None = None,
    fail_on_error: bool | None = None,
    warning_threshold: float | None = None,
    auto_schema: bool = False,
    store_artifact: bool = True,
    artifact_key: str | None = None,
    engine_name: str | None = None,
) -> Any:
    """Check data by rules, a block or a contract's configuration, and publish the result for operators.

    `data` is a frame, a path, a dataset's name, or None for the configured source. With `fail_on_error=False` a FAILED
    result is returned; what could not be judged raises DataQualityError in any case.
    """
    asks = configured(data, block, rules, config, fail_on_error, warning_threshold, auto_schema, engine_name)
    result, notes, problem = operations.check(data, asks)
    if store_artifact:
        _publish(result, artifact_key, notes)
    if problem is not None:
        raise problem
    try:
        return uphold(result, asks.fail_on_error)
    except DataQualityError as error:
        if result.status is Status.ERROR or _may_be_cached():
            raise
        return settled(error)


def _may_be_cached() -> bool:
    """Whether this run's return value is stored for reuse; Prefect would hand a stored Failed out as a success."""
    context = TaskRunContext.get()
    return context is not None and context.task.cache_policy is not NO_CACHE


def _publish(result: CheckResult, key: str | None, notes: tuple[str, ...]) -> None:
    """Artifacts inform; the verdict does not depend on them."""
    try:
        artifacts.publish(result, key, notes)
    except Exception as error:
        get_run_logger().warning("The artifacts of %s were not written: %s", result.metadata.dataset, error)


def profile_data(data: Any = None, block: DataQualityBlock | None = None) -> profile.Profile:
    """Profile every column of the data, or of the block's source."""
    config = configured(data, block)
    return profile.profile(checking.open_frame(data, config).lazy, config.dataset)


def learn_rules(data: Any = None, block: DataQualityBlock | None = None) -> list[dict[str, Any]]:
    """Rules that this data satisfies: a first draft of a contract."""
    return profile.learn(profile_data(data, block))


def source_version(data: Any, config: CheckConfig) -> str | None:
    """What changes when the data changes: paths, sizes and times of its files; None when that cannot be known."""
    if as_frame(data) is not None:
        return None
    named = isinstance(data, str) and data in project.datasets()
    source = project.load(data).source if named else parse_source(data) if data is not None else config.source
    return None if source is None else source.version(project.root())


def verdict_key(prefix: str, context: TaskRunContext, parameters: dict[str, Any]) -> str | None:
    """Names a verdict by configuration and version of the source; None, which is not cached, for frames."""
    config = configured(**parameters)
    version = source_version(parameters.get("data"), config)
    if version is None:
        return None
    return hashlib.sha256(f"{prefix}\n{config.fingerprint}\n{version}".encode()).hexdigest()


def create_check_task(
    name: str | None = None,
    config: CheckConfig | None = None,
    block: DataQualityBlock | None = None,
    rules: Rules | None = None,
    *,
    retries: int = 0,
    retry_delay_seconds: float = 0,
    cache_key: str | None = None,
    cache_expiration_seconds: float | None = None,
    timeout_seconds: float | None = None,
    tags: Iterable[str] = (),
    description: str | None = None,
    **call: Any,
) -> QualityTask:
    """A check task with its own defaults; a call of it still goes before them.

    `retries` repeats what could not be judged, never a verdict. With `cache_key`, a success is reused for as long as
    configuration and source are the same and it has not expired.
    """
    given = {"config": config, "block": block, "rules": rules} | call
    options: dict[str, Any] = {"retries": retries, "retry_delay_seconds": retry_delay_seconds, "tags": tags}
    options |= {"timeout_seconds": timeout_seconds, "description": description}
    if cache_key is not None:
        options |= {"cache_key_fn": partial(verdict_key, cache_key), "persist_result": True, "cache_policy": NotSet}
    if cache_expiration_seconds is not None:
        options["cache_expiration"] = timedelta(seconds=cache_expiration_seconds)
    return _task(_with_defaults(check, given), name or "data_quality_check", **options)


def check_task(config: CheckConfig, name: str | None = None) -> QualityTask:
    """The check task of a resolved configuration: its retries, and its cache where a cached verdict may be used."""
    cached = config.cache.enabled and (config.cache.may_gate or not config.fail_on_error)
    return create_check_task(
        name,
        config,
        retries=config.retries.count,
        retry_delay_seconds=config.retries.delay_seconds,
        cache_key=project.named(config.dataset) if cached else None,
        cache_expiration_seconds=config.cache.reuse_seconds if cached else None,
    )


def _with_defaults(function: Callable[..., Any], defaults: dict[str, Any]) -> Callable[..., Any]:
    """The function with other defaults, which its signature shows; None means not given."""
    signature = inspect.signature(function)
    for name in defaults:
        if name not in signature.parameters:
            raise ConfigurationError(f"a check task takes no '{name}'; {nearest(name, signature.parameters)}")
    given = {name: value for name, value in defaults.items() if value is not None}

    @wraps(function)
    def with_defaults(*args: Any, **kwargs: Any) -> Any:
        called = signature.bind(*args, **kwargs).arguments
        return function(**(given | {name: value for name, value in called.items() if value is not None}))

    parameters = [one.replace(default=given.get(name, one.default)) for name, one in signature.parameters.items()]
    with_defaults.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return with_defaults


def _task(function: Callable[..., Any], name: str, **options: Any) -> QualityTask:
    chosen: dict[str, Any] = {
        "cache_policy": NO_CACHE,
        "persist_result": False,
        "retry_condition_fn": is_machinery,
    } | options
    return QualityTask(function, name=name, **chosen)


data_quality_check_task = _task(check, "data_quality_check")
data_quality_profile_task = _task(profile_data, "data_quality_profile")
data_quality_learn_task = _task(learn_rules, "data_quality_learn")
