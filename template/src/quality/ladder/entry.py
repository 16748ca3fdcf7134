"""One deployment as prefect.yaml says it: the keys are those that the installed Prefect knows, read strictly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any

from prefect.cli.deploy._models import ConcurrencyLimitSpec, DeploymentConfig, RawScheduleConfig, WorkPoolConfig
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions
from prefect.client.schemas.schedules import RRuleSchedule
from prefect.events import DeploymentTriggerTypes
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from quality.contract.times import valid_cron, valid_time_zone
from quality.errors import first_line
from quality.texts import nearest
from quality.values import STRICT_INT

CHECK = "quality.ladder.flows.check_dataset"
"""The entrypoint of the blessed flow: its deployments carry the fingerprint of what they run."""
BEFORE = "quality.flows.check_dataset"
"""The address that the blessed flow had while the package was one flat folder."""
CHOSEN = ("dataset", "environment", "fingerprint")
"""Parameters that say what a deployment of the blessed flow runs; a schedule or trigger takes them as they are."""
STRICT = ConfigDict(frozen=True, extra="forbid")
TRIGGER: TypeAdapter[DeploymentTriggerTypes] = TypeAdapter(DeploymentTriggerTypes)
Steps = list[dict[str, Any]]
DeploymentConfig.model_rebuild()  # Prefect's own refers to classes below it; a class made of it needs it whole


def _rrule(text: str) -> str:
    try:
        RRuleSchedule.validate_rrule_str(text)
    except (ValueError, TypeError) as error:
        raise ValueError(f"'{text}' is not an rrule: {first_line(error)}") from None
    return text


def _ahead(interval: timedelta) -> timedelta:
    if interval <= timedelta(0):
        raise ValueError("an interval is longer than nothing; write it in seconds, such as 3600")
    return interval


class ScheduleEntry(RawScheduleConfig):
    """When a deployment runs: exactly one of cron, interval (seconds) and rrule."""

    model_config = STRICT

    cron: Annotated[str, AfterValidator(valid_cron)] | None = None
    interval: Annotated[timedelta, AfterValidator(_ahead)] | None = None
    rrule: Annotated[str, AfterValidator(_rrule)] | None = None
    timezone: Annotated[str, AfterValidator(valid_time_zone)] | None = None
    active: bool = True
    day_or: bool | None = None

    @model_validator(mode="after")
    def _one_of_schedule(self) -> ScheduleEntry:
        if sum(given is not None for given in (self.cron, self.interval, self.rrule)) != 1:
            raise ValueError("a schedule needs exactly one of cron, interval and rrule")
        return self


class PoolEntry(WorkPoolConfig):
    """The work pool a deployment runs in; job variables are stored in clear on the server."""

    model_config = STRICT

    name: str


class LimitEntry(ConcurrencyLimitSpec):
    """How many runs of a deployment may go on at once, and what becomes of one too many."""

    model_config = STRICT

    limit: Annotated[int, Field(ge=1), STRICT_INT]
    collision_strategy: ConcurrencyLimitStrategy | None = None
    grace_period_seconds: Annotated[int, Field(ge=60, le=86_400), STRICT_INT] | None = None


def _limit(written: Any) -> Any:
    """A number alone is the limit."""
    return written if written is None or isinstance(written, (dict, LimitEntry)) else {"limit": written}


def trigger_of(written: Mapping[str, Any]) -> DeploymentTriggerTypes:
    """A trigger as Prefect reads it; ValueError for what it would refuse, or pass over in silence."""
    try:
        made = TRIGGER.validate_python(dict(written))
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors())
        raise ValueError(said.removeprefix(": ")) from None
    if unknown := next(_passed_over(written, made), None):
        raise ValueError(unknown)
    return made


def _passed_over(written: Any, made: Any) -> Iterator[str]:
    """Keys that Prefect's triggers do not have; labels of resources are whatever they are."""
    if isinstance(written, list) and isinstance(made, list):
        for one, other in zip(written, made, strict=False):
            yield from _passed_over(one, other)
    elif isinstance(written, Mapping) and isinstance(made, BaseModel) and not isinstance(made, RootModel):
        known = type(made).model_fields
        for key, value in written.items():
            if key not in known:
                yield f"there is no key '{key}'; {nearest(str(key), known)}"
            else:
                yield from _passed_over(value, getattr(made, key))


