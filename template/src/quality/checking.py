"""What a check is asked, once all who speak are heard, and what its result means for the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.engine import judge as engine
from quality.engine.rule import Rule
from quality.errors import ConfigurationError, DataQualityError, nearest
from quality.result import CheckResult, Status, summarize_check_result
from quality.rules import profile

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
        suggested = profile.learn(profile.profile(engine.open_frame(data, config).lazy, config.dataset))
        return config.override(rules=suggested)
    return config


def uphold(result: CheckResult, fail_on_error: bool) -> CheckResult:
    """The result of a success, or of a failure that the caller asked to see; ERROR is raised in any case."""
    if result.is_success or (not fail_on_error and result.status is not Status.ERROR):
        return result
    raise DataQualityError(summarize_check_result(result), result)
