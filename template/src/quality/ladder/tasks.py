"""The rung of a first look: checks as Prefect tasks, the same call in sync and in async code.

A FAILED verdict is never retried: it is returned as a state that carries its `DataQualityError`. What could not be
judged is raised, and only that is retried.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.context import TaskRunContext
from prefect.logging import get_run_logger
from prefect.settings import get_current_settings
from prefect.transactions import get_transaction
from prefect.utilities.annotations import NotSet

from quality import checking
from quality.checking import Rules, known_engine, resolve_call, uphold
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.judging_code import judging_digest
from quality.contract.own_python import own_digest
from quality.contract.references import references_of, referred
from quality.errors import ConfigurationError, DataQualityError, SourceError, retry_helps
from quality.ladder.awaitable import AwaitableProfile, AwaitableResult, AwaitableRules
from quality.ladder.block import DataQualityBlock
from quality.ladder.runners import spreading
from quality.ladder.states import guarded, is_machinery, result_or_raise, settled
from quality.learning.proposal import learn
from quality.operations import after_check
from quality.prefect_run import either, run_context
from quality.reporting import artifacts
from quality.result import CheckResult
from quality.rules import profile
from quality.sources import as_frame
from quality.texts import nearest
from quality.values import Status

P = ParamSpec("P")
R = TypeVar("R")
OF_NOW = ("freshness", "not_past", "not_future")
"""Rules whose verdict about unchanged data is another one later."""


class QualityTask(Task[P, R]):
    """A sync task that async code can await, that raises what it failed with, and that needs no server of its own."""

    if not TYPE_CHECKING:  # to type checkers a call takes and gives what Prefect says of a task

        def __call__(self, *args, return_state=False, wait_for=None, **kwargs):
            """The result or, in async code, an awaitable of it."""
            return either(partial(self.now, *args, return_state=return_state, wait_for=wait_for, **kwargs))

    def now(self, *args: Any, return_state: bool = False, wait_for: Any = None, **kwargs: Any) -> Any:
        """The result, wherever the caller is. Outside runs, where no API is set, the plain function runs."""
        if run_context() is None and get_current_settings().api.url is None:
            returned = self.fn(*args, **kwargs)
        else:
            call: Callable[..., Any] = super().__call__
            returned = call(*args, return_state=return_state, wait_for=wait_for, **kwargs)
        return returned if return_state else result_or_raise(returned)

    def with_options(self, **options: Any) -> QualityTask[P, R]:
        """A copy with other options, as good as this one in sync and async code."""
        task = super().with_options(**options)
        task.__class__ = QualityTask
        return task  # type: ignore[return-value]


def configured(
    data: object = None,
    block: DataQualityBlock | None = None,
    rules: Rules | None = None,
    config: CheckConfig | None = None,
    fail_on_error: bool | None = None,
    warning_threshold: float | None = None,
    auto_schema: bool = False,
    engine_name: str | None = None,
    partition: str | None = None,
    **_: Any,
) -> CheckConfig:
    """What a call of the check task asks for: the call, over the block, over the contract's configuration."""
    known_engine(engine_name or "truthound")
    if block is not None:
        config = (config or CheckConfig()).override(**block.given())
        auto_schema = auto_schema or block.auto_schema
    call = {"rules": rules, "fail_on_error": fail_on_error, "warning_threshold": warning_threshold}
    return resolve_call(data, config, auto_schema, partition=partition, **call)


def check(
    data: object = None,
    block: DataQualityBlock | None = None,
    rules: Rules | None = None,
    config: CheckConfig | None = None,
    fail_on_error: bool | None = None,
    warning_threshold: float | None = None,
    auto_schema: bool = False,
    store_artifact: bool = True,
    artifact_key: str | None = None,
    engine_name: str | None = None,
    now: datetime | None = None,
    partition: str | None = None,
) -> CheckResult:
    """Check data by rules, a block or a contract's configuration, and publish the result for operators.

    `data` is a frame, a path, a dataset's name, or None for the configured source. With `fail_on_error=False` a FAILED
    result is returned; what could not be judged raises DataQualityError in any case. `now`, with its zone, is the
    moment that ages are counted to and before which runs are remembered; the run's own when left out. Of a `partition`
    such as `day=2026-11-26` only the files in its folders are read.
    """
    asks = configured(data, block, rules, config, fail_on_error, warning_threshold, auto_schema, engine_name, partition)
    with spreading(asks):
        result, notes, problem = after_check.check(data, asks, now)
    _keep_other_versions_out_of_the_cache()
    if store_artifact:
        _publish(result, artifact_key, notes)
    if problem is not None and retry_helps(problem):
        raise problem
    try:
        upheld = uphold(result, asks.fail_on_error)
    except DataQualityError as error:
        if result.status is Status.ERROR or _may_be_cached():
            raise
        return cast("CheckResult", settled(error))  # a state, which Prefect and `result_or_raise` take apart
    if problem is not None:
        raise problem
    return upheld


def _may_be_cached() -> bool:
    """Whether this run's return value is stored for reuse; Prefect would hand a stored Failed out as a success."""
    context = TaskRunContext.get()
    return context is not None and context.task.cache_policy is not NO_CACHE