class DeploymentEntry(DeploymentConfig):
    """One deployment. `schedules` and `paused` are always written: left out, the server decides."""

    model_config = STRICT

    name: str
    entrypoint: str
    work_pool: PoolEntry
    schedules: list[ScheduleEntry]  # type: ignore[assignment]
    paused: bool
    tags: list[str] = Field([])
    parameters: dict[str, Any] = Field({})
    enforce_parameter_schema: bool = True
    concurrency_limit: Annotated[LimitEntry | None, BeforeValidator(_limit)] = None
    build: Steps | None = None
    push: Steps | None = None
    pull: Steps | None = None
    triggers: Steps = Field([])
    schedule: None = Field(None, deprecated="a single schedule is a list of one, `schedules`")

    @model_validator(mode="before")
    @classmethod
    def _one_schedule(cls, written: Any) -> Any:
        """Prefect's older spelling of a single schedule is a list of one."""
        if not isinstance(written, dict) or not isinstance(written.get("schedule"), dict):
            return written
        if "schedules" in written:
            raise ValueError("schedule and schedules say the same; keep `schedules`, a list")
        return {k: v for k, v in written.items() if k != "schedule"} | {"schedules": [written["schedule"]]}

    @field_validator("parameters", "tags", "triggers", mode="before")
    @classmethod
    def _left_empty(cls, written: Any, info: ValidationInfo) -> Any:
        """A key without a value is as good as no key, as it is for Prefect."""
        return cls.model_fields[str(info.field_name)].default if written is None else written

    @field_validator("entrypoint")
    @classmethod
    def _moved(cls, entrypoint: str) -> str:
        return CHECK if entrypoint == BEFORE else entrypoint

    @field_validator("triggers")
    @classmethod
    def _readable(cls, triggers: Steps) -> Steps:
        for number, one in enumerate(triggers, 1):
            try:
                trigger_of(one)
            except ValueError as error:
                raise ValueError(f"trigger {number}: {error}") from None
        return triggers

    @property
    def dataset(self) -> str | None:
        """The dataset that the blessed flow checks; None for a flow of the team's, whatever it takes."""
        return self.parameters.get("dataset") if self.entrypoint == CHECK else None

    @property
    def environment(self) -> str | None:
        """The environment that it runs for, as its parameters or else its job variables say."""
        given = self.work_pool.job_variables.get("env")
        variables = given if isinstance(given, dict) else {}
        return self.parameters.get("environment") or variables.get("QUALITY_ENV")

    @property
    def limit(self) -> int | None:
        """How many runs may go on at once."""
        return self.concurrency_limit.limit if self.concurrency_limit else None

    @property
    def collisions(self) -> ConcurrencyOptions | None:
        """What becomes of a run too many, where the entry says it."""
        given = self.concurrency_limit
        if given is None or given.collision_strategy is None:
            return None
        grace = {"grace_period_seconds": given.grace_period_seconds} if given.grace_period_seconds else {}
        return ConcurrencyOptions(collision_strategy=given.collision_strategy, **grace)

    @property
    def chosen(self) -> Iterator[tuple[str, str]]:
        """Each parameter of CHOSEN that a schedule or a trigger would change, and which of both."""
        for name in CHOSEN if self.dataset else ():
            if any(name in one.parameters for one in self.schedules):
                yield name, "schedules"
            if any(name in (one.get("parameters") or {}) for one in self.triggers):
                yield name, "triggers"
