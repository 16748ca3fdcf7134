"""Where this code runs: in a Prefect run or outside, in sync or in async code; and the secrets that Prefect holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from prefect.context import EngineContext, TaskRunContext, get_run_context
from prefect.exceptions import MissingContextError

from quality.errors import ConfigurationError
from quality.masking import guard_logs

guard_logs()


def run_context() -> EngineContext | TaskRunContext | None:
    """The Prefect run that this code is part of, if any."""
    try:
        return get_run_context()
    except MissingContextError:
        return None


def in_async_code() -> bool:
    """Whether the caller can await: where an event loop runs, unless its flow or task is declared as sync.

    Where none runs, as in a thread of an async flow, nobody would await: what is given there is done at once.
    """
    if not _loop_is_running():
        return False
    context = run_context()
    if context is None:
        return True
    running = context.task if isinstance(context, TaskRunContext) else context.flow
    return bool(getattr(running, "isasync", True))


def _loop_is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def either(call: Callable[[], Any]) -> Any:
    """What `call` returns or, in async code, an awaitable of it that runs in a thread with the same context."""
    return asyncio.to_thread(call) if in_async_code() else call()


def secret(name: str, purpose: str) -> str:
    """The value of a saved Secret block; ConfigurationError says what it is missed for."""
    from prefect.blocks.system import Secret

    try:
        value = Secret.load(name, _sync=True).get()  # type: ignore[call-arg, union-attr]
    except ValueError:
        raise ConfigurationError(
            f"there is no saved Secret block '{name}' for {purpose}; save it, then run this again"
        ) from None
    return str(value)
