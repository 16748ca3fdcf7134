"""What differs by environment: retries, cache, examples, notifications, schedule, work pool."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    FiniteFloat,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from quality.contract.yaml_file import YamlFile
from quality.errors import ConfigurationError, nearest
from quality.values import STRICT, STRICT_INT, Count, Flag, Fraction, Frozen, Severity, Text

FIELDS = ("defaults", "environments", "silences")
Channel = Literal["slack", "teams", "pagerduty", "opsgenie", "email", "webhook"]
BLOCKS: dict[Channel, tuple[str, ...]] = {
    "slack": ("slack-webhook",),
    "teams": ("ms-teams-webhook",),
    "pagerduty": ("pager-duty-webhook",),
    "opsgenie": ("opsgenie-webhook",),
    # Slack's block hands on any Apprise URL, such as mailtos://; a block type of our own no server loads for alarms
    "email": ("sendgrid-email", "slack-webhook"),
    "webhook": ("custom-webhook",),
}
"""The types of Prefect block that a channel goes through."""


def _page(address: str) -> str:
    if not re.fullmatch(r"https?://\S+", address):
        raise ValueError(f"'{address}' is no address of a page; write it whole, from https:// on")
    return address


class Retries(Frozen):
    """Retries of a check that could not be judged (ERROR); a failed verdict is never retried."""

    count: Count = 0
    delay_seconds: Annotated[FiniteFloat, Field(ge=0), STRICT] = 0.0
    reason: Text = Field(description="Why this many, for whoever reviews it.")


class Cache(Frozen):
    """Reuse of a verdict for the same fingerprint and the same version of the source."""

    enabled: Flag = False
    reuse_seconds: Annotated[FiniteFloat, Field(ge=0), STRICT] | None = Field(
        None, description="How long; null for ever."
    )
    may_gate: Flag = Field(False, description="Whether a cached verdict may let a pipeline go on.")
    reason: Text = Field(description="Why, for whoever reviews it.")


class Notification(Frozen):
    """A channel and the severities it is told of; its credentials live in the block only."""

    channel: Channel
    block: Text = Field(description="Slug of a saved Prefect block, such as slack-webhook/orders-alerts.")
    severities: tuple[Severity, ...] = (Severity.CRITICAL, Severity.ERROR)
    owners: tuple[Text, ...] = Field((), description="Told of the datasets of these owners only; of all when left out.")

    @field_validator("block")
    @classmethod
    def _of_the_channel(cls, block: str, info: ValidationInfo) -> str:
        channel: Channel | None = info.data.get("channel")
        kind, _, name = block.partition("/")
        if channel and (kind not in BLOCKS[channel] or not name):
            kinds = " or ".join(f"{known}/…" for known in BLOCKS[channel])
            raise ValueError(f"'{block}' is no block of the channel {channel}, which goes through {kinds}")
        return block

    @property
    def pages(self) -> bool:
        """Whether each message wakes somebody: such a channel is not told that all is well."""
        return self.channel in ("pagerduty", "opsgenie")


class History(Frozen):
    """Where every run's metrics are kept, one small file per run."""

    path: Text = Field(
        ".quality/history", description="A folder of the repository, or a URL such as s3://bucket/history."
    )
    keep_days: Annotated[int, Field(ge=1), STRICT_INT] = Field(
        400, description="Older runs are deleted; not in object storage."
    )


class Lineage(Frozen):
    """Where OpenLineage run events go."""

    namespace: Text = Field(description="Of the jobs, such as the domain's name.")
    path: Text | None = Field(None, description="A file that takes one event per line.")
    url: Text | None = Field(None, description="An HTTP endpoint, such as http://marquez:5000/api/v1/lineage.")
    secret: Text | None = Field(None, description="Name of a saved Secret block with the endpoint's bearer token.")

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if (self.path is None) == (self.url is None):
            raise ValueError("lineage goes to a path or to a url; give one of them")
        return self


class Silence(Frozen):
    """Messages that nobody needs for a while; what is silenced is still judged, recorded and shown."""

    dataset: Text
    rule: Text | None = Field(None, description="The rule's name as results show it; every rule when left out.")
    environment: Text | None = Field(None, description="Every environment when left out.")
    until: date = Field(description="The last day of silence, in UTC.")
    reason: Text


class EnvironmentPolicy(Frozen):
    """The complete policy of one environment."""

    fail_on_error: Flag = Field(True, description="Whether a FAILED verdict fails the flow run.")
    warning_threshold: Fraction | None = Field(None, description="Overrides the contract's.")
    sample_rows: Count = Field(5, description="Failing rows shown per failed rule.")
    retries: Retries
    cache: Cache
    notifications: tuple[Notification, ...] = ()
    schedule: Text | None = Field(None, description="Cron, in UTC; null for none.")
    work_pool: Text
    history: History = History()
    remind_after_hours: Annotated[FiniteFloat, Field(gt=0), STRICT] | None = Field(
        24, description="An open incident is told again; null for never."
    )
    lineage: Lineage | None = None
    repository_url: Annotated[str, AfterValidator(_page)] | None = Field(
        None,
        description="Where a browser finds this repository's files, such as https://github.com/acme/shop/blob/main.",
    )


class Policy(Frozen):
    """Every environment's policy, by name, in the order of the file."""

    environments: dict[str, EnvironmentPolicy] = Field(min_length=1)
    silences: tuple[Silence, ...] = ()

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
        if field not in FIELDS:
            known = nearest(field, FIELDS)
            raise ConfigurationError(f"{file.at(field)}: the policy has no field '{field}'; {known}")
    given, defaults = _mapping(file, data, "environments"), _mapping(file, data, "defaults")
    if not given:
        raise ConfigurationError(f"{file.at('environments')}: name at least one environment")
    own = {name: _mapping(file, given, name, "environments") for name in given}
    environments = {name: _environment(file, name, defaults, fields) for name, fields in own.items()}
    return Policy(environments=environments, silences=_silences(file, data.get("silences") or []))


def _silences(file: YamlFile, written: Any) -> tuple[Silence, ...]:
    try:
        return TypeAdapter(tuple[Silence, ...]).validate_python(written)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        shape = "a silence is {dataset: orders, rule: unique(id), until: 2026-12-31, reason: …}"
        raise ConfigurationError(f"{file.at('silences', *first['loc'])}: {place}: {first['msg']}; {shape}") from None


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
