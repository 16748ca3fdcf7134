"""Flows of your own with a check in them: made from a loader, or around a function."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, Protocol, Self, TypeVar, cast

from prefect import Flow, Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from pydantic import Field

from quality.checking import Rules, known_engine
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.errors import ConfigurationError
from quality.ladder.awaitable import AwaitableResult
from quality.ladder.block import DataQualityBlock
from quality.ladder.flow_config import QualityCheckMode, QualityFlowConfig, refuse_retries
from quality.ladder.functions import first_of, refuse_generator, unwrapped, version_of
from quality.ladder.partitions import OF_A_FUNCTION, OF_ROWS, chosen_partition, refuse_partition, with_partition
from quality.ladder.states import guarded, is_machinery, settling
from quality.ladder.tasks import QualityTask, create_check_task
from quality.masking import masked_value
from quality.prefect_run import either
from quality.reporting.artifacts import dataset_key
from quality.rules.catalogue import parse_rules
from quality.values import Frozen

P = ParamSpec("P")
R = TypeVar("R")


class FlowCheck(Frozen):
    """What a factory's flow checks: a configuration at hand, or a dataset's contract as it is when the flow runs."""

    chosen: QualityFlowConfig
    config: CheckConfig
    dataset: str | None = None
    environment: str | None = None
    overrides: dict[str, Any] = Field({})
    moment: datetime | None = None

    def now(self, data: Any, when: str | None = None, partition: str | None = None) -> Any:
        """Check data in a task; DataQualityError when its verdict fails."""
        base = project.load(self.dataset, self.environment) if self.dataset else self.config
        base = base.override(**self.overrides).override(partition=partition)
        call = self.chosen.model_dump(include={"rules", "fail_on_error", "warning_threshold", "auto_schema"})
        own = self.chosen.artifact_key or dataset_key(base.dataset, base.environment, base.part)
        key = "-".join(filter(None, (own, when)))
        call |= {"store_artifact": self.chosen.store_artifact, "artifact_key": key, "now": self.moment}
        return self._task(base, when).now(data, **call)

    def _task(self, base: CheckConfig, when: str | None) -> QualityTask[..., AwaitableResult]:
        policy = {"retries": base.retries.count, "retry_delay_seconds": base.retries.delay_seconds}
        return create_check_task(f"data_quality_check_{when}" if when else None, base, **(policy | self.retries))

    @property
    def retries(self) -> dict[str, Any]:
        """Retries of the factory's tasks, where they are chosen."""
        return self.chosen.model_dump(include={"retries", "retry_delay_seconds"}, exclude_none=True)


class QualityFlow(Flow[P, R]):
    """A flow that a worker can import: deployed under the module-level name it is bound to, whatever its own name."""

    check: FlowCheck | None = None
    """What it checks, so that a deployment of it waits for the promotion of its dataset."""
    no_partition: ClassVar[str] = OF_A_FUNCTION

    def checking(self, check: FlowCheck) -> Self:
        """This flow, which says what it checks."""
        self.check = check
        return self

    if not TYPE_CHECKING:  # to type checkers a call takes and gives what the function does

        def __call__(self, *args, **kwargs):
            """Runs it; ConfigurationError for a partition that it does not take."""
            refuse_partition(self.fn, kwargs, self.no_partition)
            return super().__call__(*args, **kwargs)

    def serialize_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """What a server is told of a run's parameters: addresses without logins, no keys."""
        told: dict[str, Any] = masked_value(super().serialize_parameters(parameters))
        return told

    def bound(self) -> Self:
        """This flow, knowing the variable that holds it."""
        module = sys.modules.get(self.__module__)
        name = next((name for name, value in vars(module).items() if value is self), None) if module else None
        if name is None:
            raise ConfigurationError(
                f"flow '{self.name}' is not a module-level variable of {self.__module__}, so no worker can import it; "
                "bind it there before it is deployed: my_flow = create_quality_flow(…)"
            )
        self.__name__ = self.fn.__name__ = self.fn.__qualname__ = name
        return self

    def to_deployment(self, *args: Any, **kwargs: Any) -> Any:
        """A deployment whose entrypoint is the variable that holds this flow."""
        return super(QualityFlow, self.bound()).to_deployment(*args, **kwargs)

    async def ato_deployment(self, *args: Any, **kwargs: Any) -> Any:
        """A deployment whose entrypoint is the variable that holds this flow."""
        return await super(QualityFlow, self.bound()).ato_deployment(*args, **kwargs)

    def with_options(self, **options: Any) -> QualityFlow[P, R]:
        """A copy with other options; bind it to a variable of its own."""
        refuse_retries(options)
        copy = super().with_options(**options)
        copy.__class__ = type(self)
        copy.check = self.check  # type: ignore[attr-defined]
        return copy  # type: ignore[return-value]


