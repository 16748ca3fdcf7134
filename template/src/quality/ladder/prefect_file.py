"""prefect.yaml, read strictly: Prefect ignores a misspelt key, and keeps what a file leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from prefect.client.schemas.schedules import RRuleSchedule
from pydantic import (
    AfterValidator,
    Field,
    PositiveFloat,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from quality.contract import project
from quality.contract.complaints import Complaints
from quality.contract.policy import valid_cron, valid_time_zone
from quality.contract.yaml_file import YamlFile
from quality.errors import ConfigurationError, first_line
from quality.rules.complaints import Mistake, mistakes
from quality.values import Frozen

CHECK = "quality.ladder.flows.check_dataset"
"""The entrypoint of the blessed flow: its deployments carry the fingerprint of what they run."""
BEFORE = "quality.flows.check_dataset"
"""The address that the blessed flow had while the package was one flat folder."""
CHOSEN = ("dataset", "environment", "fingerprint")
"""Parameters that say what a deployment of the blessed flow runs; a schedule of it takes them as they are."""
Steps = list[dict[str, Any]]


def _rrule(text: str) -> str:
    try:
        RRuleSchedule.validate_rrule_str(text)
    except (ValueError, TypeError) as error:
        raise ValueError(f"'{text}' is not an rrule: {first_line(error)}") from None
    return text


class ScheduleEntry(Frozen):
    """When a deployment runs: exactly one of cron, interval (seconds) and rrule."""

    cron: Annotated[str, AfterValidator(valid_cron)] | None = None
    interval: PositiveFloat | None = None
    rrule: Annotated[str, AfterValidator(_rrule)] | None = None
    timezone: Annotated[str, AfterValidator(valid_time_zone)] | None = None
    anchor_date: str | None = None
    active: bool = True
    parameters: dict[str, Any] = Field({})
    slug: str | None = None

    @model_validator(mode="after")
    def _one_of(self) -> ScheduleEntry:
        if sum(given is not None for given in (self.cron, self.interval, self.rrule)) != 1:
            raise ValueError("a schedule needs exactly one of cron, interval and rrule")
        return self


class PoolEntry(Frozen):
    """The work pool a deployment runs in; job variables are stored in clear on the server."""

    name: str
    work_queue_name: str | None = None
    job_variables: dict[str, Any] = Field({})


class DeploymentEntry(Frozen):
    """One deployment. `schedules` and `paused` are always written: left out, the server decides."""

    name: str
    entrypoint: str
    work_pool: PoolEntry
    schedules: list[ScheduleEntry]
    paused: bool
    description: str | None = None
    version: str | None = None
    tags: list[str] = Field([])
    parameters: dict[str, Any] = Field({})
    enforce_parameter_schema: bool = True
    concurrency_limit: int | None = None
    build: None = None
    push: None = None
    pull: Steps | None = None

    @field_validator("parameters", "tags", mode="before")
    @classmethod
    def _left_empty(cls, written: Any, info: ValidationInfo) -> Any:
        """A key without a value is as good as no key, as it is for Prefect."""
        return cls.model_fields[str(info.field_name)].default if written is None else written

    @field_validator("entrypoint")
    @classmethod
    def _moved(cls, entrypoint: str) -> str:
        return CHECK if entrypoint == BEFORE else entrypoint

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


class PrefectFile(Frozen):
    """prefect.yaml. `definitions` holds anchors; what build and push would do belongs in CI."""

    name: str | None = None
    prefect_version: str | None = Field(None, alias="prefect-version")
    build: None = None
    push: None = None
    pull: Steps = Field([])
    definitions: Any = None
    deployments: list[DeploymentEntry]

    def of(self, dataset: str, environment: str) -> DeploymentEntry:
        """The deployment that checks this dataset in this environment."""
        for entry in self.deployments:
            if (entry.dataset, entry.environment) == (dataset, environment):
                return entry
        known = ", ".join(f"{one.dataset} in {one.environment}" for one in self.deployments if one.dataset)
        raise ConfigurationError(
            f"prefect.yaml has no deployment of {dataset} in {environment}; it has: {known or 'none'}; copy one of them"
        )


def load_prefect_file(path: Path) -> PrefectFile:
    """prefect.yaml, strictly: Prefect itself ignores a misspelt key; here every one is named, with file and line."""
    file = YamlFile(path)
    wrong = Complaints(file)
    try:
        read = PrefectFile.model_validate(file.data())
    except ValidationError as error:
        wrong.extend(map(_here, mistakes(error, PrefectFile, "prefect.yaml")))
        wrong.refuse()
        raise
    read = read.model_copy(update={"deployments": [_of_domain(read.name, entry) for entry in read.deployments]})
    names = [entry.name for entry in read.deployments]
    for number, entry in enumerate(read.deployments):
        where = ("deployments", number, "name")
        if entry.name in names[:number]:
            wrong.add(f"two deployments are named '{entry.name}'; rename one", *where)
        if "prefect.blocks" in str(entry.model_dump()):
            wrong.add("a block's secret would be stored in clear; put it into the work pool", *where)
        if entry.dataset and (chosen := next((n for s in entry.schedules for n in CHOSEN if n in s.parameters), None)):
            wrong.add(
                f"a schedule cannot change {chosen} of a deployment of the blessed flow, whose promotion is about its "
                f"own {chosen}; write a deployment for it",
                *("deployments", number, "schedules"),
            )
    wrong.refuse()
    return read


def _of_domain(name: str | None, entry: DeploymentEntry) -> DeploymentEntry:
    """The entry under a name that begins with the domain's, as everything on a server does."""
    return entry if name is None else entry.model_copy(update={"name": project.carried(entry.name, name)})


ELSEWHERE = {
    "sla": "service levels exist on Prefect Cloud only, and fail after the deployment was written",
    "schedule": "write `schedules`, a list",
    "triggers": "write an automation instead",
}


def _here(one: Mistake) -> Mistake:
    """A mistake in the words of this file: its fields are keys, and what is left out stays as the server has it."""
    field = str(one.place[-1]) if one.place else ""
    if one.kind == "extra_forbidden":
        known = one.said.split("; ", 1)[-1]
        return one._replace(said=f"there is no key '{field}'; {ELSEWHERE.get(field, known)}")
    if one.kind == "missing":
        return one._replace(said=f"the key '{field}' is missing; Prefect would keep what the server has")
    if field in ("build", "push"):
        return one._replace(said=f"'{field}' steps belong in CI; leave it null")
    return one