def _keep_other_versions_out_of_the_cache() -> None:
    """Stores no verdict whose data is not of the version that the cache's key was made for."""
    context, transaction = TaskRunContext.get(), get_transaction()
    if context is None or transaction is None or context.task.cache_key_fn is None:
        return
    if context.task.cache_key_fn(context, context.parameters) != transaction.key:
        transaction.write_on_commit = False


def _publish(result: CheckResult, key: str | None, notes: tuple[str, ...]) -> None:
    """Artifacts inform; the verdict does not depend on them."""
    try:
        artifacts.publish(result, key, notes)
    except Exception as error:
        get_run_logger().warning("The artifacts of %s were not written: %s", result.metadata.dataset, error)


def profile_data(data: object = None, block: DataQualityBlock | None = None) -> profile.Profile:
    """Profile every column of the data, or of the block's source."""
    config = configured(data, block)
    return profile.profile(checking.open_frame(data, config).lazy, config.dataset)


def learn_rules(data: object = None, block: DataQualityBlock | None = None) -> list[dict[str, object]]:
    """Rules that this data satisfies, held out on its later part: a first draft of a contract."""
    frame = checking.open_frame(data, configured(data, block))
    return learn(frame.lazy, columnar=frame.columnar).written()


def source_version(data: object, config: CheckConfig) -> str | None:
    """What changes when what is judged does: sources and references, how each is read, and sizes and times of files.

    None when that cannot be known.
    """
    if as_frame(data) is not None:
        return None
    named = [referred(one, config.environment) for rule in config.rules for one in references_of(rule)]
    sources = [checking.source_of(data, config), *((one, project.root()) for one in named)]
    versions = [(one.version(base), "" if one.is_remote else str(base), one) for one, base in sources]
    if any(version is None for version, *_ in versions):
        return None
    said = [(*told, one.model_dump(mode="json"), own_digest(type(one))) for *told, one in versions]
    return json.dumps(said, default=str)


def verdict_key(prefix: str, context: TaskRunContext, parameters: dict[str, Any]) -> str | None:
    """Names a verdict by configuration, code, version of the source, and the moment where one is given.

    None, which is not cached, for frames, for what cannot be opened, and where it would be kept for ever although
    time alone changes it.
    """
    try:
        config = configured(**parameters)
        version = source_version(parameters.get("data"), config)
    except (ConfigurationError, SourceError):  # the check itself says why
        return None
    now = parameters.get("now")
    passing = now is None and any(rule.remembers or rule.check in OF_NOW for rule in config.rules)
    if version is None or (passing and context.task.cache_expiration is None):
        return None
    moment = f"as of {now}" if now else None
    said = (prefix, config.fingerprint, judging_digest(), version, *filter(None, [config.partition, moment]))
    return hashlib.sha256("\n".join(said).encode()).hexdigest()


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
    **call: object,
) -> QualityTask[..., AwaitableResult]:
    """A check task with its own defaults; a call of it still goes before them.

    `retries` repeats what could not be judged, never a verdict. With `cache_key`, a success is reused for as long as
    configuration and source are the same and it has not expired; where it never expires, not that of rules about now
    or about earlier runs.
    """
    given = {"config": config, "block": block, "rules": rules} | call
    options: dict[str, Any] = {"retries": retries, "retry_delay_seconds": retry_delay_seconds, "tags": tags}
    options |= {"timeout_seconds": timeout_seconds, "description": description}
    if cache_key is not None:
        options |= {"cache_key_fn": partial(verdict_key, cache_key), "persist_result": True, "cache_policy": NotSet}
    if cache_expiration_seconds is not None:
        options["cache_expiration"] = timedelta(seconds=cache_expiration_seconds)
    return _task(_with_defaults(check, given), name or "data_quality_check", AwaitableResult, **options)


def check_task(config: CheckConfig, name: str | None = None) -> QualityTask[..., AwaitableResult]:
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


def _with_defaults(function: Callable[P, R], defaults: Mapping[str, object]) -> Callable[P, R]:
    """The function with other defaults, which its signature shows; None means not given."""
    signature = inspect.signature(function)
    for name in defaults:
        if name not in signature.parameters:
            raise ConfigurationError(f"a check task takes no '{name}'; {nearest(name, signature.parameters)}")
    given = {name: value for name, value in defaults.items() if value is not None}
    plain: Callable[..., Any] = function

    @wraps(function)
    def with_defaults(*args: Any, **kwargs: Any) -> Any:
        called = signature.bind(*args, **kwargs).arguments
        return plain(**(given | {name: value for name, value in called.items() if value is not None}))

    parameters = [one.replace(default=given.get(name, one.default)) for name, one in signature.parameters.items()]
    with_defaults.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return cast("Callable[P, R]", with_defaults)


def _task(function: Callable[P, object], name: str, gives: type[R], **options: Any) -> QualityTask[P, R]:
    """A task of the function; `gives` is what type checkers are told that a call returns."""
    chosen: dict[str, Any] = {
        "cache_policy": NO_CACHE,
        "persist_result": False,
        "retry_condition_fn": is_machinery,
    } | options
    return cast("QualityTask[P, R]", QualityTask(guarded(function), name=name, **chosen))


data_quality_check_task = _task(check, "data_quality_check", AwaitableResult)
data_quality_profile_task = _task(profile_data, "data_quality_profile", AwaitableProfile)
data_quality_learn_task = _task(learn_rules, "data_quality_learn", AwaitableRules)
