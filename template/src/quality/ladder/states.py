"""How a verdict ends a run: Failed, with the exception inside, and never retried."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from prefect.client.schemas.objects import State
from prefect.results import ResultRecord  # type: ignore[attr-defined]
from prefect.states import Failed

from quality.errors import CannotJudgeError, ConfigurationError, DataQualityError, SourceError, retry_helps
from quality.masking import guard
from quality.values import Status

P = ParamSpec("P")
R = TypeVar("R")


def settled(error: DataQualityError) -> State[Any]:
    """The state of a run whose verdict fails: named Failed, its message the verdict, its data the exception."""
    return Failed(message=error.message, data=error)


def settling(function: Callable[P, R]) -> Callable[P, R]:
    """The function of a flow, sync or async, whose failed verdicts end the flow Failed without a traceback."""
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def asettled(*args: P.args, **kwargs: P.kwargs) -> Any:
            try:
                return await function(*args, **kwargs)
            except DataQualityError as error:
                return settled(error)
            except Exception as error:
                guard(error)
                raise

        return cast("Callable[P, R]", _with_types(asettled, function))

    @wraps(function)
    def plainly_settled(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            return function(*args, **kwargs)
        except DataQualityError as error:
            return settled(error)
        except Exception as error:
            guard(error)
            raise

    return cast("Callable[P, R]", _with_types(plainly_settled, function))


def guarded(function: Callable[P, R]) -> Callable[P, R]:
    """The function of a task, sync or async; what it raises holds no secret by the time that Prefect hears of it."""
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def aguarded(*args: P.args, **kwargs: P.kwargs) -> Any:
            try:
                return await function(*args, **kwargs)
            except Exception as error:
                guard(error)
                raise

        return cast("Callable[P, R]", aguarded)

    @wraps(function)
    def plainly_guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            guard(error)
            raise

    return plainly_guarded


def _with_types(settled: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """Annotations that are text are read where the function is written: Prefect would look for their names here."""
    with suppress(NameError):
        settled.__signature__ = inspect.signature(function, eval_str=True)  # type: ignore[attr-defined]
    return settled


def content(state: State[Any]) -> Any:
    """What a state that was made in this process holds."""
    return state.data.result if isinstance(state.data, ResultRecord) else state.data


def result_or_raise(returned: Any) -> Any:
    """What a run returned; the exception of a state that it failed with."""
    if not isinstance(returned, State):
        return returned
    held = content(returned)
    if isinstance(held, BaseException):
        raise held
    return held


def is_machinery(task: Any, run: Any, state: State[Any]) -> bool:
    """Whether a retry can help: not for a verdict, nor for data that no rule can judge, nor for wrong use."""
    error = content(state)
    if isinstance(error, DataQualityError):
        return error.result.status is Status.ERROR and error.result.retry_helps
    if isinstance(error, SourceError):
        return retry_helps(error)
    return not isinstance(error, (ConfigurationError, CannotJudgeError, TypeError))
