"""prefect.yaml, read strictly: Prefect ignores a misspelt key, and keeps what a file leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from quality.contract import project
from quality.contract.complaints import Complaints
from quality.contract.yaml_file import YamlFile
from quality.errors import ConfigurationError
from quality.ladder.entry import BEFORE as BEFORE
from quality.ladder.entry import CHECK as CHECK
from quality.ladder.entry import DeploymentEntry as DeploymentEntry
from quality.ladder.entry import PoolEntry as PoolEntry
from quality.ladder.entry import ScheduleEntry as ScheduleEntry
from quality.ladder.entry import Steps
from quality.rules.complaints import Mistake, mistakes
from quality.values import Frozen


class PrefectFile(Frozen):
    """prefect.yaml. `definitions` holds anchors of files that people wrote."""

    name: str | None = None
    prefect_version: str | None = Field(None, alias="prefect-version")
    build: Steps | None = None
    push: Steps | None = None
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
            f"prefect.yaml has no deployment of {dataset} in {environment}; it has: {known or 'none'}; "
            "look at `deployment` in policy.yml, then run `nox -s entries`"
        )


def load_prefect_file(path: Path) -> PrefectFile:
    """prefect.yaml, strictly: Prefect itself ignores a misspelt key; here every one is named, with file and line."""
    file = YamlFile(path)
    wrong = Complaints(file)
    try:
        read = PrefectFile.model_validate(file.data())
    except ValidationError as error:
        wrong.extend(map(key_mistake, mistakes(error, PrefectFile, "prefect.yaml")))
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
        for chosen, within in entry.chosen:
            wrong.add(
                f"a {within[:-1]} cannot change {chosen} of a deployment of the blessed flow, whose promotion is about "
                f"its own {chosen}; write a deployment for it",
                *("deployments", number, within),
            )
    wrong.refuse()
    return read


def _of_domain(name: str | None, entry: DeploymentEntry) -> DeploymentEntry:
    """The entry under a name that begins with the domain's, as everything on a server does."""
    return entry if name is None else entry.model_copy(update={"name": project.carried(entry.name, name)})


def key_mistake(one: Mistake) -> Mistake:
    """A mistake in the words of this file: its fields are keys, and what is left out stays as the server has it."""
    field = str(one.place[-1]) if one.place else ""
    if one.kind == "extra_forbidden":
        known = one.said.split("; ", 1)[-1]
        elsewhere = "service levels are a key of a deployment" if field == "sla" else known
        return one._replace(said=f"there is no key '{field}'; {elsewhere}")
    if one.kind == "missing":
        return one._replace(said=f"the key '{field}' is missing; Prefect would keep what the server has")
    return one
