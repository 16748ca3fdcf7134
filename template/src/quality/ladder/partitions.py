"""The parameter `partition` of a flow with a loader: what the loader names is opened by the check, of one partition."""

from __future__ import annotations

import inspect
import os
import types
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from quality.contract.config import CheckConfig
from quality.errors import ConfigurationError
from quality.sources import Source

NAME = "partition"
OF_ROWS = (
    "the loader of this flow does not say that it returns a path, a dataset's name or a source, of which alone one "
    "partition can be judged: write `-> str` if it does, give the loader a parameter `partition` by which it loads "
    "that partition itself, or leave the partition out"
)
OF_A_FUNCTION = (
    "the function of this flow takes no partition, so that it would work on all of the data: give it a parameter "
    "`partition`, or leave the partition out"
)
PARAMETER = inspect.Parameter(NAME, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=str | None)


def takes_partition(function: Callable[..., object]) -> bool:
    """Whether a function is given a partition where there is one."""
    parameters = inspect.signature(function).parameters
    return NAME in parameters or any(one.kind is one.VAR_KEYWORD for one in parameters.values())


def with_partition(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of a flow, which takes a partition beside what its loader takes, where that names what is opened."""
    signature = _signature(function)
    if _is_place(signature.return_annotation) and not takes_partition(function):
        told = signature.replace(parameters=[*signature.parameters.values(), PARAMETER])
        function.__signature__ = told  # type: ignore[attr-defined]
    return function


def chosen_partition(loader: Callable[..., object], given: dict[str, Any]) -> str | None:
    """The partition that the check is to choose, taken out of what a flow was given; None where the loader chooses.

    ConfigurationError, before anything is loaded, for a text that cannot be meant.
    """
    part = None if takes_partition(loader) else given.pop(NAME, None)
    return CheckConfig().override(partition=part).partition


def refuse_partition(function: Callable[..., object], given: dict[str, Any], why: str) -> None:
    """ConfigurationError, before anything runs, for a partition that a flow of this function does not take."""
    if NAME in given and not takes_partition(function):
        raise ConfigurationError(why)


def _signature(function: Callable[..., object]) -> inspect.Signature:
    """With the types that its annotations name, where they are known."""
    with suppress(NameError, TypeError):
        return inspect.signature(function, eval_str=True)
    return inspect.signature(function)


def _is_place(told: Any) -> bool:
    """Whether an annotation says that a value is opened by the check, and not that it holds rows."""
    origin, members = get_origin(told), get_args(told)
    if origin in (Union, types.UnionType):
        return all(map(_is_place, members))
    if origin is Annotated:
        return _is_place(members[0])
    if origin is Literal:
        return all(isinstance(one, str) for one in members)
    kind = origin or told
    return kind in (None, types.NoneType) or (isinstance(kind, type) and issubclass(kind, (str, os.PathLike, Source)))
