"""The rung of environments: what prefect.yaml says, on a Prefect server, and what its workers make of it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
)
from prefect.client.schemas.objects import FlowRun, WorkPool
from prefect.client.schemas.schedules import construct_schedule
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.states import Cancelled
from prefect.utilities.callables import parameter_schema
from prefect.utilities.templating import apply_values

from quality.contract import project
from quality.errors import ConfigurationError, ServerError
from quality.ladder.prefect_file import DeploymentEntry, PoolEntry, PrefectFile, ScheduleEntry
from quality.server import run_link
from quality.texts import nearest

POOL_TYPES = ("process", "docker", "kubernetes")


def pool_type(client: SyncPrefectClient, entry: PoolEntry) -> tuple[str, dict[str, Any]]:
    """The first pool type that has all of these job variables, and its default template."""
    metadata = client.read_worker_metadata()
    templates = {kind: made for package in metadata.values() for kind, made in package.items() if kind in POOL_TYPES}
    known: set[str] = set()
    for kind in POOL_TYPES:
        template = templates[kind]["default_base_job_configuration"]
        variables = set(template["variables"]["properties"])
        known |= variables
        if entry.job_variables.keys() <= variables:
            return kind, template
    unknown = next((name for name in entry.job_variables if name not in known), None)
    if unknown is None:
        raise ConfigurationError(f"prefect.yaml: no type of work pool has all job variables of '{entry.name}'")
    raise ConfigurationError(
        f"prefect.yaml: pool '{entry.name}' has no job variable '{unknown}'; {nearest(unknown, known)}"
    )


def ensure_pool(client: SyncPrefectClient, entry: PoolEntry) -> WorkPool:
    """The work pool, created with the type that its job variables belong to when the server has none of this name."""
    try:
        return client.read_work_pool(entry.name)
    except ObjectNotFound:
        kind, template = pool_type(client, entry)
        return client.create_work_pool(WorkPoolCreate(name=entry.name, type=kind, base_job_template=template))


def declared(file: PrefectFile, entry: DeploymentEntry) -> tuple[str, dict[str, Any]]:
    """The flow's name and the deployment's fields, as the file says them; a blessed one carries its fingerprint."""
    entry = DeploymentEntry.model_validate(apply_values(entry.model_dump(), dict(os.environ), remove_notset=False))
    flow: Flow[..., Any] = load_flow_from_entrypoint(entry.entrypoint, use_placeholder_flow=False)
    parameters, tags = dict(entry.parameters), list(entry.tags)
    if entry.dataset:
        fingerprint = project.load(entry.dataset, entry.environment).fingerprint
        parameters["fingerprint"] = fingerprint
        tags.append(f"fingerprint:{fingerprint}")
    return flow.name, {
        "name": entry.name,
        "version": entry.version or project.template_version(),
        "description": entry.description or flow.description,
        "tags": tags,
        "parameters": parameters,
        "entrypoint": entry.entrypoint,
        "parameter_openapi_schema": parameter_schema(flow).model_dump(exclude_unset=True),
        "enforce_parameter_schema": entry.enforce_parameter_schema,
        "concurrency_limit": entry.concurrency_limit,
        "schedules": [_schedule(one) for one in entry.schedules],
        "paused": entry.paused,
        "work_pool_name": entry.work_pool.name,
        "work_queue_name": entry.work_pool.work_queue_name,
        "job_variables": entry.work_pool.job_variables,
        "pull_steps": file.pull if entry.pull is None else entry.pull,
    }


def deploy(client: SyncPrefectClient, file: PrefectFile, entry: DeploymentEntry) -> UUID:
    """The deployment as the file says it, created or replaced."""
    flow, fields = declared(file, entry)
    return client.create_deployment(flow_id=client.create_flow_from_name(flow), **fields)


def _schedule(entry: ScheduleEntry) -> DeploymentScheduleCreate:
    when = entry.model_dump(include={"cron", "interval", "rrule", "timezone", "anchor_date"}, exclude_none=True)
    schedule: Any = construct_schedule(**when)
    extra = {"slug": entry.slug} if entry.slug else {}
    return DeploymentScheduleCreate(schedule=schedule, active=entry.active, parameters=entry.parameters, **extra)


def online_workers(client: SyncPrefectClient, pool: str) -> list[str]:
    """The workers of a pool that have sent a heartbeat lately."""
    workers = client.read_workers_for_work_pool(pool, offset=0, limit=200)
    return [worker.name for worker in workers if worker.status.value == "ONLINE"]


def cancel_unfinished(client: SyncPrefectClient, deployment: UUID) -> int:
    """End the runs of a deployment that an interrupted session left behind, and so free their concurrency slots."""
    of_it = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
    runs = client.read_flow_runs(deployment_filter=of_it, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=200)
    left = [run for run in runs if run.state is None or not run.state.is_final()]
    for run in left:
        client.set_flow_run_state(run.id, Cancelled(message="an interrupted session left this run behind"))
    return len(left)


def work_off(pool: str) -> None:
    """Carry out the runs that wait in a process pool, each in a process of its own, and return when they have ended."""
    from prefect.workers.process import ProcessWorker

    worker = ProcessWorker(work_pool_name=pool, name="loopback", create_pool_if_not_found=False)
    asyncio.run(worker.start(run_once=True, printer=lambda *words: None))


def wait(
    client: SyncPrefectClient, run: FlowRun, seconds: float, between: Callable[[], None], tell: Callable[[str], None]
) -> FlowRun:
    """The run once it has ended; ServerError when it has not in time. `between` happens between two looks."""
    deadline, shown = time.monotonic() + seconds, ""
    while True:
        found = client.read_flow_run(run.id)
        name = (found.state_name or "unknown").lower()
        if found.state is not None and found.state.is_final():
            return found
        if name != shown:
            tell(f"run {found.name} is {name}")
            shown = name
        if time.monotonic() > deadline:
            raise ServerError(f"run {found.name} is still {name} after {seconds:.0f} s; {run_link(run.id)}")
        between()