class DatasetFlow(QualityFlow[..., AwaitableResult]):
    """A flow that checks and returns the result: a plain call in sync code, `await` it in async code."""

    no_partition = OF_ROWS

    if not TYPE_CHECKING:  # to type checkers a call takes and gives what Prefect says of a flow

        def __call__(self, *args, **kwargs):
            """The result or, in async code, an awaitable of it."""
            run = partial(super().__call__, *args, **kwargs)
            return run() if self.isasync else either(run)


class Checks(Protocol):
    """Makes a function a flow that takes and gives what the function does."""

    def __call__(self, function: Callable[P, R], /) -> QualityFlow[P, R]: ...


def create_quality_flow(
    name: str,
    loader: Callable[P, object] | None = None,
    rules: Rules | None = None,
    config: QualityFlowConfig | CheckConfig | None = None,
    cfg: QualityFlowConfig | None = None,
    block: DataQualityBlock | None = None,
    dataset: str | None = None,
    environment: str | None = None,
    now: datetime | None = None,
    **flow_kwargs: object,
) -> DatasetFlow:
    """A flow that checks what `loader` returns or, without one, its own argument `data`, of which it judges its
    argument `partition`, such as `day=2026-11-26`, alone; it returns the result.

    The flow takes the parameters of its loader, and is async when its loader is. Bind it at module level to deploy it.
    It takes a `partition`, too, of what its loader names (a path, a dataset's name, a source, as its annotation says),
    unless the loader has a parameter of that name; for a loader of rows it is refused before anything runs.
    `now` is the moment of judging, each run's own when left out.
    """
    chosen = _chosen(config, cfg, rules)
    check = _flow_check(name, chosen, config, block, dataset, environment, now)
    function = settling(_loading(loader, check) if loader else _checking(check))
    function.__name__ = function.__qualname__ = name
    function.__module__ = sys._getframe(1).f_globals.get("__name__", __name__)
    options = version_of(loader) | flow_kwargs | {"name": name}
    return DatasetFlow(function, **_flow_options(chosen, options)).checking(check)


def quality_checked_flow(
    rules: Rules | None = None,
    check_mode: QualityCheckMode | str | None = None,
    *,
    config: QualityFlowConfig | CheckConfig | None = None,
    cfg: QualityFlowConfig | None = None,
    block: DataQualityBlock | None = None,
    dataset: str | None = None,
    environment: str | None = None,
    now: datetime | None = None,
    **options: object,
) -> Checks:
    """Makes a function, sync or async, a flow whose data is checked: its first argument before, its return value after.

    `options` are fields of QualityFlowConfig, such as `fail_on_error`, and arguments of Prefect's `flow`.
    """
    chosen = _chosen(config, cfg, rules)
    own = {field: options.pop(field) for field in QualityFlowConfig.model_fields if field in options}
    own |= {} if check_mode is None else {"check_mode": check_mode}
    chosen = QualityFlowConfig.model_validate(dict(chosen) | own)

    def decorate(function: Callable[P, R]) -> QualityFlow[P, R]:
        plain, again = unwrapped(function)
        name = str(options.get("name") or plain.__name__.replace("_", "-"))
        check = _flow_check(name, chosen, config, block, dataset, environment, now)
        chosen_options = _flow_options(chosen, version_of(plain) | options | {"name": name})
        made: QualityFlow[P, R] = QualityFlow(again(settling(_around(plain, check))), **chosen_options)
        return made.checking(check)

    return decorate


