"""What policy.yml says of deployments: `deployment` in `defaults` and in each environment, and flows of the team's own.

The fields are those of Prefect's prefect.yaml. Which these are, only the installed Prefect knows, so they are carried
as they were written; what can be wrong whatever Prefect is installed is refused here: shapes, crons and time zones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from quality.contract.complaints import Complaints
from quality.contract.times import valid_cron, valid_time_zone
from quality.texts import nearest, shorten
from quality.values import Frozen, Text

BLOCK, DATASETS, FLOWS, ENVIRONMENT = "deployment", "datasets", "flows", "environment"
SHORT = {"work_queue": "work_queue_name", "job_variables": "job_variables"}
"""Fields of a work pool that may stand in the block itself, and what the pool calls them."""
SHAPE = "is a mapping of fields, or false where nothing is to be deployed"
REGISTRY = re.compile(r"[a-z0-9][a-z0-9.-]*(:\d+)?(/[a-z0-9][a-z0-9._-]*)*")
"""A host, its port, and folders: what stands before the name of an image."""
FLOW = "{name: nightly-load, entrypoint: domain.flows.load, environment: prod}"


class Said(Frozen):
    """What one place of policy.yml says of a deployment."""

    place: tuple[str | int, ...]
    fields: dict[str, Any]


class Deployments(Frozen):
    """What policy.yml says of deployments, place by place."""

    domain: Text | None = None
    registry: Text | None = None
    """Where CI pushes the image of each commit; None: images are named as they are written."""
    common: tuple[Said | None, ...] = ()
    """Of every environment; None is `false`: nothing is deployed."""
    environments: dict[str, tuple[Said | None, ...]] = Field({})
    datasets: dict[str, dict[str, Said | None]] = Field({})
    """By dataset, what is said of it alone: in an environment, or in all ('')."""
    flows: tuple[Said, ...] = ()

    def of(self, dataset: str, environment: str) -> tuple[Said, ...] | None:
        """What is said of a dataset in an environment, the strongest last; None where it is not deployed there."""
        own = self.datasets.get(dataset, {})
        said = [*self.common, *self.environments.get(environment, ())]
        said += [own[name] for name in ("", environment) if name in own]
        return None if said and said[-1] is None else tuple(one for one in said if one is not None)

    def everywhere(self, environment: str) -> tuple[Said, ...]:
        """What is said of all deployments in an environment."""
        said = (*self.common, *self.environments.get(environment, ()))
        return tuple(one for one in said if one is not None)


class Times(BaseModel):
    """What of a schedule can be wrong whatever Prefect is installed."""

    model_config = ConfigDict(extra="allow")

    cron: Annotated[str, AfterValidator(valid_cron)] | None = None
    timezone: Annotated[str, AfterValidator(valid_time_zone)] | None = None


def read_deployments(
    wrong: Complaints, data: Mapping[str, Any], environments: Mapping[str, Mapping[str, Any]], datasets: Iterable[str]
) -> Deployments:
    """What a policy says of deployments; every mistake is told where it stands."""
    known, own = set(datasets), dict[str, dict[str, Said | None]]()
    common = tuple(_levels(wrong, data.get("defaults"), "defaults"))
    levels = {name: tuple(_levels(wrong, fields, "environments", name)) for name, fields in environments.items()}
    for name, fields in (("", data.get("defaults")), *environments.items()):
        at = ("environments", name) if name else ("defaults",)
        for dataset, said in _of_datasets(wrong, fields, known, *at):
            own.setdefault(dataset, {})[name] = said
    flows = tuple(_flows(wrong, data.get(FLOWS), environments))
    domain = data.get("domain")
    if domain is not None and not (isinstance(domain, str) and domain):
        wrong.add("domain is a name, such as orders", "domain")
        domain = None
    registry = _registry(wrong, data.get("registry"))
    return Deployments(domain=domain, registry=registry, common=common, environments=levels, datasets=own, flows=flows)


def _registry(wrong: Complaints, written: Any) -> str | None:
    if written is None or (isinstance(written, str) and REGISTRY.fullmatch(written)):
        return written
    what = "registry is where images are pushed, such as ghcr.io/acme: a host and folders in small letters, without"
    wrong.add(f"{what} https://, a tag or an ending slash, not {shorten(str(written))}", "registry")
    return None


def _levels(wrong: Complaints, written: Any, *place: str) -> Iterator[Said | None]:
    """What an environment, or `defaults`, says: by the short `schedule` and `work_pool`, then by its block."""
    fields = written if isinstance(written, dict) else {}
    short: dict[str, Any] = {}
    if isinstance(pool := fields.get("work_pool"), str):
        short["work_pool"] = {"name": pool}
    if "schedule" in fields:
        cron = fields["schedule"]
        short["schedules"] = [{"cron": cron, "timezone": "UTC", "active": True}] if cron else []
    if short:
        yield Said(place=place, fields=short)
    block = fields.get(BLOCK)
    if block is False:
        yield None
    elif (said := _block(wrong, block, *place, BLOCK)) is not None:
        if fields.get("schedule") and "schedules" in said.fields:
            wrong.add("schedule and deployment.schedules say the same; keep one of them", *place, BLOCK, "schedules")
        yield said.model_copy(update={"fields": {k: v for k, v in said.fields.items() if k != DATASETS}})


def _block(wrong: Complaints, written: Any, *place: str | int) -> Said | None:
    """The fields of a block whose schedules can come; None where nothing is written."""
    if written is None:
        return None
    if not isinstance(written, dict):
        wrong.add(f"{place[-1]} {SHAPE}, not {shorten(str(written))}", *place)
        return None
    schedules = written.get("schedules")
    if schedules is not None and not isinstance(schedules, list):
        wrong.add('schedules are a list, such as - {cron: "0 6 * * *", timezone: Europe/Berlin}', *place, "schedules")
    for number, one in enumerate(schedules if isinstance(schedules, list) else ()):
        wrong.validated(Times, one, "a schedule", *place, "schedules", number)
    if isinstance(single := written.get("schedule"), dict):
        wrong.validated(Times, single, "a schedule", *place, "schedule")
    return Said(place=place, fields=written)


def _of_datasets(wrong: Complaints, written: Any, known: set[str], *place: str) -> Iterator[tuple[str, Said | None]]:
    """What a block says of single datasets."""
    block = written.get(BLOCK) if isinstance(written, dict) else None
    given = block.get(DATASETS) if isinstance(block, dict) else None
    if given is not None and not isinstance(given, dict):
        wrong.add("datasets is a mapping of datasets to what differs for them", *place, BLOCK, DATASETS)
        return
    for dataset, fields in (given or {}).items():
        at = (*place, BLOCK, DATASETS, dataset)
        if known and dataset not in known:
            wrong.add(f"there is no dataset '{dataset}'; {nearest(dataset, known)}", *at)
        elif fields is False:
            yield dataset, None
        elif (said := _block(wrong, fields, *at)) is not None:
            yield dataset, said


def _flows(wrong: Complaints, written: Any, environments: Iterable[str]) -> Iterator[Said]:
    """The deployments of flows of the team's own."""
    if written is not None and not isinstance(written, list):
        wrong.add(f"flows are a list; {FLOW}", FLOWS)
        return
    for number, one in enumerate(written or ()):
        if not isinstance(one, dict):
            wrong.add(f"a flow is a mapping, such as {FLOW}", FLOWS, number)
            continue
        name = one.get(ENVIRONMENT)
        if name is not None and name not in environments:
            wrong.add(f"there is no environment '{name}'; {nearest(str(name), environments)}", FLOWS, number)
        wrong_keys = [key for key in ("name", "entrypoint") if not isinstance(one.get(key), str)]
        for key in wrong_keys:
            wrong.add(f"a flow needs the field '{key}'; {FLOW}", FLOWS, number)
        if not wrong_keys and (said := _block(wrong, one, FLOWS, number)) is not None:
            yield said
