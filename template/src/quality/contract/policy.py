"""What differs by environment: retries, cache, examples, notifications, schedule, work pool."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    FiniteFloat,
    PositiveFloat,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from quality.contract.clear import refuse_in_clear
from quality.contract.complaints import Complaints
from quality.contract.deployment_policy import BLOCK, Deployments, read_deployments
from quality.contract.engine import Engine, Memory
from quality.contract.engine import memory as memory
from quality.contract.times import valid_cron as valid_cron
from quality.contract.times import valid_time_zone as valid_time_zone
from quality.contract.yaml_file import YamlFile
from quality.errors import ConfigurationError
from quality.rules.complaints import mistakes
from quality.texts import nearest, shorten
from quality.values import STRICT, STRICT_INT, Count, Flag, Fraction, Frozen, Severity, Text

FIELDS = ("domain", "registry", "defaults", "environments", "flows", "silences")
NAME = re.compile(r"[^\s/\\*?:\[\]{}.-][^/\\*?:\[\]{}]*")
"""What an environment can be called: folders are, in which nothing of one may lie in those of another."""
SILENCE = "{dataset: orders, rule: unique(id), until: 2026-12-31, reason: …}"
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
        raise ValueError(f"'{address}' is not an address of a page; write it whole, from https:// on")
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
        None, description="How long; null for ever, but for rules about now or about earlier runs."
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
            raise ValueError(f"'{block}' is not a block of the channel {channel}, which goes through {kinds}")
        return block

    @property
    def pages(self) -> bool:
        """Whether each message wakes somebody: such a channel has one alert for a dataset, closed when all is well."""
        return self.channel in ("pagerduty", "opsgenie")


class History(Frozen):
    """Where every run's metrics are kept, one small file per run."""

    path: Text = Field(
        ".quality/history", description="A folder of the repository, or a URL such as s3://bucket/history."
    )
    keep_days: Annotated[int, Field(ge=1), STRICT_INT] = Field(
        400, description="Older runs are deleted; not in object storage."
    )