def _chosen(
    config: QualityFlowConfig | CheckConfig | None, cfg: QualityFlowConfig | None, rules: Rules | None
) -> QualityFlowConfig:
    """The flow configuration that a factory is given; `cfg` and `config` are two names of it."""
    given = [one for one in (cfg, config) if isinstance(one, QualityFlowConfig)]
    if len(given) == 2 and cfg != config:
        raise ConfigurationError("`config` and `cfg` are two names of one argument and differ here; give one of them")
    chosen = given[0] if given else QualityFlowConfig()
    return chosen if rules is None else chosen.model_copy(update={"rules": tuple(rules)})


def _flow_check(
    name: str,
    chosen: QualityFlowConfig,
    config: QualityFlowConfig | CheckConfig | None,
    block: DataQualityBlock | None,
    dataset: str | None,
    environment: str | None,
    now: datetime | None,
) -> FlowCheck:
    """What a flow of this name checks; wrong rules are refused here, where the flow is made."""
    known_engine(chosen.engine_name)
    parse_rules(cast("Rules", chosen.rules or ()))
    own = config if isinstance(config, CheckConfig) else CheckConfig(dataset=name)
    if block is not None and block.auto_schema:
        chosen = chosen.model_copy(update={"auto_schema": True})
    overrides = block.given() if block else {}
    where: dict[str, Any] = {"dataset": dataset, "environment": environment, "moment": now}
    return FlowCheck(chosen=chosen, config=own, overrides=overrides, **where)


def _flow_options(chosen: QualityFlowConfig, flow_kwargs: Mapping[str, object]) -> dict[str, Any]:
    refuse_retries(flow_kwargs)
    return {"timeout_seconds": chosen.timeout_seconds, **flow_kwargs, "retries": 0}


def _checking(check: FlowCheck) -> Callable[..., Any]:
    def check_data(data: Any = None, partition: str | None = None) -> Any:
        """Check data: a frame, a path, a dataset's name, or nothing for the configured source; or one partition."""
        return check.now(data, partition=partition)

    return check_data


def _loading(loader: Callable[..., object], check: FlowCheck) -> Callable[..., Any]:
    """Loads and checks; of what a loader names one partition, where the loader does not choose it itself."""
    load = loader if isinstance(loader, Task) else _load_task(loader, check)

    @wraps(load.fn)
    async def aload_and_check(*args: Any, **kwargs: Any) -> Any:
        part = chosen_partition(load.fn, kwargs)
        return await asyncio.to_thread(check.now, await load(*args, **kwargs), partition=part)

    @wraps(load.fn)
    def load_and_check(*args: Any, **kwargs: Any) -> Any:
        part = chosen_partition(load.fn, kwargs)
        return check.now(load(*args, **kwargs), partition=part)

    return with_partition(aload_and_check if load.isasync else load_and_check)


def _load_task(loader: Callable[..., object], check: FlowCheck) -> Task[..., Any]:
    """Loading as a task of its own, so that it is retried like the check."""
    refuse_generator(loader)
    kind = Task if inspect.iscoroutinefunction(loader) else QualityTask
    options: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False, "retry_condition_fn": is_machinery}
    return kind(guarded(loader), name="load", **options, **check.retries)


def _around(function: Callable[P, R], check: FlowCheck) -> Callable[P, R]:
    """The function, with a check before it runs, after it, or both."""
    mode, first = check.chosen.check_mode, first_of(function, check.chosen.check_mode.before)

    def after(returned: Any) -> Any:
        """A state that is no success stays as the function says it."""
        if not (isinstance(returned, State) and not returned.is_completed()):
            check.now(returned, "after")
        return returned

    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def achecked(*args: P.args, **kwargs: P.kwargs) -> Any:
            if mode.before:
                await asyncio.to_thread(check.now, first(*args, **kwargs), "before")
            returned = await function(*args, **kwargs)
            return await asyncio.to_thread(after, returned) if mode.after else returned

        return cast("Callable[P, R]", achecked)

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        if mode.before:
            check.now(first(*args, **kwargs), "before")
        returned = function(*args, **kwargs)
        return cast("R", after(returned)) if mode.after else returned

    return checked
