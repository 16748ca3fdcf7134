"""prefect.yaml, read strictly: Prefect ignores a misspelt key, and keeps what a file leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from quality.contract import project
from quality.contract.yaml_file import YamlFile
from quality.errors import ConfigurationError, nearest
from quality.values import Frozen

CHECK = "quality.ladder.flows.check_dataset"
"""The entrypoint of the blessed flow: its deployments carry the fingerprint of what they run."""
CHOSEN = ("dataset", "environment", "fingerprint")
"""Parameters that say what a deployment of the blessed flow runs; a schedule of it takes them as they are."""
Steps = list[dict[str, Any]]


class ScheduleEntry(Frozen):
    """When a deployment runs: exactly one of cron, interval (seconds) and rrule."""

    cron: str | None = None
    interval: float | None = None
    rrule: str | None = None
    timezone: str | None = None
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

    @property
    def dataset(self) -> str | None:
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
    """prefect.yaml, strictly: Prefect itself ignores a misspelt key; here file, line and nearest spelling are named."""
    file = YamlFile(path)
    try:
        read = PrefectFile.model_validate(file.data())
    except ValidationError as error:
        raise ConfigurationError(_complaint(file, error)) from None
    read = read.model_copy(update={"deployments": [_of_domain(read.name, entry) for entry in read.deployments]})
    names = [entry.name for entry in read.deployments]
    for number, entry in enumerate(read.deployments):
        where = file.at("deployments", number, "name")
        if entry.name in names[:number]:
            raise ConfigurationError(f"{where}: two deployments are named '{entry.name}'; rename one")
        if "prefect.blocks" in str(entry.model_dump()):
            raise ConfigurationError(f"{where}: a block's secret would be stored in clear; put it into the work pool")
        if entry.dataset and (chosen := next((n for s in entry.schedules for n in CHOSEN if n in s.parameters), None)):
            where = file.at("deployments", number, "schedules")
            raise ConfigurationError(
                f"{where}: a schedule cannot change {chosen} of a deployment of the blessed flow, whose promotion is "
                f"about its own {chosen}; write a deployment for it"
            )
    return read


def _of_domain(name: str | None, entry: DeploymentEntry) -> DeploymentEntry:
    """The entry under a name that begins with the domain's, as everything on a server does."""
    return entry if name is None else entry.model_copy(update={"name": project.carried(entry.name, name)})


FORMS: dict[str, type[Frozen]] = {"work_pool": PoolEntry, "schedules": ScheduleEntry, "deployments": DeploymentEntry}
ELSEWHERE = {
    "sla": "service levels exist on Prefect Cloud only, and fail after the deployment was written",
    "schedule": "write `schedules`, a list",
    "triggers": "write an automation instead",
}


def _complaint(file: YamlFile, error: ValidationError) -> str:
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    place = first["loc"]
    form: type[Frozen] = next((FORMS[str(part)] for part in reversed(place[:-1]) if str(part) in FORMS), PrefectFile)
    field = str(place[-1])
    if first["type"] == "extra_forbidden":
        said = f"there is no key '{field}'; {ELSEWHERE.get(field) or nearest(field, form.model_fields)}"
    elif first["type"] == "missing":
        said = f"the key '{field}' is missing; Prefect would keep what the server has"
    elif field in ("build", "push"):
        said = f"'{field}' steps belong in CI; leave it null"
    else:
        said = f"{'.'.join(map(str, place))}: {first['msg']}"
    return f"{file.at(*place)}: {said}"
