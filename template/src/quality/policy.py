"""What differs by environment: retries, cache, examples, notifications, schedule, work pool."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, ValidationError

from quality.errors import ConfigurationError, nearest
from quality.result import Frozen, Severity
from quality.rule import Fraction, Text
from quality.yaml_file import YamlFile

Channel = Literal["slack", "teams", "pagerduty", "opsgenie", "email", "webhook"]


class Retries(Frozen):
    """Retries of a check that could not be judged (ERROR); a failed verdict is never retried."""

    count: NonNegativeInt = 0
    delay_seconds: NonNegativeFloat = 0.0
    reason: Text = Field(description="Why this many, for whoever reviews it.")


class Cache(Frozen):
    """Reuse of a verdict for the same fingerprint and the same version of the source."""

    enabled: bool = False
    expiration_seconds: NonNegativeFloat | None = None
    may_gate: bool = Field(False, description="Whether a cached verdict may let a pipeline go on.")
    reason: Text = Field(description="Why, for whoever reviews it.")


class Notification(Frozen):
    """A channel and the severities it is told of; its credentials live in the block only."""

    channel: Channel
    block: Text = Field(description="Slug of a saved Prefect block, such as slack-webhook/orders-alerts.")
    severities: tuple[Severity, ...] = (Severity.CRITICAL, Severity.ERROR)


class EnvironmentPolicy(Frozen):
    """The complete policy of one environment."""

    fail_on_error: bool = Field(True, description="Whether a FAILED verdict fails the flow run.")
    warning_threshold: Fraction | None = Field(None, description="Overrides the contract's.")
    sample_rows: NonNegativeInt = Field(5, description="Failing rows shown per failed rule.")
    retries: Retries
    cache: Cache
    notifications: tuple[Notification, ...] = ()
    schedule: Text | None = Field(None, description="Cron, in UTC; null for none.")
    work_pool: Text


class Policy(Frozen):
    """Every environment's policy, by name, in the order of the file."""

    environments: dict[str, EnvironmentPolicy] = Field(min_length=1)

    @property
    def first(self) -> str:
        return next(iter(self.environments))

    def of(self, environment: str) -> EnvironmentPolicy:
        if environment not in self.environments:
            known = self.environments
            raise ConfigurationError(f"policy.yml has no environment '{environment}'; {nearest(environment, known)}")
        return self.environments[environment]


def load_policy(path: Path) -> Policy:
    """`defaults`, overridden field by field in each of `environments`; complaints name file and line."""
    file = YamlFile(path)
    data = file.data()
    for field in data:
        if field not in ("defaults", "environments"):
            known = nearest(field, ("defaults", "environments"))
            raise ConfigurationError(f"{file.at(field)}: the policy has no field '{field}'; {known}")
    given, defaults = _mapping(file, data, "environments"), _mapping(file, data, "defaults")
    if not given:
        raise ConfigurationError(f"{file.at('environments')}: name at least one environment")
    own = {name: _mapping(file, given, name, "environments") for name in given}
    return Policy(environments={name: _environment(file, name, defaults, fields) for name, fields in own.items()})


def _mapping(file: YamlFile, within: dict[str, Any], field: str, *place: str) -> dict[str, Any]:
    """What stands under a field; an empty mapping where nothing does."""
    found = within.get(field) or {}
    if not isinstance(found, dict):
        raise ConfigurationError(f"{file.at(*place, field)}: {field} is a mapping of fields, not {found!r}")
    return found


def _environment(file: YamlFile, name: str, defaults: dict[str, Any], own: dict[str, Any]) -> EnvironmentPolicy:
    try:
        return EnvironmentPolicy.model_validate({**defaults, **own})
    except ValidationError as error:
        first = error.errors()[0]
        place, where = first["loc"], ("environments", name) if str(first["loc"][0]) in own else ("defaults",)
        field = ".".join(str(part) for part in place)
        said = f"{field}: {first['msg'].removeprefix('Value error, ')}"
        if first["type"] == "extra_forbidden":
            said = f"the policy has no field '{field}'; {nearest(str(place[0]), EnvironmentPolicy.model_fields)}"
        elif first["type"] == "missing":
            said = f"environment '{name}' needs the field '{field}'"
        raise ConfigurationError(f"{file.at(*where, *place)}: {said}") from None
