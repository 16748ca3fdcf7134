"""Functions that a check is put around: plain ones, methods, and those that no check can be around."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar, cast

from prefect.utilities.hashing import file_hash

from quality.errors import ConfigurationError

P = ParamSpec("P")
R = TypeVar("R")
OWNERS = ("self", "cls")
"""What the first parameter of a method is called, which is no data."""


def unwrapped(function: Callable[P, R]) -> tuple[Callable[P, R], Callable[[Callable[P, R]], Any]]:
    """The function within a classmethod or staticmethod, and what makes one of a function again.

    ConfigurationError for a generator, whose work would begin when the flow, and its check, are over.
    """
    again: Callable[..., Any] = lambda same: same  # noqa: E731
    plain: Any = function
    if isinstance(function, (classmethod, staticmethod)):
        again, plain = type(function), function.__func__
    refuse_generator(plain)
    return plain, again


def refuse_generator(function: Callable[..., object]) -> None:
    """ConfigurationError for a function that yields: a check is about all of the data at once."""
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ConfigurationError(
            f"{function.__name__} yields its data, and a check is about all of it: return one table, or check each "
            "part by data_quality_check_task in a flow of Prefect's"
        )


def first_of(function: Callable[P, R], needed: bool) -> Callable[P, Any]:
    """What gives the first argument of a call, after `self` or `cls`; ConfigurationError where one is needed that a
    function cannot have."""
    signature = inspect.signature(function)
    names = [one.name for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
    names = names[1:] if names and names[0] in OWNERS else names
    if needed and not names:
        raise ConfigurationError(f"{function.__name__} has no argument to check before it runs; use check_mode='after'")

    def first(*args: P.args, **kwargs: P.kwargs) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        found = bound.arguments[names[0]]
        several = signature.parameters[names[0]].kind is inspect.Parameter.VAR_POSITIONAL
        return next(iter(found), None) if several else found

    return first


def version_of(function: Callable[..., object] | None) -> dict[str, object]:
    """The version of a flow as Prefect has it, which tells one state of a team's code from another: the hash of the
    file that the function is written in; nothing where there is none."""
    written = inspect.unwrap(getattr(function, "fn", function)) if function else None
    with suppress(TypeError, OSError):
        if file := inspect.getsourcefile(cast("Any", written)):
            return {"version": file_hash(file)}
    return {}