class KeptStates(Frozen):
    """What rules measured of each file, kept so that a later check reads only new and changed files."""

    enabled: Flag | None = Field(None, description="When left out, for datasets of several files.")
    path: Text = Field(
        ".quality/states", description="A folder of the repository, or a URL such as s3://bucket/states."
    )
    keep_days: Annotated[int, Field(ge=1), STRICT_INT] = Field(
        30, description="States that no check has asked for in so long are deleted; not in object storage."
    )
    full_every_days: Annotated[FiniteFloat, Field(gt=0), STRICT] | None = Field(
        7, description="How often everything is read all the same, and compared; null for never."
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
    schedule: Annotated[Text, AfterValidator(valid_cron)] | None = Field(
        None, description="Cron, in UTC; null for none."
    )
    work_pool: Text
    history: History = History()
    states: KeptStates = Field(KeptStates(), description="What is kept of each file, and whether.")
    engine: Engine | None = Field(
        None, description="Where states of many files are made beyond this process; in it when left out."
    )
    remind_after_hours: Annotated[FiniteFloat, Field(gt=0), STRICT] | None = Field(
        24, description="An open incident is told again; null for never."
    )
    lineage: Lineage | None = None
    isolate: bool = Field(
        False, description="Check in a child process, so that an abort or a limit below is an ERROR with its reason."
    )
    memory_limit: Memory | None = Field(
        None,
        description="Most memory of an isolated check beside what its process begins with: 4GB; kept on Linux alone.",
    )
    timeout_seconds: PositiveFloat | None = Field(None, description="Longest time that an isolated check may take.")
    page_after: Annotated[int, Field(ge=1), STRICT_INT] = Field(
        1, description="PagerDuty and Opsgenie are told of what did not hold in so many runs one after the other."
    )
    longest_minutes: Annotated[FiniteFloat, Field(gt=0), STRICT] | None = Field(
        None, description="Longest time a run may take; one that takes longer is told of, and counts as dead."
    )
    challenge: Fraction | None = Field(
        0.8, description="Share of corruptions that the rules must notice before flow and deployment; null for none."
    )
    repository_url: Annotated[str, AfterValidator(_page)] | None = Field(
        None,
        description="Where a browser finds this repository's files, such as https://github.com/acme/shop/blob/main.",
    )

    @model_validator(mode="after")
    def _engine_fits(self) -> Self:
        if self.engine is None:
            return self
        if self.states.enabled is False:
            raise ValueError("`engine` makes states, and `states: {enabled: false}` keeps none; leave one of them out")
        if self.isolate:
            raise ValueError(
                "`isolate` judges in one process of its own, which has no task runner for an `engine`: leave one of "
                "them out"
            )
        if self.engine.address and not ("://" in self.states.path or Path(self.states.path).is_absolute()):
            raise ValueError(
                f"the workers at {self.engine.address} do not see {self.states.path}: set `states.path` to a URL such "
                "as s3://bucket/states, or to the whole path of a folder that every machine has"
            )
        return self


class Policy(Frozen):
    """Every environment's policy, by name, in the order of the file."""

    environments: dict[str, EnvironmentPolicy] = Field(min_length=1)
    silences: tuple[Silence, ...] = ()
    deployments: Deployments = Deployments()

    @property
    def first(self) -> str:
        return next(iter(self.environments))

    def of(self, environment: str) -> EnvironmentPolicy:
        if environment not in self.environments:
            known = self.environments
            raise ConfigurationError(f"policy.yml has no environment '{environment}'; {nearest(environment, known)}")
        return self.environments[environment]


def load_policy(path: Path) -> Policy:
    """`defaults`, overridden field by field in each of `environments`; a line for each mistake, with file and line."""
    file = YamlFile(path)
    data, wrong = file.data(), Complaints(file)
    refuse_in_clear(wrong, data)
    for field in data:
        if field not in FIELDS:
            wrong.add(f"the policy has no field '{field}'; {nearest(field, FIELDS)}", field)
    given, defaults = _mapping(wrong, data, "environments"), _mapping(wrong, data, "defaults")
    if not given and not wrong.found:
        wrong.add("name at least one environment", "environments")
    for name in (one for one in given if not NAME.fullmatch(one)):
        wrong.add(f"'{shorten(name)}' is no name of an environment: write letters and digits", "environments", name)
    own = {name: _mapping(wrong, given, name, "environments") for name in given}
    environments = {name: _environment(wrong, name, defaults, fields) for name, fields in own.items()}
    datasets = [contract.stem for contract in (path.parent / "datasets").glob("*.yml")]
    silences = _silences(wrong, data.get("silences") or [], own, datasets)
    deployments = read_deployments(wrong, data, own, datasets)
    wrong.refuse()
    read = {name: one for name, one in environments.items() if one}
    return Policy(environments=read, silences=silences, deployments=deployments)


def _silences(wrong: Complaints, written: Any, environments: Iterable[str], datasets: list[str]) -> tuple[Silence, ...]:
    """The silences that can be read, of environments that there are and datasets that have a contract."""
    if not isinstance(written, list):
        wrong.add(f"silences are a list; {SILENCE}", "silences")
        return ()
    read = []
    for number, one in enumerate(written):
        shaped = one if isinstance(one, dict) else {}
        silence = wrong.validated(Silence, shaped, f"a silence ({SILENCE})", "silences", number)
        for field, known in (("environment", environments), ("dataset", datasets)):
            name = shaped.get(field)
            if isinstance(name, str) and known and name not in known:
                wrong.add(f"there is no {field} '{name}'; {nearest(name, known)}", "silences", number, field)
        read += [silence] if silence else []
    return tuple(read)


def _mapping(wrong: Complaints, within: dict[str, Any], field: str, *place: str) -> dict[str, Any]:
    """What stands under a field; an empty mapping where nothing does."""
    found = within.get(field) or {}
    if not isinstance(found, dict):
        wrong.add(f"{field} is a mapping of fields, not {shorten(found)}", *place, field)
        return {}
    return found


def _environment(
    wrong: Complaints, name: str, defaults: dict[str, Any], own: dict[str, Any]
) -> EnvironmentPolicy | None:
    """An environment's policy; each mistake is told where it stands, in `defaults` or in the environment."""
    fields = {field: value for field, value in {**defaults, **own}.items() if field != BLOCK}
    try:
        return EnvironmentPolicy.model_validate(fields)
    except ValidationError as error:
        wrongs = mistakes(error, EnvironmentPolicy, "the policy")
        missing = [f"'{one.place[0]}'" for one in wrongs if one.kind == "missing" and len(one.place) == 1]
        if missing and not any("defaults is a mapping" in said for _, said in wrong.found):
            more = f", and {', '.join(missing[1:])}" if missing[1:] else ""
            said = f"environment '{name}' needs the field {missing[0]}{more}; write it here, or in `defaults` for all"
            wrong.add(said, "environments", name)
        for one in wrongs:
            if one.kind != "missing" or len(one.place) > 1:
                within = ("environments", name) if one.place and str(one.place[0]) in own else ("defaults",)
                wrong.add(one.said, *within, *one.place)
        return None
